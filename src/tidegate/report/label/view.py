"""What the report of a classifier, tagger or regressor draws, as plain arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr
from tidegate.evaluate.label import Calibration
from tidegate.report.page.view import Floats, Run, check_lengths


@dataclass(frozen=True)
class LabelledView(Run):
    """Everything on the page of a classifier, tagger or regressor. M things that were scored.

    Attributes:
        actual: [M] class numbers, [M, K] bool for several labels at once, or [M, P] numbers; None leaves figures out.
        predicted: [M, K] probabilities or [M, P] numbers of the model.
        others: baseline -> the same of it, for curves.
        ids: [M] names of the things. texts: [M] what they say, where they are texts.
        margins: level in percent -> [P] half-widths of intervals around estimates.
        calibration: what the temperature changed on validation; None where there was none.
    """

    actual: NDArray[Any] | None = None
    predicted: Floats | None = None
    others: Mapping[str, Floats] = field(default_factory=dict)
    ids: Sequence[str] = ()
    texts: Sequence[str] = ()
    calibration: Calibration | None = None
    margins: Mapping[float, Floats] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.actual is None) != (self.predicted is None):
            raise ConfigError(tr("actual and predicted go together: give both, or neither"))
        if self.actual is not None:
            check_lengths("the page", actual=self.actual, predicted=self.predicted)
