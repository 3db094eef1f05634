"""Scores of several folds side by side: their mean, how far they spread, and one verdict over all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.names import method_name
from tidegate.core.notebook import Notebook
from tidegate.core.text import aligned, joined, number
from tidegate.core.translate import Language, tr
from tidegate.evaluate.forecast.compare import compare_losses
from tidegate.evaluate.forecast.evaluation import Evaluation
from tidegate.evaluate.forecast.verdict import decide
from tidegate.evaluate.significance import DieboldMariano, independent_windows
from tidegate.evaluate.verdict import Verdict, skill_cell

Array = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class FoldScores:
    """What one fold contributes.

    Attributes:
        evaluation: its scores beside its own baselines.
        losses: method -> [M] mean error of each window, in its series' scale where methods are ranked by MASE.
        series: [M] which series each window belongs to. positions: [M] when it begins, on the clock of all folds.
        walk: whether its training part moves like a random walk.
    """

    evaluation: Evaluation
    losses: Mapping[str, Array]
    series: Rows
    positions: Rows
    walk: bool


@dataclass(frozen=True, repr=False)
class Spread(Notebook):
    """How methods did over the folds.

    Attributes:
        criterion: the metric that ranks methods, "mae" or "mase".
        methods: "model", then the baselines that every fold has, best first.
        per_fold: method -> metric -> one value for each fold.
        best_baseline: the baseline with the lowest mean criterion.
        wins: folds in which the model's criterion is below that of `best_baseline`.
        dm: Diebold-Mariano test against it, over the windows of all folds; None where it cannot be computed.
        verdict: what to think of the model.
    """

    criterion: str
    methods: tuple[str, ...]
    per_fold: Mapping[str, Mapping[str, Sequence[float]]]
    best_baseline: str | None
    wins: int
    dm: DieboldMariano | None
    verdict: Verdict

    @property
    def folds(self) -> int:
        """How many folds there are."""
        return len(self.per_fold["model"][self.criterion])

    def mean(self, method: str, metric: str | None = None) -> float:
        """Mean over the folds that have a value."""
        return _over(np.mean, self.per_fold[method][metric or self.criterion])

    def deviation(self, method: str, metric: str | None = None) -> float:
        """Standard deviation over the folds (n - 1); NaN for fewer than two."""
        values = _finite(self.per_fold[method][metric or self.criterion])
        return float(np.std(values, ddof=1)) if values.size > 1 else math.nan

    def rows(self, lang: Language | None = None) -> list[list[str]]:
        """The table as text: a head, then a row per method: mean, spread, each fold's range, the model's skill."""
        name = self.criterion.upper()
        head = [tr("method", lang), name, tr("± over folds", lang), tr("lowest", lang), tr("highest", lang)]
        table = [[*head, "RMSE", tr("skill %", lang)]]
        model = self.mean("model")
        for method in self.methods:
            own = _finite(self.per_fold[method][self.criterion])
            skill = "" if method == "model" else skill_cell(model, self.mean(method))
            ends = [number(float(own.min())), number(float(own.max()))] if own.size else ["-", "-"]
            spread = number(self.deviation(method))
            table.append(
                [
                    method_name(method, lang),
                    number(self.mean(method)),
                    spread,
                    *ends,
                    number(self.mean(method, "rmse")),
                    skill,
                ]
            )
        return table

    def text(self, lang: Language | None = None) -> str:
        """The verdict in words, and in how many folds the model was ahead."""
        words = self.verdict.text(lang)
        if self.best_baseline is None:
            return words
        ahead = tr("It was ahead of that baseline in {wins} of {folds} folds.", lang, wins=self.wins, folds=self.folds)
        return joined([words, ahead], lang)

    def table(self, lang: Language | None = None) -> str:
        """The table with aligned columns, and the verdict."""
        return "\n".join([*aligned(self.rows(lang)), "", self.text(lang)])

    def __str__(self) -> str:
        return self.table()

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, text, lists and mappings; values that do not exist are null."""
        return {
            "criterion": self.criterion,
            "methods": list(self.methods),
            "per_fold": {
                method: {name: [_null(value) for value in values] for name, values in metrics.items()}
                for method, metrics in self.per_fold.items()
            },
            "best_baseline": self.best_baseline,
            "wins": self.wins,
            "dm": None if self.dm is None else self.dm.to_json(),
            "verdict": self.verdict.to_json(),
        }


def spread_over(folds: Sequence[FoldScores], horizon: int) -> Spread:
    """Join the scores of folds.

    Args:
        folds: at least one. horizon: K, steps of one window, for the test's correlated neighbours.
    """
    first = folds[0].evaluation
    criterion = first.criterion
    shared = [name for name in first.methods if all(name in fold.evaluation.overall for fold in folds)]
    per_fold = {
        name: {
            metric: [fold.evaluation.overall[name].get(metric, math.nan) for fold in folds]
            for metric in first.overall[name]
        }
        for name in shared
    }
    means = {name: _over(np.mean, per_fold[name][criterion]) for name in shared}
    ranked = sorted((name for name in shared if name != "model"), key=lambda name: means[name])
    best = ranked[0] if ranked else None
    test = None if best is None else _test(folds, best, horizon)
    wins = 0
    if best is not None:
        pairs = zip(per_fold["model"][criterion], per_fold[best][criterion], strict=True)
        wins = sum(own < other for own, other in pairs)
    verdict = decide(
        criterion,
        means["model"],
        best,
        means[best] if best is not None else math.nan,
        test,
        independent=independent_windows(np.concatenate([fold.positions for fold in folds]), horizon),
        looks=len(ranked),
        repeat_last=means.get("repeat_last"),
        random_walk=all(fold.walk for fold in folds),
    )
    return Spread(criterion, ("model", *ranked), per_fold, best, wins, test, verdict)


def _test(folds: Sequence[FoldScores], best: str, horizon: int) -> DieboldMariano | None:
    """The test over the windows of all folds; a window that two folds forecast counts once, with its mean loss."""
    joined = [np.concatenate([fold.losses[name] for fold in folds]) for name in ("model", best)]
    series = np.concatenate([fold.series for fold in folds])
    positions = np.concatenate([fold.positions for fold in folds])
    return compare_losses(joined[0], joined[1], series, positions, horizon)


def _finite(values: Sequence[float]) -> Array:
    array = np.asarray(values, dtype=np.float64)
    return array[np.isfinite(array)]


def _over(function: Any, values: Sequence[float]) -> float:
    kept = _finite(values)
    return float(function(kept)) if kept.size else math.nan


def _null(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
