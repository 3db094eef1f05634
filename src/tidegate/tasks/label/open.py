"""A run folder of a classifier or regressor taken up again, as `fit` left it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tidegate.artifacts import toml
from tidegate.core.errors import ArtifactError
from tidegate.data.partition import partition
from tidegate.data.sequences import read_sequences


def open_label_run(run: str | Path, data: Any = None) -> Any:
    """The estimator as `fit` left it: it goes on from the last checkpoint, after which nothing is left to do.

    Args:
        run: the folder. data: the training data, where they are no longer where they were.

    Raises:
        ArtifactError: the folder is no run, or does not say where its data are.
        ConfigError: the data are not those of the training.
    """
    from tidegate.tasks.load import load

    folder = Path(run)
    model = load(folder)
    try:
        config = toml.loads((folder / "config.toml").read_text(encoding="utf-8"))
        reading, split = dict(config["data"]), dict(config["split"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{folder} is not the folder of a run (config.toml, model/): {error}") from error
    source = reading.pop("data", None)
    if data is None and source is None:
        raise ArtifactError(f"{folder}: the run does not say where its data are; give them")
    sequences = read_sequences(source if data is None else data, **reading)
    again = type(model)(**model.get_params())
    parts = partition(sequences, **split, seed=again.seed)
    again._fit_parts(sequences, parts, checkpoints=folder / "checkpoints", resume=True)
    again.reading_ = model.reading_
    return again
