"""Every code block of the pages and of the README is run; docstrings' examples run as doctests (see pyproject.toml)."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture import pages
from tests.architecture.support import ROOT

ENGLISH = [ROOT / "README.md", *sorted((ROOT / "docs" / "en").rglob("*.md"))]
CHINESE = [ROOT / "README.zh-TW.md", *sorted((ROOT / "docs" / "zh-TW").rglob("*.md"))]
RUN = [page for page in ENGLISH if pages.blocks(page)]  # the Chinese pages hold the same code, as a test below asserts
FAST = [page for page in RUN if not all(block.slow for block in pages.blocks(page))]
SLOW = [page for page in RUN if any(block.slow for block in pages.blocks(page))]


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def tidegate_command(arguments: list[str]) -> int:
    """The command line, in this process; its exit code."""
    from tidegate.cli.main import main

    return main(arguments)


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A reader's empty folder; what the page sets in the environment is forgotten after it."""
    monkeypatch.chdir(tmp_path)
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.parametrize("page", FAST, ids=named)
@pytest.mark.usefixtures("reader")
def test_the_blocks_of_a_page_run(page: Path) -> None:
    pages.run(page, slow=False, command=tidegate_command, environment=os.environ)


@pytest.mark.slow
@pytest.mark.parametrize("page", SLOW, ids=named)
@pytest.mark.usefixtures("reader")
def test_all_blocks_of_a_page_run(page: Path) -> None:
    pages.run(page, slow=True, command=tidegate_command, environment=os.environ)


def test_every_page_has_a_twin() -> None:
    """Each page stands in both languages, so that what holds for the code of one holds for all."""
    assert [named(page).replace("zh-TW", "en").replace("README.en", "README") for page in CHINESE] == [
        named(page) for page in ENGLISH
    ]


@pytest.mark.parametrize("page", CHINESE, ids=named)
def test_both_languages_show_the_same_code(page: Path) -> None:
    """Comments may be translated; the rest of the code of a page and its translation is the same, and so runs alike."""
    for block in pages.blocks(page):
        if block.language == "python":
            compile(block.code, str(page), "exec")
    english = Path(str(page).replace("README.zh-TW", "README").replace("zh-TW", "en"))
    assert [without_comments(block) for block in pages.blocks(page)] == [
        without_comments(block) for block in pages.blocks(english)
    ]


def without_comments(block: pages.Block) -> tuple[str, bool, list[str]]:
    lines = (line.split("#")[0].rstrip() for line in block.code.splitlines())
    return block.language, block.slow, [line for line in lines if line]


def test_blocks_are_found_as_written(tmp_path: Path) -> None:
    """Indented blocks, hidden setup, the slow mark and shown-only blocks."""
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- setup\nx = 1\n-->\n```python\ny = x + 1\n```\n\n<!-- slow -->\n```python\nz = y\n```\n"
        "- item\n\n    ```bash\n    tidegate info\n    ```\n\n```text\noutput\n```\n",
        "utf-8",
    )
    assert pages.blocks(page) == [
        pages.Block("python", "x = 1\n", 2, slow=False),
        pages.Block("python", "y = x + 1\n", 5, slow=False),
        pages.Block("python", "z = y\n", 10, slow=True),
        pages.Block("bash", "tidegate info\n", 15, slow=False),
    ]


def test_commands_of_a_page_are_run_and_must_succeed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        '```bash\nexport A=1\nB=2 tidegate fit forecast "my load.csv" \\\n  --horizon 24  # a day\n```\n', "utf-8"
    )
    seen: list[tuple[list[str], dict[str, str]]] = []
    environment: dict[str, str] = {}

    def command(arguments: list[str]) -> int:
        seen.append((arguments, dict(environment)))
        return len(seen) - 1

    pages.run(page, slow=False, command=command, environment=environment)
    assert seen == [(["fit", "forecast", "my load.csv", "--horizon", "24"], {"A": "1", "B": "2"})]
    assert environment == {"A": "1"}
    with pytest.raises(AssertionError, match="exit code 1"):
        pages.run(page, slow=False, command=command, environment=environment)
    page.write_text("```bash\nmake nothing-of-the-kind\n```\n", "utf-8")
    with pytest.raises(AssertionError, match="make nothing-of-the-kind"):
        pages.run(page, slow=False, command=command, environment=environment)
