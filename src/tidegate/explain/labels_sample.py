"""What matters for answers about sequences in general: a channel, or a stretch of all sequences, is shuffled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError
from tidegate.explain.groups import Group, Groups
from tidegate.explain.inputs import Floats, Rows
from tidegate.explain.labels import Answer
from tidegate.explain.permutation import Importance

Score = Callable[[Floats], float]
"""Of outputs [M, O], smaller is better, such as `wrong_share` or `root_mean_square` of the labels."""
BATCH = 256


def wrong_share(labels: NDArray[np.integer]) -> Score:
    """1 - accuracy: the share of the M sequences whose largest output is not that of their class [M]."""
    return lambda outputs: float(np.mean(np.argmax(outputs, axis=1) != labels))


def root_mean_square(actual: Floats) -> Score:
    """Root mean square error of the estimates, against actual [M, P]; NaN is not scored."""
    actual = np.asarray(actual, dtype=np.float64).reshape(len(actual), -1)
    return lambda outputs: float(np.sqrt(np.nanmean((outputs - actual) ** 2)))


def channel_importance(
    answer: Answer,
    past: NDArray[Any],
    lengths: Rows,
    score: Score,
    channels: Sequence[str],
    *,
    repeats: int = 5,
    seed: int = 0,
) -> Importance:
    """How much worse the score gets when a channel comes from another sequence, at the same share of its length.

    Args:
        answer: the model. past: [M, T, I] float32, padded at the end. lengths: [M]. score: of outputs.
        channels: [I] names; channels of one name move together. repeats: orders; 2 or more. seed: of these.

    Raises:
        ConfigError: fewer than 2 repeats or sequences, or names that do not fit.
    """
    if past.ndim != 3 or past.shape[2] != len(channels):
        raise ConfigError(f"past {past.shape} and {len(channels)} channels do not fit: expected [M, T, I] and I")
    names = tuple(dict.fromkeys(channels))
    labels = np.array([names.index(name) for name in channels])
    groups = Groups(tuple(Group(name) for name in names), labels)
    masks = [np.broadcast_to(labels == place, past.shape) for place in range(len(names))]
    return _shuffled(answer, past, lengths, score, groups, masks, repeats, seed)


def place_importance(
    answer: Answer,
    past: NDArray[Any],
    lengths: Rows,
    score: Score,
    *,
    parts: int = 8,
    repeats: int = 5,
    seed: int = 0,
) -> Importance:
    """The same by place: each sequence is divided into `parts` stretches of equal length, first to last.

    Groups are named by their share of the sequence in percent: [0, 12] is the first eighth.
    """
    if parts < 1:
        raise ConfigError(f"parts={parts} must be at least 1")
    steps = np.arange(past.shape[1])
    part = np.minimum(steps * parts // np.maximum(lengths[:, None], 1), parts - 1)  # [M, T]
    ends = [100 * place // parts for place in range(parts + 1)]
    groups = Groups(tuple(Group(None, a, b) for a, b in pairwise(ends)), np.arange(parts, dtype=np.int64))
    shape = (*part.shape, *(1,) * (past.ndim - 2))
    masks = [np.broadcast_to((part == place).reshape(shape), past.shape) for place in range(parts)]
    return _shuffled(answer, past, lengths, score, groups, masks, repeats, seed)


def _shuffled(
    answer: Answer,
    past: NDArray[Any],
    lengths: Rows,
    score: Score,
    groups: Groups,
    masks: list[NDArray[np.bool_]],
    repeats: int,
    seed: int,
) -> Importance:
    count = len(past)
    if repeats < 2 or count < 2:
        raise ConfigError(f"permutation importance needs 2 repeats and 2 sequences; got {repeats} and {count}")
    generator = np.random.default_rng(seed)
    usual = score(_answers(answer, past, lengths))
    found = np.empty((repeats, len(masks)))
    for repeat in range(repeats):
        other = generator.permutation(count)
        steps = np.arange(past.shape[1])[None] * lengths[other][:, None] // np.maximum(lengths[:, None], 1)
        taken = past[other[:, None], np.minimum(steps, past.shape[1] - 1)]
        for place, mask in enumerate(masks):
            changed = np.where(mask, taken, past)
            found[repeat, place] = score(_answers(answer, changed, lengths)) - usual
    return Importance(groups, count, usual, found)


def _answers(answer: Answer, past: NDArray[Any], lengths: Rows) -> Floats:
    parts = [
        np.asarray(answer(past[first : first + BATCH], lengths[first : first + BATCH]), dtype=np.float64)
        for first in range(0, len(past), BATCH)
    ]
    joined = np.concatenate(parts)
    return joined.reshape(len(joined), -1)
