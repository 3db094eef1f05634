"""What a backtest leaves: the forecasts of every method in every fold, and their scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError
from tidegate.core.notebook import Notebook
from tidegate.core.table import Table
from tidegate.core.translate import tr
from tidegate.data.emit import local_time, to_frame
from tidegate.evaluate.fold_scores import FoldScores, Spread
from tidegate.evaluate.forecast.evaluation import Evaluation
from tidegate.evaluate.verdict import Verdict

LARGEST_FRAME = 50_000_000
ARRAYS = ("origins", "series", "positions", "actual", "forecasts", "quantiles", "losses")


@dataclass(frozen=True)
class FoldForecasts:
    """Forecasts of one fold: M windows, K steps, C targets, J methods, Q quantile levels.

    Attributes:
        index: of the fold, from 0.
        methods: [J] names, the model first. levels: [Q].
        origins: [M] rows of the whole table where each window begins. series: [M]. positions: [M] on the clock.
        actual: [M, K, C]. forecasts: [J, M, K, C]. quantiles: [M, K, C, Q] of the model.
        losses: [J, M] mean error of each window, in its series' scale where methods are ranked by MASE.
        evaluation: the scores. walk: whether its training part moves like a random walk.
        about: when its parts begin and end, and how long it took.
    """

    index: int
    methods: tuple[str, ...]
    levels: tuple[float, ...]
    origins: NDArray[np.int64]
    series: NDArray[np.int64]
    positions: NDArray[np.int64]
    actual: NDArray[np.float64]
    forecasts: NDArray[np.float64]
    quantiles: NDArray[np.float64]
    losses: NDArray[np.float64]
    evaluation: Evaluation
    walk: bool
    about: dict[str, Any]

    def scores(self) -> FoldScores:
        """What the fold contributes to the scores over all folds."""
        losses = dict(zip(self.methods, self.losses, strict=True))
        return FoldScores(self.evaluation, losses, self.series, self.positions, self.walk)

    def to_parts(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Plain values, and arrays by name."""
        arrays = {name: getattr(self, name) for name in ARRAYS}
        record = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in ARRAYS}
        return record | {"evaluation": self.evaluation.to_json()}, arrays

    @classmethod
    def from_parts(cls, record: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> FoldForecasts:
        """What `to_parts` gave."""
        tuples = {name: tuple(record[name]) for name in ("methods", "levels")}
        evaluation = Evaluation.from_json(record["evaluation"])
        return cls(**{**record, **arrays, **tuples, "evaluation": evaluation})


@dataclass(frozen=True, repr=False)
class Backtest(Notebook):
    """Forecasts and scores of every fold; print it for the table and the verdict.

    Attributes:
        table: what was forecast. folds: their results, oldest first. scores: methods over the folds.
        like: the kind of frame that `frame` makes.
    """

    table: Table
    folds: Sequence[FoldForecasts]
    scores: Spread
    like: Any = None

    @property
    def verdict(self) -> Verdict:
        """What to think of the model, over all folds."""
        return self.scores.verdict

    @property
    def evaluations(self) -> tuple[Evaluation, ...]:
        """The scores of each fold."""
        return tuple(fold.evaluation for fold in self.folds)

    @property
    def frame(self) -> Any:
        """One row per fold, method, window and step: series, cutoff, time, step, [target], method, prediction,
        quantiles, actual, fold. `cutoff` is the last time that a forecast could see.

        Raises:
            DataError: it would have more than 50 million rows; take `fold_frame` fold by fold.
        """
        rows = sum(fold.forecasts.size for fold in self.folds)
        if rows > LARGEST_FRAME:
            message = "the frame of all folds has {number:,} rows; take fold_frame(0), fold_frame(1), ... instead"
            raise DataError(tr(message, number=rows))
        parts = [self._columns(fold) for fold in self.folds]
        joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        return to_frame(joined, timezone=self.table.timezone, like=self.like)

    def fold_frame(self, index: int) -> Any:
        """The rows of `frame` that belong to one fold, from 0."""
        return to_frame(self._columns(self.folds[index]), timezone=self.table.timezone, like=self.like)

    def fold_columns(self, index: int) -> dict[str, Any]:
        """The same as name -> array, with times on the local clock; needs no dataframe library."""
        columns = self._columns(self.folds[index])
        return {name: local_time(values, self.table.timezone) for name, values in columns.items()}

    def _columns(self, fold: FoldForecasts) -> dict[str, NDArray[Any]]:
        table = self.table
        methods, windows, horizon, targets = fold.forecasts.shape
        each = windows * horizon * targets
        rows = fold.origins[:, None] + np.arange(horizon)

        def spread(values: NDArray[Any], size: int) -> NDArray[Any]:
            return np.tile(np.repeat(values, size), methods)

        named = table.named(fold.series) or {"series": np.array(table.ids, dtype=object)[fold.series]}
        columns: dict[str, NDArray[Any]] = {
            **{name: spread(values, horizon * targets) for name, values in named.items()},
            "cutoff": spread(table.time[fold.origins - 1], horizon * targets),
            table.schema.time or "time": spread(table.time[rows].reshape(-1), targets),
            "step": spread(np.tile(np.arange(1, horizon + 1, dtype=np.int32), windows), targets),
        }
        if targets > 1:
            columns["target"] = np.tile(np.array(table.schema.targets, dtype=object), methods * windows * horizon)
        columns["method"] = np.repeat(np.array(fold.methods, dtype=object), each)
        columns["prediction"] = np.asarray(fold.forecasts).reshape(-1)
        for index, level in enumerate(fold.levels):
            column = np.full(methods * each, np.nan)
            column[:each] = fold.quantiles[..., index].reshape(-1)
            columns[f"q{level:g}"] = column
        columns["actual"] = np.tile(np.asarray(fold.actual).reshape(-1), methods)
        columns["fold"] = np.full(methods * each, fold.index + 1, dtype=np.int32)
        return columns

    def __str__(self) -> str:
        return str(self.scores)

    def to_json(self) -> dict[str, Any]:
        """Scores over the folds, and those of each fold, as plain values."""
        folds = [{**fold.about, "evaluation": fold.evaluation.to_json()} for fold in self.folds]
        return {"scores": self.scores.to_json(), "folds": folds}
