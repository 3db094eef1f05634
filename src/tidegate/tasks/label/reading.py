"""The options that training sequences were read with: for new sequences, and to read the training data again."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.core.errors import ArtifactError, TidegateError
from tidegate.core.optional import available
from tidegate.core.sequences import Sequences
from tidegate.core.translate import tr
from tidegate.data.fingerprint import data_fingerprint
from tidegate.data.partition import Partition, partition
from tidegate.data.sequences import read_sequences
from tidegate.tasks.open import Stored

# what need not be there where only an answer is wanted
FORM = ("kind", "steps_first", "joints", "root", "normalise", "velocities", "frame", "colour", "every")


def kept(reading: Mapping[str, Any], sequences: Sequences) -> dict[str, Any]:
    """The options worth keeping in a model's record, with the columns of a table and the rate of sound named.

    Args:
        reading: what the training sequences were read with. sequences: what came of it.
    """
    found = {name: value for name, value in reading.items() if name != "data" and _simple(value)}
    for note in sequences.notes:
        if note.kind == "roles":
            found |= note.values["found"]
    table = any(name in found for name in ("label", "id", "time", "features")) and not {"text", "rows", "cells"} & set(
        found
    )
    if table and sequences.texts is None and sequences.frame is None:
        found["features"] = [*sequences.channels, *sequences.categories]
    for note in sequences.notes:
        if note.kind == "sound":
            found["rate"] = note.values["rate"]
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


def carried(reading: Mapping[str, Any], data: Any, *, labelled: bool) -> dict[str, Any]:
    """The kept options that say something about new data.

    Args:
        reading: as `kept` gave it. data: the new data. labelled: whether their labels are wanted.
    """
    own = {name: value for name, value in reading.items() if labelled or name not in LABELS}
    if isinstance(data, (list, tuple)) and data and isinstance(data[0], PathLike):
        return own
    if isinstance(data, (list, tuple)) or (isinstance(data, np.ndarray) and data.dtype.names is None):
        return {name: value for name, value in own.items() if name in FORM}
    return own


def _simple(value: Any) -> bool:
    """Whether a value can stand in JSON and TOML."""
    if isinstance(value, (list, tuple)):
        return all(_simple(item) for item in value)
    return isinstance(value, (str, int, float, bool))


LABELS = ("label", "labels", "group", "groups", "tag", "pattern")


def read_training_data(stored: Stored, data: Any, *, seed: int) -> tuple[Sequences, Partition]:
    """The sequences that a run was trained on, and their parts.

    Args:
        stored: the run. data: the sequences, where they are no longer where they were. seed: of the estimator.

    Raises:
        ArtifactError: the run does not say where they are. DataError: they cannot be read, or are other ones.
    """
    given = stored.given(data)
    sequences = given if isinstance(given, Sequences) else read_sequences(given, **stored.reading)
    stored.check(sequences, given)
    return sequences, partition(sequences, **stored.split, seed=seed)


def recall(model: Any, run: str | Path) -> str | None:
    """Give a loaded model the sequences that its weights were trained on, so that baselines can stand beside scores.

    Args:
        model: loaded from `run`, the folder of a run or of the model in it.

    Returns:
        None if they were found and are still the same, else why not.
    """
    if not available("sklearn"):
        return tr("baselines need scikit-learn.")
    try:
        stored = Stored.read(run)
    except ArtifactError:
        return tr("the run does not say which data it was trained on.")
    if stored.source is None:
        return tr("the run does not say which data it was trained on.")
    try:
        sequences = read_sequences(stored.source, **stored.reading)
    except (TidegateError, OSError, TypeError):
        return tr("{data}, which it was trained on, cannot be read any more.", data=stored.source)
    if data_fingerprint(sequences) != stored.data:
        return tr("{data} is no longer what it was trained on.", data=stored.source)
    parts = partition(sequences, **stored.split, seed=model.seed)
    both = any(note.kind == "refit" for note in stored.notes)
    index = np.sort(np.concatenate([parts.train, parts.validation])) if both else parts.train
    model.learned_ = sequences.take(index)
    return None
