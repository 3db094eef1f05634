"""Nothing outside the training rows reaches the fit, and nothing at or after an origin reaches the past."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.prepare.table.tables import holes, make_table
from tidegate.core.table import Table
from tidegate.prepare import Preparation, PrepareOptions

FILLS = ["ffill", "bfill", "linear", "seasonal"]
TRANSFORMS = ["none", "log1p", "difference"]
LENGTHS = (50, 70)
ROWS = np.array([[5, 35], [55, 100]])


def _table(seed: int, share: float) -> Table:
    generator = np.random.default_rng(seed)

    def numbers() -> np.ndarray:
        return holes(generator.gamma(2.0, size=120) * 10, share, generator)

    text = np.array(["a", "b", "c", None], dtype=object)[generator.integers(0, 4, 120)]
    columns = {"y": numbers(), "z": numbers().astype(np.float32), "o": numbers(), "k": numbers(), "w": text}
    columns["y"][[6, 7, 8, 60, 61, 62]] = [1, 2, 4, 3, 5, 9]
    columns["z"][[6, 7, 8, 60, 61, 62]] = [1, 2, 4, 3, 5, 9]
    return make_table(
        columns, lengths=LENGTHS, targets=("y", "z"), observed=("o", "w"), known=("k",), static={"size": [1.0, 4.0]}
    )


def _perturb(table: Table, where: np.ndarray, seed: int) -> Table:
    generator = np.random.default_rng(seed)
    columns: dict[str, Any] = {}
    for name, values in table.columns.items():
        changed = values.copy()
        if values.dtype.kind == "f":
            junk = generator.choice([np.nan, 1e6, 0.0, 123.0], size=int(where.sum()))
        else:
            junk = generator.choice(np.array(["a", "q", None], dtype=object), size=int(where.sum()))
        changed[where] = junk
        columns[name] = changed
    return replace(table, columns=columns)


def _options(
    fill: str, transform: str, by: str, scale: str = "standard", holidays: str | None = None
) -> PrepareOptions:
    return PrepareOptions(
        fill=fill,  # type: ignore[arg-type]
        target_transform=transform,  # type: ignore[arg-type]
        scale_by=by,  # type: ignore[arg-type]
        scale=scale,  # type: ignore[arg-type]
        difference_lag=3,
        season=4,
        holidays=holidays,
    )


@pytest.mark.parametrize("scale", ["standard", "minmax", "robust", "none"])
@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("by", ["series", "shared"])
def test_fit_looks_at_training_rows_only(scale: str, transform: str, by: str) -> None:
    table = _table(1, 0.2)
    outside = np.ones(len(table), dtype=bool)
    for a, b in ROWS:
        outside[a:b] = False
    dirty = _perturb(table, outside, 2)
    time = dirty.time.copy()
    time[outside] = np.datetime64("1800-01-01")
    dirty = replace(dirty, time=time)
    options = _options("linear", transform, by, scale, "TW")
    clean_state = json.dumps(Preparation.fit(table, ROWS, options).to_json())
    assert json.dumps(Preparation.fit(dirty, ROWS, options).to_json()) == clean_state


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("transform", TRANSFORMS)
@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**20),
    share=st.sampled_from([0.1, 0.5, 0.9]),
    origin=st.one_of(st.integers(1, 49), st.integers(51, 119)),
    by=st.sampled_from(["series", "shared"]),
)
def test_nothing_after_an_origin_reaches_its_past(
    *, fill: str, transform: str, seed: int, share: float, origin: int, by: str
) -> None:
    table = _table(seed, share)
    preparation = Preparation.fit(table, ROWS, _options(fill, transform, by))
    begin, end = (0, 50) if origin < 50 else (50, 120)
    later = np.zeros(len(table), dtype=bool)
    later[origin:end] = True
    origins = np.array([origin])
    length = min(origin - begin, 20)
    clean, dirty = preparation.apply(table), preparation.apply(_perturb(table, later, seed))
    past = clean.past(origins, length)
    assert np.isfinite(past).all()
    np.testing.assert_array_equal(past, dirty.past(origins, length))
    np.testing.assert_array_equal(clean.static(origins), dirty.static(origins))
    some = np.zeros((1, 5, 2))
    np.testing.assert_array_equal(clean.invert(some, origins), dirty.invert(some, origins))


@pytest.mark.parametrize("fill", FILLS)
def test_other_series_do_not_reach_a_window(fill: str) -> None:
    table = _table(3, 0.5)
    preparation = Preparation.fit(table, ROWS, _options(fill, "difference", "shared"))
    first = np.arange(len(table)) < 50
    origins = np.arange(51, 110)
    clean, dirty = preparation.apply(table), preparation.apply(_perturb(table, first, 4))
    np.testing.assert_array_equal(clean.past(origins, 1), dirty.past(origins, 1))
    np.testing.assert_array_equal(clean.past(origins[20:], 20), dirty.past(origins[20:], 20))


def test_future_uses_no_row_after_the_step_itself() -> None:
    table = _table(5, 0.6)
    preparation = Preparation.fit(table, ROWS, _options("linear", "none", "shared"))
    origins, steps = np.array([70]), 8
    clean = preparation.apply(table).future(origins, steps)
    assert np.isfinite(clean).all()
    for step in range(steps):
        later = np.arange(len(table)) > 70 + step
        dirty = preparation.apply(_perturb(table, later, step)).future(origins, steps)
        np.testing.assert_array_equal(clean[:, : step + 1], dirty[:, : step + 1])


def test_closed_gaps_are_filled_with_hindsight_and_open_ones_are_not() -> None:
    nan = np.nan
    table = make_table({"y": np.array([nan, 10, nan, nan, 40, nan, nan, 70])}, start=None)
    options = PrepareOptions(fill="linear", scale="none", mask=True)
    prepared = Preparation.fit(table, table.rows(), options).apply(table)
    mean = 40.0
    expected = {1: [mean], 2: [10, 10], 4: [10, 10, 10, 10], 5: [10, 10, 20, 30, 40], 7: [10, 10, 20, 30, 40, 40, 40]}
    for origin, values in expected.items():
        past = prepared.past(np.array([origin]), origin)[0]
        assert past[:, 0].tolist() == pytest.approx(values)
        assert past[:, 1].tolist() == [1, 0, 1, 1, 0, 1, 1, 0][:origin]
