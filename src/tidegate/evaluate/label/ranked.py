"""What follows for every kind of label from the scores of all methods and from the same resamples of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.evaluate.evaluation import MODEL
from tidegate.evaluate.label.verdict import Comparison
from tidegate.evaluate.significance import interval

Array = NDArray[np.float64]
Scores = Mapping[str, Mapping[str, float]]


class Ranked(NamedTuple):
    """The model beside its baselines; the fields are those of an evaluation."""

    criterion: str
    methods: tuple[str, ...]
    overall: Scores
    intervals: dict[str, dict[str, tuple[float, float]]]
    difference: dict[str, tuple[float, float, float]]
    best_baseline: str | None


def rank(
    overall: Scores,
    drawn: Mapping[str, Mapping[str, Array]],
    criterion: str,
    units: int,
    *,
    higher: bool = True,
    compared: Sequence[str] | None = None,
) -> Ranked:
    """Rank methods, and see how far chance may carry their scores.

    Args:
        overall: method -> metric -> value. drawn: the same of each resample, the same resamples for every method.
        criterion: what methods are ranked by. units: how many things or groups were drawn.
        higher: whether more of the criterion is better.
        compared: metrics whose difference from the best baseline is wanted; None takes all that were drawn.
    """
    others = [name for name in overall if name != MODEL]
    order = sorted(others, key=lambda name: -overall[name][criterion] if higher else overall[name][criterion])
    best = order[0] if order else None
    intervals = {name: {metric: interval(v, units) for metric, v in found.items()} for name, found in drawn.items()}
    difference = {}
    if best is not None:
        for metric in drawn[MODEL] if compared is None else compared:
            low, high = interval(drawn[MODEL][metric] - drawn[best][metric], units)
            difference[metric] = (overall[MODEL][metric] - overall[best][metric], low, high)
    return Ranked(criterion, (MODEL, *order), overall, intervals, difference, best)


def comparison(found: Ranked, units: tuple[str, int], *, higher: bool = True, p: float | None = None) -> Comparison:
    """The model beside the best baseline, for a verdict; `units` and `p` as of `Comparison`."""
    main, best = found.criterion, found.best_baseline
    _, low, high = found.difference[main] if best is not None else (np.nan, np.nan, np.nan)
    reference = found.overall[best][main] if best is not None else float("nan")
    ends = (low, high) if higher else (-high, -low)
    return Comparison(main, higher, found.overall[MODEL][main], best, reference, *ends, *units, p)


def by_class(found: Any, roc: ArrayLike, precision: ArrayLike, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Class -> precision, recall, f1, support, predicted, roc_auc, pr_auc.

    Args:
        found: the first five, [K] each. roc, precision: [K] areas. names: [K].
    """
    areas = {"roc_auc": np.asarray(roc), "pr_auc": np.asarray(precision)}
    columns = ("precision", "recall", "f1", "support", "predicted")
    return {
        name: {
            **{column: float(getattr(found, column)[k]) for column in columns},
            **{area: float(values[k]) for area, values in areas.items()},
        }
        for k, name in enumerate(names)
    }
