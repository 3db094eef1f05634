"""Regressor: from sequences with numbers to an evaluated estimate of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from tidegate.core.checks import Share
from tidegate.data.sequences import plain_arrays
from tidegate.prepare.sequence.targets import NumberLabels
from tidegate.tasks.label.answers import answer_ids
from tidegate.tasks.label.estimator import SequenceEstimator
from tidegate.tasks.label.options import LabelChoices, LabelTraining, label_choices

if TYPE_CHECKING:
    from tidegate.data.emit import Frame
    from tidegate.tasks.label.evaluate import NumberIntervals


@dataclass(kw_only=True, eq=False, repr=False)
class Regressor(SequenceEstimator):
    """A recurrent network that estimates one or several numbers for a sequence, a series, or one for each of its steps.

    Args:
        loss: what training lowers: `mse` (the mean), `mae` (the median) or `huber` (between them).
        training: the finer `LabelTraining` (patience, schedule, stride, refit, ...).

    Raises:
        ConfigError: an option that there is not, at once; by `fit` and `check`, a value that cannot work.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> levels = rng.uniform(0, 100, 40)
    >>> recordings = [level + rng.normal(size=(6, 1)) for level in levels]  # a list of [T, C]
    >>> model = Regressor(hidden_size=8, max_epochs=30, learning_rate=0.02).fit(recordings, levels, progress=False)
    >>> low, high = model.predict([np.full((6, 1), 20.0), np.full((9, 1), 80.0)])
    >>> bool(low < 50 < high)
    True
    """

    task = "regressor"

    dropout: Share = 0.2
    loss: Literal["mse", "mae", "huber"] = "mse"
    training: LabelTraining | Mapping[str, Any] | None = None

    def check(self) -> LabelChoices:
        """Refuse constructor arguments that cannot work; gives them in groups."""
        return label_choices(self, LabelTraining, {})

    def predict(
        self, data: Any = None, *, level: float | Sequence[float] | None = None, **reading: Any
    ) -> NDArray[Any] | Frame:
        """Estimates in the quantities' own units.

        Args:
            level: percent that intervals around the estimates should hold, one or several, such as [80, 95]; see
                `intervals`. The answer is a frame then, of arrays too.
            data, reading: as for `fit`; labels are not looked at. None takes the test part of what it was fitted on, or
                all of it where there is none.

        Returns:
            Of arrays and lists [M] (of several quantities [M, P]; of series [M, K, D]; of steps [N]); of all else a
            frame of its kind: id, [step,] and a column for each quantity; with `level` also `low80:name` and
            `high80:name`.

        Raises:
            TidegateError: the data are not of the kind that the model was fitted on.
            ConfigError: a level that needs more validation sequences.
        """
        data = plain_arrays(data)
        if level is None and isinstance(data, (list, tuple, np.ndarray)):
            found: NDArray[Any] = self.labels_.shaped(self.labels_.decode(self._outputs(self._new(data, reading))))
            return found
        from tidegate.data.emit import to_frame

        return to_frame(self.predict_columns(data, level=level, **reading), timezone=None, like=data)

    def predict_columns(
        self, data: Any = None, *, level: float | Sequence[float] | None = None, **reading: Any
    ) -> dict[str, NDArray[Any]]:
        """What `predict` puts into a frame, as name -> array; needs no dataframe library."""
        from tidegate.tasks.label.answers import interval_columns

        levels = () if level is None else (level,) if isinstance(level, (int, float)) else tuple(level)
        sequences = self._new(data, reading)
        prepared = self.preparation_.apply(sequences)
        found = self.labels_.decode(self._outputs(sequences, prepared))
        columns = answer_ids(sequences, prepared, per_step=self.deciding_.per_step)
        columns |= {name: found[:, place] for place, name in enumerate(self.labels_.names)}
        return {**columns, **interval_columns(self.margins_, found, self.labels_.names, levels)}

    def intervals(self, *, level: float = 80, part: str = "test") -> NumberIntervals:
        """Intervals around the estimates of a part, by split conformal prediction, and what they hold.

        An interval reaches as far on both sides as the errors on the validation part, which the network had not learned
        from: a value of a new sequence lies inside with at least this probability where sequences (or groups) are
        alike and come in no order. A model that was trained again on both parts (`training.refit`) keeps the errors of
        the network before; what its intervals hold is measured on the test part.

        Args:
            level: percent that an interval should hold. part: `test`, or `validation`, whose errors made them.

        Returns:
            `tidegate.tasks.label.evaluate.NumberIntervals`: print it, or see `.coverage("split")`, `.low`, `.high`.

        Raises:
            NotFittedError: it was loaded without its data; `predict(data, level=80)` needs none.
            ConfigError: a level that needs more validation sequences. DataError: there is no such part.

        Source: Lei et al. (2018), doi:10.1080/01621459.2017.1307116.
        """
        from tidegate.tasks.label.evaluate import intervals

        return intervals(self, level=level, part=part)

    def score(self, data: Any, labels: Any = None, **reading: Any) -> float:
        """R², as scikit-learn's regressors give it (the mean of several quantities; 0 where all labels are alike)."""
        from tidegate.prepare.sequence.targets import as_numbers
        from tidegate.tasks.label.evaluate import answered

        _, labelled, outputs, _ = answered(self, self._new(data, reading, labels, labelled=True))
        actual = as_numbers(labelled, self.labels_.names)
        error = np.square(actual - self.labels_.decode(outputs)).mean(axis=0)
        spread = actual.var(axis=0)
        return float(np.mean(1 - np.divide(error, spread, out=(error > 0) * 1.0, where=spread > 0)))

    def _make_labels(self, labels: NDArray[Any], names: tuple[str, ...]) -> NumberLabels:
        return NumberLabels.fit(labels, names)

    def _make_loss(self, labels: NumberLabels, encoded: NDArray[Any]) -> Callable[..., Any]:
        from tidegate.train.label_losses import NumberLoss

        return NumberLoss(self.loss)
