"""What the report of a forecaster draws, as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError
from tidegate.core.frequency import Frequency
from tidegate.report.page.view import Floats, Run, check_lengths


@dataclass(frozen=True)
class Interval:
    """A prediction interval: `level` is the share of actual values it should hold (0.8), `low` and `high` are [K]."""

    level: float
    low: Floats
    high: Floats


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Forecasts beside what came.

    Attributes:
        target: the column, where there are several. series: the series' name, "" where there is one.
    """

    target: str = ""
    series: str = ""


@dataclass(frozen=True)
class Sample(Drawn):
    """One forecast and what came.

    Attributes:
        time: [T' + K], datetime64 as it should be shown, or row numbers.
        history: [T'], the last values before the forecast.
        actual: [K], NaN where missing.
        mean: [K], the forecast.
        intervals: any number, the widest first; usually one.
    """

    time: NDArray[Any]
    history: Floats
    actual: Floats
    mean: Floats
    intervals: tuple[Interval, ...] = ()

    def __post_init__(self) -> None:
        if len(self.history) + len(self.actual) != len(self.time) or len(self.mean) != len(self.actual):
            raise ConfigError(
                f"a sample has {len(self.time)} times for {len(self.history)} past values, {len(self.actual)} actual "
                f"values and {len(self.mean)} forecasts; expected [T + K], [T], [K] and [K]"
            )


@dataclass(frozen=True)
class Strip(Drawn):
    """Actual against forecast over a long stretch, every forecast made `step` steps ahead.

    Attributes:
        step: how far ahead, from 1.
        time: [L]; actual: [L]; mean: [L]; intervals: of [L].
    """

    step: int
    time: NDArray[Any]
    actual: Floats
    mean: Floats
    intervals: tuple[Interval, ...] = ()

    def __post_init__(self) -> None:
        check_lengths("a strip", times=self.time, actual=self.actual, forecasts=self.mean)


@dataclass(frozen=True)
class Residuals:
    """Actual minus forecast on the test part.

    Attributes:
        values: [M, K] or [M, K, C], NaN where the actual value is missing; windows in order of time within a series.
        series: [M], which series each window belongs to; None where there is one.
        stride: rows between the origins of neighbouring windows.
    """

    values: Floats
    series: NDArray[np.int64] | None = None
    stride: int = 1


@dataclass(frozen=True)
class RunView(Run):
    """Everything on the page of a forecaster. Times are shown as they are given; `zone` names their clock.

    Attributes:
        targets: names of the forecast columns.
        frequency: the step between rows.
        samples, strips, residuals: forecasts to draw; may be empty.
        coming: the steps after the data, a sample for each series and target, nothing of them observed. needed: columns
            that must be known ahead for these.
    """

    targets: tuple[str, ...]
    frequency: Frequency | None = None
    zone: str = ""
    samples: tuple[Sample, ...] = ()
    strips: tuple[Strip, ...] = ()
    residuals: Residuals | None = None
    coming: tuple[Sample, ...] = ()
    needed: tuple[str, ...] = ()
