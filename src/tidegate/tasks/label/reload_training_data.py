"""What a classifier or regressor learned from, read again."""

from __future__ import annotations

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
