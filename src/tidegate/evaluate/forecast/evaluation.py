"""The scores of a forecaster beside the baselines', and the verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate.core.errors import DataError
from tidegate.core.names import method_name
from tidegate.core.notebook import Notebook
from tidegate.core.table import Note
from tidegate.core.text import aligned, joined, number
from tidegate.core.translate import Language, tr
from tidegate.evaluate.forecast.lagcopy import LagCopy
from tidegate.evaluate.significance import DieboldMariano
from tidegate.evaluate.verdict import Verdict, skill_cell

COLUMNS = ("mae", "rmse", "r2", "mape", "smape", "mase")
_HEADS = {"mae": "MAE", "rmse": "RMSE", "r2": "R²", "mape": "MAPE %", "smape": "sMAPE %", "mase": "MASE"}


@dataclass(frozen=True)
class Evaluation(Notebook):
    """How a model did on one part of the data, beside the baselines. M windows, K steps, C targets.

    Attributes:
        targets: [C] names of what was forecast.
        unit: of the targets, "" where unknown; all errors are in it.
        origins: M, how many windows were scored.
        horizon: K.
        season: steps in a cycle, of the MASE and RMSSE scale.
        criterion: the metric that ranks methods: "mae", or "mase" for several series or targets, whose sizes differ.
        methods: "model", then the baselines, best first.
        overall: method -> metric -> value: mae, rmse, mse, r2, mape, smape, mase, rmsse; for a model with quantiles
            also pinball (mean over the levels) and crps. NaN where a metric has no value.
        per_step: method -> [K] mean absolute error of each step ahead.
        per_target: target -> method -> mse, rmse, mae, r2, bias (mean of forecast minus actual).
        per_series: series -> method -> mean absolute error, of the model and the best baseline; at most 1,000 series.
        best_baseline: the baseline with the lowest criterion; None without baselines.
        skill: 1 - model / best baseline in the criterion; None without baselines.
        dm: Diebold-Mariano test of the model against the best baseline; None where it cannot be computed.
        coverage: nominal level of each central interval -> share of actual values inside.
        interval_width: the same levels -> mean width.
        quantile_share: quantile level -> share of actual values at or below its forecast.
        verdict: what to think of it.
        lag: whether the forecasts copy the last value, lag, or are shifted; None where that was not looked at.
        notes: what was left out, and why.
    """

    targets: tuple[str, ...]
    unit: str
    origins: int
    horizon: int
    season: int
    criterion: str
    methods: tuple[str, ...]
    overall: Mapping[str, Mapping[str, float]]
    per_step: Mapping[str, list[float]]
    per_target: Mapping[str, Mapping[str, Mapping[str, float]]]
    per_series: Mapping[str, Mapping[str, float]]
    best_baseline: str | None
    skill: float | None
    dm: DieboldMariano | None
    verdict: Verdict
    coverage: Mapping[float, float] = field(default_factory=dict)
    interval_width: Mapping[float, float] = field(default_factory=dict)
    quantile_share: Mapping[float, float] = field(default_factory=dict)
    lag: LagCopy | None = None
    notes: tuple[Note, ...] = ()

    def rows(self, lang: Language | None = None) -> list[list[str]]:
        """The table as text: a head, then a row per method with its metrics and the model's skill against it."""
        shown = [name for name in COLUMNS if any(math.isfinite(self.overall[m][name]) for m in self.methods)]
        head = [tr("method", lang), *(_HEADS[name] for name in shown), tr("skill %", lang)]
        table = [head]
        model = self.overall["model"][self.criterion]
        for method in self.methods:
            own = self.overall[method]
            skill = "" if method == "model" else skill_cell(model, own[self.criterion])
            table.append([method_name(method, lang), *(_cell(name, own[name]) for name in shown), skill])
        return table

    def table(self, lang: Language | None = None) -> str:
        """The table with aligned columns (Chinese characters count twice), the intervals' coverage and the verdict."""
        lines = aligned(self.rows(lang))
        for level, share in self.coverage.items():
            lines.append(
                tr(
                    "The {nominal} % interval holds {share} % of the actual values.",
                    lang,
                    nominal=f"{100 * level:g}",
                    share=f"{100 * share:.1f}",
                )
            )
        lines.extend(["", self.summary(lang)])
        return "\n".join(lines)

    def summary(self, lang: Language | None = None) -> str:
        """The verdict in words, and after it what the forecasts follow."""
        return joined([self.verdict.text(lang), "" if self.lag is None else self.lag.text(lang)], lang)

    def __str__(self) -> str:
        return self.table()

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, text, lists and mappings; values that do not exist are null."""
        return {
            "targets": list(self.targets),
            "unit": self.unit,
            "origins": self.origins,
            "horizon": self.horizon,
            "season": self.season,
            "criterion": self.criterion,
            "methods": list(self.methods),
            "overall": _plain(self.overall),
            "per_step": _plain(self.per_step),
            "per_target": _plain(self.per_target),
            "per_series": _plain(self.per_series),
            "best_baseline": self.best_baseline,
            "skill": self.skill,
            "dm": None if self.dm is None else self.dm.to_json(),
            "verdict": self.verdict.to_json(),
            "coverage": _plain(self.coverage),
            "interval_width": _plain(self.interval_width),
            "quantile_share": _plain(self.quantile_share),
            "lag": None if self.lag is None else self.lag.to_json(),
            "notes": [{"kind": note.kind, "message": note.message, "values": dict(note.values)} for note in self.notes],
        }

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Evaluation:
        """The evaluation that `to_json` wrote.

        Raises:
            DataError: a key is missing or unknown.
        """
        expected = set(cls.__dataclass_fields__)
        if set(state) != expected:
            odd = sorted(set(state) ^ expected)
            raise DataError(f"saved evaluation has missing or unknown keys {odd}; evaluate again with this version")
        dm = state["dm"]
        return cls(
            targets=tuple(state["targets"]),
            unit=state["unit"],
            origins=state["origins"],
            horizon=state["horizon"],
            season=state["season"],
            criterion=state["criterion"],
            methods=tuple(state["methods"]),
            overall=_restored(state["overall"]),
            per_step=_restored(state["per_step"]),
            per_target=_restored(state["per_target"]),
            per_series=_restored(state["per_series"]),
            best_baseline=state["best_baseline"],
            skill=state["skill"],
            dm=None if dm is None else DieboldMariano.from_json(dm),
            verdict=Verdict.from_json(state["verdict"]),
            coverage=_levels(state["coverage"]),
            interval_width=_levels(state["interval_width"]),
            quantile_share=_levels(state["quantile_share"]),
            lag=None if state["lag"] is None else LagCopy.from_json(state["lag"]),
            notes=tuple(Note(note["kind"], note["message"], note["values"]) for note in state["notes"]),
        )


def _cell(metric: str, value: float) -> str:
    return f"{value:.4f}" if metric == "r2" and math.isfinite(value) else number(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return float(value) if math.isfinite(value) else None


def _restored(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _restored(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_restored(item) for item in value]
    return math.nan if value is None else float(value)


def _levels(value: Mapping[str, Any]) -> dict[float, float]:
    return {float(level): _restored(item) for level, item in value.items()}
