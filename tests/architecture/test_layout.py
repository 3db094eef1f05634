"""Files stay small, packages are packages, versions agree, and nothing names the machine it was written on."""

import os
import re
from pathlib import Path

import pytest

from tests.architecture.support import PACKAGE, ROOT, python_files

MOST_LINES = 600
MOST_MODULES = 15
TEXT = {".py", ".md", ".toml", ".yml", ".yaml", ".json", ".css", ".js", ".html", ".txt", ""}
NOT_OURS = {"site", "dist", "build", "runs", "node_modules", "__pycache__"}
HIDDEN_BUT_OURS = {".ci", ".github"}


def text_files() -> list[Path]:
    found: list[Path] = []
    for folder, below, names in os.walk(ROOT):
        below[:] = [name for name in below if name not in NOT_OURS and (name[0] != "." or name in HIDDEN_BUT_OURS)]
        own = [name for name in names if name != ".git"]  # a file in work trees
        found += [Path(folder) / name for name in own if Path(name).suffix in TEXT]
    return found


@pytest.mark.parametrize("folder", ["src", "tests", "benchmarks", "examples", "scripts"])
def test_files_stay_small(folder: str) -> None:
    sizes = {str(file.relative_to(ROOT)): len(file.read_text("utf-8").splitlines()) for file in python_files(folder)}
    assert {name: lines for name, lines in sizes.items() if lines > MOST_LINES} == {}


def test_folders_stay_small() -> None:
    folders = {file.parent for file in PACKAGE.rglob("*.py")}
    sizes = {str(folder.relative_to(PACKAGE)): len(list(folder.glob("*.py"))) for folder in folders}
    assert {name: modules for name, modules in sizes.items() if modules > MOST_MODULES} == {}


def test_every_folder_of_the_package_is_a_package() -> None:
    folders = {file.parent for file in PACKAGE.rglob("*.py")}
    assert [str(folder.relative_to(ROOT)) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_the_tests_mirror_the_package() -> None:
    layers = {folder.name for folder in PACKAGE.iterdir() if (folder / "__init__.py").exists()}
    tested = {folder.name for folder in (ROOT / "tests").iterdir() if any(folder.glob("test_*.py"))}
    assert tested <= layers | {"architecture", "contract"}


def test_the_changelog_begins_with_the_version_of_the_package() -> None:
    declared = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    newest = re.search(r"^## \[?(\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert declared is not None
    assert newest is not None
    assert newest.group(1) == declared.group(1)


def test_no_file_names_a_path_of_the_machine_it_was_written_on() -> None:
    roots = "|".join(("work", "root", "opt/dev", "home/[a-z]+"))
    path = re.compile(rf"(?<![\w.:/])/(?:{roots})/|\.\./" + "shared")
    hits = []
    for file in text_files():
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
            if path.search(line):
                hits.append(f"{file.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert hits == []


def test_every_page_exists_in_both_languages() -> None:
    pages = {
        language: {str(page.relative_to(ROOT / "docs" / language)) for page in (ROOT / "docs" / language).rglob("*.md")}
        for language in ("en", "zh-TW")
    }
    assert pages["en"] == pages["zh-TW"]
    assert "index.md" in pages["en"]
    assert (ROOT / "README.zh-TW.md").exists()


def test_every_decision_is_numbered_once_and_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    numbers = sorted(page.name[:4] for page in folder.glob("[0-9]*.md") if page.name[:4] != "0000")
    assert numbers == [f"{number:04d}" for number in range(1, len(numbers) + 1)]
    listed = (folder / "README.md").read_text("utf-8")
    assert [page.name for page in folder.glob("[0-9]*.md") if f"({page.name})" not in listed] == []
