"""The catalogues and the Chinese pages use one word for one notion: that of docs/en/glossary.md."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.architecture.support import ROOT
from tests.architecture.test_messages import CATALOGUES, chinese_texts

ROW = re.compile(r"^\| ([a-z ]+) \| ([^|]+) \| ([^|]+) \|", re.MULTILINE)
PLACE = re.compile(r"\{[^}]*\}")
# Terms whose English word also means other things, or which a translation may leave to the context.
LOOSE = {
    "alarm",
    "baseline",
    "calendar",
    "gate",
    "leak",
    "note",
    "recurrent",
    "season",
    "seasonal",
    "token",  # of a text, and what a client shows a server
    "verdict",
    "window",
    "you",
}


@dataclass(frozen=True)
class Term:
    """A row of the glossary: the English word, the Chinese one, and the variants that are not used."""

    english: str
    chinese: str
    variants: tuple[str, ...]


def terms(language: str) -> list[Term]:
    page = (ROOT / "docs" / language / "glossary.md").read_text("utf-8")
    return [Term(english, chinese, tuple(others.split("、"))) for english, chinese, others in ROW.findall(page)]


TERMS = terms("en")


def variants_in(text: str) -> set[str]:
    """The variants of a text that are no part of a term of the glossary."""
    for chinese in sorted((term.chinese for term in TERMS), key=len, reverse=True):
        text = text.replace(chinese, "\n")
    return {variant for term in TERMS for variant in term.variants if variant in text}


def test_both_pages_hold_the_same_terms() -> None:
    assert terms("zh-TW") == TERMS
    assert len({term.chinese for term in TERMS}) == len(TERMS) > 30


def test_no_variant_is_a_term() -> None:
    assert {variant for term in TERMS for variant in term.variants} & {term.chinese for term in TERMS} == set()


def test_chinese_texts_use_the_terms() -> None:
    for where, text in chinese_texts():
        assert "glossary" in where or variants_in(text) == set(), f"{where}: {text[:200]}"


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_a_message_with_a_term_is_translated_with_it(path: Path) -> None:
    missing = [
        (term.english, term.chinese, message, text)
        for message, text in json.loads(path.read_text("utf-8")).items()
        for term in TERMS
        if term.english not in LOOSE
        and re.search(rf"(?<![\w=]){term.english}s?\b(?!=)", PLACE.sub("", message), re.IGNORECASE)
        if term.chinese not in text
    ]
    assert missing == []


def test_variants_are_found_and_terms_are_not() -> None:
    assert variants_in("基準方法與模型檔案，季節性平均值") == set()
    assert variants_in("最佳基準；一個季節；您") == {"基準", "季節", "您"}
