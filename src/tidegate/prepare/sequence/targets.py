"""What a network is to predict for a sequence, as numbers: classes by their place, quantities scaled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ArtifactError, DataError
from tidegate.core.translate import tr

Label = str | int | float | bool
MOST_CLASSES = 10_000
SHOWN = 5


@dataclass(frozen=True)
class ClassLabels:
    """Classes in their order, found in the training part.

    Attributes:
        classes: [K], sorted; of one kind (text, whole numbers, booleans or numbers).
        multiple: whether a sequence may have several at once; labels are then [M, K] bool.
        name: of the column.
    """

    classes: tuple[Label, ...]
    multiple: bool = False
    name: str = "label"

    @classmethod
    def fit(cls, labels: NDArray[Any], names: Sequence[str] = ()) -> ClassLabels:
        """Find the classes.

        Args:
            labels: [M] labels of the training part, or [M, K] bool. names: [K] of several labels, else the column's.

        Raises:
            DataError: a label is missing, there is one class only, or too many.
        """
        if labels.ndim == 2:
            found = tuple(names) if len(names) == labels.shape[1] else tuple(str(k) for k in range(labels.shape[1]))
            return cls(found, True, "labels")
        name = names[0] if names else "label"
        missing = np.array([_missing(label) for label in labels.tolist()], dtype=np.bool_)
        if missing.any():
            message = (
                "{bad} of {count} labels in {name!r} are missing, the first at place {first}: leave those sequences "
                "out, or label them"
            )
            raise DataError(
                tr(message, bad=int(missing.sum()), count=len(labels), name=name, first=int(np.flatnonzero(missing)[0]))
            )
        kinds = {type(label) for label in labels.tolist()}
        classes = sorted(set(labels.tolist())) if len(kinds) == 1 else sorted({str(label) for label in labels.tolist()})
        if len(classes) < 2:
            message = (
                "the training part has one class only in {name!r}, {classes!r}: a classifier needs two or more. Check "
                "the label column, and the split if the data are sorted by class"
            )
            raise DataError(tr(message, name=name, classes=classes[0]))
        if len(classes) > MOST_CLASSES:
            message = (
                "{name!r} has {count} classes, more than {most_classes}: are these numbers to estimate? Then use a "
                "Regressor"
            )
            raise DataError(tr(message, name=name, count=len(classes), most_classes=MOST_CLASSES))
        return cls(tuple(classes), False, name)

    def encode(self, labels: NDArray[Any]) -> NDArray[Any]:
        """[M] places among the classes, int64; [M, K] float32 of zeros and ones where there may be several.

        Raises:
            DataError: a label that the training part had not.
        """
        if self.multiple:
            if labels.ndim != 2 or labels.shape[1] != len(self.classes):
                message = "labels have shape {shape}, expected one column for each of {classes}"
                raise DataError(tr(message, shape=labels.shape, classes=self.classes))
            return labels.astype(np.float32)
        place = {label: index for index, label in enumerate(self.classes)}
        text = isinstance(self.classes[0], str)
        own = [str(label) if text else label for label in labels.tolist()]
        unseen = sorted({str(label) for label in own if label not in place})
        if unseen:
            shown = ", ".join(unseen[:SHOWN]) + (" ..." if len(unseen) > SHOWN else "")
            raise DataError(
                tr(
                    "{name!r} has labels that the training part had not: {shown}. It had {classes}{shown2}. "
                    "Leave those sequences out, or train with some of them",
                    name=self.name,
                    shown=shown,
                    classes=", ".join(str(label) for label in self.classes[:SHOWN]),
                    shown2=" ..." * (len(self.classes) > SHOWN),
                )
            )
        return np.array([place[label] for label in own], dtype=np.int64)

    def decode(self, places: NDArray[np.integer]) -> NDArray[Any]:
        """Labels of the classes at these places, same shape."""
        kind = object if isinstance(self.classes[0], str) else None
        return np.asarray(np.array(self.classes, dtype=kind)[places])

    @property
    def outputs(self) -> int:
        """O of the network: one for each class."""
        return len(self.classes)

    @property
    def names(self) -> tuple[str, ...]:
        """[K] classes as text."""
        return tuple(str(label) for label in self.classes)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "classes", "classes": list(self.classes), "multiple": self.multiple, "name": self.name}


@dataclass(frozen=True)
class NumberLabels:
    """Quantities to estimate, standardised by the training part.

    Attributes:
        label_names: [P]. offset, scale: [P], in the quantities' own units; value = scaled * scale + offset.
        steps: K where they are a series of K rows, one row after another; 0 where not.
    """

    label_names: tuple[str, ...]
    offset: tuple[float, ...]
    scale: tuple[float, ...]
    steps: int = 0

    @classmethod
    def fit(cls, labels: NDArray[Any], names: Sequence[str] = ()) -> NumberLabels:
        """Measure the training part's labels, [M] or [M, P].

        Raises:
            DataError: a label is no finite number, or all are the same.
        """
        values = as_numbers(labels, names)
        named = tuple(names) if len(names) == values.shape[1] else tuple(f"y{p}" for p in range(values.shape[1]))
        spread = values.std(axis=0)
        if not (spread > 0).all():
            constant = named[int(np.argmin(spread))]
            message = "{constant!r} is the same for all sequences of the training part: there is nothing to learn"
            raise DataError(tr(message, constant=constant))
        return cls(named, tuple(values.mean(axis=0).tolist()), tuple(spread.tolist()))

    def encode(self, labels: NDArray[Any]) -> NDArray[np.float32]:
        """[M, P] scaled."""
        values = as_numbers(labels, self.label_names)
        return np.asarray((values - np.array(self.offset)) / np.array(self.scale), dtype=np.float32)

    def decode(self, scaled: NDArray[Any]) -> NDArray[np.float64]:
        """[..., P] in the quantities' own units."""
        return np.asarray(np.asarray(scaled, np.float64) * np.array(self.scale) + np.array(self.offset))

    def shaped(self, values: NDArray[Any]) -> NDArray[Any]:
        """Quantities [M, P] as the labels came: [M] of one, [M, P], or series [M, K, D]."""
        if self.steps:
            return values.reshape(len(values), self.steps, -1)
        return values[:, 0] if values.shape[1] == 1 else values

    @property
    def outputs(self) -> int:
        """O of the network: one for each quantity."""
        return len(self.label_names)

    @property
    def names(self) -> tuple[str, ...]:
        """[P] names of the quantities."""
        return self.label_names

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": "numbers",
            "names": list(self.label_names),
            "offset": list(self.offset),
            "scale": list(self.scale),
            **({"steps": self.steps} if self.steps else {}),
        }


def as_numbers(labels: NDArray[Any], names: Sequence[str] = ()) -> NDArray[np.float64]:
    """[M, P] labels as numbers.

    Raises:
        DataError: one is missing, infinite or no number.
    """
    named = repr(names[0]) if len(names) == 1 else "the labels"
    try:
        values = np.asarray(labels, dtype=np.float64)
    except (TypeError, ValueError) as error:
        message = "{named} must be numbers for a Regressor: {error}; use a Classifier for classes"
        raise DataError(tr(message, named=named, error=error)) from error
    values = values[:, None] if values.ndim == 1 else values
    wrong = ~np.isfinite(values).all(axis=1)
    if wrong.any():
        place = int(np.flatnonzero(wrong)[0])
        message = (
            "{bad} of {count} values in {named} are missing or infinite, the first at place {place}: leave those "
            "sequences out, or give them a value"
        )
        raise DataError(tr(message, bad=int(wrong.sum()), count=len(values), named=named, place=place))
    return values


Labels = ClassLabels | NumberLabels


def read_labels(state: Mapping[str, Any]) -> Labels:
    """What `to_json` wrote.

    Raises:
        ArtifactError: anything missing, of the wrong type, or not finite.
    """
    try:
        if state["kind"] == "classes":
            classes = tuple(state["classes"])
            good = len(classes) >= 1 and len(set(classes)) == len(classes) <= MOST_CLASSES
            if good and all(isinstance(label, (str, int, float, bool)) for label in classes):
                return ClassLabels(classes, bool(state["multiple"]), str(state["name"]))
        elif state["kind"] == "numbers":
            names, offset, scale = (tuple(state[key]) for key in ("names", "offset", "scale"))
            finite = all(isinstance(v, float) and np.isfinite(v) for v in (*offset, *scale))
            steps = state.get("steps", 0)
            whole = type(steps) is int and (steps == 0 or (steps > 0 and len(names) % steps == 0))
            if finite and whole and len(names) == len(offset) == len(scale) >= 1 and all(v > 0 for v in scale):
                return NumberLabels(tuple(str(name) for name in names), offset, scale, steps)
    except (KeyError, TypeError) as error:
        raise ArtifactError(f"preparation.json: labels cannot be read: {error}") from error
    raise ArtifactError("preparation.json: labels are of an unknown kind, empty, doubled or not finite")


def _missing(label: Any) -> bool:
    return label is None or (isinstance(label, float) and np.isnan(label)) or label == ""
