"""Regressor: from sequences with numbers to a judged estimate of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tidegate.prepare.sequence.masking import SequenceAugment
from tidegate.prepare.sequence.targets import NumberLabels
from tidegate.tasks.label.answers import answer_ids
from tidegate.tasks.label.estimator import SequenceEstimator
from tidegate.tasks.label.options import POINT_LOSSES, EncoderOptions, LabelChoices
from tidegate.tasks.options import choice


class Regressor(SequenceEstimator):
    """A recurrent network that estimates one or several numbers for a sequence, or for each of its steps.

    Args:
        loss: `mse` (the mean), `mae` (the median) or `huber` (between them).
        cell, hidden_size, num_layers, dropout, bidirectional, pooling, window, stride, segment, normalise, scale, fill,
        tokens, vocabulary, max_length, truncate, refit, members, optimizer, learning_rate, schedule, batch_size,
        max_epochs, patience, min_delta, clip, seed, network, preparation, training, augment: as of `Classifier`.

    Raises:
        ConfigError: by `fit` and `check`, an argument that cannot work.

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

    def __init__(
        self,
        *,
        cell: str = "lstm",
        hidden_size: int = 64,
        num_layers: int = 1,
        dropout: float = 0.2,
        bidirectional: bool | Literal["auto"] = "auto",
        pooling: str = "auto",
        window: int | None = None,
        stride: int | None = None,
        segment: int | None = None,
        normalise: str | None = None,
        scale: str = "standard",
        fill: str = "ffill",
        tokens: str = "word",
        vocabulary: int = 20_000,
        max_length: int | None = None,
        truncate: str = "end",
        loss: str = "mse",
        refit: bool | None = None,
        members: int = 1,
        optimizer: str = "adam",
        learning_rate: float = 2e-3,
        schedule: str = "cosine",
        batch_size: int | None = None,
        max_epochs: int | None = None,
        patience: int | None = None,
        min_delta: float = 0.0,
        clip: float = 1.0,
        seed: int = 0,
        network: EncoderOptions | Mapping[str, Any] | None = None,
        preparation: Any = None,
        training: Any = None,
        augment: SequenceAugment | Mapping[str, Any] | None = None,
    ) -> None:
        self._keep(locals())

    def check(self) -> LabelChoices:
        """Refuse constructor arguments that cannot work; gives them in groups."""
        choice("loss", self.get_params()["loss"], POINT_LOSSES)
        return super().check()

    def predict(self, data: Any, **reading: Any) -> Any:
        """Estimates in the quantities' own units.

        Args:
            data, reading: as for `fit`; labels are not looked at.

        Returns:
            Of arrays and lists [M] (of several quantities [M, P]; of steps [N]); of all else a frame of its kind: id,
            [step,] and a column for each quantity.

        Raises:
            TidegateError: the data are not of the kind that the model was fitted on.
        """
        if isinstance(data, (list, tuple, np.ndarray)):
            found = self.labels_.decode(self._outputs(self._new(data, reading)))
            return found[:, 0] if found.shape[1] == 1 else found
        from tidegate.data.emit import to_frame

        return to_frame(self.predict_columns(data, **reading), timezone=None, like=data)

    def predict_columns(self, data: Any, **reading: Any) -> dict[str, NDArray[Any]]:
        """What `predict` puts into a frame, as name -> array; needs no dataframe library."""
        sequences = self._new(data, reading)
        prepared = self.preparation_.apply(sequences)
        found = self.labels_.decode(self._outputs(sequences, prepared))
        columns = answer_ids(sequences, prepared, per_step=self.deciding_.per_step)
        return columns | {name: found[:, place] for place, name in enumerate(self.labels_.names)}

    def score(self, data: Any, labels: Any = None, **reading: Any) -> float:
        """R², as scikit-learn's regressors give it (the mean over several quantities)."""
        from tidegate.prepare.sequence.targets import as_numbers
        from tidegate.tasks.label.answers import labels_of

        sequences = self._new(data, reading, labels, labelled=True)
        actual = as_numbers(labels_of(sequences, self.deciding_), self.labels_.names)
        error = np.square(actual - self.labels_.decode(self._outputs(sequences))).mean(axis=0)
        return float(np.mean(1 - error / actual.var(axis=0)))

    def _make_labels(self, labels: NDArray[Any], names: tuple[str, ...]) -> NumberLabels:
        return NumberLabels.fit(labels, names)

    def _make_loss(self, labels: NumberLabels, encoded: NDArray[Any]) -> Callable[..., Any]:
        from tidegate.train.label_losses import NumberLoss

        return NumberLoss(self.get_params()["loss"])
