"""The simple forecasts beside hand-made ones, and what they may not know."""

import numpy as np

from tidegate.runtime.pretrained.candidates import CANDIDATES, candidates
from tidegate.runtime.pretrained.filters import fill, filters, scale, stats
from tidegate.runtime.pretrained.inputs import decoder_inputs, patches
from tidegate.runtime.pretrained.seasons import find


def series(seed: int = 0, rows: int = 3, n: int = 160) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, n)).cumsum(1) + 4 * np.sin(np.arange(n) * 2 * np.pi / 12)


def test_repeats_are_those_of_the_rows_before_the_origin() -> None:
    y = series()
    batch = filters(y, np.tile([12, 36], (3, 1)))
    found, _ = candidates(batch, np.arange(3), np.array([96, 104, 160]), 48)
    assert found.shape == (3, CANDIDATES, 48)
    for row, origin in enumerate((96, 104, 160)):
        past = y[row, :origin]
        np.testing.assert_allclose(found[row, 0], past[-1])
        np.testing.assert_allclose(found[row, 5], np.tile(past[-12:], 4))
        np.testing.assert_allclose(found[row, 9], np.concatenate([past[-36:], past[-36:-24]]))
        mean = (past[-12:] + past[-24:-12] + past[-36:-24]) / 3
        level = ewm(past, np.array([past[t] - thirds(past, t) for t in range(origin)]), 0.3)
        np.testing.assert_allclose(found[row, 8], np.tile(mean, 4) + level)


def thirds(y: np.ndarray, t: int) -> float:
    """Mean of up to three values a season of 12 apart before t; the last value where there is none."""
    earlier = [y[t - 12 * j] for j in (1, 2, 3) if t - 12 * j >= 0]
    return float(np.mean(earlier)) if earlier else float(y[max(t - 1, 0)])


def ewm(past: np.ndarray, values: np.ndarray, rate: float) -> float:
    weight = rate * (1 - rate) ** np.arange(len(past))[::-1]
    return float((weight * values).sum() / weight.sum())


def test_ridge_follows_a_recurrence_without_noise() -> None:
    y = np.zeros((1, 240))
    y[0, :2] = 1.0, 0.8
    for t in range(2, 240):
        y[0, t] = 1.9 * y[0, t - 1] - 0.99 * y[0, t - 2] + (0.2 if t % 40 == 0 else 0.0)
    found, missed = candidates(filters(y[:, :200], np.ones((1, 2), np.int64)), np.zeros(1, int), np.array([200]), 16)
    size = np.abs(y[0, 200:216]).mean()
    assert np.abs(found[0, 16] - y[0, 200:216]).mean() < 0.35 * size
    assert np.abs(found[0, 0] - y[0, 200:216]).mean() > 0.5 * size
    assert missed[0, 1] < 0.5


def test_nothing_at_or_after_an_origin_is_looked_at() -> None:
    y, seasons = series(5), np.tile([12, 36], (3, 1))
    other = y.copy()
    other[:, 96:] = 1e3 * np.random.default_rng(9).normal(size=(3, 64))
    rows, origin = np.arange(3), np.full(3, 96)
    seen = []
    for values in (y, other):
        batch = filters(values, seasons)
        c, missed = candidates(batch, rows, origin, 24)
        z, _, unit = decoder_inputs(batch, rows, origin, c, missed, np.tile(np.arange(3), (3, 1)))
        seen.append(
            (c, missed, z, unit, patches(batch, 12, 12), scale(batch, rows, origin), stats(batch, rows, origin))
        )
    for one, two in zip(*seen, strict=True):
        np.testing.assert_array_equal(one, two)


def test_gaps_are_filled_from_the_season_before_or_on_a_line() -> None:
    y = np.tile([1.0, 5.0, 2.0, 8.0], 10)[None]
    gappy = y.copy()
    gappy[0, 20:28] = np.nan
    filled, known, start = fill(gappy, np.array([4]))
    np.testing.assert_array_equal(filled, y)
    assert known.sum() == 32
    assert start[0] == 0
    short, _, _ = fill(np.array([[np.nan, 0.0, np.nan, np.nan, 3.0, 4.0]]), np.array([1]))
    np.testing.assert_allclose(short, [[0.0, 0.0, 1.0, 2.0, 3.0, 4.0]])


def test_seasons_are_found_in_each_series_on_its_own() -> None:
    rng = np.random.default_rng(0)
    t = np.arange(400)
    y = np.stack([np.sin(t * 2 * np.pi / m) + 0.3 * rng.normal(size=400) for m in (7, 24, 50)] + [rng.normal(size=400)])
    found = find(y, np.zeros(4, np.int64))
    assert found[:, 1].tolist() == [1, 1, 1, 1]
    np.testing.assert_allclose(found[:, 0], [7, 24, 50, 1], atol=1)
    assert find(rng.normal(size=(50, 200)).cumsum(1), np.zeros(50, np.int64)).max(1).tolist().count(1) >= 40
