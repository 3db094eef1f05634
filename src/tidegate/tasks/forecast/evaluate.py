"""A forecaster's forecasts for a part of its table, judged beside the baselines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import SplitError
from tidegate.core.table import Table
from tidegate.data.split import Split
from tidegate.data.windows import origins as part_origins
from tidegate.evaluate.forecast.evaluate import evaluate_forecasts
from tidegate.evaluate.forecast.evaluation import Evaluation
from tidegate.prepare import Prepared
from tidegate.runtime.forecast.decode import Forecast, forecast


@dataclass(frozen=True)
class Judged:
    """Forecasts of every window of a part, and their scores.

    Attributes:
        table, prepared: what was forecast. origins: [M] rows of the first forecast step.
        forecast: [M, K, C] and its quantiles. evaluation: the scores.
    """

    table: Table
    prepared: Prepared
    origins: NDArray[np.int64]
    forecast: Forecast
    evaluation: Evaluation


def judge_part(model: Any, part: str, *, ridge: bool = True) -> Judged:
    """Forecast every window of a part of the training table and judge it."""
    fitted = model.fitted_.of_part(part)
    origins = part_origins(fitted.table, fitted.split, part, window=needed_rows(model), horizon=fitted.decoding.horizon)
    found = fitted.forecast(origins)
    return _judge(found, model, fitted.table, fitted.split, fitted.prepared, origins, ridge=ridge)


def judge_table(model: Any, table: Table) -> Evaluation:
    """Judge a table that the model has not seen: every window of it, beside the baselines that need no fitting."""
    prepared = model.preparation_.apply(table)
    rows, horizon = needed_rows(model), model.decoding_.horizon
    starts, ends = table.starts[:-1], table.starts[1:]
    opening = np.minimum(starts + rows, ends)
    parts = {"train": np.stack([starts, opening], axis=1), "test": np.stack([opening, ends], axis=1)}
    split = Split(parts)
    origins = part_origins(table, split, "test", window=rows, horizon=horizon)
    if not len(origins):
        raise SplitError(
            f"there is nothing to score: the longest series has {table.lengths.max()} rows, "
            f"and a window has {rows} past and {horizon} future ones"
        )
    found = forecast(model.run_, model.spec_, model.decoding_, prepared, origins)
    return _judge(found, model, table, split, prepared, origins, ridge=False).evaluation


def needed_rows(model: Any) -> int:
    """Past rows that one forecast looks at, its targets' transform included."""
    preparation = model.preparation_
    difference = preparation.options.target_transform == "difference"
    return int(model.spec_.window) + (preparation.history if difference else 0)


def _judge(
    found: Forecast,
    model: Any,
    table: Table,
    split: Split,
    prepared: Prepared,
    origins: NDArray[np.int64],
    *,
    ridge: bool,
) -> Judged:
    quantiles = {level: found.quantiles[..., index] for index, level in enumerate(found.levels)}
    evaluation = evaluate_forecasts(
        table,
        split,
        prepared,
        origins,
        found.mean,
        quantiles=quantiles or None,
        window=model.spec_.window,
        horizon=model.decoding_.horizon,
        ridge=ridge,
    )
    return Judged(table, prepared, origins, found, evaluation)
