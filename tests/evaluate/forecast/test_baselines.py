import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evaluate.forecast.fake import make_table
from tidegate.core.errors import ConfigError, DataError
from tidegate.core.frequency import Frequency
from tidegate.evaluate.forecast.baselines import fill_forward, simple_methods
from tidegate.evaluate.forecast.fitted import sample_origins

GAPS = st.lists(st.one_of(st.none(), st.integers(-99, 99)), min_size=4, max_size=12)


@settings(max_examples=40)
@given(st.lists(GAPS, min_size=1, max_size=4))
def test_fill_forward_agrees_with_pandas(series: list[list[int | None]]) -> None:
    table = make_table(
        [np.array([np.nan if v is None else v for v in s], dtype=float) for s in series], Frequency(1, "h")
    )
    frame = pd.DataFrame({"id": table.series_of(np.arange(len(table))), "y": table.columns["y0"]})
    expected = frame.groupby("id")["y"].ffill().to_numpy()
    np.testing.assert_array_equal(fill_forward(table.columns["y0"], table.starts), expected)


def test_clean_columns_are_not_copied() -> None:
    values = np.arange(5.0, dtype=np.float32)
    assert fill_forward(values, np.array([0, 5])) is values


def test_by_hand() -> None:
    table = make_table([np.array([1.0, 2, 4, 7, 11, 16, 22, 29])], Frequency(1, "h"))
    methods = simple_methods(table, np.array([[0, 5]]), 4, seasons=(3, 1, 3))
    assert list(methods) == ["repeat_last", "seasonal_naive_3", "drift", "mean"]
    origin = np.array([5])
    out = {name: method(origin)[0, :, 0].tolist() for name, method in methods.items()}
    assert out["repeat_last"] == [11, 11, 11, 11]
    assert out["seasonal_naive_3"] == [4, 7, 11, 4]
    assert out["drift"] == pytest.approx([11 + 2.5 * k for k in (1, 2, 3, 4)])  # (11 - 1) / 4 a step
    assert out["mean"] == [5, 5, 5, 5]


def _slowly(series: np.ndarray, at: int, horizon: int, season: int, mean: float) -> dict[str, list[float]]:
    """The methods spelled out for one origin, from nothing but the values before it."""
    past = pd.Series(series[:at]).ffill()
    known = past.dropna()
    if known.empty:
        return dict.fromkeys(("repeat_last", "seasonal", "drift"), [mean] * horizon)
    last, first = past.iloc[-1], known.iloc[0]
    slope = (last - first) / (at - 1 - known.index[0]) if at - 1 > known.index[0] else 0.0
    # Rows that exist one season before are used; for those before the series began, the last value.
    rows = [at - season + k % season for k in range(horizon)]
    seasonal = [past.fillna(mean).iloc[row] if row >= 0 else last for row in rows]
    return {
        "repeat_last": [last] * horizon,
        "seasonal": seasonal,
        "drift": [last + slope * k for k in range(1, horizon + 1)],
    }


@settings(max_examples=40)
@given(st.lists(GAPS, min_size=1, max_size=3), st.integers(1, 5), st.integers(2, 5))
def test_against_a_slow_twin(values: list[list[int | None]], horizon: int, season: int) -> None:
    series = [np.array([np.nan if v is None else v for v in s], dtype=float) for s in values]
    table = make_table(series, Frequency(1, "h"))
    train = table.rows()
    if np.isnan(table.columns["y0"]).all():
        with pytest.raises(DataError, match="'y0' has no observed value"):
            simple_methods(table, train, horizon)
        return
    methods = simple_methods(table, train, horizon, (season,))
    overall = np.nanmean(table.columns["y0"])
    for g, s in enumerate(series):
        mean = overall if np.isnan(s).all() else np.nanmean(s)
        for at in range(1, len(s)):
            origin = table.starts[g : g + 1] + at
            expected = _slowly(s, at, horizon, season, mean)
            for name, key in (
                ("repeat_last", "repeat_last"),
                (f"seasonal_naive_{season}", "seasonal"),
                ("drift", "drift"),
            ):
                np.testing.assert_allclose(methods[name](origin)[0, :, 0], expected[key], atol=1e-9, err_msg=name)
            np.testing.assert_allclose(methods["mean"](origin), mean)


def test_no_value_from_the_origin_on_is_used() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(60, 2))
    values[rng.random((60, 2)) < 0.3] = np.nan
    spoiled = values.copy()
    spoiled[40:] = 1e9
    origin, train = np.array([40]), np.array([[0, 30]])
    for name, method in simple_methods(make_table([values], Frequency(1, "h")), train, 8, (5,)).items():
        other = simple_methods(make_table([spoiled], Frequency(1, "h")), train, 8, (5,))[name]
        np.testing.assert_array_equal(method(origin), other(origin))


def test_ten_thousand_series_at_once() -> None:
    rng = np.random.default_rng(0)
    series = list(rng.normal(size=(10_000, 12, 1)))
    table = make_table(series, Frequency(1, "row"))
    origins = table.starts[1:] - 3
    out = {name: method(origins) for name, method in simple_methods(table, table.rows(), 3, (4,)).items()}
    values = np.stack(series)[:, :, 0]
    np.testing.assert_array_equal(out["repeat_last"][:, 2, 0], values[:, -4])
    np.testing.assert_array_equal(out["seasonal_naive_4"][:, :, 0], values[:, -7:-4])


def test_horizon_below_one() -> None:
    with pytest.raises(ConfigError, match="horizon is 0"):
        simple_methods(make_table([np.arange(5.0)], Frequency(1, "h")), np.array([[0, 5]]), 0)


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=5),
    st.integers(1, 6),
    st.integers(1, 6),
)
def test_sampled_origins_are_the_legal_ones(sizes: list[tuple[int, int]], window: int, horizon: int) -> None:
    lengths = [a + b for a, b in sizes]
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    for inside in (True, False):
        part = np.stack([starts[:-1] if inside else starts[:-1] + [a for a, _ in sizes], starts[1:]], axis=1)
        legal = [
            o
            for g, (begin, end) in enumerate(part)
            for o in range(begin, end)
            if o - window >= (begin if inside else starts[g]) and o + horizon <= end
        ]
        assert sample_origins(part, starts, window, horizon, 10**6, inside=inside).tolist() == legal
        few = sample_origins(part, starts, window, horizon, 3, inside=inside).tolist()
        assert set(few) <= set(legal)
        assert len(few) == min(3, len(legal))
