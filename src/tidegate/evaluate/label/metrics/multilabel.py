"""Several labels at once: each is a yes or no of its own. M things, K labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.core.errors import DataError
from tidegate.evaluate.label.metrics.classes import PerClass, ratio
from tidegate.evaluate.label.metrics.probability import average_precision, mean_of_known, roc_auc

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


def flags_of(actual: ArrayLike, count: int | None = None, name: str = "actual") -> Flags:
    """Yes or no of every label, [M, K], checked.

    Raises:
        DataError: another shape, or values other than 0 and 1.
    """
    given = np.asarray(actual)
    if given.ndim != 2 or given.size == 0 or (count is not None and given.shape[1] != count):
        raise DataError(f"{name} labels have shape {given.shape}; expected [M, {'K' if count is None else count}]")
    if given.dtype.kind != "b" and not np.isin(given, (0, 1)).all():
        raise DataError(f"{name} labels must be true or false (1 or 0) for every label at once")
    return given.astype(bool)


def label_scores(actual: ArrayLike, predicted: ArrayLike) -> PerClass:
    """Precision, recall and F1 of every label.

    Args:
        actual: [M, K] bool. predicted: [M, K] bool.
    """
    y = flags_of(actual)
    chosen = flags_of(predicted, y.shape[1], "predicted")
    both, support, named = (y & chosen).sum(axis=0), y.sum(axis=0), chosen.sum(axis=0)
    return PerClass(ratio(both, named), ratio(both, support), ratio(2 * both, named + support), support, named)


def multilabel_scores(actual: ArrayLike, probabilities: ArrayLike, threshold: ArrayLike = 0.5) -> dict[str, float]:
    """Every metric of a multi-label prediction.

    Args:
        actual: [M, K] bool.
        probabilities: [M, K], each label's own; rows need not add up to 1.
        threshold: one, or [K]; a label is predicted where its probability reaches it.

    Returns:
        `exact` (share of things whose labels are all right), `hamming` (share of decisions that are wrong),
        `precision`, `recall` and `f1` with `_macro`, `_micro`, `_weighted` and, over things, `f1_samples`,
        `roc_auc` and `pr_auc` (mean over labels that have a value), `log_loss` and `brier` (mean over decisions).
    """
    y = flags_of(actual)
    p = np.asarray(probabilities, dtype=np.float64)
    if p.shape != y.shape or not np.isfinite(p).all():
        raise DataError(f"probabilities have shape {p.shape}; expected {y.shape}, all finite")
    chosen = p >= np.asarray(threshold, dtype=np.float64)
    found = label_scores(y, chosen)
    both, support, named = int((y & chosen).sum()), int(y.sum()), int(chosen.sum())
    weight = ratio(found.support, np.full(y.shape[1], max(support, 1)))
    out = {"exact": float((y == chosen).all(axis=1).mean()), "hamming": float((y != chosen).mean())}
    micro = {"precision": (both, named), "recall": (both, support), "f1": (2 * both, named + support)}
    for name, values in (("precision", found.precision), ("recall", found.recall), ("f1", found.f1)):
        part, whole = micro[name]
        out[f"{name}_macro"] = float(values.mean())
        out[f"{name}_micro"] = part / whole if whole else 0.0
        out[f"{name}_weighted"] = float(weight @ values)
    out["f1_samples"] = float(ratio(2 * (y & chosen).sum(axis=1), y.sum(axis=1) + chosen.sum(axis=1)).mean())
    out["roc_auc"] = mean_of_known(np.array([roc_auc(y[:, k], p[:, k]) for k in range(y.shape[1])]))
    out["pr_auc"] = mean_of_known(np.array([average_precision(y[:, k], p[:, k]) for k in range(y.shape[1])]))
    given = np.clip(np.where(y, p, 1.0 - p), np.finfo(np.float64).eps, 1.0)
    out["log_loss"] = float(-np.log(given).mean())
    out["brier"] = float(((p - y) ** 2).mean())
    return out
