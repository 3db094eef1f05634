"""The last rows of a table as arrays of numbers, so that an artifact can carry them and predict alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ArtifactError
from tidegate.core.frequency import Frequency
from tidegate.core.table import Schema, Table


def pack_context(table: Table, rows: int) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Describe the last `rows` rows of every series.

    Returns:
        Names and text categories for `model.json`, and numeric arrays for `context.safetensors`.
    """
    tail = table.tail(rows)
    about: dict[str, Any] = {"ids": list(tail.ids), "dated": tail.time.dtype.kind == "M", "text": {}, "static": {}}
    about["keys"] = [_packed_key(name, values) for name, values in tail.keys.items()]
    arrays: dict[str, NDArray[Any]] = {"starts": tail.starts, "time": tail.time.astype(np.int64)}
    for group, columns in (("column", tail.columns), ("static", tail.static)):
        for name, values in columns.items():
            if values.dtype.kind == "f":
                arrays[f"{group}.{name}"] = values
            else:
                known = sorted({str(value) for value in values if value is not None})
                about["text" if group == "column" else "static"][name] = known
                places = {value: index for index, value in enumerate(known)}
                codes = [-1 if value is None else places[str(value)] for value in values]
                arrays[f"{group}.{name}"] = np.asarray(codes, dtype=np.int32)
    return about, arrays


def unpack_context(
    about: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
    schema: Schema,
    frequency: Frequency,
    timezone: str | None,
    where: str = "context.safetensors",
) -> Table:
    """The table that `pack_context` described.

    Raises:
        ArtifactError: arrays and description do not fit each other.
    """
    try:
        if arrays["time"].dtype != np.int64 or not all(isinstance(name, str) for name in about["ids"]):
            raise ValueError("times are not whole numbers, or names of series not text")
        time = arrays["time"].view("datetime64[us]") if about["dated"] else arrays["time"]
        columns = _columns("column", about["text"], arrays)
        static = _columns("static", about["static"], arrays)
        keys = dict(_unpacked_key(*entry, count=len(about["ids"])) for entry in about.get("keys", []))
        table = Table(
            schema, frequency, tuple(about["ids"]), arrays["starts"], time, columns, static, timezone, keys=keys
        )
        if {values.ndim for values in (*columns.values(), *static.values(), time, table.starts)} != {1}:
            raise ValueError("columns are not one value a row")
        lengths = {len(values) for values in columns.values()} | {len(time), len(table)}
        if len(lengths) != 1 or len(table.starts) != len(table.ids) + 1:
            raise ValueError("columns differ in length")
        if table.starts.dtype != np.int64 or table.starts[0] != 0 or (np.diff(table.starts) < 0).any():
            raise ValueError("the series' first rows do not rise from 0")
        if any(len(values) != len(table.ids) for values in static.values()):
            raise ValueError("series do not fit their rows")
        for name, values in (*columns.items(), *static.items()):
            if values.dtype not in (np.float32, np.float64, object):
                raise ValueError(f"{name} is {values.dtype}, neither float32 nor float64")
            if values.dtype != object and np.isinf(values).any():
                raise ValueError(f"{name} holds infinite values")
    except (AttributeError, KeyError, IndexError, OverflowError, TypeError, ValueError) as error:
        raise ArtifactError(f"{where} does not fit model.json: {error}") from error
    return table


def _columns(group: str, text: Mapping[str, list[str]], arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    columns: dict[str, NDArray[Any]] = {}
    for key, values in arrays.items():
        kind, _, name = key.partition(".")
        if kind == group:
            columns[name] = values
    for name, known in text.items():
        words = np.array([*map(str, known), None], dtype=object)
        places = columns[name]
        if places.dtype != np.int32 or ((places < -1) | (places >= len(known))).any():
            raise ValueError(f"{name} does not hold int32 places of its {len(known)} categories")
        columns[name] = words[places]
    return columns


_KEY_KINDS: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "time": (int,),
}
_KEY_TYPES: dict[str, Any] = {"text": object, "int": np.int64, "float": np.float64, "bool": np.bool_, "time": np.int64}


def _packed_key(name: str, values: NDArray[Any]) -> list[Any]:
    kind = {"i": "int", "u": "int", "f": "float", "b": "bool", "M": "time"}.get(values.dtype.kind, "text")
    plain = values.astype("datetime64[us]").astype(np.int64) if kind == "time" else values
    return [name, kind, [str(value) for value in plain] if kind == "text" else plain.tolist()]


def _unpacked_key(name: Any, kind: Any, values: Any, *, count: int) -> tuple[str, NDArray[Any]]:
    if not isinstance(name, str) or len(values) != count or not all(type(v) in _KEY_KINDS[kind] for v in values):
        raise ValueError("the values of a key column do not fit their series")
    found: NDArray[Any] = np.array(values, dtype=_KEY_TYPES[kind])
    return name, found.view("datetime64[us]") if kind == "time" else found
