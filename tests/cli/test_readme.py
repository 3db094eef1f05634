"""The pages' command lines that are shown and not run have only options that there are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tidegate.cli.main import main

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "README.zh-TW.md", *sorted((ROOT / "docs" / "en").glob("*.md"))]


def shown() -> list[str]:
    found: dict[str, None] = {}
    for page in PAGES:
        for block in re.findall(r"```text\n(.*?)```", page.read_text("utf-8"), flags=re.DOTALL):
            found |= dict.fromkeys(re.findall(r"^(tidegate [^\n#]*)", block.replace("\\\n", " "), flags=re.MULTILINE))
    return [line.strip() for line in found if not re.search(r"[|\[<…]|\.\.\.", line)]


def test_a_line_that_is_shown_has_options_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown option is an error also beside --help."""
    wrong = [line for line in shown() if main([*shlex.split(line)[1:], "--help"])]
    assert not wrong, capsys.readouterr().err
