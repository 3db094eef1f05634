"""Classifier: from sequences with labels to an evaluated classifier."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from tidegate.core.checks import Share, check
from tidegate.core.errors import ConfigError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.sequences import plain_arrays
from tidegate.evaluate.label.calibrate import Aim, choose_threshold, fit_temperature
from tidegate.prepare.sequence.targets import ClassLabels
from tidegate.runtime.label.decode import Deciding, choose, probabilities
from tidegate.tasks.label.answers import answer_ids
from tidegate.tasks.label.estimator import SequenceEstimator
from tidegate.tasks.label.options import ClassTraining, LabelChoices, label_choices
from tidegate.tasks.options import group

if TYPE_CHECKING:
    from tidegate.data.emit import Frame

Threshold = Literal["f1", "balanced_accuracy", "youden"] | Mapping[Any, float] | None
FEWEST = 20  # answers of the validation part below which nothing is chosen on it


def decide_classes(
    found: NDArray[np.float32],
    encoded: NDArray[Any],
    labels: ClassLabels,
    deciding: Deciding,
    threshold: Aim | Mapping[Any, float] | None,
    *,
    calibrate: bool,
    notes: list[Note],
) -> Deciding:
    """How outputs become classes.

    Args:
        found: [M, K] outputs of the validation part. encoded: its labels, [M], or [M, K] of several at once.
        labels: the classes. deciding: what is settled already.
        threshold: what thresholds are to make best, or the share of a class that may be taken for the other; None
            leaves them. calibrate: whether a temperature is fitted.
        notes: what was chosen, and what was not for want of answers, is added to them.

    Raises:
        ConfigError: a threshold for more than two classes that exclude each other, or for a class that there is not.
    """
    if threshold is not None and not labels.multiple and len(labels.classes) != 2:
        message = "threshold={threshold!r} is for two classes, or several labels at once; there are {count} classes"
        raise ConfigError(tr(message, threshold=threshold, count=len(labels.classes)))
    if isinstance(threshold, Mapping) and (labels.multiple or not set(threshold) <= set(labels.classes)):
        message = "threshold={threshold!r} should name one of the two classes {classes}"
        raise ConfigError(tr(message, threshold=dict(threshold), classes=list(labels.classes)))
    if len(encoded) < FEWEST:
        if calibrate or threshold is not None:
            message = "No temperature and no threshold was chosen: validation has {count} answers, fewer than {least}."
            notes.append(Note("undecided", message, {"count": len(encoded), "least": FEWEST}))
        return deciding
    if calibrate:
        deciding = replace(deciding, temperature=fit_temperature(found, encoded > 0 if labels.multiple else encoded))
    if threshold is None:
        return deciding
    chances = probabilities(found, labels, deciding)
    if isinstance(threshold, Mapping):
        ((name, budget),) = threshold.items()
        return replace(deciding, thresholds=(within(chances[:, 1], encoded, labels.classes.index(name), budget),))
    if labels.multiple:
        each = [choose_threshold(encoded[:, k] > 0, chances[:, k], threshold).value for k in range(chances.shape[1])]
        return replace(deciding, thresholds=tuple(each))
    chosen = choose_threshold(encoded == 1, chances[:, 1], threshold)
    notes.extend(chosen.notes)
    return replace(deciding, thresholds=(chosen.value,))


def within(chances: NDArray[np.float64], encoded: NDArray[Any], place: int, budget: float) -> float:
    """The threshold that takes as many of one of two classes for the other as a share allows, and no more.

    Args:
        chances: [M] probability of the second class, which is predicted from the threshold on. encoded: [M] places.
        place: of the class that has the budget. budget: the share.

    >>> within(np.array([0.1, 0.25, 0.5, 0.75, 1.0]), np.array([1, 1, 1, 1, 0]), 1, 0.25)
    0.25
    """
    own = np.sort(chances[encoded == place])
    if not len(own):
        return 0.5
    spared = int(budget * len(own))
    return float(own[spared] if place else np.nextafter(own[-1 - spared], np.inf))


@dataclass(kw_only=True, eq=False, repr=False)
class Classifier(SequenceEstimator):
    """A recurrent network that predicts which class a sequence, or each of its steps, belongs to.

    Parts are drawn by label or by group, preparation is fitted on the training part alone, epoch, temperature and
    threshold are chosen on the validation part, and the test part is looked at once, by `evaluate`, beside the
    simple baselines.

    Args:
        loss: what training lowers: `cross_entropy`, or `focal` for classes that are rare and hard.
        class_weight: "balanced" weighs rare classes more, a mapping such as {"yes": 3, "no": 1} as it says.
        threshold: what the threshold of two classes, or of several labels at once, makes best on the validation part:
            `f1`, `balanced_accuracy` or `youden`; the most probable class if None. {"normal": 0.01} takes at most one
            in a hundred normal ones for the other class there.
        training: the finer `ClassTraining` (patience, schedule, stride, refit, label_smoothing, calibrate, ...).

    Raises:
        ConfigError: an option that there is not, at once; by `fit` and `check`, a value that cannot work.

    Source: Hochreiter and Schmidhuber (1997); Karim et al. (2018), arXiv:1709.05206, for the branch beside the
        recurrence; Guo et al. (2017), arXiv:1706.04599, for the temperature; Lakshminarayanan et al. (2017),
        arXiv:1612.01474, for the ensemble.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> up = [np.linspace(-1, 1, n)[:, None] + 0.1 * rng.normal(size=(n, 1)) for n in rng.integers(8, 14, 40)]
    >>> recordings = [part if k % 2 else part[::-1] for k, part in enumerate(up)]  # a list of [T, C], T varies
    >>> model = Classifier(hidden_size=8, max_epochs=10, network={"branch": ()}, learning_rate=0.02)
    >>> model = model.fit(recordings, ["down", "up"] * 20, progress=False)
    >>> model.predict([np.linspace(-1, 1, 9)[:, None], np.linspace(1, -1, 12)[:, None]]).tolist()
    ['up', 'down']
    >>> model.evaluate().criterion
    'accuracy'
    """

    task = "classifier"

    dropout: Share = 0.3
    loss: Literal["cross_entropy", "focal"] = "cross_entropy"
    class_weight: Literal["balanced"] | Mapping[Any, float] | None = None
    threshold: Threshold = None
    training: ClassTraining | Mapping[str, Any] | None = None

    def check(self) -> LabelChoices:
        """Refuse constructor arguments that cannot work; gives them in groups."""
        check_threshold(self.threshold)
        own = {"class_weight": self.class_weight, "threshold": self.threshold}
        return label_choices(self, ClassTraining, own)

    def predict(self, data: Any = None, **reading: Any) -> NDArray[Any] | Frame:
        """The most probable class, or the one that the threshold chooses.

        Args:
            data, reading: as for `fit`; labels are not looked at. None takes the test part of what it was fitted on, or
                all of it where there is none.

        Returns:
            Of arrays and lists the labels, [M] (of several at once [M, K] bool; of steps [N]); of all else a frame of
            its kind: id, [step,] label, and a column `p:<class>` for each class.

        Raises:
            TidegateError: the data are not of the kind that the model was fitted on.
        """
        data = plain_arrays(data)
        if isinstance(data, (list, tuple, np.ndarray)):
            chosen = choose(self._probabilities(self._new(data, reading)), self.labels_, self.deciding_)
            return chosen if self.labels_.multiple else self.labels_.decode(chosen)
        from tidegate.data.emit import to_frame

        return to_frame(self.predict_columns(data, **reading), timezone=None, like=data)

    def predict_proba(self, data: Any = None, **reading: Any) -> NDArray[np.float64]:
        """Probabilities of the classes, [M, K], or [N, K] for every step, in the order of `classes_`."""
        return self._probabilities(self._new(data, reading))

    def predict_columns(self, data: Any = None, **reading: Any) -> dict[str, NDArray[Any]]:
        """What `predict` puts into a frame, as name -> array; needs no dataframe library."""
        sequences = self._new(data, reading)
        prepared = self.preparation_.apply(sequences)
        found = self._probabilities(sequences, prepared)
        chosen = choose(found, self.labels_, self.deciding_)
        columns = answer_ids(sequences, prepared, per_step=self.deciding_.per_step)
        if self.labels_.multiple:
            columns |= {str(name): chosen[:, place].astype(np.int64) for place, name in enumerate(self.labels_.classes)}
        else:
            columns[self.labels_.name] = self.labels_.decode(chosen)
        return columns | {f"p:{name}": found[:, place] for place, name in enumerate(self.labels_.names)}

    def score(self, data: Any, labels: Any = None, **reading: Any) -> float:
        """Accuracy, as scikit-learn's classifiers give it."""
        from tidegate.tasks.label.evaluate import answered

        _, actual, outputs, _ = answered(self, self._new(data, reading, labels, labelled=True))
        chosen = choose(probabilities(outputs, self.labels_, self.deciding_), self.labels_, self.deciding_)
        return float(np.mean(chosen == self.labels_.encode(actual)))

    @property
    def classes_(self) -> NDArray[Any]:
        """[K] the classes, in the order of the probabilities."""
        self._require_fitted("labels_")
        return np.asarray(self.labels_.classes)

    def _probabilities(self, sequences: Any, prepared: Any = None) -> NDArray[np.float64]:
        return probabilities(self._outputs(sequences, prepared), self.labels_, self.deciding_)

    def _make_labels(self, labels: NDArray[Any], names: tuple[str, ...]) -> ClassLabels:
        return ClassLabels.fit(labels, names)

    def _make_loss(self, labels: ClassLabels, encoded: NDArray[Any]) -> Callable[..., Any]:
        import torch

        from tidegate.train.label_losses import ClassLoss

        weights = class_weights(self.class_weight, labels, encoded)
        return ClassLoss(
            self.loss,
            None if weights is None else torch.from_numpy(weights),
            smoothing=float(group(ClassTraining, self.training).label_smoothing),
            multiple=labels.multiple,
        )

    def _decide(
        self,
        found: NDArray[np.float32],
        encoded: NDArray[Any],
        labels: ClassLabels,
        deciding: Deciding,
        notes: list[Note],
    ) -> Deciding:
        from tidegate.tasks.label.classifier import decide_classes

        calibrate = group(ClassTraining, self.training).calibrate
        return decide_classes(found, encoded, labels, deciding, self.threshold, calibrate=calibrate, notes=notes)


def check_threshold(wish: Any) -> None:
    """Refuse a wish for a threshold that is none.

    Raises:
        ConfigError: it is neither an aim, nor one class and its share.
    """
    check("threshold", wish, Threshold)
    for value in wish.values() if isinstance(wish, Mapping) else ():
        check("threshold", value, Share)
    if isinstance(wish, Mapping) and len(wish) != 1:
        raise ConfigError(
            tr("threshold takes one class and its share, such as {{'normal': 0.01}}; got {wish}", wish=dict(wish))
        )


def class_weights(wish: Any, labels: ClassLabels, encoded: NDArray[Any]) -> NDArray[np.float32] | None:
    """[K] weights of the classes, of mean one over the training part; of several labels, those of a yes.

    "balanced" gives a class M / (K * its count), and a yes as many times more as there are more noes.

    Raises:
        ConfigError: the mapping names a class that there is not, leaves one out, or has a weight that is not positive.
    """
    if wish is None:
        return None
    if isinstance(wish, Mapping):
        if set(wish) != set(labels.classes):
            message = "class_weight needs one weight for each of {classes}; got {wish}"
            raise ConfigError(tr(message, classes=list(labels.classes), wish=list(wish)))
        if not all(isinstance(value, (int, float)) and value > 0 for value in wish.values()):
            raise ConfigError(tr("class_weight must be positive numbers; got {wish}", wish=dict(wish)))
        return np.array([wish[label] for label in labels.classes], dtype=np.float32)
    if labels.multiple:
        yes = encoded.mean(axis=0)
        return np.asarray((1 - yes) / np.maximum(yes, 1 / len(encoded)), dtype=np.float32)
    counts = np.bincount(encoded, minlength=len(labels.classes))
    return np.asarray(len(encoded) / (len(labels.classes) * np.maximum(counts, 1)), dtype=np.float32)
