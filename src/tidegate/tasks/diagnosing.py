"""A forecaster opened for examination, trained again with other options, or taken up from its run folder."""

from __future__ import annotations

import copy
import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tidegate.artifacts import toml
from tidegate.core.errors import ArtifactError, NotFittedError
from tidegate.core.table import Note, Table
from tidegate.data import read, split
from tidegate.data.windows import origins as part_origins
from tidegate.diagnose.case import Case
from tidegate.nn.network import Network
from tidegate.runtime.decode import forecast
from tidegate.tasks.batches import BatchLoss, gather, torch_run
from tidegate.tasks.budget import fill_budget
from tidegate.tasks.choices import make_choices
from tidegate.tasks.fitting import Fitted, make_plan
from tidegate.tasks.judging import needed_rows
from tidegate.train.history import Epoch, History
from tidegate.train.losses import ForecastLoss

COLUMNS = ("known", "observed", "static")


def make_case(model: Any, data: Any = None) -> Case:
    """The case of a fitted forecaster; see `tidegate.diagnose.case.Case`.

    Args:
        model: the forecaster. data: not used by a model that holds its table.

    Raises:
        NotFittedError: it was loaded without its training data.
    """
    if not hasattr(model, "fitted_"):
        raise NotFittedError(
            "a loaded model has neither its training data nor its history: examine the run folder it came from, with "
            "`tidegate diagnose RUN` or tidegate.tasks.open_run(RUN)"
        )
    fitted = model.fitted_
    table, spec, decoding = fitted.table, fitted.spec, fitted.decoding
    choices = make_choices(model, table, fitted.split.train)
    rows = needed_rows(model)
    origins = {
        part: part_origins(table, fitted.split, part, window=rows, horizon=decoding.horizon)
        for part in fitted.split.parts
    }
    options = fill_budget(choices.training, choices.auto, len(origins["train"]), [])
    network = fitted.network
    network.eval()
    point: Any = choices.loss if choices.point else None
    schema = table.schema
    return Case(
        table=table,
        split=fitted.split,
        prepared=fitted.prepared,
        network=network,
        fresh=lambda: Network(spec),
        batch=lambda chosen: gather(fitted.prepared, chosen, spec),
        loss=BatchLoss(spec, ForecastLoss(point, choices.quantiles)),
        forecast=lambda chosen: forecast(model.run_, spec, decoding, fitted.prepared, chosen).mean,
        point=0 if choices.point else decoding.quantiles.index(0.5),
        origins=origins,
        window=spec.window,
        horizon=decoding.horizon,
        history=fitted.history,
        options=options,
        config=model.get_params() | {name: list(getattr(schema, name)) for name in COLUMNS},
        loss_name=choices.loss,
    )


def refit(model: Any, changes: Mapping[str, Any]) -> Any:
    """A new forecaster with some options changed, fitted on the same table and parts.

    Args:
        model: the fitted forecaster. changes: constructor arguments, or the columns `known`, `observed`, `static`.

    Raises:
        ConfigError, SplitError, TrainingError: the changed options cannot work.
    """
    from tidegate.tasks import fitting

    columns = {name: tuple(changes[name]) for name in COLUMNS if name in changes}
    options = {name: value for name, value in changes.items() if name not in columns}
    other = type(model)(**(model.get_params() | options))
    other.check()
    table: Table = model.fitted_.table
    if columns:
        table = copy.copy(table)
        object.__setattr__(table, "schema", _with_columns(table.schema, columns))
    choices = make_choices(other, table, model.fitted_.split.train)
    other.reading_ = model.reading_
    other._like = getattr(model, "_like", None)
    other._take(fitting.fit(table, model.fitted_.split, choices))
    return other


def _with_columns(schema: Any, columns: Mapping[str, tuple[str, ...]]) -> Any:
    from dataclasses import replace

    return replace(schema, **columns)


def open_run(run: str | Path, data: Any = None) -> Any:
    """A forecaster as `fit` left it, from its run folder and the file it was trained on.

    Args:
        run: the folder. data: the training data, where the file is no longer where it was.

    Raises:
        ArtifactError: the folder is no run, or is damaged.
        DataError: the data cannot be read, or are not those of the training.
    """
    from tidegate.tasks import Forecaster

    folder = Path(run)
    try:
        config = toml.loads((folder / "config.toml").read_text(encoding="utf-8"))
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        history = read_history((folder / "history.csv").read_text(encoding="utf-8"), metrics["stopped"])
        notes = tuple(Note(note["kind"], note["message"], note["values"]) for note in metrics["notes"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(
            f"{folder} is not the folder of a run (config.toml, history.csv, metrics.json, model/): {error}"
        ) from error
    model = Forecaster.load(folder / "model")
    reading = dict(config["data"])
    source = reading.pop("data", None)
    if data is None and source is None:
        raise ArtifactError(f"{folder}: the run does not say where its data are; give them")
    table = data if isinstance(data, Table) else read(data if data is not None else source, **reading)
    parts = split(table, **config["split"], window=model.spec_.window, horizon=model.decoding_.horizon)
    choices = make_choices(model, table, parts.train)
    preparation = model.preparation_
    network = Network(model.spec_)
    weights = model.predictor_.artifact.weights
    network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in weights.items()})
    network.eval()
    plan = make_plan(table, parts, choices, preparation)
    prepared = preparation.apply(table)
    model.fitted_ = Fitted(
        table, parts, preparation, prepared, plan, model.spec_, network, model.decoding_, history, notes
    )
    model.history_, model.notes_, model.context_ = history, notes, table
    model.run_ = torch_run(network)
    return model


def read_history(text: str, stopped: str) -> History:
    """The history that `History.to_csv` wrote."""
    epochs = []
    kinds: dict[str, Any] = {"epoch": int, "steps": int, "best": lambda value: value == "True"}
    for row in csv.DictReader(io.StringIO(text)):
        norms = {name[len("grad_norm.") :]: float(row[name]) for name in row if name.startswith("grad_norm.")}
        plain = {name: kinds.get(name, float)(value) for name, value in row.items() if "." not in name}
        epochs.append(Epoch(**plain, layer_norms=norms))
    return History(epochs, stopped)
