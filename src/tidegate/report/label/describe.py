"""The data of a classifier or regressor in a few lines: what the sequences hold, and what lies in each part."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tidegate.core.sequences import Sequences
from tidegate.core.table import Note

_PART = "{sequences}"
_GROUPS = "{sequences}, of {groups} groups"
_STEPS = "{shortest} to {longest}, half of them at most {middle}"
_SAME = "{longest} each"
_CHANNELS = "{amount}: {first}"
_FRAMES = "{width} by {height} points, {colours} colours"
_TEXTS = "text of {shortest} to {longest} characters, half of them at most {middle}"
_SHOWN = 12


def describe_sequences(sequences: Sequences, parts: Mapping[str, NDArray[np.int64]]) -> tuple[Note, ...]:
    """The lines of `LabelledView.schema`.

    Args:
        sequences: all of them.
        parts: "train", "validation", "test" -> places among the sequences.

    Returns:
        One note per line, its kind the name of the line.
    """
    lines = []
    if sequences.texts is not None:
        sizes = np.array([len(str(text)) if text is not None else 0 for text in sequences.texts])
        lines.append(Note("texts", _TEXTS, _spread(sizes)))
    else:
        values = _spread(sequences.lengths)
        same = values["shortest"] == values["longest"]
        lines.append(Note("steps", _SAME if same else _STEPS, {"longest": values["longest"]} if same else values))
    if sequences.frame is not None:
        height, width, colours = sequences.frame
        lines.append(Note("frames", _FRAMES, {"width": width, "height": height, "colours": colours}))
    names = (*(sequences.channels if sequences.frame is None else ()), *sequences.categories)
    if names:
        first = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
        lines.append(Note("channels", _CHANNELS, {"amount": f"{len(names):,}", "first": first}))
    if sequences.label_names:
        lines.append(Note("labels", "{first}", {"first": ", ".join(sequences.label_names[:_SHOWN])}))
    for kind, index in parts.items():
        values = {"sequences": f"{len(index):,}"}
        if sequences.groups is None:
            lines.append(Note(f"{kind}_sequences", _PART, values))
        else:
            groups = len({str(group) for group in sequences.groups[index]})
            lines.append(Note(f"{kind}_sequences", _GROUPS, {**values, "groups": f"{groups:,}"}))
    return tuple(lines)


def _spread(sizes: NDArray[np.int64]) -> dict[str, str]:
    if not len(sizes):
        return {"shortest": "0", "longest": "0", "middle": "0"}
    ends = {"shortest": sizes.min(), "longest": sizes.max(), "middle": np.median(sizes)}
    return {name: f"{int(value):,}" for name, value in ends.items()}
