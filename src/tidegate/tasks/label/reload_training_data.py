"""What a loaded classifier or regressor learned from, read again, so that baselines can stand beside its scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.artifacts import toml
from tidegate.core.errors import TidegateError
from tidegate.core.optional import available
from tidegate.core.translate import tr
from tidegate.data.partition import partition
from tidegate.data.sequences import read_sequences
from tidegate.prepare.sequence.preparation import SequencePreparation


def recall(model: Any, run: str | Path) -> str | None:
    """Give a loaded model the sequences that it was trained on, if they can be found and are still the same.

    They are the same if preparation, fitted on them again, gives the numbers that the model was saved with.

    Args:
        model: loaded from `run`, the folder of a run or of the model in it.

    Returns:
        None if they were found, else why they were not.
    """
    folder = Path(run)
    folder = folder.parent if (folder / "model.json").exists() else folder
    if not available("sklearn"):
        return tr("baselines need scikit-learn.")
    try:
        config = toml.loads((folder / "config.toml").read_text(encoding="utf-8"))
        notes = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["notes"]
        refit = any(note["kind"] == "refit" for note in notes)
        reading, split = dict(config["data"]), dict(config["split"])
        data = reading.pop("data")
    except (OSError, ValueError, KeyError, TypeError):
        return tr("the run does not say which data it was trained on.")
    try:
        sequences = read_sequences(data, **reading)
        parts = partition(sequences, **split, seed=model.seed)
        index = np.sort(np.concatenate([parts.train, parts.validation])) if refit else parts.train
        again = SequencePreparation.fit(sequences, index, model.preparation_.options)
    except (TidegateError, OSError, TypeError):
        return tr("{data}, which it was trained on, cannot be read any more.", data=data)
    if again.to_json() != model.preparation_.to_json():
        return tr("{data} is no longer what it was trained on.", data=data)
    model.learned_ = sequences.take(index)
    return None
