"""A page for each verb of the command line, its options from the command itself; the menu holds every page."""

import importlib.util
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.support import ROOT

SPEC: Any = importlib.util.spec_from_file_location("command_reference", ROOT / "scripts" / "command_reference.py")
reference = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(reference)
TIDEGATE = reference.command_of(())

PICTURE = re.compile(r"!\[[^\]]*\]\(([^)#]+)\)")
PAGES = {language: ROOT / "docs" / language / "commands" for language in ("en", "zh-TW")}
SHOWN = [
    (path, line)
    for path in sorted((ROOT / "docs").rglob("*.md"))
    for block in re.findall(r"```text\n(.*?)```", path.read_text("utf-8"), re.DOTALL)
    for line in block.replace("\\\n", " ").splitlines()
    if line.startswith("tidegate ") and "[OPTIONS]" not in line
]


@pytest.mark.parametrize("language", PAGES)
def test_every_verb_has_a_page(language: str) -> None:
    pages = {path.stem: path.read_text("utf-8") for path in PAGES[language].glob("*.md")}
    assert set(pages) == {*reference.verbs(), "index"}, "write docs/*/commands/VERB.md, and name it in mkdocs.yml"
    for verb in reference.verbs():
        assert f"<!-- options: {verb} -->" in pages[verb]
        assert f"({verb}.md)" in pages["index"]


def test_the_reference_names_every_option_with_its_help_in_both_languages() -> None:
    command = reference.command_of(("fit", "classify"))
    english = reference.reference(("fit", "classify"), "en")
    for param in command.params:
        if param.param_type_name == "option" and not param.hidden:
            assert f"`{param.opts[0]}`" in english
            assert (param.help or "").split(" ")[0].replace("|", "\\|") in english
    assert "| `--out`, `-o` | path |" in english
    chinese = reference.written("fit classify", "zh_TW")
    assert chinese.count("\n| `--") == english.count("\n| `--")
    assert "執行結果的資料夾" in chinese
    assert "隨機種子" in chinese


def test_a_group_is_described_command_by_command_and_a_page_gets_its_tables() -> None:
    group = reference.command_of(("fit",)).commands
    found = reference.reference(("fit",), "en")
    assert re.findall(r"^## `tidegate fit (.*)`", found, re.MULTILINE) == [
        name for name, command in group.items() if not command.hidden
    ]
    assert reference.MARK.findall("<!-- options: cross-validate -->") == ["cross-validate"]


@pytest.mark.parametrize(("path", "line"), SHOWN, ids=lambda item: item if isinstance(item, str) else item.stem)
def test_commands_that_are_only_shown_are_understood(path: Path, line: str) -> None:
    """Names of options and the values they take; what the command would do is not done."""
    words, command = shlex.split(line, comments=True)[1:], TIDEGATE
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    command.make_context("tidegate", words)
    assert path.parent.name != "commands" or not hasattr(command, "commands"), "no such command"


def test_the_menu_holds_every_page() -> None:
    menu = (ROOT / "mkdocs.yml").read_text("utf-8").split("\nnav:\n")[1]
    written = {str(path.relative_to(ROOT / "docs" / "en")) for path in (ROOT / "docs" / "en").rglob("*.md")}
    assert set(re.findall(r": (\S+\.md)$", menu, re.MULTILINE)) == written


def test_pictures_are_there_and_small() -> None:
    pages = [ROOT / "README.md", ROOT / "README.zh-TW.md", *(ROOT / "docs").rglob("*.md")]
    named = [(page.parent / name).resolve() for page in pages for name in PICTURE.findall(page.read_text("utf-8"))]
    assert len(named) >= 6
    assert [path.name for path in named if not path.is_file() or path.stat().st_size > 150_000] == []
