"""Sequences: many short recordings, sentences or clips, held once in memory, with what is to be said about each.

A `Table` is a few long series that windows are cut from; `Sequences` are many sequences that are each looked at whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.table import Note


@dataclass(frozen=True, repr=False)
class Sequences:
    """Sequences one after another. M sequences, N steps of all of them, C channels, P values to estimate.

    Attributes:
        ids: [M] names, for messages and results ("0", "1", ... where the data have none).
        starts: [M + 1] first step of each sequence, then N. Lengths may differ; none is padded.
        values: [N, C] float32 or float64 with NaN for missing, or uint8 for frames (C = height * width * colours).
            [N, 0] where there are only texts or categories. Arrays may be views of the caller's data: never write into
            them.
        channels: [C] names.
        categories: name -> [N] text (str or None) at each step.
        texts: [M] raw text, where a sequence is a text that tokens are yet to be made of (then N = 0), or None.
        labels: [M] one label a sequence, [N] one label a step (`per_step`), [M, P] numbers or, for several labels at
            once, [M, K] bool; None where nothing is known. Labels are str, int, bool or float as the data have them.
        label_names: names of what `labels` holds: its column, or one for each of P numbers or K labels.
        per_step: whether `labels` belong to steps.
        label_steps: K where the labels are series [M, K, D] of numbers, held as [M, K * D] row by row; 0 where not.
        groups: [M] what a sequence came from (engine, speaker, patient, host), or None.
        parts: [M] the part that the data themselves put each into (`train`, `validation` or `test`), or None.
        frame: (height, width, colours) of frames, or None.
        rate: steps a second, for explanations and figures; None where steps are only counted.
        notes: what was found and done while reading.
    """

    ids: tuple[str, ...]
    starts: NDArray[np.int64]
    values: NDArray[Any]
    channels: tuple[str, ...]
    categories: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    texts: NDArray[Any] | None = None
    labels: NDArray[Any] | None = None
    label_names: tuple[str, ...] = ()
    per_step: bool = False
    label_steps: int = 0
    groups: NDArray[Any] | None = None
    parts: NDArray[Any] | None = None
    frame: tuple[int, int, int] | None = None
    rate: float | None = None
    notes: tuple[Note, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"<Sequences: {len(self):,} of {int(self.starts[-1]):,} steps, {len(self.channels):,} channels>"

    @property
    def lengths(self) -> NDArray[np.int64]:
        """[M] steps of each sequence."""
        return np.diff(self.starts)

    def take(self, index: NDArray[np.integer]) -> Sequences:
        """The sequences at these places, in this order."""
        index = np.asarray(index, dtype=np.int64)
        lengths = self.lengths[index]
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        steps = np.arange(starts[-1]) + np.repeat(self.starts[index] - starts[:-1], lengths)
        labels = self.labels
        if labels is not None:
            labels = labels[steps if self.per_step else index]
        return replace(
            self,
            ids=tuple(self.ids[place] for place in index),
            starts=starts,
            values=self.values[steps],
            categories={name: values[steps] for name, values in self.categories.items()},
            texts=None if self.texts is None else self.texts[index],
            labels=labels,
            groups=None if self.groups is None else self.groups[index],
            parts=None if self.parts is None else self.parts[index],
        )
