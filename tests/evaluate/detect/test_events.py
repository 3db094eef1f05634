"""Events, delays and false alarms, counted by hand; areas beside scikit-learn's."""

import math

import numpy as np
import pytest
from sklearn import metrics

from tidegate.core.errors import DataError
from tidegate.evaluate.detect.evaluate import adjusted_f1, point_scores
from tidegate.evaluate.detect.events import Watched, count_events, events, runs, window_rows

HOURS = np.datetime64("2024-01-01T00:00", "us") + np.arange(100) * np.timedelta64(1, "h")


def marked(*rows: int) -> np.ndarray:
    alarms = np.zeros(100, dtype=bool)
    alarms[list(rows)] = True
    return alarms


def day(*rows: int) -> tuple:
    return tuple(HOURS[row] for row in rows)


WINDOWS = [day(20, 29), day(60, 69), day(90, 95)]


def test_counts_by_hand() -> None:
    # 23 and 24 find the first window 3 hours late, 29-31 lies across its end, 50 and 52 are two false alarms (one with
    # a gap of 1), 60 finds the second at once, the third is missed.
    watched = Watched(HOURS, marked(23, 24, 29, 30, 31, 50, 52, 60), WINDOWS)
    found = count_events(watched)
    assert (found.windows, found.found, found.events, found.right) == (3, 2, 5, 3)
    assert found.delays == pytest.approx((3 / 24, 0.0))
    assert found.waiting == 100 - 26
    scores = found.scores()
    assert scores["precision"] == pytest.approx(3 / 5)
    assert scores["recall"] == pytest.approx(2 / 3)
    assert scores["f1"] == pytest.approx(2 * 0.6 * (2 / 3) / (0.6 + 2 / 3))
    assert scores["delay_mean"] == pytest.approx(1.5 / 24)
    assert scores["false_alarms"] == 2
    assert scores["false_per_day"] == pytest.approx(2 / (74 / 24))
    assert scores["false_per_week"] == pytest.approx(14 / (74 / 24))
    assert scores["false_per_1000"] == pytest.approx(2000 / 74)
    joined = count_events(watched, gap=1)
    assert (joined.events, joined.right) == (4, 3)
    assert [event.window for event in events(watched)] == [0, 0, None, None, 1]


def test_series_add_up_and_time_may_be_numbers() -> None:
    first = Watched(np.arange(10), np.arange(10) == 4, [(3, 5)])
    second = Watched(np.arange(10), np.arange(10) == 9, [(0, 1)])
    both = count_events(first) + count_events(second)
    assert (both.windows, both.found, both.events, both.right, both.waiting) == (2, 1, 2, 1, 15)
    assert both.delays == (1.0,)
    assert math.isnan(both.scores()["false_per_day"])
    assert both.scores()["f1"] == 0.5


def test_silence_and_missing_labels() -> None:
    quiet = count_events(Watched(HOURS, marked(), WINDOWS)).scores()
    assert math.isnan(quiet["precision"])
    assert quiet["recall"] == quiet["f1"] == quiet["false_alarms"] == 0.0
    assert math.isnan(quiet["delay_mean"])
    bare = count_events(Watched(HOURS, marked(3), [])).scores()
    assert math.isnan(bare["recall"])
    assert math.isnan(bare["f1"])
    assert bare["false_alarms"] == 1


def test_areas_over_rows() -> None:
    rng = np.random.default_rng(0)
    score = rng.random(100)
    watched = [Watched(HOURS, score > 0.9, WINDOWS, score), Watched(HOURS, score < 0.1, WINDOWS[:1], 1 - score)]
    inside = np.concatenate([series.inside for series in watched])
    assert inside.sum() == 26 + 10
    every = np.concatenate([score, 1 - score])
    found = point_scores(watched)
    assert found["pr_auc"] == pytest.approx(metrics.average_precision_score(inside, every))
    assert found["roc_auc"] == pytest.approx(metrics.roc_auc_score(inside, every))
    warming = np.where(np.arange(100) < 15, np.nan, score)
    late = point_scores([Watched(HOURS, score > 0.9, WINDOWS, warming)])
    assert late["pr_auc"] == pytest.approx(metrics.average_precision_score(watched[0].inside[15:], score[15:]))
    assert math.isnan(point_scores([Watched(HOURS, score > 0.9, WINDOWS)])["pr_auc"])


def test_the_adjusted_f1_flatters_and_says_so() -> None:
    # One alarm in each of two windows of 10, one false: 20 rows of 26 found, 1 false.
    value, note = adjusted_f1([Watched(HOURS, marked(25, 61, 5), WINDOWS)])
    assert value == pytest.approx(2 * 20 / (20 + 1 + 26))
    assert note.kind == "flatters"
    long = Watched(np.arange(10_000), np.random.default_rng(0).random(10_000) < 0.02, [(1000, 1999), (5000, 6999)])
    value, note = adjusted_f1([long])
    assert value > 0.9  # random alarms
    assert abs(float(note.values["random"]) - value) < 0.02
    assert count_events(long).scores()["precision"] < 0.4


def test_runs_and_windows() -> None:
    assert runs(np.zeros(5, bool)) == []
    assert runs(np.ones(5, bool)) == [(0, 5)]
    assert window_rows(np.arange(10.0), [(2.5, 2.6), (3.0, 3.0)]) == [(3, 4)]
    with pytest.raises(DataError, match="ends before it begins"):
        window_rows(np.arange(10), [(5, 3)])
    with pytest.raises(DataError, match="before the one before it ended"):
        window_rows(np.arange(10), [(2, 5), (5, 7)])
    with pytest.raises(DataError, match=r"expected \[N\]"):
        Watched(np.arange(3), np.zeros(2, bool))
