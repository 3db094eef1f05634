"""A run taken up again: the estimator as `fit` left it, from its weights, its history and its training data."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidegate.artifacts import toml
from tidegate.artifacts.artifact import read_task
from tidegate.artifacts.homes import home
from tidegate.core.errors import ArtifactError, DataError
from tidegate.core.optional import require
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note, Table
from tidegate.core.translate import tr
from tidegate.data.fingerprint import data_fingerprint

if TYPE_CHECKING:
    from tidegate.train.history import History

FILES = "config.toml, history.csv, metrics.json, model/"


@dataclass(frozen=True)
class Stored:
    """What a run's folder says besides its model.

    Attributes:
        folder: the run. source: where its data were, or None. reading: how they were read.
        split: how they were divided.
        losses: history.csv. stopped: why it ended. notes: what was found and done.
        data: fingerprint of the data.
    """

    folder: Path
    source: str | None
    reading: dict[str, Any]
    split: dict[str, Any]
    losses: str
    stopped: str
    notes: tuple[Note, ...]
    data: str

    @classmethod
    def read(cls, run: str | Path) -> Stored:
        """Read the folder of a run, or of the model in it.

        Raises:
            ArtifactError: it is no run, or is damaged.
        """
        folder = run_folder(run)
        try:
            config = toml.loads((folder / "config.toml").read_text(encoding="utf-8"))
            metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
            losses = (folder / "history.csv").read_text(encoding="utf-8")
            reading, split = dict(config["data"]), dict(config["split"])
            notes = tuple(Note(note["kind"], note["message"], note["values"]) for note in metrics["notes"])
            stopped, data = str(metrics["stopped"]), str(metrics["data"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ArtifactError(
                tr("{folder} is not the folder of a run ({files}): {error}", folder=folder, files=FILES, error=error)
            ) from error
        return cls(folder, reading.pop("data", None), reading, split, losses, stopped, notes, data)

    def given(self, data: Any) -> Any:
        """The data to read: those given, else where they were.

        Raises:
            ArtifactError: the run does not say where they are.
        """
        if data is None and self.source is None:
            raise ArtifactError(tr("{folder}: the run does not say where its data are; give them", folder=self.folder))
        return self.source if data is None else data

    def history(self) -> History:
        """Of the training, as `History.to_csv` wrote it."""
        from tidegate.train.history import Epoch, History

        epochs = []
        kinds: Mapping[str, Any] = {"epoch": int, "steps": int, "best": lambda value: value == "True"}
        for row in csv.DictReader(io.StringIO(self.losses)):
            norms = {name[len("grad_norm.") :]: float(row[name]) for name in row if name.startswith("grad_norm.")}
            plain = {name: kinds.get(name, float)(value) for name, value in row.items() if "." not in name}
            epochs.append(Epoch(**plain, layer_norms=norms))
        return History(epochs, self.stopped)

    def read_data(self, model: Any, data: Any) -> Any:
        """The data of the training, given or where they were, as an estimator reads them.

        Raises:
            ArtifactError: the run does not say where they are. DataError: they are not those of the training.
        """
        given = self.given(data)
        found = model.read(given, **({} if isinstance(given, (Table, Sequences)) else self.reading))
        self.check(found, given)
        return found

    def trained(self, model: Any) -> dict[str, Any]:
        """What every `Fitted` holds: the network of a model's weights, its history and the notes."""
        from tidegate.nn.network import build_network

        return {
            "network": build_network(model.spec, model.weights),
            "histories": (self.history(),),
            "notes": self.notes,
        }

    def check(self, data: Table | Sequences, given: Any) -> None:
        """Refuse data that are not those of the training.

        Raises:
            DataError: a value, a label or a name differs.
        """
        if data_fingerprint(data) != self.data:
            where = given if isinstance(given, (str, Path)) else "what was given"
            message = (
                "{where} is no longer what it was trained on, so that {folder} cannot be opened with it: name a copy "
                "of the data as they were, or fit again"
            )
            raise DataError(tr(message, where=where, folder=self.folder))


def run_folder(path: str | Path) -> Path:
    """The folder of a run, given it or the model in it."""
    folder = Path(path)
    return folder.parent if (folder / "model.json").exists() else folder


def is_run(path: str | Path) -> bool:
    """Whether a path names a run or a model, and not data."""
    folder = Path(path)
    return (folder / "model.json").exists() or (folder / "model" / "model.json").exists()


def load(path: str | Path) -> Any:
    """A saved model as the estimator that made it; needs neither torch nor a dataframe library to answer.

    Args:
        path: the model's folder, or that of a run that has one.

    Raises:
        ArtifactError: it is missing, damaged, tampered with, of a newer format, or of an unknown task.
    """
    return home(read_task(path), "estimator", path).load(path)


def open_run(run: str | Path, data: Any = None, **reading: Any) -> Any:
    """The estimator as `fit` left it, whatever its task: from its weights, without a step of training.

    Args:
        run: the folder that `fit(..., out=...)` left.
        data: what it was trained on, where that is no longer where it was.
        reading: options of reading, where it is no longer written as it was.

    Raises:
        ArtifactError: the folder is no run, or is damaged, or does not say where its data are.
        DataError: the data cannot be read, or are not those of the training.
    """
    require("torch", extra="train", purpose="open a run")
    stored = Stored.read(run)
    stored = replace(stored, reading={**stored.reading, **reading})
    model = load(run)
    model._take_up(stored, data)
    return model


def write_again(model: Any, folder: Path, stored: Stored) -> None:
    """Write the run of a model that was fitted on the data and parts of another run, with other options.

    Args:
        model: fitted; its test part is evaluated. folder: of the new run. stored: the other one.

    Raises:
        OutputError: the folder cannot be written.
    """
    schema = getattr(getattr(model.fitted_, "table", None), "schema", None)
    data = dict(stored.reading)
    data |= {name: getattr(schema, name) for name in ("known", "observed", "static") if name in data}
    if stored.source is not None:
        data["data"] = stored.source
    model._leave(folder, {"data": data, "split": stored.split, "model": model.get_params()})
