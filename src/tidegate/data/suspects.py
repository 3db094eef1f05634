"""Signs that sequences of one source would be on both sides of a split: copies, and names that tell the source."""

from __future__ import annotations

import re
from collections import Counter
from hashlib import blake2b
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.sequences import Sequences
from tidegate.core.table import Note

_POINTS = 8
_CHANNELS = 8
_NEAR = 1e-3
_NEIGHBOURS = 4
_CUT = re.compile(r"[\s_\-./\\:|]+")


def suspect_groups(sequences: Sequences, side: NDArray[np.int64] | None = None) -> tuple[Note, ...]:
    """Warn of sequences that look like they come from one source.

    Args:
        sequences: to look at.
        side: [M] 0 in training, 1 in another part, -1 in none; with it, only what is on both sides is told.

    Returns:
        Notes of kind `copies` (equal sequences or texts), `near_copies` (nearly equal ones) and `suspect_names` (names
        such as "anna_3" whose parts look like groups).
    """
    notes: list[Note] = []
    same = _equal(sequences)
    found = _told(same, side, sequences.ids)
    if found is not None:
        message = "{count} sequences are copies of others (such as {first} and {second}); keep copies in one part."
        if side is not None:
            message = (
                "{count} sequences of validation and test are copies of training sequences (such as {first} and "
                "{second}), and are scored too well. Leave copies out, or keep them together with group=."
            )
        notes.append(Note("copies", message, found))
    found = _told(_nearly_equal(sequences, same), side, sequences.ids)
    if found is not None:
        message = (
            "{count} sequences are nearly equal to others, as if they had one source (such as {first} and {second}); "
            "if so, name the source with group=, so that none is on both sides."
        )
        notes.append(Note("near_copies", message, found))
    if sequences.groups is None:
        notes.extend(_names(sequences, side))
    return tuple(notes)


def _told(codes: NDArray[np.int64], side: NDArray[np.int64] | None, ids: tuple[str, ...]) -> dict[str, Any] | None:
    """How many sequences share a code with another (of training, where there are sides), and a pair of them.

    `codes` are negative for a sequence that is to be left out.
    """
    if side is None:
        side = np.ones(len(codes), dtype=np.int64)
        seen = np.zeros(int(codes.max(initial=0)) + 1, dtype=bool)
        first = np.unique(np.where(codes < 0, -1, codes), return_index=True)[1]
        side[first] = 0
    else:
        seen = np.zeros(int(codes.max(initial=0)) + 1, dtype=bool)
    seen[codes[(side == 0) & (codes >= 0)]] = True
    hit = np.flatnonzero((side == 1) & (codes >= 0) & seen[np.maximum(codes, 0)])
    if not len(hit):
        return None
    second = int(np.flatnonzero((side == 0) & (codes == codes[hit[0]]))[0])
    return {"count": len(hit), "first": ids[int(hit[0])], "second": ids[second]}


def _equal(sequences: Sequences) -> NDArray[np.int64]:
    """[M] the same number for equal sequences; -1 for empty texts."""
    known: dict[bytes | str, int] = {}
    codes = np.full(len(sequences), -1)
    if sequences.texts is not None:
        for place, text in enumerate(sequences.texts.tolist()):
            plain = "".join((text or "").lower().split())
            if plain:
                codes[place] = known.setdefault(plain, len(known))
        return codes
    values = np.ascontiguousarray(sequences.values)
    entries = [column.tolist() for column in sequences.categories.values()]
    for place, (a, b) in enumerate(pairwise(sequences.starts.tolist())):
        digest = blake2b(values[a:b].tobytes(), digest_size=16)
        for column in entries:
            digest.update(repr(column[a:b]).encode())
        codes[place] = known.setdefault(digest.digest(), len(known))
    return codes


def _nearly_equal(sequences: Sequences, same: NDArray[np.int64]) -> NDArray[np.int64]:
    """[M] the same number for sequences whose values nearly agree, -1 for those that agree with no other.

    Only sequences of 8 steps or more are compared, at 8 places and in at most 8 channels; equal ones (by `same`) count
    once.
    """
    codes = np.full(len(sequences), -1)
    _, first = np.unique(same, return_index=True)
    rows = first[sequences.lengths[first] >= _POINTS]
    if sequences.texts is not None or not sequences.channels or len(rows) < 2:
        return codes
    steps = sequences.starts[rows, None] + np.linspace(0, 1, _POINTS) * (sequences.lengths[rows, None] - 1)
    width = sequences.values.shape[1]
    channels = np.unique(np.linspace(0, width - 1, min(_CHANNELS, width)).astype(int))
    prints = sequences.values[np.rint(steps).astype(np.int64)[:, :, None], channels].astype(np.float64)
    prints = np.nan_to_num(prints.reshape(len(rows), -1), posinf=0, neginf=0)
    spread = prints.std(axis=0)
    prints = prints[:, spread > 0] / spread[spread > 0]
    if not prints.shape[1]:
        return codes
    line = prints @ np.random.default_rng(0).normal(size=prints.shape[1])
    order = np.argsort(line, kind="stable")
    joined, pairs = np.arange(len(rows)), []
    for apart in range(1, min(_NEIGHBOURS, len(rows) - 1) + 1):
        a, b = order[:-apart], order[apart:]
        near = np.abs(line[a] - line[b]) < _NEAR * prints.shape[1] * 4
        near[near] = (np.abs(prints[a[near]] - prints[b[near]]) < _NEAR).all(axis=1)
        pairs.append(np.stack([a[near], b[near]]))
    left, right = np.concatenate(pairs, axis=1)
    while (joined[left] != joined[right]).any():
        least = np.minimum(joined[left], joined[right])
        np.minimum.at(joined, left, least)
        np.minimum.at(joined, right, least)
    repeated = np.bincount(joined, minlength=len(rows))[joined] > 1
    codes[rows[repeated]] = joined[repeated]
    return codes


def _names(sequences: Sequences, side: NDArray[np.int64] | None) -> list[Note]:
    """Fields of the names that come back in several names, and are neither the label nor a running number."""
    ids = sequences.ids
    if len(ids) < 4:
        return []
    fields = [_CUT.split(name) for name in ids]
    width, common = Counter(map(len, fields)).most_common(1)[0]
    if width < 2 or common < 0.95 * len(ids):
        return []
    rows = [place for place, cells in enumerate(fields) if len(cells) == width]
    labels = None
    if sequences.labels is not None and not sequences.per_step and sequences.labels.ndim == 1:
        labels = [str(sequences.labels[place]).lower() for place in rows]
    notes = []
    for number in range(width):
        values = [fields[place][number] for place in rows]
        kinds = set(values)
        if not 2 <= len(kinds) <= len(rows) / 2 or (number and all(value.isdigit() for value in kinds)):
            continue
        if labels is not None and len(set(zip(values, labels, strict=True))) == len(kinds) == len(set(labels)):
            continue
        if side is not None:
            sides = {(value, int(side[place])) for value, place in zip(values, rows, strict=True)}
            if not any((value, 0) in sides and (value, 1) in sides for value in kinds):
                continue
        message = (
            "Part {part} of names such as {name} has {count} values, as if it told the speaker, person or machine; if "
            "so, pass it as group=, so that none is on both sides."
        )
        notes.append(Note("suspect_names", message, {"part": number + 1, "name": ids[rows[0]], "count": len(kinds)}))
    return notes
