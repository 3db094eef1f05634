"""What the report draws of an anomaly detector: its series with scores, alarms and labels."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.core.translate import Language
from tidegate.data.emit import local_time
from tidegate.report.detect.page import report_alarms
from tidegate.report.forecast.describe import describe
from tidegate.report.label.view import Alarm, DetectionView, WatchedSeries
from tidegate.runtime.detect.alarms import score_of
from tidegate.tasks.detect.view import SeriesView, view
from tidegate.tasks.run import plain, versions

MOST_SERIES = 20


def report_detector(
    path: str | Path,
    model: Any,
    judged: Any = None,
    *,
    title: str = "",
    unit: str = "",
    command: str = "",
    snippet: str = "",
    lang: Language | None = None,
) -> Path:
    """Write the report of a fitted detector's test part.

    Args:
        path: the file. model: the detector. judged: its `DetectorEvaluation`; None judges the test part now.
        title: of the page; "" names the channels. unit: of the values. command, snippet: how to repeat the run.
        lang: of the page; None takes the reader's.

    Raises:
        OutputError: the file cannot be written.
    """
    judged = judged or model.evaluate()
    return report_alarms(path, detector_view(model, judged, title, unit, command, snippet), lang)


def detector_view(model: Any, judged: Any, title: str, unit: str, command: str, snippet: str) -> DetectionView:
    """Everything on the page; the series with the most alarming score comes first."""
    table, split = model.fitted_.table, model.fitted_.split
    parts = {}
    for name, rows in split.parts.items():
        held = rows[rows[:, 1] > rows[:, 0]]
        if len(held):
            ends = [table.time[held[:, 0]].min(), table.time[held[:, 1] - 1].max()]
            first, last = (local_time(end.reshape(1), table.timezone)[0] for end in ends)
            parts[name] = (first, last, int((held[:, 1] - held[:, 0]).sum()))
    seen = sorted(view(model), key=lambda own: -max((own.scores[a:b].max() for a, b in own.events), default=0.0))
    return DetectionView(
        title=title or ", ".join(table.schema.targets),
        evaluation=judged.alarms,
        series=tuple(series_of(own) for own in seen[:MOST_SERIES]),
        unit=unit,
        schema=describe(table.schema, table.frequency, parts, series=len(table.ids), zone=table.timezone or ""),
        notes=(*model.notes_, *judged.alarms.notes),
        config=plain({name: value for name, value in model.get_params().items() if value is not None}),
        command=command,
        snippet=snippet,
        seed=model.seed,
        versions=versions(),
        seconds=model.history_.seconds,
        history=[asdict(epoch) for epoch in model.history_],
        loss=model.loss,
    )


def series_of(own: SeriesView) -> WatchedSeries:
    """One series, drawn by the channel that its events came from most; its scores those of the p-values that alarm."""
    times = local_time(own.times, own.timezone)
    blamed = [int(own.channel[a + own.p_values[a:b].argmin()]) for a, b in own.events]
    channel = max(set(blamed), key=blamed.count) if blamed else 0
    windows, scores = own.windows or (), score_of(own.p_values)
    events = tuple(
        Alarm(
            first=times[a],
            last=times[b - 1],
            score=float(scores[a:b][own.alarms[a:b]].max()),
            channel=own.channels[where] if len(own.channels) > 1 else "",
            right=None if own.windows is None else any(a < end and b > first for first, end in windows),
        )
        for (a, b), where in zip(own.events, blamed, strict=True)
    )
    return WatchedSeries(
        name=own.name or own.channels[channel],
        times=times,
        values=own.values[:, channel],
        scores=scores,
        alarms=own.alarms,
        windows=tuple((times[first], times[end - 1]) for first, end in windows),
        events=events,
        threshold=float(score_of(np.array(own.threshold))),
        channel=own.channels[channel],
    )
