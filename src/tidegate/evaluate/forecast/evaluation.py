"""The scores of a forecaster beside the baselines', and the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from tidegate.core.text import joined
from tidegate.core.translate import Language, tr
from tidegate.evaluate.evaluation import ScoreTable
from tidegate.evaluate.forecast.lagcopy import LagCopy
from tidegate.evaluate.intervals import held
from tidegate.evaluate.significance import DieboldMariano

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
