"""How often the right class was named: pure functions of labels. M labelled things, K classes numbered from 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.core.errors import DataError

Array = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class PerClass:
    """Scores of each class; 0 where a ratio has nothing to divide by.

    Attributes:
        precision: [K] of those predicted to be the class, the share that are.
        recall: [K] of those that are the class, the share found.
        f1: [K] harmonic mean of both.
        support: [K] how many are of the class.
        predicted: [K] how many were predicted to be.
    """

    precision: Array
    recall: Array
    f1: Array
    support: Labels
    predicted: Labels


def labels_of(actual: ArrayLike, count: int, name: str = "actual") -> Labels:
    """Class numbers [M], checked.

    Raises:
        DataError: not one axis, empty, not whole numbers, or a number outside 0 to count - 1.
    """
    given = np.asarray(actual)
    if given.ndim != 1 or given.size == 0:
        raise DataError(f"{name} labels have shape {given.shape}; expected [M] with M at least 1")
    if given.dtype.kind not in "iub":
        raise DataError(f"{name} labels are of type {given.dtype}; expected whole numbers from 0 to {count - 1}")
    numbers = given.astype(np.int64)
    odd = numbers[(numbers < 0) | (numbers >= count)]
    if odd.size:
        raise DataError(
            f"{odd.size} {name} labels lie outside 0 to {count - 1}, the first is {odd[0]}; give a label that training "
            "never saw a class of its own, with probability 0"
        )
    return numbers


def confusion(actual: ArrayLike, predicted: ArrayLike, count: int) -> Labels:
    """[K, K] how often class i (row) was called class j (column).

    Args:
        actual: [M] true classes.
        predicted: [M] what was predicted.
        count: K.

    Raises:
        DataError: shapes differ, or a number is no class.

    >>> confusion([0, 1, 1], [0, 0, 1], 2).tolist()
    [[1, 0], [1, 1]]
    """
    y, chosen = labels_of(actual, count), labels_of(predicted, count, "predicted")
    if y.shape != chosen.shape:
        raise DataError(f"there are {y.size} actual labels and {chosen.size} predicted ones; expected as many")
    return np.bincount(y * count + chosen, minlength=count * count).reshape(count, count).astype(np.int64)


def accuracy(matrix: ArrayLike) -> float:
    """Share of all that were called by their name: the diagonal of a confusion matrix over its sum."""
    table = np.asarray(matrix, dtype=np.float64)
    return float(np.trace(table) / table.sum())


def balanced_accuracy(matrix: ArrayLike) -> float:
    """Mean recall of the classes that occur: every class weighs the same, however rare.

    Source: Brodersen et al. (2010), doi:10.1109/ICPR.2010.764.
    """
    table = np.asarray(matrix, dtype=np.float64)
    support = table.sum(axis=1)
    seen = support > 0
    return float(np.mean(np.diagonal(table)[seen] / support[seen]))


def per_class(matrix: ArrayLike) -> PerClass:
    """Precision, recall and F1 of every class of a confusion matrix.

    precision = right / predicted to be;   recall = right / are;   F1 = 2 right / (predicted to be + are)
    """
    table = np.asarray(matrix, dtype=np.int64)
    right, support, chosen = np.diagonal(table), table.sum(axis=1), table.sum(axis=0)
    return PerClass(ratio(right, chosen), ratio(right, support), ratio(2 * right, chosen + support), support, chosen)


def averages(matrix: ArrayLike) -> dict[str, float]:
    """Precision, recall and F1 over the classes, as macro, micro and weighted averages.

    Macro is the plain mean over the classes that occur or were predicted; micro counts all decisions together, which
    with one label for each is the accuracy; weighted weighs a class by how often it occurs.

    Returns:
        `precision_macro`, `recall_macro`, `f1_macro`, the same with `_micro` and `_weighted`.
    """
    found = per_class(matrix)
    seen = (found.support > 0) | (found.predicted > 0)
    weight = found.support / found.support.sum()
    share = accuracy(matrix)
    out: dict[str, float] = {}
    for name, values in (("precision", found.precision), ("recall", found.recall), ("f1", found.f1)):
        out[f"{name}_macro"] = float(np.mean(values[seen]))
        out[f"{name}_micro"] = share
        out[f"{name}_weighted"] = float(weight @ values)
    return out


def ratio(part: NDArray[Any], whole: NDArray[Any]) -> Array:
    """Part over whole, 0 where the whole is 0."""
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), 0.0)
