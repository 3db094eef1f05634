"""Which sequences train, validate and test: at random, balanced by label, by group, or in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isnan
from os import PathLike
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, SplitError
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.balance import deal_classes, deal_groups
from tidegate.data.suspects import suspect_groups

__all__ = ["Partition", "partition", "suspect_groups"]

By = Literal["auto", "random", "stratified", "grouped", "time", "given"]
PARTS = ("train", "validation", "test")
_BINS = 10


@dataclass(frozen=True)
class Partition:
    """Places of the sequences of each part, int64 and rising; no sequence is in two parts.

    Attributes:
        train, validation, test: places; empty where a part was not asked for.
        by: how they were chosen.
        notes: what was left out, could not be balanced, or looks like a leak.
    """

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    by: str = "random"
    notes: tuple[Note, ...] = ()

    def __getitem__(self, part: str) -> NDArray[np.int64]:
        return {"train": self.train, "validation": self.validation, "test": self.test}[part]


def partition(
    sequences: Sequences, *, validation: float = 0.1, test: float = 0.2, by: By = "auto", seed: int = 0
) -> Partition:
    """Divide sequences into a training, a validation and a test part.

    Args:
        sequences: all of them; those without a label, where others have one, are left out.
        validation, test: a share of the sequences (float below 1) or a count (int); 0 leaves the part out.
        by: `random`; `stratified`, each class (or tenth of the numbers to estimate) in every part as in the whole;
            `grouped`, no group in two parts, and labels as balanced as groups allow; `time`, in their order; `given`,
            as the data say themselves; `auto` takes what the data say, else groups where there are some, else labels
            that repeat, else chance.
        seed: of chance; the same seed gives the same parts.

    Raises:
        ConfigError: an option has an impossible value.
        SplitError: too few sequences, groups, or members of a class for the parts.

    >>> from tidegate.data.sequences import read_sequences
    >>> found = read_sequences(np.zeros((20, 1, 4)), labels=[0, 1] * 10, groups=[k // 4 for k in range(20)])
    >>> parts = partition(found, validation=0.2, test=0.2)
    >>> (
    ...     parts.by,
    ...     len(parts.train),
    ...     sorted(
    ...         {int(found.groups[place]) for place in parts.test} & {int(found.groups[place]) for place in parts.train}
    ...     ),
    ... )
    ('grouped', 12, [])
    """
    if by not in get_args(By):
        raise ConfigError(tr("by={by!r} is unknown; choose one of {names}", by=by, names=", ".join(get_args(By))))
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ConfigError(tr("seed={seed!r} must be a whole number, 0 or more", seed=seed))
    held, notes = _labelled(sequences)
    if by == "given" or (by == "auto" and sequences.parts is not None):
        return _given(sequences, held, notes, validation, seed)
    sizes = _sizes(len(held), validation, test)
    chosen = _choose(sequences, held, by)
    rng = np.random.default_rng(seed)
    if chosen == "grouped":
        part = _by_group(sequences, held, sizes, rng, notes)
    elif chosen == "stratified":
        codes, names = _classes(sequences, held, by)
        part, found = deal_classes(codes, names, sizes, rng)
        notes += found
    elif chosen == "time":
        part = np.repeat(np.arange(3), sizes)
    else:
        part = np.empty(len(held), dtype=np.int64)
        part[rng.permutation(len(held))] = np.repeat(np.arange(3), sizes)
    places = [held[part == number] for number in range(3)]
    made = Partition(places[0], places[1], places[2], chosen)
    if chosen != "grouped":
        side = np.full(len(sequences), -1)
        side[made.validation], side[made.test], side[made.train] = 1, 1, 0
        notes += suspect_groups(sequences, side)
    return Partition(made.train, made.validation, made.test, chosen, tuple(notes))


def _given(sequences: Sequences, held: NDArray[np.int64], notes: list[Note], validation: float, seed: int) -> Partition:
    """The parts that the data name; where they name no validation part, it is drawn from the training part."""
    if sequences.parts is None:
        raise ConfigError(
            tr("by='given' needs a column that says which part each sequence is in; name it when reading")
        )
    own = sequences.parts[held]
    places = [held[own == name] for name in PARTS]
    if len(places[0]) > 1 and not len(places[1]) and validation:
        training = replace(sequences.take(places[0]), parts=None)
        drawn = partition(training, validation=validation, test=0, seed=seed)
        notes += drawn.notes
        places[:2] = places[0][drawn.train], places[0][drawn.validation]
    if not len(places[0]) or not len(places[1]):
        counts = ", ".join(f"{name}: {len(part)}" for name, part in zip(PARTS, places, strict=True))
        raise SplitError(
            tr("the data name no training or no validation sequences ({counts}); pass by='random'", counts=counts)
        )
    message = "Parts are as the data name them: {train} train, {validation} validate, {test} test."
    notes.append(Note("parts", message, {name: len(part) for name, part in zip(PARTS, places, strict=True)}))
    return Partition(places[0], places[1], places[2], "given", tuple(notes))


def _labelled(sequences: Sequences) -> tuple[NDArray[np.int64], list[Note]]:
    """Places of the sequences that have a label, all where none is known or labels belong to steps."""
    labels, everything = sequences.labels, np.arange(len(sequences), dtype=np.int64)
    if labels is None or sequences.per_step:
        return everything, []
    known = ~lacks(labels)
    if known.all():
        return everything, []
    if not known.any():
        raise SplitError(tr("no sequence has a label; check the label column"))
    message = "{count} of {total} sequences have no label (first: {first}); they are in no part."
    first = sequences.ids[int(np.argmin(known))]
    return everything[known], [
        Note("unlabelled", message, {"count": int((~known).sum()), "total": len(known), "first": first})
    ]


def lacks(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """[M] whether a label is missing: None, or NaN in any of its numbers."""
    if labels.dtype.kind == "f":
        missing = np.isnan(labels)
    elif labels.dtype.kind == "O":
        flat = [label is None or (isinstance(label, float) and isnan(label)) for label in labels.ravel().tolist()]
        missing = np.array(flat, dtype=bool).reshape(labels.shape)
    else:
        return np.zeros(len(labels), dtype=bool)
    return np.asarray(missing.reshape(len(labels), -1).any(axis=1))


def _sizes(total: int, validation: float, test: float) -> NDArray[np.int64]:
    """[3] sequences of each part."""
    sizes = [0, _size(total, "validation", validation), _size(total, "test", test)]
    sizes[0] = total - sizes[1] - sizes[2]
    if sizes[0] < 1:
        message = "validation={validation} and test={test} leave no training sequences of {total}; make them smaller"
        raise SplitError(tr(message, validation=validation, test=test, total=total))
    return np.array(sizes, dtype=np.int64)


def _size(total: int, name: str, asked: Any) -> int:
    if isinstance(asked, (str, PathLike)) or hasattr(asked, "__len__"):
        message = (
            "{name}= is a fraction or a count of the sequences, no data; to be scored on a file of their own, train "
            "with test=0 (--test 0), then `tidegate evaluate RUN FILE` or evaluate(data)"
        )
        raise ConfigError(tr(message, name=name))
    if isinstance(asked, (bool, np.bool_)) or not isinstance(asked, (int, float, np.integer, np.floating)):
        raise ConfigError(tr("{name}={asked!r} must be a fraction or a count of sequences", name=name, asked=asked))
    if isinstance(asked, (int, np.integer)):
        if asked < 0:
            raise ConfigError(tr("{name}={asked} must not be negative", name=name, asked=asked))
        return int(asked)
    if not 0 <= asked < 1:
        message = "{name}={asked} must be a fraction below 1; for a count of sequences give a whole number"
        raise ConfigError(tr(message, name=name, asked=asked))
    size = int(np.floor(total * float(asked) + 0.5))
    if asked and not size:
        message = (
            "{name}={asked} of {total} sequences is none; give a larger share, a count, or 0 to leave the part out"
        )
        raise SplitError(tr(message, name=name, asked=asked, total=total))
    return size


def _choose(sequences: Sequences, held: NDArray[np.int64], by: str) -> str:
    if by == "grouped" and sequences.groups is None:
        raise ConfigError(tr("by='grouped' needs groups; name their column when reading (group=)"))
    if by != "auto":
        return by
    if sequences.groups is not None:
        return "grouped"
    labels = sequences.labels
    if labels is None or sequences.per_step:
        return "random"
    if labels.ndim == 2 or measured(labels[held]):
        return "stratified" if labels.dtype.kind == "f" and labels.ndim == 1 and len(held) >= 4 * _BINS else "random"
    return "stratified" if len(_distinct(labels[held])) * 2 <= len(held) else "random"


def measured(labels: NDArray[Any]) -> bool:
    """Whether labels [M] are numbers to estimate rather than classes: fractions, or more than 20 different ones."""
    if labels.dtype.kind != "f":
        return False
    known = labels[~np.isnan(labels)]
    return bool((known % 1 != 0).any() or len(np.unique(known)) > 2 * _BINS)


def _distinct(labels: NDArray[Any]) -> list[Any]:
    """Different labels, in order where they have one."""
    if labels.dtype.kind != "O":
        return list(np.unique(labels).tolist())
    return sorted(set(labels.tolist()), key=lambda label: (type(label).__name__, label))


def _classes(sequences: Sequences, held: NDArray[np.int64], by: str) -> tuple[NDArray[np.int64], list[str]]:
    """The class of each sequence for balancing: its label, or its tenth of the numbers to estimate."""
    labels = sequences.labels
    if labels is None or sequences.per_step or labels.ndim == 2:
        what = "there are none" if labels is None else "a sequence has several"
        raise ConfigError(
            tr("by={by!r} needs one label a sequence, but {what}; choose by='random' or by='grouped'", by=by, what=what)
        )
    labels = labels[held]
    if measured(labels):
        edges = np.unique(np.quantile(labels, np.linspace(0, 1, min(_BINS, max(len(labels) // 4, 1)) + 1)[1:-1]))
        codes = _joined(np.searchsorted(edges, labels, side="right"))
        kept, codes = np.unique(codes, return_inverse=True)
        return codes.astype(np.int64), [f"numbers of bin {code + 1}" for code in kept.tolist()]
    kinds = _distinct(labels)
    index = {kind: code for code, kind in enumerate(kinds)}
    return np.array([index[label] for label in labels.tolist()], dtype=np.int64), [repr(kind) for kind in kinds]


def _joined(codes: NDArray[Any]) -> NDArray[Any]:
    """Bins of numbers in their order, those of fewer than three joined to the one below (the lowest to that above)."""
    _, codes = np.unique(codes, return_inverse=True)
    while codes.max() and (counts := np.bincount(codes)).min() < len(PARTS):
        codes = np.where(codes >= max(int(np.argmin(counts)), 1), codes - 1, codes)
    return codes


def _by_group(
    sequences: Sequences, held: NDArray[np.int64], sizes: NDArray[np.int64], rng: np.random.Generator, notes: list[Note]
) -> NDArray[np.int64]:
    assert sequences.groups is not None
    kinds = _distinct(sequences.groups[held])
    index = {kind: code for code, kind in enumerate(kinds)}
    groups = np.array([index[group] for group in sequences.groups[held].tolist()], dtype=np.int64)
    labels = sequences.labels
    classes, names = np.zeros(len(held), dtype=np.int64), [""]
    if labels is not None and not sequences.per_step and labels.ndim == 1:
        classes, names = _classes(sequences, held, "grouped")
        if len(names) > max(len(held) // 2, 2):
            classes, names = np.zeros(len(held), dtype=np.int64), [""]
    part = deal_groups(groups, classes, sizes, rng)
    counts = [len(np.unique(groups[part == number])) for number in range(3)]
    message = "{groups} groups, none in two parts: {train} in training, {validation} in validation, {test} in test."
    values: dict[str, Any] = {"groups": len(kinds)} | dict(zip(PARTS, counts, strict=True))
    notes.append(Note("groups", message, values))
    notes.extend(_absent(classes, names, part))
    return part


def _absent(classes: NDArray[np.int64], names: Sequence[str], part: NDArray[np.int64]) -> list[Note]:
    """Classes that only the parts beside training have."""
    absent = [name for code, name in enumerate(names) if not ((classes == code) & (part == 0)).any()]
    if not absent:
        return []
    message = "The training part has no member of {classes}: all are of groups in the other parts."
    return [Note("class_absent", message, {"classes": ", ".join(absent[:5])})]
