"""Scores of several folds side by side: their mean, how far they spread, and one verdict over all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.names import method_name, metric_name
from tidegate.core.text import aligned, joined, number
from tidegate.core.translate import Language, tr
from tidegate.evaluate.evaluation import MODEL, Saved, ScoreTable
from tidegate.evaluate.forecast.evaluate import compare_losses
from tidegate.evaluate.forecast.evaluation import Evaluation, decide
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


@dataclass(frozen=True, kw_only=True, repr=False)
class OverFolds(Saved):
    """How methods did over the folds; print it for the table.

    Attributes:
        criterion: the metric that ranks methods. higher: whether more of it is better.
        methods: "model", then the baselines that every fold has, best first by their mean.
        per_fold: method -> metric -> a value for each fold; NaN where a fold has none.
    """

    criterion: str
    higher: bool
    methods: tuple[str, ...]
    per_fold: Mapping[str, Mapping[str, tuple[float, ...]]]

    @staticmethod
    def gather(evaluations: Sequence[ScoreTable], criterion: str, *, higher: bool = False) -> dict[str, Any]:
        """These fields, from the scores of at least one fold."""
        shared = [name for name in evaluations[0].methods if all(name in own.overall for own in evaluations)]
        per_fold = {
            name: {
                metric: tuple(float(own.overall[name].get(metric, math.nan)) for own in evaluations)
                for metric in evaluations[0].overall[name]
            }
            for name in shared
        }
        means = {name: _mean(per_fold[name][criterion]) for name in shared if name != MODEL}
        methods = (MODEL, *sorted(means, key=lambda name: means[name], reverse=higher))
        return {"criterion": criterion, "higher": higher, "methods": methods, "per_fold": per_fold}

    @property
    def folds(self) -> int:
        """How many folds there are."""
        return len(self.per_fold[MODEL][self.criterion])

    @property
    def best_baseline(self) -> str | None:
        """The baseline with the best mean; None without any."""
        return self.methods[1] if len(self.methods) > 1 else None

    def mean(self, method: str = MODEL, metric: str | None = None) -> float:
        """Mean over the folds that have a value."""
        return _mean(self.per_fold[method][metric or self.criterion])

    def deviation(self, method: str = MODEL, metric: str | None = None) -> float:
        """Standard deviation over the folds (n - 1); NaN for fewer than two."""
        known = _finite(self.per_fold[method][metric or self.criterion])
        return float(np.std(known, ddof=1)) if known.size > 1 else math.nan

    def wins(self, method: str) -> int:
        """Folds in which the model is ahead of a baseline."""
        sign = 1 if self.higher else -1
        pairs = zip(self.per_fold[MODEL][self.criterion], self.per_fold[method][self.criterion], strict=True)
        return sum(sign * own > sign * other for own, other in pairs)

    def rows(self, lang: Language | None = None) -> list[list[str]]:
        """The table as text: a head, then a row per method with its mean, deviation and range, and `beside`."""
        name = metric_name(self.criterion, lang)
        head = [tr("method", lang), name, tr("± over folds", lang), tr("lowest", lang), tr("highest", lang)]
        table = [[*head, *self.beside(None, lang)]]
        for method in self.methods:
            known = _finite(self.per_fold[method][self.criterion])
            values = [self.mean(method), self.deviation(method)]
            ends = [self.shown(float(known.min())), self.shown(float(known.max()))] if known.size else ["-", "-"]
            cells = [*(self.shown(value) for value in values), *ends]
            table.append([method_name(method, lang), *cells, *self.beside(method, lang)])
        return table

    def beside(self, method: str | None, lang: Language | None) -> list[str]:
        """Further cells of a method's row; of the head, for None."""
        raise NotImplementedError

    def shown(self, value: float) -> str:
        """A value of the table as text."""
        return number(value)

    def text(self, lang: Language | None = None) -> str:
        """What came of it, in words."""
        raise NotImplementedError

    def table(self, lang: Language | None = None) -> str:
        """The table with aligned columns, and what came of it."""
        return "\n".join([*aligned(self.rows(lang)), "", self.text(lang)])

    def __str__(self) -> str:
        return self.table()


@dataclass(frozen=True, kw_only=True, repr=False)
class Spread(OverFolds):
    """How a forecaster and its baselines did over the folds of a backtest.

    Attributes:
        dm: Diebold-Mariano test against the best baseline, over the windows of all folds; None where it cannot be
            computed.
        verdict: what to think of the model.
    """

    dm: DieboldMariano | None
    verdict: Verdict

    def beside(self, method: str | None, lang: Language | None) -> list[str]:
        """The RMSE, and the share of a baseline's error that the model saves."""
        if method is None:
            return ["RMSE", tr("skill %", lang)]
        skill = "" if method == MODEL else skill_cell(self.mean(), self.mean(method))
        return [number(self.mean(method, "rmse")), skill]

    def text(self, lang: Language | None = None) -> str:
        """The verdict in words, and in how many folds the model was ahead."""
        words, best = self.verdict.text(lang), self.best_baseline
        if best is None:
            return words
        ahead = tr(
            "It was ahead of that baseline in {wins} of {folds} folds.", lang, wins=self.wins(best), folds=self.folds
        )
        return joined([words, ahead], lang)

    def to_json(self) -> dict[str, Any]:
        """Plain values by field name, with the best baseline and the folds in which the model is ahead of it."""
        best = self.best_baseline
        return {**super().to_json(), "best_baseline": best, "wins": 0 if best is None else self.wins(best)}


def spread_over(folds: Sequence[FoldScores], horizon: int) -> Spread:
    """Join the scores of a backtest's folds.

    Args:
        folds: at least one. horizon: K, steps of one window, for the test's correlated neighbours.
    """
    evaluations = [fold.evaluation for fold in folds]
    gathered = OverFolds.gather(evaluations, evaluations[0].criterion)
    found = OverFolds(**gathered)
    best = found.best_baseline
    test = None if best is None else _test(folds, best, horizon)
    verdict = decide(
        found.criterion,
        found.mean(),
        best,
        math.nan if best is None else found.mean(best),
        test,
        independent=independent_windows(np.concatenate([fold.positions for fold in folds]), horizon),
        looks=len(found.methods) - 1,
        repeat_last=found.mean("repeat_last") if "repeat_last" in found.methods else None,
        random_walk=all(fold.walk for fold in folds),
    )
    return Spread(**gathered, dm=test, verdict=verdict)


def _test(folds: Sequence[FoldScores], best: str, horizon: int) -> DieboldMariano | None:
    """The test over the windows of all folds; a window that two folds forecast counts once, with its mean loss."""
    joined = [np.concatenate([fold.losses[name] for fold in folds]) for name in ("model", best)]
    series = np.concatenate([fold.series for fold in folds])
    positions = np.concatenate([fold.positions for fold in folds])
    return compare_losses(joined[0], joined[1], series, positions, horizon)


def _finite(values: Sequence[float]) -> Array:
    array = np.asarray(values, dtype=np.float64)
    return array[np.isfinite(array)]


def _mean(values: Sequence[float]) -> float:
    kept = _finite(values)
    return float(kept.mean()) if kept.size else math.nan
