"""Forecasts of the steps after the end of every series of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError, SchemaError, SplitError
from tidegate.core.table import Table
from tidegate.core.translate import tr
from tidegate.prepare.table.preparation import Preparation
from tidegate.prepare.table.prepared import Prepared
from tidegate.runtime.forecast.beside import METHODS, reach
from tidegate.runtime.forecast.decode import BATCH, Decoding, Forecast, forecast
from tidegate.runtime.limits import DOUBLE, check_room, network_bytes
from tidegate.runtime.pretrained.network import LEVELS


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
    spec, decoding = model.spec, model.decoding
    _check_room(model, table)
    ahead, prepared, origins = prepare_ends(model, table, known, time)
    values = forecast(run, spec, decoding, prepared, origins)
    if not np.isfinite(values.mean).all() or not np.isfinite(values.quantiles).all():
        raise DataError(
            tr(
                "the network's forecasts are not finite numbers: rows hold values far beyond those of the training, or "
                "the model's weights are damaged"
            )
        )
    steps = np.arange(decoding.horizon, dtype=np.int64)
    if time is None and not table.continues:
        time = np.tile(steps + 1, (len(table.ids), 1))  # counted: no time is made up
    elif time is None:
        time = ahead.time[origins[:, None] + steps]
    return SeriesForecast(table.ids, time, model.preparation.target_names, values)


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
            "column {name} is known ahead: give its values for the {steps} steps to forecast (future=...; "
            "future_frame() makes the rows to fill in)"
        )
        raise SchemaError(tr(message, name=repr(missing[0]), steps=decoding.horizon))
    need = spec.window + preparation.lead
    short = int(np.argmin(table.lengths))
    if table.lengths[short] < need:
        raise SplitError(
            f"series {table.ids[short]!r} has {table.lengths[short]} rows; "
            f"a forecast looks at {need} before it (window {spec.window})"
        )
    ahead = table.tail(context_rows(spec, preparation, decoding)).extend(decoding.horizon, known, time)
    origins = ahead.starts[1:] - decoding.horizon
    prepared = preparation.apply(ahead)
    prepared.check_future(origins, decoding.horizon)
    return ahead, prepared, origins
