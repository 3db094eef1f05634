"""Budgets, hysteresis and events, by hand."""

import numpy as np
import pytest

from tidegate.core.errors import ConfigError
from tidegate.runtime.detect.rules import WEEK, Watch, budget_threshold, onsets, rarity_of, score_of, watch


def run(p: list[float], threshold: float, refractory: int) -> tuple[list[int], list[int]]:
    state = Watch(np.zeros(1, bool), np.full(1, refractory), np.zeros(1, np.int64))
    on, events = [], []
    for value in p:
        state = watch(state, np.array([value]), threshold, refractory)
        on.append(int(state.on[0]))
        events.append(int(state.event[0]))
    return on, events


def test_a_budget_is_so_many_of_the_weeks_steps() -> None:
    assert budget_threshold(1, 300_000_000) == pytest.approx(1 / 2016)
    assert budget_threshold(7, 3_600_000_000) == pytest.approx(1 / 24)
    assert budget_threshold(2, None) == pytest.approx(0.002)
    with pytest.raises(ConfigError, match="every tenth of its 7 steps"):
        budget_threshold(1, WEEK // 7)


def test_an_alarm_lasts_while_p_is_within_three_thresholds() -> None:
    on, _ = run([0.5, 0.009, 0.02, 0.029, 0.2, 0.02, 0.01], 0.01, 2)
    assert on == [0, 1, 1, 1, 0, 0, 1]


def test_an_alarm_soon_after_another_is_the_same_event() -> None:
    quiet = [0.9]
    _, events = run([0.001, *quiet * 2, 0.001, *quiet * 3, 0.001], 0.01, 3)
    assert events == [1, 1, 1, 1, 1, 1, 1, 2]


def test_a_step_that_was_not_judged_is_quiet() -> None:
    on, events = run([0.001, np.nan, 0.05, 0.001], 0.01, 2)
    assert on == [1, 0, 0, 1]
    assert events == [1, 1, 1, 2]


def test_scores_rise_as_p_falls_and_can_be_read_back() -> None:
    p = np.array([1.0, 0.1, 1e-3, 1e-9, 1e-200])
    score = score_of(p)
    assert score[0] == 0
    assert not np.signbit(score[0])
    assert score[2] == pytest.approx(0.5)
    assert (np.diff(score) > 0).all()
    assert (score < 1).all()
    for own in (0.1, 0.5, 0.7):
        assert score_of(np.array([10.0 ** (-3 * own / (1 - own))]))[0] == pytest.approx(own)
    assert np.isnan(score_of(np.array([np.nan])))[0]


def test_onsets_are_twice_as_rare_as_all_that_came_shortly_before() -> None:
    rarity = np.random.default_rng(0).uniform(size=200) ** 3
    expected = [2 * own <= min(rarity[max(0, t - 7) : t], default=1.0) for t, own in enumerate(rarity)]
    np.testing.assert_array_equal(onsets(rarity, 7), expected)
    assert 10 < sum(expected) < 100
    assert onsets(np.array([np.nan, 0.01, 0.006, 0.005, 0.005, 0.0, 0.0]), 3).tolist() == [0, 1, 0, 0, 0, 1, 0]
    np.testing.assert_allclose(rarity_of(score_of(rarity)), rarity)
