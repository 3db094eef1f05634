"""The verdict on a forecaster: its error beside the best baseline's, and whether that is credible."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tidegate.evaluate.significance import FEWEST, DieboldMariano
from tidegate.evaluate.verdict import LEVEL, RELATIVE_TIE, WORSE, Verdict, skill_of

WALK = 0.02  # more skill than this against repeat-last, on a random walk, is not credible
TOO_GOOD = 0.9  # more skill than this against the best baseline is not credible on anything


def decide(
    metric: str,
    model: float,
    baseline: str | None,
    reference: float,
    test: DieboldMariano | None,
    *,
    independent: int = 0,
    looks: int = 1,
    repeat_last: float | None = None,
    random_walk: bool = False,
    missing: Sequence[str] = (),
) -> Verdict:
    """The verdict on a model's error beside the best baseline's.

    Args:
        metric: what the errors are, "mae", "rmse", "mase" or "rmsse".
        model: the model's error.
        baseline: name of the best baseline; None where there is none.
        reference: its error.
        test: Diebold-Mariano test between the two; None where there is too little to test.
        independent: forecasts that do not overlap.
        looks: how many baselines the best was picked of. The luckiest of them makes a model look worse than it is, so
            that the p-value of a loss is multiplied by their number (Bonferroni); against a win it already counts.
        repeat_last: error of repeating the last value, for the random-walk warning.
        random_walk: whether the training part moves like a random walk.
        missing: baselines that cannot be computed here and were computed elsewhere: there is no verdict without them.
    """
    values: dict[str, Any] = {"metric": metric, "higher": False, "model": model}
    if baseline is None:
        return Verdict("alone", values)
    skill = skill_of(model, reference)
    values |= {"baseline": baseline, "reference": reference, "independent": independent, "needed": FEWEST, "p": None}
    if missing:
        return Verdict("missing", values | {"missing": tuple(missing)})
    if test is not None:
        values |= {"p": test.p_value, "independent": test.independent, "over": test.over}
        if math.isnan(test.p_value):
            values |= {"p": None, "effective": test.effective}
        elif skill < 0 and looks > 1:
            values |= {"p": min(1.0, looks * test.p_value), "looks": looks}
    warnings = []
    if repeat_last is not None and repeat_last > 0.0:
        values["skill_repeat_last"] = skill_of(model, repeat_last)
        if random_walk and values["skill_repeat_last"] > WALK:
            warnings.append("walk")
    if skill > TOO_GOOD:
        warnings.append("leak")
    return Verdict(_key(skill, reference, test, values["p"]), values, tuple(warnings))


def _key(skill: float, reference: float, test: DieboldMariano | None, p_value: float | None) -> str:
    if reference == 0.0:
        return "perfect" if skill == 0.0 else "exact"
    if abs(skill) < RELATIVE_TIE:
        return "tie"
    # A mean of ratios may lie on one side and the mean of losses on the other: then nothing is shown.
    agree = test is not None and math.copysign(1.0, test.mean) == -math.copysign(1.0, skill)
    if p_value is not None and p_value < LEVEL and agree:
        return "beats" if skill > 0 else "loses"
    if skill <= -WORSE:
        return "worse"
    if p_value is not None:
        return "chance"
    return "untested" if skill > 0 else "few"
