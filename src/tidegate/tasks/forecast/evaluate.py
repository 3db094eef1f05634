"""A forecaster's forecasts for a part of its table, scored beside the baselines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from tidegate.core.errors import ArtifactError, SplitError
from tidegate.core.table import Note, Table
from tidegate.core.translate import tr
from tidegate.data.split import Split
from tidegate.data.windows import origins as part_origins
from tidegate.evaluate.forecast.evaluate import evaluate_forecasts
from tidegate.evaluate.forecast.evaluation import Evaluation
from tidegate.evaluate.forecast.fitted import Baselines, FittedBaselines, fit_baselines
from tidegate.evaluate.forecast.foreign import MOST, Asked, foreign_methods
from tidegate.prepare import Prepared
from tidegate.runtime.forecast.decode import Forecast, forecast

if TYPE_CHECKING:
    from tidegate.tasks.forecast.fit import ForecastFitted

FILE = "baselines.safetensors"
FOREIGN = "{count} of {windows} windows are scored, evenly spread: {names} forecasts one at a time."


@dataclass(frozen=True)
class EvaluatedForecasts:
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


def evaluate_part(model: Any, part: str, *, ridge: bool = True, more: Asked = ()) -> EvaluatedForecasts:
    """Forecast every window of a part of the training table and score it, beside `more` baselines from elsewhere."""
    fitted = model.fitted_.of_part(part)
    origins = part_origins(fitted.table, fitted.split, part, window=needed_rows(model), horizon=fitted.decoding.horizon)
    if ridge and fitted is model.fitted_:
        baselines = training_baselines(model).apply(fitted.table, fitted.prepared)
    else:
        baselines = _fit_baselines(fitted, ridge=ridge)
    baselines, origins = _with_foreign(baselines, more, fitted.table, fitted.decoding.horizon, origins)
    found = fitted.forecast(origins)
    return _evaluate(found, model, fitted.table, fitted.split, fitted.prepared, origins, baselines)


def _with_foreign(
    baselines: Baselines, more: Asked, table: Table, horizon: int, origins: NDArray[np.int64]
) -> tuple[Baselines, NDArray[np.int64]]:
    """Baselines from elsewhere beside the others, and the windows that all are scored on: 200 at most then."""
    found = foreign_methods(more, table, horizon, baselines.season)
    if not found:
        return baselines, origins
    notes = baselines.notes
    if len(origins) > MOST:
        notes = (*notes, Note("foreign", FOREIGN, {"count": MOST, "windows": len(origins), "names": ", ".join(found)}))
        origins = origins[np.linspace(0, len(origins) - 1, MOST).astype(np.int64)]
    return replace(baselines, methods={**baselines.methods, **found}, notes=notes), origins


def training_baselines(model: Any) -> FittedBaselines:
    """The baselines of a fitted model's training part, fitted once."""
    if getattr(model, "baselines_", None) is None:
        model.baselines_ = _fit_baselines(model.fitted_).fitted
    found: FittedBaselines = model.baselines_
    return found


def _fit_baselines(fitted: ForecastFitted, *, ridge: bool = True) -> Baselines:
    how: Any = {"window": fitted.spec.window, "horizon": fitted.decoding.horizon, "seasons": fitted.plan.seasons}
    again = fitted.selected is not None
    return fit_baselines(fitted.table, fitted.split, fitted.prepared, ridge=ridge, again=again, **how)


def evaluate_table(model: Any, table: Table, more: Asked = ()) -> Evaluation:
    """Score a table that the model has not seen: every window of it, beside the baselines of the training part.

    Seasonal-naive methods look one season back: windows begin where all of them can, if the table is long enough.
    Where the model came without its run, whose baselines are lost, there is no verdict.

    Raises:
        SplitError: no window fits.
    """
    prepared = model.preparation_.apply(table)
    rows, horizon = needed_rows(model), model.decoding_.horizon
    stored = training_baselines(model) if hasattr(model, "fitted_") else getattr(model, "baselines_", None)
    naive = () if stored is None else stored.naive
    opening = max([rows, *(m for m in naive if 2 * m + horizon <= table.lengths.max())])
    starts, ends = table.starts[:-1], table.starts[1:]
    first = np.minimum(starts + opening, ends)
    split = Split({"train": np.stack([starts, first], axis=1), "test": np.stack([first, ends], axis=1)})
    origins = part_origins(table, split, "test", window=opening, horizon=horizon)
    if not len(origins):
        message = (
            "there is nothing to score: the longest series has {longest} rows, and a window has {rows} past and "
            "{horizon} future ones"
        )
        raise SplitError(tr(message, longest=table.lengths.max(), rows=rows, horizon=horizon))
    if stored is not None:
        baselines = stored.apply(table, prepared, opening)
    else:
        made = fit_baselines(table, split, prepared, window=model.spec_.window, horizon=horizon, ridge=False)
        kept = {name: method for name, method in made.methods.items() if name in ("repeat_last", "drift")}
        baselines = replace(made, methods=kept, missing=("mean", "median", "ridge"), criterion="absolute")
    if opening > rows:
        message = "Scores begin {rows} rows into each series: seasonal baselines look that far back."
        baselines = replace(baselines, notes=(*baselines.notes, Note("history", message, {"rows": opening})))
    baselines, origins = _with_foreign(baselines, more, table, horizon, origins)
    found = forecast(model.run_, model.spec_, model.decoding_, prepared, origins)
    return _evaluate(found, model, table, split, prepared, origins, baselines).evaluation


def needed_rows(model: Any) -> int:
    """Past rows that one forecast looks at, its targets' transform included."""
    return int(model.spec_.window + model.preparation_.lead)


def _evaluate(
    found: Forecast,
    model: Any,
    table: Table,
    split: Split,
    prepared: Prepared,
    origins: NDArray[np.int64],
    baselines: Baselines,
) -> EvaluatedForecasts:
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
        baselines=baselines,
    )
    return EvaluatedForecasts(table, prepared, origins, found, evaluation)


def baselines_file(model: Any) -> bytes:
    """The baselines of a fitted model as a safetensors file, for the scores of rows that come later."""
    about, arrays = training_baselines(model).to_arrays()
    whole = {name: np.ascontiguousarray(values) for name, values in arrays.items()}
    return bytes(save(whole, metadata={"baselines": about}))


def read_baselines(path: Path) -> FittedBaselines | None:
    """The baselines of a run, or of the run that a model lies in; None where there are none.

    Raises:
        ArtifactError: they are damaged.
    """
    place = (path.parent if (path / "model.json").exists() else path) / FILE
    if not place.exists():
        return None
    try:
        with safe_open(place, framework="numpy") as file:
            about = (file.metadata() or {}).get("baselines", "")
            names = file.keys()
            arrays = {name: file.get_tensor(name) for name in names}
    except (OSError, SafetensorError) as error:
        raise ArtifactError(
            tr("{place}: the saved baselines cannot be read: {error}", place=place, error=error)
        ) from error
    try:
        return FittedBaselines.from_arrays(about, arrays)
    except ArtifactError as error:
        raise ArtifactError(f"{place}: {error}") from error
