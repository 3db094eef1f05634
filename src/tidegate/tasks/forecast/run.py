"""What a forecaster leaves in its artifact and its run, and a run taken up again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tidegate.core.optional import require
from tidegate.core.table import Table
from tidegate.data import read, split
from tidegate.data.future import cut_future
from tidegate.data.split import Split
from tidegate.runtime.forecast.ends import context_rows, pack_context
from tidegate.runtime.forecast.model import TUNED
from tidegate.tasks.forecast.build import make_plan
from tidegate.tasks.forecast.choices import make_choices
from tidegate.tasks.forecast.evaluate import FILE, EvaluatedForecasts, baselines_file
from tidegate.tasks.forecast.fit import ForecastFitted
from tidegate.tasks.forecast.frame import learnable
from tidegate.tasks.open import Stored
from tidegate.tasks.run import SELECTED, Content, parquet
from tidegate.train.run import TorchRun

LARGEST_PREDICTIONS = 20_000_000


def content_of(model: Any, fitted: ForecastFitted, *, context: bool) -> Content:
    """The artifact of a fit; with `context` the end of the model's table, so that it predicts without data."""
    about: dict[str, Any] = {}
    arrays: dict[str, Any] = {}
    if context:
        table: Table = model.context_
        ahead = int(cut_future(table)[1].max(initial=0))
        about, arrays = pack_context(table, context_rows(fitted.spec, fitted.preparation, fitted.decoding) + ahead)
    if fitted.decoding.calibration is not None:
        arrays["calibration"] = fitted.decoding.calibration
    if fitted.decoding.mixture is not None:
        arrays["mixture"] = fitted.decoding.mixture
    if fitted.decoding.tuned is not None:
        arrays |= {f"{TUNED}.{name}": own.astype(np.float16) for name, own in fitted.decoding.tuned.weights.items()}
    return Content(
        spec=fitted.spec,
        weights=fitted.weights,
        preparation=fitted.preparation.to_json(),
        schema=fitted.table.schema.to_json(),
        frequency=fitted.table.frequency.to_json(),
        timezone=fitted.table.timezone,
        decoding=fitted.decoding.to_json(),
        arrays=arrays,
        context=about,
    )


def predictions(model: Any, evaluated: EvaluatedForecasts) -> dict[str, bytes]:
    """One row per window, step and target: series, cutoff, time, step, target, actual, mean and the quantiles; and the
    baselines."""
    polars = require("polars", extra="train", purpose="write predictions.parquet")
    table, found, origins = evaluated.table, evaluated.forecast, evaluated.origins
    windows, horizon, targets = found.mean.shape
    if found.mean.size > LARGEST_PREDICTIONS:
        keep = np.linspace(0, windows - 1, max(1, LARGEST_PREDICTIONS // (horizon * targets))).astype(np.int64)
        origins, windows = origins[keep], len(keep)
        mean, quantiles = found.mean[keep], found.quantiles[keep]
    else:
        mean, quantiles = found.mean, found.quantiles
    each = horizon * targets
    rows = origins[:, None] + np.arange(horizon)
    series = np.repeat(table.series_of(origins), each).astype(np.uint32)
    named = table.keys if len(table.keys) > 1 else {"series": np.array(table.ids, dtype=object)}
    target_names = polars.Series("target", list(table.schema.targets), dtype=polars.String)
    columns = {
        **{name: polars.Series(name, values.tolist()).gather(series) for name, values in named.items()},
        "cutoff": np.repeat(table.time[origins - 1], each),
        "time": np.repeat(table.time[rows].reshape(-1), targets),
        "step": np.tile(np.repeat(np.arange(1, horizon + 1, dtype=np.int32), targets), windows),
        "target": target_names.gather(np.tile(np.arange(targets, dtype=np.uint32), windows * horizon)),
        "actual": evaluated.prepared.raw_target(origins, horizon).reshape(-1),
        "mean": mean.reshape(-1),
    }
    for index, level in enumerate(found.levels):
        columns[f"q{level:g}"] = quantiles[..., index].reshape(-1)
    return {"predictions.parquet": parquet(columns), FILE: baselines_file(model)}


def take_up(model: Any, stored: Stored, data: Any) -> None:
    """Give a loaded forecaster its data, its parts and its history.

    Raises:
        ArtifactError: the run does not say where its data are.
        DataError: the data cannot be read, or are not those of the training.
    """
    given = stored.given(data)
    whole = given if isinstance(given, Table) else read(given, **stored.reading)
    table = learnable(whole)
    stored.check(table, given)
    parts = split(table, **stored.split, window=model.spec_.window, horizon=model.decoding_.horizon)
    fitted = _fit_of(model, table, parts, stored)
    if (stored.folder / SELECTED).is_dir():
        before = type(model).load(stored.folder / SELECTED)
        fitted = replace(fitted, selected=_fit_of(before, table, parts, stored))
    model.fitted_, model.history_, model.notes_, model.context_ = fitted, fitted.history, stored.notes, whole
    model.run_ = TorchRun(fitted.network).windows


def _fit_of(model: Any, table: Table, parts: Split, stored: Stored) -> ForecastFitted:
    """The fit that a loaded forecaster came from."""
    return ForecastFitted(
        **stored.trained(model.model_),
        table=table,
        split=parts,
        preparation=model.preparation_,
        prepared=model.preparation_.apply(table),
        plan=make_plan(table, parts, make_choices(model, table, parts.train), model.preparation_),
        decoding=model.decoding_,
    )
