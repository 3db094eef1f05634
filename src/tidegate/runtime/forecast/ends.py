"""The end of a table: its last rows as an artifact carries them, and forecasts of the steps after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ArtifactError, DataError, SchemaError, SplitError
from tidegate.core.frequency import Frequency
from tidegate.core.table import Schema, Table
from tidegate.core.translate import tr
from tidegate.prepare.table.preparation import Preparation
from tidegate.prepare.table.prepared import Prepared
from tidegate.runtime.forecast.decode import BATCH, METHODS, Decoding, Forecast, forecast, reach
from tidegate.runtime.limits import DOUBLE, check_room, network_bytes
from tidegate.runtime.pretrained.network import LEVELS


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


@dataclass(frozen=True)
class SeriesForecast:
    """Forecasts of the steps after the end of every series.

    Attributes:
        ids: [G]. targets: [C] names.
        time: [G, K] times, or the steps' numbers from 1 where the data do not say when the next rows come.
        values: means [G, K, C] and quantiles [G, K, C, Q], in the target's unit.
    """

    ids: tuple[str, ...]
    time: NDArray[Any]
    targets: tuple[str, ...]
    values: Forecast


def context_rows(spec: Any, preparation: Preparation, decoding: Decoding) -> int:
    """Rows before an origin that prediction can depend on: the window, its fill and the difference's lag.

    Where the pretrained forecaster stands beside the network, all that it reads.
    """
    own = 2 * int(spec.window) + preparation.history + (preparation.season or 0)
    return own if decoding.mixture is None else max(own, reach(preparation.frequency))


def predict_ends(
    run: Any,
    model: Any,
    table: Table,
    known: Mapping[str, NDArray[Any]] | None = None,
    time: NDArray[Any] | None = None,
) -> SeriesForecast:
    """Forecast the steps after the end of every series of a table.

    Args:
        run: the network. model: has `spec`, `decoding` and `preparation`.
        table: past rows. known: known-ahead covariates of the K steps, name -> [G, K]. time: [G, K] the steps' times,
            where rows keep no regular step and they are known.

    Raises:
        SchemaError: a known-ahead covariate is not given, or given under an unknown name.
        DataError: it is missing at a forecast step.
        SplitError: a series is shorter than the window.
        ConfigError: it would take more memory than one prediction may.
    """
    _check_room(model, table)
    ahead, prepared, origins = prepare_ends(model, table, known, time)
    return predict_prepared(run, model, ahead, prepared, origins, time)


def predict_prepared(
    run: Any, model: Any, ahead: Table, prepared: Prepared, origins: NDArray[np.int64], time: NDArray[Any] | None = None
) -> SeriesForecast:
    """Forecast from what `prepare_ends` gives; arguments and errors as of `predict_ends`."""
    decoding = model.decoding
    values = forecast(run, model.spec, decoding, prepared, origins)
    if not np.isfinite(values.mean).all() or not np.isfinite(values.quantiles).all():
        message = (
            "the network's forecasts are not finite numbers: rows hold values far beyond those of the training, or "
            "the model's weights are damaged"
        )
        raise DataError(tr(message))
    steps = np.arange(decoding.horizon, dtype=np.int64)
    if time is None and not ahead.continues:
        time = np.tile(steps + 1, (len(ahead.ids), 1))  # counted: no time is made up
    elif time is None:
        time = ahead.time[origins[:, None] + steps]
    return SeriesForecast(ahead.ids, time, model.preparation.target_names, values)


def _check_room(model: Any, table: Table) -> None:
    """Refuse what a forecast would allocate, before any of it is: rows, those ahead of them, batches and outputs.

    Raises:
        ConfigError: it is more than one prediction may take.
    """
    spec, decoding, series = model.spec, model.decoding, len(table.ids)
    kept = np.minimum(table.lengths, context_rows(spec, model.preparation, decoding)).sum()
    rows = int(kept) + series * decoding.horizon
    inputs = spec.past + spec.future + 2 * len(table.columns)
    beside = 0 if decoding.mixture is None else METHODS + len(LEVELS)
    outputs = series * decoding.horizon * spec.targets * (spec.outputs + beside)
    batch = network_bytes(spec, min(series, BATCH), spec.window, decoding.horizon)
    needed = DOUBLE * (rows * inputs + 4 * outputs) + batch
    check_room(needed, f"a forecast of {decoding.horizon} steps of {series} series")


def prepare_ends(
    model: Any, table: Table, known: Mapping[str, NDArray[Any]] | None = None, time: NDArray[Any] | None = None
) -> tuple[Table, Prepared, NDArray[np.int64]]:
    """What a forecast after the end of every series looks at; arguments and errors as of `predict_ends`.

    Returns:
        The end of the table with the steps to forecast after it, the same prepared, and [G] the first of these steps.
    """
    spec, decoding, preparation = model.spec, model.decoding, model.preparation
    known = dict(known or {})
    missing = [name for name in preparation.schema.known if name not in known]
    if missing:
        message = (
            "column {name} is known ahead: give its values for the {steps} steps to forecast (future=..., "
            "--future FILE; future_frame(), predict --template FILE, makes the rows to fill in)"
        )
        raise SchemaError(tr(message, name=repr(missing[0]), steps=decoding.horizon))
    need = spec.window + preparation.lead
    short = int(np.argmin(table.lengths))
    if table.lengths[short] < need:
        message = "series {name!r} has {lengths} rows; a forecast looks at {need} before it (window {window})"
        raise SplitError(
            tr(message, name=table.ids[short], lengths=table.lengths[short], need=need, window=spec.window)
        )
    ahead = table.tail(context_rows(spec, preparation, decoding)).extend(decoding.horizon, known, time)
    origins = ahead.starts[1:] - decoding.horizon
    prepared = preparation.apply(ahead)
    prepared.check_future(origins, decoding.horizon)
    return ahead, prepared, origins
