"""What the report draws of an anomaly detector: its series with scores, alarms and labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from tidegate.data.emit import local_time
from tidegate.report.detect.view import Alarm, DetectionView, WatchedSeries
from tidegate.report.page.describe import describe_table
from tidegate.runtime.detect.rules import score_of
from tidegate.tasks.detect.view import SeriesView, view

MOST_SERIES = 20


def detector_view(model: Any, evaluated: Any = None) -> DetectionView:
    """What is drawn of its test part; the series with the most alarming score comes first."""
    table = model.fitted_.table
    seen = sorted(view(model), key=lambda own: -max((own.scores[a:b].max() for a, b in own.events), default=0.0))
    return DetectionView(
        ", ".join(table.schema.targets),
        (evaluated or model.evaluate()).alarms,
        tuple(series_of(own) for own in seen[:MOST_SERIES]),
        schema=describe_table(table, model.fitted_.split),
    )


def series_of(own: SeriesView) -> WatchedSeries:
    """One series, drawn by the channel that its events came from most; its scores those of the p-values that alarm."""
    walked, rows = own.walked, own.rows
    table, p_values = walked.table, walked.p_value[rows]
    times, alarms = local_time(table.time[rows], table.timezone), walked.alarm[rows]
    blamed = [int(walked.channel[rows][a + p_values[a:b].argmin()]) for a, b in own.events]
    channel = max(set(blamed), key=blamed.count) if blamed else 0
    windows, scores = own.windows or (), score_of(p_values)
    events = tuple(
        Alarm(
            first=times[a],
            last=times[b - 1],
            score=float(scores[a:b][alarms[a:b]].max()),
            channel=own.channels[where] if len(own.channels) > 1 else "",
            right=None if own.windows is None else any(a < end and b > first for first, end in windows),
        )
        for (a, b), where in zip(own.events, blamed, strict=True)
    )
    return WatchedSeries(
        name=table.ids[own.number] or own.channels[channel],
        times=times,
        values=table.columns[own.channels[channel]][rows].astype(np.float64),
        scores=scores,
        alarms=alarms,
        windows=tuple((times[first], times[end - 1]) for first, end in windows),
        events=events,
        threshold=float(score_of(np.array(own.threshold))),
        channel=own.channels[channel],
    )
