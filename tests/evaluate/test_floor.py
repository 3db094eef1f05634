"""No verdict of any task claims anything on fewer than eight things, and intervals of few things hold what they say."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.evaluate.detect.test_evaluate import HOURS, WINDOWS
from tidegate.evaluate.detect import Watched, evaluate_alarms
from tidegate.evaluate.label import evaluate_classes, evaluate_multilabel, evaluate_numbers
from tidegate.evaluate.language.evaluation import SHORTEST, evaluate_language
from tidegate.evaluate.significance import interval
from tidegate.evaluate.text.evaluation import evaluate_speech, evaluate_texts
from tidegate.evaluate.text.metrics import same


def classes(count: int) -> Any:
    y = np.arange(count) % 2
    return evaluate_classes(y, np.eye(2)[y], "ab", {"nearest": np.eye(2)[1 - y]})


def grouped(count: int) -> Any:
    y = np.arange(50 * count) % 2
    return evaluate_classes(y, np.eye(2)[y], "ab", {"nearest": np.eye(2)[1 - y]}, groups=np.arange(50 * count) % count)


def several(count: int) -> Any:
    y = np.stack([np.arange(count) % 2, np.arange(count) % 3 == 0], axis=1).astype(bool)
    return evaluate_multilabel(y, y.astype(float), "ab", {"nearest": 1.0 - y})


def numbers(count: int) -> Any:
    y = np.random.default_rng(0).normal(size=count)
    return evaluate_numbers(y, y + 0.01 * np.arange(count), {"mean": y + 9.0})


def texts(count: int) -> Any:
    said = ["one two"] * count
    return evaluate_texts({"model": said, "retrieval": ["x y"] * count}, said, [same()])


def speech(count: int) -> Any:
    said = ["one two"] * count
    return evaluate_speech({"model": said, "most_frequent": ["x y"] * count}, said)


def language(count: int) -> Any:
    rng = np.random.default_rng(0)
    own = rng.random(SHORTEST * count)
    return evaluate_language({"model": own, "trigram": own + 1.0 + rng.random(len(own))}, len(own), 0)


def alarms(count: int) -> Any:
    rows = np.zeros(1000, bool)
    rows[[52 + 100 * n for n in range(count)]] = True
    own, other = (Watched(HOURS, marks, WINDOWS[:count]) for marks in (rows, np.roll(rows, 50)))
    return evaluate_alarms({"a": own}, {"windowed_gaussian": {"a": other}})


TASKS = (classes, grouped, several, numbers, texts, speech, language, alarms)


@pytest.mark.parametrize("task", TASKS)
def test_seven_perfect_answers_are_no_evidence_and_nine_are(task: Callable[[int], Any]) -> None:
    for count in (4, 7):
        found = task(count)
        assert getattr(found, "verdict", found).key == "few"
        for lang in ("en", "zh_TW"):
            said = found.summary(lang)
            assert str(count) in said
            assert "8" in said
            assert "nan" not in found.table(lang).lower()
    enough = task(9)
    assert getattr(enough, "verdict", enough).key in ("beats", "ahead")
    assert str(9) in enough.summary("en")


def test_a_detector_that_is_ahead_by_chance_is_not_called_better() -> None:
    rng = np.random.default_rng(3)
    marks = rng.random((2, 1000)) < 0.02
    own, other = (Watched(HOURS, mark, WINDOWS) for mark in marks)
    for first, second in ((own, other), (other, own)):
        found = evaluate_alarms({"a": first}, {"windowed_gaussian": {"a": second}})
        assert found.key != "ahead"
    assert "not significant on 9 windows" in found.summary("en") or found.key == "behind"


@pytest.mark.parametrize("count", [8, 15])
def test_intervals_of_few_things_hold_what_they_say(count: int) -> None:
    """The plain percentile interval of eight normal values holds their mean in 88 to 89 of 100 samples."""
    rng = np.random.default_rng(count)
    held = plain = 0
    for _ in range(400):
        drawn = rng.normal(size=count)[rng.integers(count, size=(400, count))].mean(axis=1)
        low, high = interval(drawn, count)
        held += low < 0 < high
        low, high = np.quantile(drawn, [0.025, 0.975])
        plain += low < 0 < high
    assert held / 400 == pytest.approx(0.95, abs=0.025)
    assert plain < held
