"""preparation.json: exact round trip, and nothing but what was written is read."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.prepare.table.tables import holes, make_table
from tidegate.core.errors import ArtifactError, ConfigError
from tidegate.core.table import Table
from tidegate.prepare import Preparation, PrepareOptions


def _table() -> Table:
    generator = np.random.default_rng(0)
    numbers = {name: holes(generator.gamma(2.0, size=90), 0.2, generator) for name in "yok"}
    text = np.array(["a", "雨", None], dtype=object)[generator.integers(0, 3, 90)]
    static = {"size": [1.0, 4.0], "kind": np.array(["a", "b"], dtype=object)}
    columns = {**numbers, "w": text}
    return make_table(
        columns, lengths=(40, 50), observed=("o",), known=("k", "w"), static=static, timezone="Asia/Taipei"
    )


def _fit(**options: Any) -> Preparation:
    table = _table()
    return Preparation.fit(table, np.array([[0, 30], [40, 80]]), PrepareOptions(holidays="TW", **options))


STATE = _fit(scale_by="series", fill="seasonal").to_json()


@pytest.mark.parametrize("transform", ["none", "log1p", "difference"])
@pytest.mark.parametrize("by", ["series", "shared"])
@pytest.mark.parametrize("fill", ["linear", "seasonal"])
def test_round_trip_is_exact(transform: str, by: str, fill: str) -> None:
    preparation = _fit(target_transform=transform, scale_by=by, fill=fill)
    again = Preparation.from_json(json.loads(json.dumps(preparation.to_json(), allow_nan=False)))
    assert again == preparation
    origins = np.array([20, 70])
    one, two = preparation.apply(_table()), again.apply(_table())
    np.testing.assert_array_equal(one.past(origins, 12), two.past(origins, 12))
    np.testing.assert_array_equal(one.future(origins, 12), two.future(origins, 12))
    np.testing.assert_array_equal(one.target(origins, 9)[0], two.target(origins, 9)[0])


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from _places(value[key], (*path, key))
    elif isinstance(value, list):
        for position in range(min(len(value), 3)):
            yield from _places(value[position], (*path, position))


PLACES = [path for path in _places(STATE) if path]
JUNK: list[Any] = [None, True, -1, 0, 1.5, math.nan, math.inf, 10**400, "", "x", [], {}, [None], {"a": 1}]


@given(path=st.sampled_from(PLACES), junk=st.sampled_from(JUNK))
def test_a_changed_value_is_refused_or_means_itself(path: tuple[Any, ...], junk: Any) -> None:
    state = copy.deepcopy(STATE)
    inner: Any = state
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = junk
    try:
        read = Preparation.from_json(state)
    except ArtifactError:
        return
    assert json.dumps(read.to_json()) == json.dumps(state) or junk in (0, 1.5, -1)


@given(path=st.sampled_from([path for path in PLACES if isinstance(path[-1], str) and "values" not in path]))
def test_a_missing_or_unknown_key_is_refused(path: tuple[Any, ...]) -> None:
    for change in ("missing", "unknown"):
        state = copy.deepcopy(STATE)
        inner: Any = state
        for key in path[:-1]:
            inner = inner[key]
        if change == "missing":
            del inner[path[-1]]
        else:
            inner["surprise"] = 1
        with pytest.raises(ArtifactError):
            Preparation.from_json(state)


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf])
def test_a_scale_that_cannot_divide_is_refused(scale: float) -> None:
    state = copy.deepcopy(STATE)
    state["columns"][0]["scales"][0] = scale
    with pytest.raises(ArtifactError, match=r"columns\[0\].scales\[0\]"):
        Preparation.from_json(state)


def test_a_newer_format_is_named() -> None:
    with pytest.raises(ArtifactError, match=r"format 2 is newer .* upgrade tidegate"):
        Preparation.from_json({**STATE, "format": 2})
    for wrong in ([], None, "x", 3):
        with pytest.raises(ArtifactError):
            Preparation.from_json(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options",
    [
        {"fill": "mean"},
        {"scale": None},
        {"scale_by": "row"},
        {"target_transform": "root"},
        {"difference_lag": 0},
        {"difference_lag": 10**30},
        {"difference_lag": True},
        {"season": 1},
        {"mask": 1},
        {"keep_level": None},
        {"calendar": "hour"},
        {"calendar": ("hour", "hour")},
        {"calendar": ("century",)},
        {"holidays": ""},
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options)).split("_", maxsplit=1)[0]):
        PrepareOptions(**options)
