"""What the report draws of a forecaster: samples, a long strip, residuals, scores."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.table import Table
from tidegate.core.translate import Language
from tidegate.data.time.zones import to_local
from tidegate.evaluate.leaks.audit import Audit
from tidegate.report.forecast.describe import describe
from tidegate.report.forecast.view import Interval, Residuals, RunView, Sample, Strip
from tidegate.report.page.write import write_report
from tidegate.tasks.forecast.evaluate import Judged, judge_part
from tidegate.tasks.run import plain, versions

SAMPLES = 4
LONGEST_STRIP = 20_000
MOST_RESIDUALS = 200_000


def report_forecast(
    path: str | Path,
    model: Any,
    judged: Judged | None = None,
    *,
    title: str = "",
    unit: str = "",
    command: str = "",
    snippet: str = "",
    lang: Language | None = None,
    findings: Any = None,
    audit: Audit | None = None,
) -> Path:
    """Write the report of a fitted forecaster's test part.

    Args:
        path: the file. model: the forecaster. judged: its forecasts and scores; None judges the test part now.
        title: of the page; "" names the targets. unit: of the targets. command, snippet: how to repeat the run.
        lang: of the page; None takes the reader's.
        findings: what `tidegate.diagnose` found, audit: what `tidegate.audit` found, for sections of the page.

    Raises:
        OutputError: the file cannot be written.
    """
    judged = judged or judge_part(model, "test")
    view = forecast_view(model, judged, title, unit, command, snippet)
    return write_report(Path(path), replace(view, findings=findings, audit=audit), lang)


def forecast_view(model: Any, judged: Judged, title: str, unit: str, command: str, snippet: str) -> RunView:
    """Everything on the page."""
    table, horizon = judged.table, judged.forecast.mean.shape[1]
    chosen = np.linspace(0, len(judged.origins) - 1, SAMPLES + 2).astype(np.int64)[1:-1]
    split = model.fitted_.split
    parts = {}
    for name, rows in split.parts.items():
        held = rows[rows[:, 1] > rows[:, 0]]
        if len(held):
            first, last = table.time[held[:, 0]].min(), table.time[held[:, 1] - 1].max()
            parts[name] = (_clock(table, first), _clock(table, last), int((held[:, 1] - held[:, 0]).sum()))
    stride = max(1, judged.forecast.mean.size // MOST_RESIDUALS)
    kept = slice(None, None, stride)
    actual = judged.prepared.raw_target(judged.origins[kept], horizon)
    return RunView(
        title=title or ", ".join(table.schema.targets),
        targets=table.schema.targets,
        unit=unit,
        frequency=table.frequency,
        zone=table.timezone or "",
        evaluation=judged.evaluation,
        schema=describe(table.schema, table.frequency, parts, series=len(table.ids), zone=table.timezone or ""),
        notes=(*model.notes_, *judged.evaluation.notes),
        config={
            **plain({name: value for name, value in model.get_params().items() if value is not None}),
            "plan": plain(asdict(model.fitted_.plan)),
        },
        command=command,
        snippet=snippet,
        seed=model.seed,
        versions=versions(),
        seconds=model.history_.seconds,
        history=[asdict(epoch) for epoch in model.history_],
        loss=model.loss,
        samples=tuple(_sample(judged, int(index), model.spec_.window) for index in dict.fromkeys(chosen.tolist())),
        strips=tuple(_strip(judged, step) for step in dict.fromkeys((1, horizon))),
        residuals=Residuals(
            actual - judged.forecast.mean[kept],
            table.series_of(judged.origins[kept]) if len(table.ids) > 1 else None,
            stride,
        ),
    )


def _clock(table: Table, time: Any) -> Any:
    return to_local(np.array([time]), table.timezone)[0] if table.timezone is not None else time


def _clocks(table: Table, rows: NDArray[np.int64]) -> NDArray[Any]:
    times = table.time[rows]
    return to_local(times, table.timezone) if table.timezone is not None else times


def _pair(levels: tuple[float, ...]) -> tuple[int, int, float] | None:
    """Places of the widest pair of quantiles around the middle, and the share it should hold."""
    if len(levels) < 2 or abs(levels[0] + levels[-1] - 1) > 1e-9:
        return None
    return 0, len(levels) - 1, round(levels[-1] - levels[0], 10)


def _intervals(judged: Judged, pick: Any) -> tuple[Interval, ...]:
    pair = _pair(judged.forecast.levels)
    if pair is None:
        return ()
    low, high, level = pair
    quantiles = pick(judged.forecast.quantiles)
    return (Interval(level, quantiles[:, low], quantiles[:, high]),)


def _sample(judged: Judged, index: int, window: int) -> Sample:
    table, origin = judged.table, int(judged.origins[index])
    horizon = judged.forecast.mean.shape[1]
    series = int(table.series_of(judged.origins[index : index + 1])[0])
    past = min(window, 3 * horizon + 24, origin - int(table.starts[series]))
    rows = np.arange(origin - past, origin + horizon)
    name = table.schema.targets[0]
    values = np.asarray(table.columns[name][rows], dtype=np.float64)
    return Sample(
        _clocks(table, rows),
        values[:past],
        values[past:],
        judged.forecast.mean[index, :, 0],
        _intervals(judged, lambda quantiles: quantiles[index, :, 0]),
        target=name if len(table.schema.targets) > 1 else "",
        series=table.ids[series],
    )


def _strip(judged: Judged, step: int) -> Strip:
    table = judged.table
    series = table.series_of(judged.origins)
    one = np.flatnonzero(series == series[0])[:LONGEST_STRIP]
    rows = judged.origins[one] + step - 1
    name = table.schema.targets[0]
    return Strip(
        step,
        _clocks(table, rows),
        np.asarray(table.columns[name][rows], dtype=np.float64),
        judged.forecast.mean[one, step - 1, 0],
        _intervals(judged, lambda quantiles: quantiles[one, step - 1, 0]),
        target=name if len(table.schema.targets) > 1 else "",
        series=table.ids[int(series[0])],
    )
