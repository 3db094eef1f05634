"""Every path that the page on the architecture names exists, and every answer is one file or two."""

import re

import pytest

from tests.architecture.support import ROOT

PAGE = ROOT / "docs" / "architecture.md"
NAMED = re.compile(r"`([\w.-]*/[\w./-]+)`")
INSIDE = re.compile(r"(?<![\w/])((?:data|prepare|tasks|train|nn|artifacts|evaluate|report|runtime)/[\w/]+\.py)")


def paths() -> list[str]:
    text = PAGE.read_text("utf-8")
    return sorted(
        {*NAMED.findall(text), *(f"src/tidegate/{name}" for name in INSIDE.findall(text.split("## Layers")[0]))}
    )


@pytest.mark.parametrize("path", paths())
def test_a_path_on_the_page_exists(path: str) -> None:
    places = (ROOT / path, ROOT / "src" / "tidegate" / path)
    assert any(place.exists() for place in places), path


def test_every_question_is_answered_by_one_file_or_two() -> None:
    questions = PAGE.read_text("utf-8").split("## Which file do I open?")[1].splitlines()
    answers = {
        row.split("|")[1].strip(): len(NAMED.findall(row)) for row in questions if row.startswith("| ") and "`" in row
    }
    assert len(answers) >= 20
    assert {question: count for question, count in answers.items() if count not in (1, 2)} == {}
