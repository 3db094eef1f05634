"""What a report draws of a detector: every series with its values, scores, alarms, events and labelled windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.evaluate.detect.events import runs
from tidegate.runtime.detect.walk import Walked, walk
from tidegate.tasks.detect.frame import event_rows
from tidegate.tasks.detect.known_anomalies import labels_of


@dataclass(frozen=True)
class SeriesView:
    """One series as it was evaluated.

    Attributes:
        walked: what was predicted for every row of every series. number: of this one. rows: its rows.
        channels: [C]. threshold: the p at or below which a row alarms.
        events: rows [first, end) of each, counted from the first of the series.
        windows: rows [first, end) of each labelled anomaly; None without labels.
    """

    walked: Walked
    number: int
    rows: slice
    channels: tuple[str, ...]
    threshold: float
    events: tuple[tuple[int, int], ...]
    windows: tuple[tuple[int, int], ...] | None

    @property
    def scores(self) -> NDArray[np.float64]:
        """[N] of its rows, NaN where there is none."""
        return self.walked.score[self.rows]


def view(model: Any, data: Any = None, *, label: str | None = None, part: str | None = None) -> tuple[SeriesView, ...]:
    """Every series of new rows, or of a part of the table that a detector was fitted on.

    Args:
        model: an `AnomalyDetector`. data: rows, as for its `predict`. label: their column of known anomalies.
        part: without data: `train`, `validation`, `test` or `all`; None takes the test part if there is one.

    Raises:
        NotFittedError: a loaded model holds no rows.
    """
    model._require_fitted("detector_")
    if data is not None:
        table, labelled = labels_of(model._table(data, label, {}), label)
        return _views(model, walk(model.detector_, table), labelled, table.rows())
    model._require_fitted("fitted_")
    fitted = model.fitted_
    return _views(model, fitted.walked, fitted.labelled, model._ranges(None, part))


def _views(model: Any, walked: Walked, labelled: Any, part: NDArray[np.int64]) -> tuple[SeriesView, ...]:
    channels = model.detector_.preparation.channels
    events: list[list[tuple[int, int]]] = [[] for _ in part]
    for g, rows in event_rows(walked, part):
        events[g].append((int(rows[0] - part[g, 0]), int(rows[-1] + 1 - part[g, 0])))
    return tuple(
        SeriesView(
            walked,
            g,
            slice(a, b),
            channels,
            threshold=model.detector_.rules.threshold,
            events=tuple(events[g]),
            windows=None if labelled is None else tuple(runs(labelled[a:b])),
        )
        for g, (a, b) in enumerate(part.tolist())
        if b > a
    )
