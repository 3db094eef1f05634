"""True labels of sequences, and columns of an answer: whom it is about, and its intervals. No torch here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.sequences import Sequences
from tidegate.prepare.sequence.prepared import PreparedSequences
from tidegate.runtime.label.decode import Deciding, Margins, half_widths


def labels_of(sequences: Sequences, deciding: Deciding) -> NDArray[Any]:
    """What was to be predicted: [M] or [M, P]; of the last step where labels are by step and one answer is given."""
    labels = np.asarray(sequences.labels)
    if sequences.per_step and not deciding.per_step:
        return np.asarray(labels[sequences.starts[1:] - 1])
    return labels


def answer_ids(sequences: Sequences, prepared: PreparedSequences, *, per_step: bool) -> dict[str, NDArray[Any]]:
    """The first columns of an answer's frame: id, and the step where each that was kept has its own."""
    ids = np.array(sequences.ids, dtype=object)
    if not per_step:
        return {"id": ids}
    lengths = prepared.lengths
    if prepared.steps is None:
        steps = np.arange(int(prepared.starts[-1])) - np.repeat(prepared.starts[:-1], lengths)
    else:
        steps = prepared.steps - np.repeat(sequences.starts[:-1], lengths)
    return {"id": np.repeat(ids, lengths), "step": steps}


def interval_columns(
    margins: Margins | None, found: NDArray[np.float64], names: Iterable[str], levels: Iterable[float]
) -> Mapping[str, NDArray[np.float64]]:
    """Columns of both ends of every level: `low80:name`, `high80:name`; found: [M, P]."""
    columns: dict[str, NDArray[np.float64]] = {}
    for level in levels:
        half = half_widths(margins, level)
        for place, name in enumerate(names):
            columns[f"low{level:g}:{name}"] = found[:, place] - half[place]
            columns[f"high{level:g}:{name}"] = found[:, place] + half[place]
    return columns
