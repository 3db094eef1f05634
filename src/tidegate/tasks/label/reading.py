"""Options that new sequences are read with, so that they become what the training sequences were."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any

import numpy as np

from tidegate.core.sequences import Sequences

# what need not be there where only an answer is wanted
FORM = ("kind", "steps_first", "joints", "root", "normalise", "velocities", "frame", "colour", "every")


def kept(reading: Mapping[str, Any], sequences: Sequences) -> dict[str, Any]:
    """The options worth keeping in a model's record, with the columns of a table and the rate of sound named.

    Args:
        reading: what the training sequences were read with. sequences: what came of it.
    """
    found = {name: value for name, value in reading.items() if name != "data" and _simple(value)}
    table = any(name in found for name in ("label", "id", "time", "features")) and "text" not in found
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
