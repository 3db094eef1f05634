"""The Numenta scoring function of the benchmarks, held to sums done by hand and to a scorer that walks row by row."""

import math

import numpy as np
import pytest
from benchmarks.numenta import PROFILES, gather, probation, score_corpus, sweep, windowed_gaussian, worth_of

TIMES = np.arange(20)  # 15 % are 3 rows
WINDOW = [(10, 13)]


def curve(position: float) -> float:
    return -1.0 if position > 3 else 2 / (1 + math.exp(5 * position)) - 1


def alarms(*places: int) -> np.ndarray:
    scores = np.zeros(20)
    scores[list(places)] = 1.0
    return scores


@pytest.mark.parametrize(
    ("places", "raw"),
    [
        ((), -1.0),
        ((10,), 1.0),  # the window's first row
        ((11, 12), 0.954045 / 0.986614),  # the best of its alarms: sigmoid(-3 / 4) / sigmoid(-1)
        ((13,), 0.554600 / 0.986614),  # its last row still counts: sigmoid(-1 / 4)
        ((5, 10), 1.0 - 0.11),  # a false alarm before any window costs all of it
        ((10, 14), 1.0 - 0.11 * 0.682262),  # just after the window, less: sigmoid(1 / 3)
        ((10, 19), 1.0 - 0.11 * 0.999909),  # two lengths after it
        ((0, 1, 2, 10), 1.0),  # probation is not scored
    ],
)
def test_an_alarm_is_worth_what_the_definition_says(places: tuple[int, ...], raw: float) -> None:
    found = score_corpus({"a": (TIMES, alarms(*places), WINDOW)}, threshold=0.5)
    assert found["standard"].score == pytest.approx(100 * (raw + 1) / 2, abs=1e-4)


def test_profiles_weigh_misses_and_false_alarms() -> None:
    found = score_corpus({"a": (TIMES, alarms(5, 10), WINDOW)}, threshold=0.5)
    assert found["reward_low_FP_rate"].score == pytest.approx(100 * (1 - 0.22 + 1) / 2)
    assert found["reward_low_FN_rate"].score == pytest.approx(100 * (1 - 0.11 + 2) / 3)
    assert (found["standard"].found, found["standard"].windows, found["standard"].false_alarms) == (1, 1, 1)


def test_null_is_0_and_perfect_is_100() -> None:
    files = {"a": (TIMES, alarms(), WINDOW), "b": (TIMES, alarms(), [(4, 6), (15, 15)]), "c": (TIMES, alarms(), [])}
    assert {found.score for found in score_corpus(files, threshold=0.5).values()} == {0.0}
    best = {"a": (TIMES, alarms(10), WINDOW), "b": (TIMES, alarms(4, 15), files["b"][2]), "c": files["c"]}
    for found in score_corpus(best).values():
        assert found.score == pytest.approx(100.0)
        assert found.threshold == 1.0


def naive(scores: list[np.ndarray], windows: list[list[tuple[int, int]]], threshold: float, name: str) -> float:
    profile, total = PROFILES[name], 0.0
    for values, spans in zip(scores, windows, strict=True):
        start = min(int(0.15 * len(values)), 750)
        hit = [place for place in range(start, len(values)) if values[place] >= threshold]
        for first, last in spans:
            width = last - first + 1
            earned = [curve(-(last - place + 1) / width) / curve(-1) for place in hit if first <= place <= last]
            total += profile.found * max(earned) if earned else -profile.missed
        for place in hit:
            if any(first <= place <= last for first, last in spans):
                continue
            before = [(first, last) for first, last in spans if last < place]
            cost = 1.0 if not before else -curve((place - before[-1][1]) / (before[-1][1] - before[-1][0]))
            total -= profile.false * cost
    return total


@pytest.mark.parametrize("name", PROFILES)
def test_the_sweep_equals_scoring_at_every_threshold(name: str) -> None:
    rng = np.random.default_rng(0)
    windows = [[(20, 29), (60, 70)], [(40, 44)], []]
    scores = [np.round(rng.random(100), 1) for _ in windows]
    rows = gather({str(n): (np.arange(100), *pair) for n, pair in enumerate(zip(scores, windows, strict=True))})
    thresholds, raw, _, _ = sweep(rows, PROFILES[name])
    assert len(thresholds) == 12  # infinity, and 11 rounded values
    for threshold, value in zip(thresholds, raw, strict=True):
        assert value == pytest.approx(naive(scores, windows, threshold, name))


def test_probation_is_capped() -> None:
    assert [probation(rows) for rows in (100, 4032, 5000, 22695)] == [15, 604, 750, 750]


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="a: 19 scores for 20 rows"):
        score_corpus({"a": (TIMES, alarms()[:19], WINDOW)})
    with pytest.raises(ValueError, match="window 30 to 40 holds no row"):
        worth_of(TIMES, [(30, 40)])
    with pytest.raises(ValueError, match="no labelled window"):
        score_corpus({"a": (TIMES, alarms(), [])})


def test_the_windowed_gaussian_is_the_normal_tail_of_what_came_before() -> None:
    scores = windowed_gaussian([1.0, 1.0, 2.0, 1.5, 3.0])
    assert scores[0] == 0.0
    assert scores[1] == 0.5  # at the mean
    assert scores[2] == 1.0  # constant before
    mean, spread = 4 / 3, math.sqrt(2) / 3  # of 1, 1, 2
    assert scores[3] == pytest.approx(0.5 * (1 + math.erf((1.5 - mean) / spread / math.sqrt(2))))
    late = windowed_gaussian([0.0, 1.0, 0.0, 1.0, 5.0, 5.0, 5.0], window=4, step=2)
    assert late[5] == late[4]  # the window moves by twos
    assert late[6] == pytest.approx(0.5 * (1 + math.erf((5 - 2.75) / np.std([0, 1, 5, 5]) / math.sqrt(2))))
