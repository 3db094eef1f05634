"""A run folder taken up again: the forecaster as `fit` left it, with its data, its parts and its history."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from tidegate.artifacts import toml
from tidegate.core.errors import ArtifactError
from tidegate.core.table import Note, Table
from tidegate.data import read, split
from tidegate.data.split import Split
from tidegate.nn.network import build_network
from tidegate.tasks.forecast.choices import make_choices
from tidegate.tasks.forecast.estimator import Forecaster
from tidegate.tasks.forecast.fit import ForecastFitted, make_plan
from tidegate.tasks.run import SELECTED, read_notes
from tidegate.train.history import Epoch, History
from tidegate.train.run import TorchRun


def open_run(run: str | Path, data: Any = None) -> Any:
    """A forecaster as `fit` left it, from its run folder and the file it was trained on.

    Args:
        run: the folder. data: the training data, where the file is no longer where it was.

    Raises:
        ArtifactError: the folder is no run, or is damaged.
        DataError: the data cannot be read, or are not those of the training.
    """
    folder = Path(run)
    try:
        config = toml.loads((folder / "config.toml").read_text(encoding="utf-8"))
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        history = read_history((folder / "history.csv").read_text(encoding="utf-8"), metrics["stopped"])
        notes = read_notes(metrics)
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
    fitted = _fit_of(model, table, parts, history, notes)
    if (folder / SELECTED).is_dir():
        before = _fit_of(Forecaster.load(folder / SELECTED), table, parts, history, notes)
        fitted = replace(fitted, selected=before)
    model.fitted_, model.history_, model.notes_, model.context_ = fitted, history, notes, table
    model.run_ = TorchRun(fitted.network).windows
    return model


def _fit_of(model: Forecaster, table: Table, parts: Split, history: History, notes: tuple[Note, ...]) -> ForecastFitted:
    """The fit that a loaded forecaster came from."""
    return ForecastFitted(
        spec=model.spec_,
        network=build_network(model.spec_, model.predictor_.artifact.weights),
        histories=(history,),
        notes=notes,
        table=table,
        split=parts,
        preparation=model.preparation_,
        prepared=model.preparation_.apply(table),
        plan=make_plan(table, parts, make_choices(model, table, parts.train), model.preparation_),
        decoding=model.decoding_,
    )


def read_history(text: str, stopped: str) -> History:
    """The history that `History.to_csv` wrote."""
    epochs = []
    kinds: dict[str, Any] = {"epoch": int, "steps": int, "best": lambda value: value == "True"}
    for row in csv.DictReader(io.StringIO(text)):
        norms = {name[len("grad_norm.") :]: float(row[name]) for name in row if name.startswith("grad_norm.")}
        plain = {name: kinds.get(name, float)(value) for name, value in row.items() if "." not in name}
        epochs.append(Epoch(**plain, layer_norms=norms))
    return History(epochs, stopped)
