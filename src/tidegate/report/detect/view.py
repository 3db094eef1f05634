"""What the report of an anomaly detector draws, as plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.report.page.view import Floats, Run, check_lengths


@dataclass(frozen=True)
class Alarm:
    """One event: its first and last time, highest score, the channel that caused it ("" where unknown), and whether it
    lies in a labelled window (None where nothing is labelled).
    """

    first: Any
    last: Any
    score: float
    channel: str = ""
    right: bool | None = None


@dataclass(frozen=True)
class WatchedSeries:
    """One series to draw. N rows.

    Attributes:
        name: of the series.
        times: [N] datetime64 as they should be shown, or row numbers.
        values: [N] of the channel that is drawn, named `channel`.
        scores: [N], NaN while the detector warms up. threshold: from which score on it alarms; None where it moves.
        alarms: [N] bool.
        windows: first and last time of each labelled anomaly.
        events: the alarms as events.
    """

    name: str
    times: NDArray[Any]
    values: Floats
    scores: Floats
    alarms: NDArray[np.bool_]
    windows: Sequence[tuple[Any, Any]] = ()
    events: tuple[Alarm, ...] = ()
    threshold: float | None = None
    channel: str = ""

    def __post_init__(self) -> None:
        check_lengths("a series", times=self.times, values=self.values, scores=self.scores, alarms=self.alarms)


@dataclass(frozen=True)
class DetectionView(Run):
    """Everything on the page of an anomaly detector.

    Attributes:
        series: what to draw, the most telling first.
    """

    series: tuple[WatchedSeries, ...] = ()
