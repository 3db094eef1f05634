"""Error rates of transcripts against jiwer's own and against a case by hand."""

from __future__ import annotations

import jiwer
import pytest

from tidegate.evaluate.text.metrics import cer, wer
from tidegate.evaluate.text.speech import SpeechEvaluation, evaluate_speech, marked

SAID = ["turn the light on", "stop", "go left now", "stop the light"]
WROTE = ["turn light on", "stop", "go right now please", ""]


def test_error_rates_of_all_texts_are_jiwers() -> None:
    assert wer()(WROTE, SAID) == pytest.approx(jiwer.wer(SAID, WROTE)) == pytest.approx(6 / 11)
    assert cer()(WROTE, SAID) == pytest.approx(jiwer.cer(SAID, WROTE))


def test_words_are_marked_by_what_became_of_them() -> None:
    assert marked("go left now", "go right now please") == [
        ("equal", "go", "go"),
        ("substitute", "left", "right"),
        ("equal", "now", "now"),
        ("insert", "", "please"),
    ]
    assert marked("stop", "") == [("delete", "stop", "")]


def test_an_evaluation_tells_speakers_and_new_words_apart() -> None:
    written = {"model": WROTE, "most_frequent": ["stop"] * 4}
    known = ["turn the light on", "stop", "go now"]
    found = evaluate_speech(written, SAID, speakers=["ann", "ann", "bob", "bob"], known=known)
    assert found.speakers == {"ann": pytest.approx(1 / 5), "bob": pytest.approx(5 / 6)}
    assert found.shares == {"known": (3.0, pytest.approx(4 / 8)), "new": (1.0, pytest.approx(2 / 3))}
    assert found.overall["most_frequent"]["wer"] == pytest.approx(jiwer.wer(SAID, ["stop"] * 4))
    assert ("left", "right", 1) in found.confusions
    assert "ann 20.0 %" in str(found)
    assert SpeechEvaluation.from_json(found.to_json()) == found
