"""What the report draws of a forecaster: samples, a long strip, residuals, scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import TidegateError
from tidegate.core.table import Table
from tidegate.data.emit import local_time
from tidegate.report.forecast.view import Interval, Residuals, RunView, Sample, Strip
from tidegate.report.page.describe import describe_table
from tidegate.tasks.forecast.evaluate import EvaluatedForecasts, evaluate_part
from tidegate.tasks.forecast.frame import forecast_columns
from tidegate.tasks.forecast.zero_shot import ZeroShot

SAMPLES = 4
LONGEST_STRIP = 20_000
MOST_RESIDUALS = 200_000


def forecast_view(model: Any, evaluated: EvaluatedForecasts | None = None) -> RunView:
    """What is drawn of its test part."""
    evaluated = evaluated or evaluate_part(model, "test")
    table, horizon = evaluated.table, evaluated.forecast.mean.shape[1]
    chosen = np.linspace(0, len(evaluated.origins) - 1, SAMPLES + 2).astype(np.int64)[1:-1]
    stride = max(1, evaluated.forecast.mean.size // MOST_RESIDUALS)
    kept = slice(None, None, stride)
    actual = evaluated.prepared.raw_target(evaluated.origins[kept], horizon)
    return RunView(
        ", ".join(table.schema.targets),
        evaluated.evaluation,
        table.schema.targets,
        table.frequency,
        table.timezone or "",
        tuple(_sample(evaluated, int(index), model.spec_.window) for index in dict.fromkeys(chosen.tolist())),
        tuple(_strip(evaluated, step) for step in dict.fromkeys((1, horizon))),
        Residuals(
            actual - evaluated.forecast.mean[kept],
            table.series_of(evaluated.origins[kept]) if len(table.ids) > 1 else None,
            stride,
        ),
        coming=coming(model),
        needed=tuple(table.schema.known),
        schema=describe_table(table, model.fitted_.split),
    )


def coming(model: Any, data: Any = None, *, future: Any = None, **reading: Any) -> tuple[Sample, ...]:
    """The steps after the data as samples of every series and target, with the values before them.

    Args:
        model: fitted or loaded. data, future, reading: as for its `predict`; None takes the rows it was fitted on.

    Returns:
        Nothing where the steps cannot be forecast from what is given: columns must be known ahead, or rows lack.
    """
    try:
        table, columns = model._forecast(data, future, reading)
    except TidegateError:
        if data is not None:
            raise
        return ()
    return samples_of(table, columns, model.decoding_.horizon, model.spec_.window // 2)


def samples_of(table: Table, columns: dict[str, Any], horizon: int, past: int) -> tuple[Sample, ...]:
    """A sample of each series and target of a forecast's columns, with at least `past` values before it."""
    names = table.schema.targets
    levels = tuple(float(name[1:]) for name in columns if name[:1] == "q" and name not in names and name[1:2].isdigit())
    shape = (-1, horizon, len(names))
    mean = columns["mean"].reshape(shape)
    quantiles = [columns[f"q{level:g}"].reshape(shape) for level in levels]
    key = table.schema.time if table.schema.time in columns else "step"
    times = local_time(columns[key].reshape(shape)[:, :, 0], table.timezone)
    dated = times.dtype.kind == table.time.dtype.kind
    found = []
    for place, series in enumerate(table.ids):
        first, end = (int(row) for row in table.starts[place : place + 2])
        rows = np.arange(max(first, end - max(3 * horizon + 24, past)), end)
        before, ahead = local_time(table.time[rows], table.timezone), times[place]
        if not dated:  # steps that bear no date are counted, and so are the rows before them
            before, ahead = np.arange(1 - len(rows), 1), np.arange(1, horizon + 1)
        for channel, name in enumerate(names):
            cut = [each[place, :, channel] for each in quantiles]
            found.append(
                Sample(
                    np.concatenate([before, ahead]),
                    np.asarray(table.columns[name][rows], dtype=np.float64),
                    np.full(horizon, np.nan),
                    mean[place, :, channel],
                    intervals(levels, cut.__getitem__),
                    target=name if len(names) > 1 else "",
                    series=series if len(table.ids) > 1 else "",
                )
            )
    return tuple(found)


def zero_shot(found: ZeroShot) -> tuple[Sample, ...]:
    """The same of what the pretrained forecaster predicted."""
    return samples_of(found.table, forecast_columns(found.found, found.table), found.found.time.shape[1], 0)


def intervals(levels: tuple[float, ...], pick: Callable[[int], NDArray[np.float64]]) -> tuple[Interval, ...]:
    """The widest interval around the middle; none where the levels leave none. `pick` gives a level's values."""
    if len(levels) < 2 or abs(levels[0] + levels[-1] - 1) > 1e-9:
        return ()
    return (Interval(round(levels[-1] - levels[0], 10), pick(0), pick(len(levels) - 1)),)


def _sample(evaluated: EvaluatedForecasts, index: int, window: int) -> Sample:
    table, origin = evaluated.table, int(evaluated.origins[index])
    horizon = evaluated.forecast.mean.shape[1]
    series = int(table.series_of(evaluated.origins[index : index + 1])[0])
    past = min(window, 3 * horizon + 24, origin - int(table.starts[series]))
    rows = np.arange(origin - past, origin + horizon)
    values = np.asarray(table.columns[table.schema.targets[0]][rows], dtype=np.float64)
    return Sample(
        local_time(table.time[rows], table.timezone),
        values[:past],
        values[past:],
        evaluated.forecast.mean[index, :, 0],
        intervals(evaluated.forecast.levels, lambda level: evaluated.forecast.quantiles[index, :, 0, level]),
        **_named(table, series),
    )


def _strip(evaluated: EvaluatedForecasts, step: int) -> Strip:
    table = evaluated.table
    series = table.series_of(evaluated.origins)
    one = np.flatnonzero(series == series[0])[:LONGEST_STRIP]
    rows = evaluated.origins[one] + step - 1
    return Strip(
        step,
        local_time(table.time[rows], table.timezone),
        np.asarray(table.columns[table.schema.targets[0]][rows], dtype=np.float64),
        evaluated.forecast.mean[one, step - 1, 0],
        intervals(evaluated.forecast.levels, lambda level: evaluated.forecast.quantiles[one, step - 1, 0, level]),
        **_named(table, int(series[0])),
    )


def _named(table: Table, series: int) -> dict[str, str]:
    """Which target and series a figure is of."""
    return {"target": table.schema.targets[0] if len(table.schema.targets) > 1 else "", "series": table.ids[series]}
