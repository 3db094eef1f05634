"""Dealing sequences to parts so that every part has the classes in the shares of the whole."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import SplitError
from tidegate.core.table import Note
from tidegate.core.translate import tr

_NAMES = ("training", "validation", "test")
_TRIES = 16
_SWEEPS = 8


def deal_classes(
    classes: NDArray[np.int64], names: Sequence[str], sizes: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], list[Note]]:
    """Give every class to every part, in proportion.

    Args:
        classes: [M] class of each sequence, 0 to len(names) - 1.
        names: of the classes, for messages.
        sizes: [3] sequences of the training, validation and test part.
        rng: chance.

    Returns:
        part: [M] 0, 1 or 2.
        notes: where a part had to be larger than asked.

    Raises:
        SplitError: a class has fewer members than there are parts.
    """
    counts = np.bincount(classes, minlength=len(names))
    parts = np.flatnonzero(sizes)
    short = np.flatnonzero(counts < len(parts))
    if len(short):
        shown = ", ".join(f"{names[code]} ({counts[code]})" for code in short[:5])
        more = f" and {len(short) - 5} more" if len(short) > 5 else ""
        message = (
            "classes with fewer than {count} members cannot be in every part ({names}): {shown}{more}; collect more "
            "of them, leave them out, join them with another class, or choose by='random'"
        )
        raise SplitError(
            tr(message, count=len(parts), names=", ".join(_NAMES[part] for part in parts), shown=shown, more=more)
        )
    taken = np.zeros((3, len(names)), dtype=np.int64)
    notes = []
    for number in (2, 1):
        if not sizes[number]:
            continue
        room = counts - taken.sum(axis=0) - (1 if number == 2 and sizes[1] else 0) - 1
        taken[number] = _proportions(counts, int(sizes[number]), room, rng)
        if taken[number].sum() != sizes[number]:
            message = "The {part} part has {count} sequences instead of {asked}, so that every class is in every part."
            values = {"part": _NAMES[number], "count": int(taken[number].sum()), "asked": int(sizes[number])}
            notes.append(Note("part_size", message, values))
    taken[0] = counts - taken.sum(axis=0)
    part = np.empty(len(classes), dtype=np.int64)
    for code in range(len(names)):
        members = rng.permutation(np.flatnonzero(classes == code))
        part[members] = np.repeat(np.arange(3), taken[:, code])
    return part, notes


def _proportions(
    counts: NDArray[np.int64], size: int, room: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Whole numbers near counts * size / total, from 1 to room (or 1), that add up to size where they can."""
    wanted = counts * (size / counts.sum())
    most = np.maximum(room, 1)
    given = np.clip(np.floor(wanted).astype(np.int64), 1, most)
    tie = rng.random(len(counts))
    while given.sum() != size:
        step = 1 if given.sum() < size else -1
        free = given < most if step > 0 else given > 1
        if not free.any():
            break
        order = np.lexsort((tie, -step * (wanted - given), ~free))
        lacking = min(abs(size - int(given.sum())), int(free.sum()))
        given[order[:lacking]] += step
    return np.asarray(given, dtype=np.int64)


def deal_groups(
    groups: NDArray[np.int64], classes: NDArray[np.int64], sizes: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Give each group to one part, so that sizes and classes come near to what was asked.

    Large groups are dealt first, each to the part that lacks its members most; then groups are moved as long as that
    helps. The best of several tries is taken.

    Args:
        groups: [M] group of each sequence, counted from 0.
        classes: [M] class of each.
        sizes: [3] sequences wanted in each part.
        rng: chance.

    Returns:
        [M] 0, 1 or 2.

    Raises:
        SplitError: fewer groups than parts.
    """
    count, parts = int(groups.max()) + 1, np.flatnonzero(sizes)
    if count < len(parts):
        message = (
            "{count} groups cannot be divided into {count2} parts ({names}); leave a part out (validation=0 or "
            "test=0), or name a column with more groups"
        )
        raise SplitError(tr(message, count=count, count2=len(parts), names=", ".join(_NAMES[part] for part in parts)))
    table = np.zeros((count, int(classes.max()) + 1))
    np.add.at(table, (groups, classes), 1)
    wanted = np.outer(sizes[parts] / sizes.sum(), table.sum(axis=0))
    tries = _TRIES if count <= 500 else 1
    found = [_deal(table, wanted, rng) for _ in range(tries)]
    best = min(range(tries), key=lambda number: (found[number][1], number))
    return parts[found[best][0]][groups]


def _deal(
    table: NDArray[np.float64], wanted: NDArray[np.float64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], float]:
    """One try: the part of each group, and how far it is from what is wanted."""
    count, parts = len(table), len(wanted)
    weight = 1 / np.maximum(table.sum(axis=0), 1)
    sizes = table.sum(axis=1)
    order = np.lexsort((rng.random(count), -sizes))
    part = np.full(count, -1)
    have = np.zeros_like(wanted)
    for place, group in enumerate(order.tolist()):
        lacking = np.bincount(part[part >= 0], minlength=parts) == 0
        bare = lacking if count - place <= lacking.sum() else np.ones(parts, dtype=bool)
        costs = np.where(bare, _change(have, wanted, table[group], weight), np.inf)
        part[group] = int(np.argmin(costs))
        have[part[group]] += table[group]
    for _ in range(_SWEEPS if count <= 500 else 1):
        moved = False
        for group in rng.permutation(count).tolist():
            old = part[group]
            if (part == old).sum() == 1:
                continue
            have[old] -= table[group]
            costs = _change(have, wanted, table[group], weight)
            new = int(np.argmin(costs))
            if costs[new] >= costs[old] - 1e-12:
                new = int(old)
            part[group] = new
            have[new] += table[group]
            moved |= new != old
        if not moved:
            break
    return part, _cost(have, wanted, weight)


def _change(
    have: NDArray[np.float64], wanted: NDArray[np.float64], more: NDArray[np.float64], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """[parts] how the cost changes if `more` goes to each part."""
    total = weight.sum() / max(len(weight), 1)
    by_class = ((have + more - wanted) ** 2 - (have - wanted) ** 2) @ (weight**2)
    size, goal = have.sum(axis=1), wanted.sum(axis=1)
    return np.asarray(by_class + total**2 * ((size + more.sum() - goal) ** 2 - (size - goal) ** 2))


def _cost(have: NDArray[np.float64], wanted: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    total = weight.sum() / max(len(weight), 1)
    sizes = have.sum(axis=1) - wanted.sum(axis=1)
    return float((((have - wanted) ** 2) @ (weight**2)).sum() + total**2 * (sizes**2).sum())
