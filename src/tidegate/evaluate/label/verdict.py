"""The verdict on labels and numbers: whether the model is worth having, and what its score hides."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.evaluate.leaks.sequences import Leaks
from tidegate.evaluate.significance import FEW, FEWEST
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
