"""Folds for cross-validation of sequences: each is tested once; balanced by label, or no group in two of them."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, SplitError
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.partition import By, _choose, _classes, _distinct, _labelled, measured


def deal_folds(
    sequences: Sequences, folds: int, by: By = "auto", seed: int = 0
) -> tuple[NDArray[np.int64], str, list[Note]]:
    """The fold in which each sequence is tested.

    Args:
        sequences: M of them. folds: how many.
        by: `stratified` gives each fold as many of each class as any other, or one more (of numbers to estimate as many
            of each stretch of their range); `grouped` keeps groups whole, sizes and labels as even as they allow;
            `random`; "auto" takes groups where they are named, else labels that repeat, else chance.
        seed: of chance.

    Returns:
        [M] the fold, -1 for a sequence without a label; how they were dealt; notes.

    Raises:
        ConfigError: an option has an impossible value, or `by` is "time".
        SplitError: fewer sequences, groups, or members of a class than folds.
    """
    if by == "time":
        raise ConfigError(tr("by='time' has one way to divide the data, not several: use fit(by='time')"))
    if by not in get_args(By):
        raise ConfigError(tr("by={by!r} is unknown; choose one of auto, random, stratified, grouped", by=by))
    if isinstance(folds, bool) or not isinstance(folds, (int, np.integer)) or folds < 2:
        raise ConfigError(tr("folds={folds!r} must be a whole number, 2 or more", folds=folds))
    held, notes = _labelled(sequences)
    if len(held) < folds:
        raise SplitError(
            tr("{count} sequences cannot be divided into {folds} folds; ask for fewer", count=len(held), folds=folds)
        )
    chosen = _choose(sequences, held, by)
    rng = np.random.default_rng(seed)
    found = np.full(len(sequences), -1, dtype=np.int64)
    if chosen == "grouped":
        found[held] = _whole_groups(sequences, held, folds, rng)
    elif chosen == "stratified":
        found[held] = _balanced(sequences, held, by, folds, rng)
    else:
        found[held] = rng.permutation(np.arange(len(held)) % folds)
    return found, chosen, notes


def _balanced(
    sequences: Sequences, held: NDArray[np.int64], by: By, folds: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """[M] folds, dealt out one after another to the sequences in the order of their labels."""
    order = rng.permutation(len(held))
    labels = np.asarray(sequences.labels)[held]
    if labels.ndim == 1 and measured(labels):
        order = order[np.argsort(labels[order], kind="stable")]
        turns = np.concatenate([rng.permutation(folds) for _ in range(-(-len(held) // folds))])[: len(held)]
    else:
        codes, names = _classes(sequences, held, by)
        counts = np.bincount(codes, minlength=len(names))
        if counts.min() < folds:
            least = int(counts.argmin())
            message = (
                "class {name} has {count} members, fewer than the {folds} folds: ask for fewer folds, collect more of "
                "it, or choose by='random'"
            )
            raise SplitError(tr(message, name=names[least], count=counts[least], folds=folds))
        order = order[np.argsort(codes[order], kind="stable")]
        turns = np.arange(len(held)) % folds
    found = np.empty(len(held), dtype=np.int64)
    found[order] = turns
    return found


def _whole_groups(
    sequences: Sequences, held: NDArray[np.int64], folds: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """[M] folds: the largest group first, each to the fold that it leaves most like the others."""
    assert sequences.groups is not None
    groups = sequences.groups[held]
    kinds = _distinct(groups)
    if len(kinds) < folds:
        message = "{count} groups cannot be divided into {folds} folds; ask for {count} at most"
        raise SplitError(tr(message, count=len(kinds), folds=folds))
    index = {kind: code for code, kind in enumerate(kinds)}
    codes = np.array([index[group] for group in groups.tolist()], dtype=np.int64)
    table = _members(sequences, held, codes, len(kinds))
    share = table / np.maximum(table.sum(axis=0), 1)
    filled = np.zeros((folds, table.shape[1]))
    place = np.empty(len(kinds), dtype=np.int64)
    order = rng.permutation(len(kinds))
    for number, code in enumerate(order[np.argsort(-table[order, 0], kind="stable")]):
        after = np.square(filled + share[code]).sum(axis=1) - np.square(filled).sum(axis=1)
        empty = np.flatnonzero(filled[:, 0] == 0)
        if len(empty) >= len(kinds) - number:  # the groups that are left must fill the folds that are empty
            after[filled[:, 0] > 0] = np.inf
        place[code] = int(after.argmin())
        filled[place[code]] += share[code]
    return place[codes]


def _members(sequences: Sequences, held: NDArray[np.int64], codes: NDArray[np.int64], groups: int) -> NDArray[Any]:
    """[G, 1 + K] sequences of each group, and of each class in it."""
    table = np.bincount(codes, minlength=groups)[:, None].astype(np.float64)
    labels = sequences.labels
    if labels is None or sequences.per_step or labels.ndim != 1 or measured(labels[held]):
        return table
    classes, names = _classes(sequences, held, "grouped")
    if len(names) > max(len(held) // 2, 2):
        return table
    each = np.zeros((groups, len(names)))
    np.add.at(each, (codes, classes), 1)
    return np.concatenate([table, each], axis=1)
