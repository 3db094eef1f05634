"""Forecasts of a run's best baseline, where it did better than the model on the test part."""

from __future__ import annotations

from typing import Any

import numpy as np

from tidegate.core.errors import ConfigError, DataError
from tidegate.core.names import method_name
from tidegate.core.table import Note, Table
from tidegate.core.translate import tr
from tidegate.data.future import Ahead
from tidegate.evaluate.forecast.foreign import LIBRARY, foreign_methods
from tidegate.runtime.forecast.decode import Forecast
from tidegate.runtime.forecast.ends import SeriesForecast, predict_ends
from tidegate.tasks.forecast.frame import forecast_columns


def chosen(model: Any, fallback: Any) -> str | None:
    """The baseline that is to answer for a model; None where the model does.

    Raises:
        ConfigError: an unknown fallback, or a model without the test of its run.
    """
    if fallback is None:
        return None
    if fallback != "baseline":
        raise ConfigError(tr('fallback is "baseline" or None; got {fallback}', fallback=repr(fallback)))
    standing = model.standing()
    if standing.verdict is None or getattr(model, "baselines_", None) is None:
        raise ConfigError(
            tr('fallback="baseline" needs a run with a test part: load the folder that fit(out=...) or --out left')
        )
    found: str | None = standing.better
    return found


def baseline_ends(model: Any, method: str, past: Table, ahead: Ahead) -> SeriesForecast:
    """Forecasts of a baseline for the steps after every series; quantiles are NaN, as it has none.

    Args:
        model: has `preparation_`, `decoding_` and `baselines_`. method: its name.
        past: rows. ahead: what is known of the steps, as `ready` gives both.

    Raises:
        DataError: the baseline looks back further than the rows that are there.
    """
    K, preparation, decoding = model.decoding_.horizon, model.preparation_, model.decoding_
    table = past.extend(K, dict(ahead.known), ahead.time)
    origins = table.starts[1:] - K
    rows = int((origins - table.starts[:-1]).min())
    methods = dict(model.baselines_.apply(table, preparation.apply(table), opening=rows).methods)
    if method.startswith(LIBRARY):
        methods |= foreign_methods([method], table, K, model.baselines_.season)
    if method not in methods:
        message = (
            "the baseline {method} looks back further than the {rows} rows that were kept, or is a function that the "
            "run does not hold: give predict() the data, or leave fallback out"
        )
        raise DataError(tr(message, method=method_name(method), rows=rows))
    mean = np.asarray(methods[method](origins), dtype=np.float64)
    blank = np.full((*mean.shape, len(decoding.quantiles)), np.nan)
    steps = np.arange(K, dtype=np.int64)
    time = ahead.time
    if time is None:
        time = table.time[origins[:, None] + steps] if past.continues else np.tile(steps + 1, (len(past.ids), 1))
    return SeriesForecast(past.ids, time, preparation.target_names, Forecast(mean, blank, decoding.quantiles))


def answer_ends(model: Any, past: Table, ahead: Ahead, fallback: Any) -> tuple[dict[str, Any], tuple[Note, ...]]:
    """The forecasts after the end of every series as columns, the model's or a baseline's, and a note on the latter.

    Args:
        model: the forecaster. past, ahead: as `ready` gives them. fallback: as of `chosen`; other than None it adds a
            column `method`.
    """
    method = chosen(model, fallback)
    notes: tuple[Note, ...] = ()
    if method is not None:
        found = baseline_ends(model, method, past, ahead)
        message = "These are the forecasts of the baseline: {method}."
        notes = (Note("fallback", message, {"method": method_name(method)}),)
    else:
        found = predict_ends(model.run_, model._parts(), past, ahead.known, ahead.time)
    columns = forecast_columns(found, past)
    if fallback is not None:
        columns["method"] = np.full(len(columns["mean"]), method or "model", dtype=object)
    return columns, notes
