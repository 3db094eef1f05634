"""Checks of a detector's alarms: each illness is planted in arrays made for it, and healthy rows give none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from tests.diagnose.crafted import history
from tidegate.diagnose.checks import alarms as checks
from tidegate.diagnose.evidence import AlarmEvidence
from tidegate.diagnose.reconcile import reconcile

PARTS = {"train": (0, 2_000), "validation": (2_000, 3_000), "test": (3_000, 4_000)}
ROWS = 4_000


def healthy(**changes: Any) -> AlarmEvidence:
    """A channel whose expectations are right but for noise, uniform p-values, and no event."""
    rng = np.random.default_rng(0)
    wave = 3 * np.sin(np.arange(ROWS) * 2 * np.pi / 24)[:, None]
    values = wave + 0.1 * rng.normal(size=(ROWS, 1))
    found = AlarmEvidence(
        history=history([1.0, 0.5]),
        config={"hidden_size": 16, "adapt": True},
        channels=("flow",),
        parts={name: np.array([ends]) for name, ends in PARTS.items()},
        values=values,
        expected=wave,
        p_values=rng.permutation((np.arange(ROWS) + 0.5) / ROWS),
        labelled=np.zeros(ROWS, bool),
        events=np.zeros(ROWS, np.int64),
        threshold=0.001,
        budget=0.001,
        season=24,
    )
    return replace(found, **changes)


def events(rows: list[int]) -> np.ndarray:
    found = np.zeros(ROWS, np.int64)
    found[rows] = np.arange(1, len(rows) + 1)
    return found


def test_healthy_rows_have_nothing() -> None:
    case = healthy()
    looks = (checks.dirty, checks.budget, checks.calibration, checks.few, checks.drift, checks.underfitting)
    assert [look(case) for look in looks] == [[]] * 6


def test_the_chance_of_so_many_events_is_poissons() -> None:
    for count, mean in ((1, 0.5), (3, 1.0), (9, 2.0), (40, 10.0)):
        assert checks.chance(count, mean) == pytest.approx(stats.poisson.sf(count - 1, mean), rel=1e-6)


def test_events_in_the_training_part_are_counted_against_the_budget() -> None:
    """2 events are allowed in 2,000 rows; 3 times as many and more, and none of chance, is dirty: 10, not 6 or 8."""
    (found,) = checks.dirty(healthy(events=events(list(range(100, 200, 10)))))
    assert (found.id, found.evidence["events"], found.evidence["allowed"]) == ("dirty_training", 10, 2.0)
    assert found.evidence["times"] == 5.0
    assert checks.dirty(healthy(events=events(list(range(100, 160, 10))))) == []  # not above three times
    assert checks.chance(8, 2.0) > checks.CHANCE
    assert checks.dirty(healthy(events=events(list(range(100, 180, 10))))) == []  # chance has 0.1 % to do with it
    rows = list(range(100, 200, 10))
    known = np.zeros(ROWS, bool)
    known[rows] = True
    assert checks.dirty(healthy(events=events(rows), labelled=known)) == []  # they are known anomalies
    later = events(list(range(3_100, 3_190, 10)))
    assert checks.dirty(healthy(events=later)) == []
    (many,) = checks.budget(healthy(events=later))
    assert (many.id, many.evidence["part"], many.evidence["times"]) == ("many_alarms", "test", pytest.approx(9.0))


def test_two_events_are_never_too_many() -> None:
    assert checks.budget(healthy(budget=1e-5, events=events([3_100, 3_500]))) == []
    assert len(checks.budget(healthy(budget=1e-5, events=events([3_100, 3_300, 3_500])))) == 1


@pytest.mark.parametrize(
    ("power", "id"), [(1.0, None), (1.1, None), (2.0, "p_values_small"), (0.8, None), (0.5, "p_values_large")]
)
def test_p_values_are_held_against_how_often_they_come(power: float, id: str | None) -> None:
    """p = u ** power: P(p <= 0.1) = 0.1 ** (1 / power): 3.2 times as often at power 2, a tenth as often at 0.5."""
    uniform = healthy().p_values
    found = checks.calibration(healthy(p_values=uniform**power))
    assert [item.id for item in found] == ([] if id is None else [id])
    if power == 2.0:
        assert found[0].evidence["times"] == pytest.approx(0.1**-0.5, rel=0.1)
        (seen,) = reconcile(found, {"adapt": True})
        assert seen.remedy == {}  # streams adapt already
        (off,) = reconcile(found, {"adapt": False})
        assert off.remedy == {"alarms.adapt": True}
    short = healthy(p_values=np.where(np.arange(ROWS) < ROWS - 150, np.nan, uniform**power))
    assert checks.calibration(short) == []  # fewer than 20 are expected at any level


def test_a_threshold_beyond_all_errors_is_a_guess() -> None:
    """3,000 rows were measured: p = 1/3,000 is the rarest that was seen, a tenth of it is far out in the tail."""
    assert checks.few(healthy(threshold=1 / 3_000)) == []
    (near,) = checks.few(healthy(threshold=1 / 3_100))
    assert (near.severity, near.evidence["needed"]) == ("info", 3_100)
    (far,) = checks.few(healthy(threshold=1 / 31_000))
    assert far.severity == "warning"


def test_a_level_that_moves_is_drift_and_grave_where_the_errors_grow() -> None:
    case = healthy()
    moved = case.values.copy()
    moved[3_000:] += 12
    follows = case.expected.copy()
    follows[3_000:] += 12
    (mild,) = checks.drift(healthy(values=moved, expected=follows))
    assert (mild.severity, mild.evidence["part"], mild.evidence["column"]) == ("info", "test", "flow")
    (grave,) = checks.drift(healthy(values=moved))
    assert grave.severity == "warning"
    slight = case.values.copy()
    slight[3_000:] += 0.3
    assert checks.drift(healthy(values=slight)) == []


def test_expectations_worse_than_the_value_a_day_ago_are_underfitting() -> None:
    case = healthy()
    (found,) = checks.underfitting(healthy(expected=np.zeros_like(case.expected)))
    assert (found.id, found.evidence["baseline"]) == ("alarm_underfitting", "seasonal_naive_24")
    assert found.remedy == {"hidden_size": 32}
    own = np.abs(case.values - case.expected)[2_000:3_000].mean()
    before = np.abs(case.values[2_000:3_000] - case.values[1_976:2_976]).mean()
    for share, expected in ((1.05, 0), (1.15, 1)):  # a tenth above the simple method is allowed
        scaled = case.values + (case.expected - case.values) * share * before / own
        assert len(checks.underfitting(healthy(expected=scaled))) == expected
    still = np.ones_like(case.values)  # a simple method makes no error on what stands still: nothing to compare with
    assert checks.underfitting(healthy(values=still, expected=0.9 * still)) == []
    (wide,) = checks.underfitting(
        healthy(expected=np.zeros_like(case.expected), config={"hidden_size": 100, "adapt": True})
    )
    assert wide.remedy == {"hidden_size": 100}  # there already, and not advised
