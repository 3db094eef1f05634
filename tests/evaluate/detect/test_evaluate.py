"""A detector judged beside a baseline on series whose windows are known."""

import json
import math

import numpy as np
import pytest

from tidegate.core.errors import DataError
from tidegate.core.translate import catalogue
from tidegate.evaluate.detect import DetectionEvaluation, Watched, evaluate_alarms
from tidegate.evaluate.detect import evaluation as module
from tidegate.evaluate.detect.evaluation import LEVELS, DetectorEvaluation, duration

HOURS = np.datetime64("2024-01-01T00:00", "us") + np.arange(1000) * np.timedelta64(1, "h")
WINDOWS = [(HOURS[row], HOURS[row + 9]) for row in range(50, 950, 100)]  # nine a series


def series(*, hit: int, false: int, late: int = 2) -> Watched:
    """The first `hit` windows found `late` hours in, and some false alarms between windows."""
    score = np.zeros(1000)
    score[[50 + 100 * n + late for n in range(hit)]] = 2.0
    score[[10 + 100 * n for n in range(false)]] = 1.0
    return Watched(HOURS, score > 0.5, WINDOWS, score)


def test_a_better_detector_is_ahead() -> None:
    own = {"a": series(hit=8, false=2), "b": series(hit=7, false=1)}
    other = {"a": series(hit=4, false=5), "b": series(hit=4, false=5)}
    found = evaluate_alarms(
        own, {"windowed_gaussian": other, "quiet": {n: series(hit=0, false=0) for n in "ab"}}, budget=1
    )
    assert found.key == "ahead"
    assert found.methods == ("model", "windowed_gaussian", "quiet")
    model = found.overall["model"]
    assert (model["windows"], model["found"], model["false_alarms"]) == (18, 15, 3)
    assert model["precision"] == pytest.approx(15 / 18)
    assert model["f1"] == pytest.approx(15 / 18)
    assert model["delay_median"] == pytest.approx(2 / 24)
    waiting = 2 * (1000 - 90) / 24 / 7
    assert model["false_per_week"] == pytest.approx(3 / waiting)
    assert found.days == pytest.approx(7 * waiting)
    assert found.per_series["b"]["found"] == 7
    text = found.summary("en")
    assert (
        "found 15 of 18 labelled windows, the median one 2.0 h after it began, with 3 false alarms, 0.2769 a week."
        in text
    )
    assert "within the budget of 1 false alarm a week" in text
    assert "windowed Gaussian, found 8 with 10 false alarms: the detector is better (F1 0.833 against 0.444)" in text
    assert "偵測器較好（F1 為 0.833" in found.summary("zh_TW")
    assert "15/18" in found.table("en")
    assert [note.kind for note in found.notes] == ["flatters"]
    back = DetectionEvaluation.from_json(json.loads(json.dumps(found.to_json())))
    assert back.table("zh_TW") == found.table("zh_TW")


@pytest.mark.parametrize(("hit", "false", "key"), [(6, 2, "level"), (2, 2, "behind")])
def test_equal_and_worse_detectors(hit: int, false: int, key: str) -> None:
    own = {name: series(hit=hit, false=false) for name in "ab"}
    assert evaluate_alarms(own, {"other": {name: series(hit=6, false=2) for name in "ab"}}).key == key


def test_few_windows_silence_and_no_labels() -> None:
    early = Watched(HOURS[:700], series(hit=7, false=0).alarms[:700], WINDOWS[:7])
    assert (
        evaluate_alarms({"a": early}, {"other": {"a": Watched(HOURS[:700], ~early.alarms, WINDOWS[:7])}}).key == "few"
    )
    quiet = evaluate_alarms({"a": series(hit=0, false=0)})
    assert quiet.key == "alone"
    assert "found none of the 9 labelled windows" in quiet.summary("en")
    bare = evaluate_alarms({"a": Watched(np.arange(1000), HOURS[990] < HOURS, ())}, budget=2)
    assert bare.key == "unlabelled"
    assert bare.summary("en").endswith("alarms raised: 1.")
    assert bare.notes == ()
    assert math.isnan(bare.overall["model"]["precision"])
    assert math.isnan(bare.days)
    loud = evaluate_alarms({"a": series(hit=9, false=9)}, budget=0.1)
    assert "more than the budget of 0.1" in loud.summary("en")


def test_without_labels_no_alarm_is_called_false() -> None:
    def alarms(count: int) -> dict[str, Watched]:
        return {"a": Watched(HOURS, np.arange(1000) % (1000 // count) == 5, ())}

    found = evaluate_alarms(alarms(3), {"windowed_gaussian": alarms(40)}, budget=2)
    assert found.rows_of("en")[0][:3] == ["method", "alarms", "alarms a week"]
    assert "false" not in " ".join(found.rows_of("en")[0])
    assert [row[0] for row in found.rows_of("en")[1:]] == ["detector", "windowed Gaussian"]
    assert all(math.isnan(row[name]) for row in found.overall.values() for name in ("precision", "recall", "f1"))
    assert found.best_baseline is None
    assert "precision" not in found.table("en")


@pytest.mark.parametrize(
    ("shares", "rows", "expected"),
    [
        ((0.097, 0.011, 0.0), 2000, "are as rare as they say"),
        ((0.0, 0.0, 0.0), 806, "are too large (p <= 0.1: 0.000%"),
        ((0.2, 0.02, 0.0), 2000, "are somewhat too small"),
        ((0.6, 0.2, 0.1), 2000, "are far too small"),
        ((0.0, 0.0, 0.0), 50, "too few rows to tell"),
    ],
)
def test_p_values_are_held_against_what_they_say_on_both_sides(
    shares: tuple[float, ...], rows: int, expected: str
) -> None:
    alarms = evaluate_alarms({"a": Watched(HOURS[:1].repeat(rows), np.zeros(rows, bool), ())})
    made = DetectorEvaluation(
        alarms=alarms,
        budget=1.0,
        threshold=0.01,
        tuned=False,
        rate=0.0,
        clock=True,
        calibration=dict(zip(LEVELS, shares, strict=True)),
    )
    assert DetectorEvaluation.from_json(json.loads(json.dumps(made.to_json()))).to_json() == made.to_json()
    assert expected in made.verdict


def test_mistakes_are_named() -> None:
    with pytest.raises(DataError, match="no series"):
        evaluate_alarms({})
    with pytest.raises(DataError, match=r"'other' and the detector watched different series: \['b'\]"):
        evaluate_alarms({"a": series(hit=1, false=0)}, {"other": {name: series(hit=1, false=0) for name in "ab"}})


def test_durations() -> None:
    assert [duration(days, True, "en") for days in (0.01, 0.5, 3.0, math.nan)] == ["14 min", "12.0 h", "3.0 days", "-"]
    assert duration(0.5, False, "en") == "0.5000"


@pytest.mark.parametrize("table", ["_SENTENCES", "_BESIDE", "_BUDGET"])
def test_everything_is_translated(table: str) -> None:
    assert set(getattr(module, table).values()) <= set(catalogue("zh_TW"))
