"""Whether the test part is as new as it should be: exact copies in the training part, groups on both sides."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.core.sequences import Sequences


@dataclass(frozen=True)
class Leaks:
    """Test sequences that the training part has seen.

    Attributes:
        copies: how many have an exact copy in it. shared: how many belong to a group that it has seen.
        sequences: how many test sequences there are.
        examples: ids of some copies.
    """

    copies: int
    shared: int
    sequences: int
    examples: tuple[str, ...] = ()


def find_leaks(train: Sequences, test: Sequences) -> Leaks:
    """Compare every test sequence with the training part, value for value; labels are not looked at.

    A text that is equal but for capitals and spaces at its ends is a copy. Sequences without a step, and texts without
    a word, are none.
    """
    seen = {digest for digest in digests(train) if digest}
    copied = [index for index, digest in enumerate(digests(test)) if digest in seen]
    shared = 0
    if train.groups is not None and test.groups is not None:
        known = {str(group) for group in train.groups}
        shared = sum(str(group) in known for group in test.groups)
    return Leaks(len(copied), shared, len(test), tuple(test.ids[index] for index in copied[:5]))


def digests(sequences: Sequences) -> list[bytes]:
    """A digest of what each sequence holds; empty for one that holds nothing."""
    if sequences.texts is not None:
        plain = ["" if text is None else str(text).strip().lower() for text in sequences.texts]
        return [
            hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest() if text else b""
            for text in plain
        ]
    values = sequences.values if sequences.values.dtype == np.uint8 else sequences.values.astype(np.float64)
    found = []
    for begin, end in zip(sequences.starts[:-1].tolist(), sequences.starts[1:].tolist(), strict=True):
        if end == begin:
            found.append(b"")
            continue
        state = hashlib.blake2b(np.ascontiguousarray(values[begin:end]).tobytes(), digest_size=16)
        for name in sorted(sequences.categories):
            state.update("\0".join(str(value) for value in sequences.categories[name][begin:end]).encode("utf-8"))
        found.append(state.digest())
    return found


NEAR = 0.02  # distance over that of two sequences drawn at random, below which they are nearly copies
STEPS = 32  # of a sequence stretched or thinned for the comparison
MOST = 2_000  # sequences of a part that are compared, evenly spread
EXACT = 1e-9  # share of the variation that a straight line may leave
FEWEST = 10  # sequences of training below which nothing is said of an input

Floats = NDArray[np.float64]


def near_copies(train: Sequences, test: Sequences) -> tuple[str, ...]:
    """Ids of test sequences that lie within a fiftieth of the usual distance from a training sequence.

        distance = root mean square difference of two sequences, each stretched or thinned to 32 steps, every channel in
                   deviations of the training part; the usual one is the median between training sequences at random

    Exact copies are not among them. Texts, categories and pictures are not compared.
    """
    if not train.values.size or train.frame is not None or len(train) < 2:
        return ()
    own, other = _spread(len(train)), _spread(len(test))
    scale = np.nanstd(train.values.astype(np.float64), axis=0)
    scale[~(scale > 0)] = 1.0
    x, y = (_thinned(part, places, scale) for part, places in ((train, own), (test, other)))
    order = np.random.default_rng(0).permutation(len(x))
    usual = float(np.median(np.sqrt(np.mean(np.square(x - x[order]), axis=1))[order != np.arange(len(x))], axis=0))
    found = []
    for place, row in zip(other.tolist(), y, strict=True):
        least = float(np.sqrt(np.mean(np.square(x - row), axis=1).min()))
        if 0.0 < least < NEAR * usual:
            found.append(test.ids[place])
    return tuple(found)


def telling_inputs(train: Sequences) -> tuple[str, ...]:
    """Channels and columns that are the label: one value for each class, or a straight line of a number.

    A channel that stands still within each sequence (with labels by step: whatever it does) and whose values and labels
    map one to one; of numbers, one that a straight line maps to the label but for rounding.
    """
    labels = None if train.labels is None else np.asarray(train.labels)
    if labels is None or len(train) < FEWEST:
        return ()
    columns: dict[str, NDArray[np.generic]] = {
        name: train.values[:, place] for place, name in enumerate(train.channels) if train.frame is None
    }
    columns |= dict(train.categories)
    table = labels[:, None] if labels.ndim == 1 else labels
    found = []
    for name, values in columns.items():
        own = values if train.per_step else _constant(values, train)
        if own is not None and any(_same(own, table[:, place]) for place in range(table.shape[1])):
            found.append(name)
    return tuple(found)


def _constant(values: NDArray[np.generic], sequences: Sequences) -> NDArray[np.generic] | None:
    """[M] the value of each sequence; None where one changes, or has no step."""
    starts = sequences.starts
    if (np.diff(starts) == 0).any():
        return None
    first = values[starts[:-1]]
    same = np.array([str(value) for value in values]) == np.repeat([str(value) for value in first], np.diff(starts))
    return first if bool(same.all()) else None


def _same(values: NDArray[np.generic], labels: NDArray[np.generic]) -> bool:
    if values.dtype.kind == "f" and labels.dtype.kind == "f":
        both = np.isfinite(values) & np.isfinite(labels)
        x, y = values[both].astype(np.float64), labels[both].astype(np.float64)
        if len(x) < FEWEST or not x.std() > 0 or not y.std() > 0:
            return False
        return bool(1 - np.corrcoef(x, y)[0, 1] ** 2 < EXACT)
    pairs = {(str(value), str(label)) for value, label in zip(values.tolist(), labels.tolist(), strict=True)}
    return len(pairs) == len({value for value, _ in pairs}) == len({label for _, label in pairs}) > 1


def _spread(count: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, count - 1, min(count, MOST)).round().astype(np.int64))


def _thinned(part: Sequences, places: NDArray[np.int64], scale: Floats) -> Floats:
    """[n, 32 C] sequences at one length, flat; missing values at 0."""
    rows = []
    for place in places.tolist():
        begin, end = int(part.starts[place]), int(part.starts[place + 1])
        at = begin + np.arange(STEPS) * (end - begin) // STEPS
        rows.append((part.values[at] / scale).ravel() if end > begin else np.full(STEPS * len(scale), np.inf))
    return np.nan_to_num(np.array(rows, dtype=np.float64), nan=0.0, posinf=1e9)
