"""What is explained, as a reader knows it: one forecast, or one answer about a sequence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.frequency import Frequency
from tidegate.explain.inputs import Floats


@dataclass(frozen=True)
class Case:
    """A forecast, in the reader's units and clock.

    Attributes:
        series: its name, "" for a single one. target: name. frequency: of the rows. zone: of the clock, or "".
        past_time: [T]; history: [T]. time: [K]; mean, actual: [K] (NaN where not yet known).
        quantiles: [K, Q] of `levels`.
        seasons: lengths of the cycles, in steps, that the model was built on.
    """

    series: str
    target: str
    frequency: Frequency
    zone: str
    past_time: NDArray[Any]
    history: Floats
    time: NDArray[Any]
    mean: Floats
    actual: Floats
    quantiles: Floats
    levels: tuple[float, ...]
    seasons: tuple[int, ...] = ()


@dataclass(frozen=True)
class Recording:
    """What a model saw of a sequence. T steps, I inputs.

    Attributes:
        names: [I] of the inputs. values: [T, I], of channels as they were given, of other inputs as prepared.
        first: the sequence's step that is the first of these. rate: steps a second, or None.
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]
    first: int = 0
    rate: float | None = None


@dataclass(frozen=True)
class Answer:
    """What is answered about a sequence, or one of its steps.

    Attributes:
        id: of the sequence. output: the class or quantity whose shares are explained: of a class in log-odds, of a
            quantity in its own unit.
        said: of each class its probability, or of each quantity its estimate.
        kind: "classes", "labels" (several at once) or "numbers". chosen: the classes that are answered.
        actual: what is known to be true: names of classes, or the quantity's value as text; None where it is unknown.
        step: of the sequence, from 0, where each step has an answer. recording: what the model saw; None of texts.
        words: of a text, in its order; else ().
    """

    id: str
    output: str
    said: Mapping[str, float]
    kind: str = "classes"
    chosen: tuple[str, ...] = ()
    actual: str | None = None
    step: int | None = None
    recording: Recording | None = None
    words: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Alarm(Answer):
    """What a detector predicts for one row; its one quantity is the surprise, log10 of one over the row's rarity.

    Attributes:
        time: of the row, on its clock. alarm: whether it alarms. p_value: of the row. threshold: p at which one alarms.
    """

    time: str
    alarm: bool
    p_value: float
    threshold: float
