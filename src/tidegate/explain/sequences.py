"""Sequences of any length in the form that explanations work on, and what matters for answers about them in general.

Shape letters: M sequences, R background sequences, B rows of a call, T steps of one sequence, I channels, O outputs
(the logits of classes, or estimates).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr
from tidegate.explain.groups import Group, Groups, by_block, standard
from tidegate.explain.inputs import Array, Floats, Inputs, Layout, Rows
from tidegate.explain.permutation import Importance, shuffle

AnswerOf = Callable[[NDArray[Any], Rows], NDArray[Any]]
"""Outputs [B, O] of past [B, T, I] float32, or [B, T] int64 tokens, and lengths [B]."""
Score = Callable[[Floats], float]
"""Of outputs [M, O], smaller is better."""

UNKNOWN = 1  # the token that stands for a word that is taken away
WORD = "word"
BATCH = 256


@dataclass
class OneSequence:
    """One sequence as an `Explainable`, at its own length, so that nothing is padded.

    Args:
        answer: the model. values: [T, I] float32, or [T] tokens. channels: [I] names.
        others: sequences of any length that stand for what is taken away, each stretched or thinned to T steps; of
            tokens none, as the unknown word stands for them.
        output: which of the outputs; None takes all. spec, weights: of the network, for its gates and attention.
    """

    answer: AnswerOf
    values: NDArray[Any]
    channels: tuple[str, ...] = ()
    others: Sequence[NDArray[Any]] = ()
    output: int | None = None
    spec: Any = None
    weights: Mapping[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tokens = self.values.ndim == 1
        steps = len(self.values)
        if not steps:
            raise ConfigError(tr("a sequence without a step has nothing to explain"))
        if not self.tokens and not len(self.others):
            raise ConfigError(tr("sequences of numbers need others, to put in the place of what is taken away"))
        names = (WORD,) if self.tokens else tuple(self.channels)
        if not self.tokens and len(names) != self.values.shape[1]:
            raise ConfigError(tr("{count} names for {shape} channels", count=len(names), shape=self.values.shape[1]))
        self.layout = Layout(steps, 0, names)
        others = [np.full(steps, UNKNOWN)] if self.tokens else [fitted(other, steps) for other in self.others]
        self.windows, self.background = _inputs([self.values]), _inputs(others)

    def groups(self, block: int | None = None) -> dict[str, Groups]:
        """By "feature", by "block" of so many steps (None takes an eighth) and by both ("cell"); of tokens "word"."""
        if self.tokens:
            return {WORD: by_block(self.layout, 1)}
        return standard(self.layout, -(-len(self.values) // 8) if block is None else block)

    def predict(self, inputs: Inputs, rows: Rows) -> Floats:
        """Outputs [B, O]."""
        past: NDArray[Any] = inputs.past
        if self.tokens:
            past = np.rint(past[:, :, 0]).astype(np.int64)
        lengths = np.full(len(past), past.shape[1], dtype=np.int64)
        found = np.asarray(self.answer(past, lengths), dtype=np.float64).reshape(len(past), -1)
        return found if self.output is None else found[:, self.output : self.output + 1]

    def score(self, predictions: Floats, rows: Rows) -> float:
        """One sequence alone has no score.

        Raises:
            ConfigError: always; see `channel_importance`.
        """
        raise ConfigError(tr("the score of one sequence says nothing: use channel_importance on a sample"))


def fitted(values: NDArray[Any], steps: int) -> NDArray[Any]:
    """A sequence [L, ...] stretched or thinned to so many steps: step t is step floor(t L / T) of it."""
    return np.asarray(values[np.arange(steps) * len(values) // steps])


def _inputs(sequences: Sequence[NDArray[Any]]) -> Inputs:
    past = np.stack([np.asarray(each, dtype=np.float32).reshape(len(each), -1) for each in sequences])
    none = np.zeros((len(past), 0), dtype=np.float32)
    return Inputs(past, none[:, None], none)


def channel_importance(
    answer: AnswerOf,
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
        answer: the model. past: [M, T, I] float32, padded at the end. lengths: [M].
        score: of outputs [M, O], smaller is better, such as the share of wrong answers.
        channels: [I] names; channels of one name move together. repeats: orders; 2 or more. seed: of these.

    Raises:
        ConfigError: fewer than 2 repeats or sequences, or names that do not fit.
    """
    if past.ndim != 3 or past.shape[2] != len(channels):
        raise ConfigError(f"past {past.shape} and {len(channels)} channels do not fit: expected [M, T, I] and I")
    names = tuple(dict.fromkeys(channels))
    labels = np.array([names.index(name) for name in channels])
    groups = Groups(tuple(Group(name) for name in names), labels)
    masks = [labels == place for place in range(len(names))]
    return _shuffled(answer, past, lengths, score, groups, masks, repeats, seed)


def place_importance(
    answer: AnswerOf,
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
        raise ConfigError(tr("parts={parts} must be at least 1", parts=parts))
    part = np.minimum(np.arange(past.shape[1]) * parts // np.maximum(lengths[:, None], 1), parts - 1)  # [M, T]
    ends = [100 * place // parts for place in range(parts + 1)]
    groups = Groups(tuple(Group(None, a, b) for a, b in pairwise(ends)), np.arange(parts, dtype=np.int64))
    part = part.reshape(*part.shape, *(1,) * (past.ndim - 2))
    return _shuffled(answer, past, lengths, score, groups, [part == n for n in range(parts)], repeats, seed)


def _shuffled(
    answer: AnswerOf,
    past: NDArray[Any],
    lengths: Rows,
    score: Score,
    groups: Groups,
    masks: Sequence[NDArray[np.bool_]],
    repeats: int,
    seed: int,
) -> Importance:
    def scored(values: NDArray[Any]) -> float:
        parts = [
            np.asarray(answer(values[first : first + BATCH], lengths[first : first + BATCH]), dtype=np.float64)
            for first in range(0, len(values), BATCH)
        ]
        joined = np.concatenate(parts)
        return score(joined.reshape(len(joined), -1))

    def taken(order: Rows) -> NDArray[Any]:
        steps = np.arange(past.shape[1])[None] * lengths[order][:, None] // np.maximum(lengths[:, None], 1)
        return np.asarray(past[order[:, None], np.minimum(steps, past.shape[1] - 1)])

    return shuffle(scored, past, taken, groups, masks, repeats=repeats, seed=seed)
