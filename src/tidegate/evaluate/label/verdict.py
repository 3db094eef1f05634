"""The verdict on labels and numbers, and what follows for every kind of label from resamples of all methods."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.evaluate.evaluation import MODEL
from tidegate.evaluate.leaks.sequences import Leaks
from tidegate.evaluate.significance import FEW, FEWEST, interval
from tidegate.evaluate.verdict import LEVEL, RELATIVE_TIE, WORSE, Verdict

TIE = 0.005  # a difference in a share smaller than this, either way, is no difference worth having
COPIES = 0.01  # share of test things with a copy in the training part from which on they matter


@dataclass(frozen=True)
class Comparison:
    """The model beside the best baseline, ready for a verdict.

    Attributes:
        metric, higher: what is compared. model, baseline, reference: its values and the baseline's name.
        low, high: interval of how much better the model is (of model - reference where higher is better, of
            reference - model where lower is).
        units: "things", "groups" or "steps" were drawn, `count` of them.
        p: of McNemar's test, None where it does not apply.
    """

    metric: str
    higher: bool
    model: float
    baseline: str | None
    reference: float
    low: float
    high: float
    units: str
    count: int
    p: float | None = None

    @property
    def gain(self) -> float:
        """How much better the model is, in the metric's own unit."""
        return self.model - self.reference if self.higher else self.reference - self.model


def decide(
    found: Comparison,
    *,
    things: int,
    sequences: int,
    leaks: Leaks | None = None,
    remarks: tuple[str, ...] = (),
    extra: Mapping[str, Any] | None = None,
) -> Verdict:
    """The verdict on a comparison.

    Args:
        found: the model beside the best baseline.
        things: how many labels or numbers were scored, of how many `sequences`.
        leaks: how many of these sequences the training part has a copy of, or has seen the group of.
        remarks: keys of what else must be said; `extra` fills them.
    """
    values: dict[str, Any] = {"metric": found.metric, "higher": found.higher, "model": found.model}
    values |= {"count": things, "sequences": sequences}
    values |= dict(extra or {})
    warnings = []
    copies, shared = (0, 0) if leaks is None else (leaks.copies, leaks.shared)
    if copies > COPIES * sequences:
        warnings.append("copies")
        values["copies"] = copies
    if shared > 0:
        warnings.append("groups")
        values["shared"] = shared
    if found.baseline is None:
        return Verdict("alone", values, tuple(warnings), remarks)
    values |= {
        "baseline": found.baseline,
        "reference": found.reference,
        "low": found.low,
        "high": found.high,
        "units": found.units,
        "unit_count": found.count,
        "p": found.p,
    }
    return Verdict(_key(found), values, tuple(warnings), remarks)


def _key(found: Comparison) -> str:
    if found.reference == (1.0 if found.higher else 0.0):  # a baseline that never errs
        if found.gain == 0.0:
            return "perfect"
        if found.count >= FEWEST:
            return "tie" if found.higher and found.gain > -TIE else "exact"
    limit = TIE if found.higher else RELATIVE_TIE * abs(found.reference)
    few = found.count < (FEW if found.units == "things" else FEWEST)
    clear = math.isfinite(found.low) and (found.low > 0 or found.high < 0)
    if found.p is not None and found.p >= LEVEL:
        clear = False
    if not clear and found.gain <= -WORSE * (1.0 if found.higher else found.reference):
        return "worse"
    if few and not clear:
        return "few"
    if abs(found.gain) < limit:
        return "tie"
    return "chance" if not clear else "beats" if found.gain > 0 else "loses"


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
