"""What the report shows: a plain picture of one run, filled by whoever ran it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError
from tidegate.core.frequency import Frequency
from tidegate.core.table import Note
from tidegate.evaluate import Evaluation
from tidegate.evaluate.leaks.audit import Audit

Floats = NDArray[np.float64]


class Run(Protocol):
    """What every report tells of its run, whatever the task; the fields of `RunView` by the same names."""

    @property
    def evaluation(self) -> Any: ...
    @property
    def schema(self) -> tuple[Note, ...]: ...
    @property
    def notes(self) -> tuple[Note, ...]: ...
    @property
    def config(self) -> Mapping[str, Any]: ...
    @property
    def command(self) -> str: ...
    @property
    def snippet(self) -> str: ...
    @property
    def seed(self) -> int | None: ...
    @property
    def versions(self) -> Mapping[str, str]: ...
    @property
    def seconds(self) -> float | None: ...
    @property
    def history(self) -> Sequence[Mapping[str, Any]]: ...
    @property
    def loss(self) -> str: ...
    @property
    def findings(self) -> Any: ...


@dataclass(frozen=True)
class Interval:
    """A prediction interval: `level` is the share of actual values it should hold (0.8), `low` and `high` are [K]."""

    level: float
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Sample:
    """One forecast and what came.

    Attributes:
        time: [T' + K], datetime64 as it should be shown, or row numbers.
        history: [T'], the last values before the forecast.
        actual: [K], NaN where missing.
        mean: [K], the forecast.
        intervals: any number, the widest first; usually one.
        target: the column, where there are several.
        series: the series' name, "" where there is one.
    """

    time: NDArray[Any]
    history: Floats
    actual: Floats
    mean: Floats
    intervals: tuple[Interval, ...] = ()
    target: str = ""
    series: str = ""

    def __post_init__(self) -> None:
        if len(self.history) + len(self.actual) != len(self.time) or len(self.mean) != len(self.actual):
            raise ConfigError(
                f"a sample has {len(self.time)} times for {len(self.history)} past values, {len(self.actual)} actual "
                f"values and {len(self.mean)} forecasts; expected [T + K], [T], [K] and [K]"
            )


@dataclass(frozen=True)
class Strip:
    """Actual against forecast over a long stretch, every forecast made `step` steps ahead.

    Attributes:
        step: how far ahead, from 1.
        time: [L]; actual: [L]; mean: [L]; intervals: of [L]; target, series: as in `Sample`.
    """

    step: int
    time: NDArray[Any]
    actual: Floats
    mean: Floats
    intervals: tuple[Interval, ...] = ()
    target: str = ""
    series: str = ""

    def __post_init__(self) -> None:
        if not len(self.time) == len(self.actual) == len(self.mean):
            raise ConfigError(
                f"a strip has {len(self.time)} times, {len(self.actual)} actual values and {len(self.mean)} forecasts; "
                "expected the same number of each"
            )


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
class RunView:
    """Everything on the page. Times are shown as they are given; `zone` names the clock they belong to.

    Attributes:
        title: of the page.
        targets: names of the forecast columns; `unit` is theirs ("" where unknown).
        frequency: the step between rows.
        evaluation: scores beside the baselines, and the verdict.
        schema: what the data are, a line each, as `describe` makes them.
        notes: what was found in the data and done to it.
        config: options of the run; nested mappings are flattened to dotted names.
        command: how to repeat the run in a shell; `snippet`: the same in Python.
        seed, versions (name -> version), seconds (of training).
        history: one mapping per epoch: epoch, train_loss, validation_loss, learning_rate, grad_norm, seconds, best.
        loss: name of the training loss.
        samples, strips, residuals: forecasts to draw; may be empty.
        findings: of a diagnosis (`tidegate.diagnose.Findings`); None where there was none.
        audit: the leak audit of the same data and options; None where there was none.
    """

    title: str
    targets: tuple[str, ...]
    evaluation: Evaluation
    unit: str = ""
    frequency: Frequency | None = None
    zone: str = ""
    schema: tuple[Note, ...] = ()
    notes: tuple[Note, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    snippet: str = ""
    seed: int | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    seconds: float | None = None
    history: Sequence[Mapping[str, Any]] = ()
    loss: str = ""
    samples: tuple[Sample, ...] = ()
    strips: tuple[Strip, ...] = ()
    residuals: Residuals | None = None
    findings: Any = None
    audit: Audit | None = None
