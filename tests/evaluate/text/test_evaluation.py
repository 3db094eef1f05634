"""The evaluation of written texts: scores, a paired bootstrap, groups, JSON, and baselines that are taken."""

from __future__ import annotations

import jiwer
import numpy as np
import pytest

from tidegate.evaluate.text.baselines import lead_sentence, most_frequent, nearest_targets, text_baselines
from tidegate.evaluate.text.evaluation import SpeechEvaluation, TextEvaluation, evaluate_speech, evaluate_texts, marked
from tidegate.evaluate.text.metrics import cer, chrf, same, wer

WORDS = np.array(["cat", "dog", "sun", "tree", "house", "river", "stone", "cloud"])


def test_the_interval_is_that_of_a_paired_bootstrap() -> None:
    rng = np.random.default_rng(1)
    references = [str(word) for word in rng.choice(WORDS, 200)]
    right, worse = rng.random(200) < 0.7, rng.random(200) < 0.5
    model = [own if hit else "x" for own, hit in zip(references, right, strict=True)]
    other = [own if hit else "y" for own, hit in zip(references, worse, strict=True)]
    found = evaluate_texts({"model": model, "retrieval": other}, references, [same(), chrf()])
    gain = right.astype(float) - worse
    assert found.overall["model"]["same"] == pytest.approx(right.mean())
    middle, spread = gain.mean(), 1.96 * gain.std() / np.sqrt(200)  # of a mean, by the normal approximation
    assert found.interval == pytest.approx((middle - spread, middle + spread), abs=0.02)
    assert found.verdict.key == "beats"
    assert found.best_baseline == "retrieval"
    assert f"{100 * right.mean():.1f}" in found.summary("en")
    again = TextEvaluation.from_json(found.to_json())
    assert again.table("en") == found.table("en")
    assert same().signature in found.table("en")


def test_where_none_is_exactly_right_the_next_score_tells_which_is_better() -> None:
    references = ["seven two six", "one zero four", "nine six one", "two two seven"] * 10
    near = [text.replace("two", "too").replace("one", "on") + " x" for text in references]
    far = ["seven"] * 40
    found = evaluate_texts({"model": far, "retrieval": near}, references, [same(), chrf()])
    assert found.overall["model"]["same"] == found.overall["retrieval"]["same"] == 0
    assert found.criterion == "same"
    assert found.verdict.key == "loses"
    assert "chrF" in found.verdict.text("en")
    turned = evaluate_texts({"model": near, "retrieval": far}, references, [same(), chrf()])
    assert turned.verdict.key == "beats"


def test_groups_are_drawn_whole() -> None:
    references = ["a"] * 40
    model = ["a", "b"] * 20  # speakers that are all right or all wrong
    alone = evaluate_texts({"model": model}, references, [same()])
    whole = evaluate_texts({"model": model}, references, [same()], groups=[n % 10 for n in range(40)])
    assert whole.intervals["same"] == pytest.approx((0.1, 0.9), abs=0.06)
    assert alone.intervals["same"][0] > 0.3
    two = evaluate_texts({"model": model}, references, [same()], groups=[n % 2 for n in range(40)])
    assert np.isnan(two.intervals["same"]).all()  # two speakers are no evidence
    assert alone.verdict.key == "alone"


def test_baselines_are_taken_from_training_and_from_the_source() -> None:
    known, targets = ["ein roter Hund", "eine blaue Katze", "ein Haus am See"], ["red dog", "blue cat", "house"]
    assert nearest_targets(known, targets, ["der rote Hund", "Haus am Meer"]) == ["red dog", "house"]
    assert most_frequent(["b", "a", "a"], 2) == ["a", "a"]
    assert lead_sentence(["One two. Three.", "一。二。"]) == ["One two.", "一。"]
    assert set(text_baselines(known, targets, ["Hund"])) == {"retrieval"}
    sources = ["Fast tool for images. It is new.", "Slow parser of texts. It is old."]
    found = text_baselines(sources, ["tool for images", "parser of texts"], sources)
    assert found["lead_words_3"] == ["Fast tool for", "Slow parser of"]


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
