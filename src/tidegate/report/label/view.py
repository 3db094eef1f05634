"""What the reports on labels, numbers and alarms show: plain pictures of one run, filled by whoever ran it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError
from tidegate.core.table import Note
from tidegate.evaluate.detect import DetectionEvaluation
from tidegate.evaluate.label import Calibration, ClassEvaluation, NumberEvaluation

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LabelledView:
    """Everything on the page of a classifier, tagger or regressor. M things that were judged.

    Attributes:
        title: of the page.
        evaluation: scores beside the baselines, and the verdict.
        actual: [M] class numbers, [M, K] bool for several labels at once, or [M, P] numbers; None leaves figures out.
        predicted: [M, K] probabilities or [M, P] numbers of the model.
        others: baseline -> the same of it, for curves.
        ids: [M] names of the things. texts: [M] what they say, where they are texts.
        calibration: what the temperature changed on validation; None where there was none.
        schema: what the data are, a line each, as `describe_sequences` makes them.
        notes: what was found in the data and done to it.
        config: options of the run. command, snippet: how to repeat it in a shell and in Python.
        seed, versions (name -> version), seconds (of training).
        history: one mapping per epoch, as for forecasts. loss: name of the training loss.
        findings: of a diagnosis; None where there was none.
    """

    title: str
    evaluation: ClassEvaluation | NumberEvaluation
    actual: NDArray[Any] | None = None
    predicted: Floats | None = None
    others: Mapping[str, Floats] = field(default_factory=dict)
    ids: Sequence[str] = ()
    texts: Sequence[str] = ()
    calibration: Calibration | None = None
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
    findings: Any = None

    def __post_init__(self) -> None:
        if (self.actual is None) != (self.predicted is None):
            raise ConfigError("actual and predicted go together: give both, or neither")
        if self.actual is not None and self.predicted is not None and len(self.actual) != len(self.predicted):
            raise ConfigError(
                f"there are {len(self.actual)} actual and {len(self.predicted)} predicted; expected as many"
            )


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
        sizes = [len(self.times), len(self.values), len(self.scores), len(self.alarms)]
        if len(set(sizes)) > 1:
            raise ConfigError(f"times, values, scores and alarms have lengths {sizes}; expected the same")


@dataclass(frozen=True)
class DetectionView:
    """Everything on the page of an anomaly detector; other fields as in `LabelledView`.

    Attributes:
        evaluation: windows found and false alarms beside the baselines; its `key` is "unlabelled" without labels.
        series: what to draw, the most telling first.
        unit: of the values.
    """

    title: str
    evaluation: DetectionEvaluation
    series: tuple[WatchedSeries, ...] = ()
    unit: str = ""
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
    findings: Any = None
