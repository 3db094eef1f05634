"""A run folder taken up again: the forecaster as `fit` left it, with its data, its parts and its history."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tidegate.artifacts import toml
from tidegate.core.errors import ArtifactError
from tidegate.core.table import Table
from tidegate.data import read, split
from tidegate.nn.network import Network
from tidegate.tasks.forecast.batches import torch_run
from tidegate.tasks.forecast.choices import make_choices
from tidegate.tasks.forecast.estimator import Forecaster
from tidegate.tasks.forecast.fit import Fitted, make_plan
from tidegate.tasks.run import read_notes
from tidegate.train.history import Epoch, History


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
