"""Whether the test part is as new as it should be: exact copies in the training part, groups on both sides."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

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
