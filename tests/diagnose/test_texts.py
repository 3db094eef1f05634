"""Checks of language models: each finds what it is for, and nothing where there is nothing."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tidegate.diagnose.checks import texts
from tidegate.diagnose.evidence import LanguageEvidence, WritingEvidence
from tidegate.runtime.language.copies import looping
from tidegate.train.history import History

FINE = LanguageEvidence(
    history=History(),
    verdicts=dict,
    config={"dropout": 0.2},
    losses={"train": 1.4, "validation": 1.5},
    looked={"train": 500, "validation": 500},
    counts=np.full(400, 20),
    unknown=0.001,
    method="word",
    written=("a text",),
    copied=0.02,
    stretch=40,
    longest="a stretch",
    looping=0.01,
    usual=0.0,
    parameters=1000,
)
CHECKS = (texts.vocabulary, texts.overfitting, texts.copied, texts.repetition)


@pytest.mark.parametrize(
    ("change", "finding", "remedy"),
    [
        ({"unknown": 0.2}, "vocabulary_small", {"tokens": "bpe", "preparation.vocabulary": None}),
        ({"unknown": 0.2, "method": "char"}, "vocabulary_small", {}),
        ({"counts": np.r_[np.full(400, 20), np.full(900, 1)]}, "vocabulary_large", {"preparation.vocabulary": 403}),
        ({"losses": {"train": 1.0, "validation": 1.6}}, "text_overfitting", {"dropout": 0.5}),
        ({"copied": 0.5, "longest": "x" * 900}, "copied_text", {"dropout": 0.5}),
        ({"looping": 0.4}, "repetition", {}),
    ],
)
def test_each_finds_what_it_is_for(change: dict[str, Any], finding: str, remedy: dict[str, Any]) -> None:
    found = [item for check in CHECKS for item in check(replace(FINE, **change))]
    assert [item.id for item in found] == [finding]
    assert found[0].remedy == remedy
    assert len(found[0].text("en")) < 500
    assert found[0].text("zh_TW") != found[0].text("en")


def test_nothing_is_found_where_nothing_is() -> None:
    assert [item for check in CHECKS for item in check(FINE)] == []
    assert texts.repetition(replace(FINE, looping=0.4, usual=0.2)) == []  # the text itself is like that


def test_circles_are_told_from_ordinary_text() -> None:
    assert looping("to be or not to be, that is the question: whether it is nobler in the mind") == 0
    assert looping("said the king " * 10) == pytest.approx(0.9)
    assert looping("a" * 50) == pytest.approx(0.98)
    assert looping("x" + " " * 90 + "y") == 0  # blanks are layout
    assert looping("") == 0


SENTENCES = tuple(f"the {name} sees {other} today" for name in "abcd" for other in "efgh")
WRITES = WritingEvidence(
    history=History(),
    verdicts=dict,
    config={"dropout": 0.2},
    losses={"train": 1.0, "validation": 1.2},
    looked={"train": 500, "validation": 500},
    counts=np.full(400, 20),
    unknown=0.001,
    method="bpe",
    written=SENTENCES,
    references=SENTENCES,
    free=2.0,
    parameters=1000,
)
OF_WRITING = (texts.same, texts.lengths, texts.loops, texts.exposure, texts.vocabulary, texts.overfitting)


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({}, None),
        ({"written": SENTENCES[:8] + ("it is the same one",) * 8}, "same_answers"),
        ({"written": tuple(f"{n} x" for n, _ in enumerate(SENTENCES))}, "writing_short"),
        ({"written": tuple(f"{text} and also {n} there were" for n, text in enumerate(SENTENCES))}, "writing_long"),
        ({"written": tuple(f"{n} is is is is" for n, _ in enumerate(SENTENCES))}, "writing_loops"),
        ({"free": 5.0}, "exposure"),
        ({"free": 9.0, "losses": {"train": 2.5, "validation": 2.6}}, None),
    ],
)
def test_what_was_written_for_inputs_is_looked_at(change: dict[str, Any], finding: str | None) -> None:
    found = [item for check in OF_WRITING for item in check(replace(WRITES, **change))]
    assert [item.id for item in found] == ([] if finding is None else [finding])
    assert all(item.text("zh_TW") != item.text("en") for item in found)
