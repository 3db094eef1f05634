"""The scores of a forecaster beside the baselines', and the verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tidegate.core.text import joined
from tidegate.core.translate import Language, tr
from tidegate.evaluate.evaluation import ScoreTable
from tidegate.evaluate.forecast.lagcopy import LagCopy
from tidegate.evaluate.intervals import held
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


BY_STEP = "By step ahead the {nominal} % interval holds {least} % (step {low}) to {most} % (step {high})."


@dataclass(frozen=True, kw_only=True, repr=False)
class Evaluation(ScoreTable):
    """How a model did on one part of the data, beside the baselines. M windows, K steps, C targets.

    Attributes:
        targets: [C] names of what was forecast.
        unit: of the targets, "" where unknown; all errors are in it.
        origins: M, how many windows were scored.
        horizon: K.
        season: steps in a cycle, of the MASE and RMSSE scale.
        criterion: the metric that ranks methods: "mae", or "mase" for several series or targets, whose sizes differ;
            "rmse" or "rmsse" where demand is intermittent.
        methods: "model", then the baselines, best first.
        overall: method -> metric -> value: mae, rmse, mse, r2, mape, smape, mase, rmsse; for a model with quantiles
            also pinball (mean over the levels) and crps. NaN where a metric has no value.
        per_step: method -> [K] mean absolute error of each step ahead.
        per_target: target -> method -> mse, rmse, mae, r2, bias (mean of forecast minus actual).
        per_series: series -> method -> mean absolute error, of the model and the best baseline; at most 1,000 series.
        best_baseline: the baseline with the lowest criterion; None without baselines.
        skill: 1 - model / best baseline in the criterion; None without baselines, or beside one without error.
        dm: Diebold-Mariano test of the model against the best baseline; None where it cannot be computed.
        coverage: nominal level of each central interval -> share of actual values inside.
        coverage_per_step: the same levels -> [K] the same of each step ahead.
        interval_width: the same levels -> mean width.
        quantile_share: quantile level -> share of actual values at or below its forecast.
        verdict: what to think of it.
        lag: whether the forecasts copy the last value, lag, or are shifted; None where that was not looked at.
        notes: what was left out, and why.
    """

    COLUMNS = ("mae", "rmse", "r2", "mape", "smape", "mase")

    targets: tuple[str, ...]
    unit: str
    origins: int
    horizon: int
    season: int
    per_step: Mapping[str, list[float]]
    per_target: Mapping[str, Mapping[str, Mapping[str, float]]]
    per_series: Mapping[str, Mapping[str, float]]
    dm: DieboldMariano | None
    coverage: Mapping[float, float] = field(default_factory=dict)
    coverage_per_step: Mapping[float, list[float]] = field(default_factory=dict)
    interval_width: Mapping[float, float] = field(default_factory=dict)
    quantile_share: Mapping[float, float] = field(default_factory=dict)
    lag: LagCopy | None = None

    def details(self, lang: Language | None = None) -> list[str]:
        """What share each interval holds, and where it holds least and most."""
        found = held(self.coverage, lang)
        for level, shares in self.coverage_per_step.items():
            if len(shares) > 1:
                low, high = (int(at(shares)) for at in (np.argmin, np.argmax))
                values = {"least": f"{100 * shares[low]:.1f}", "most": f"{100 * shares[high]:.1f}"}
                found.append(tr(BY_STEP, lang, nominal=f"{100 * level:g}", low=low + 1, high=high + 1, **values))
        return found

    def summary(self, lang: Language | None = None) -> str:
        """The verdict in words, and after it what the forecasts follow."""
        return joined([self.verdict.text(lang), "" if self.lag is None else self.lag.text(lang)], lang)
