"""Draws of the next token from scores: which tokens may come, how sharply they are told apart, and chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from tidegate.core.checks import Checked, Count, Range, Ratio, Whole

Array = NDArray[np.float32]
BLOCK = 1 << 16  # random numbers drawn at once
LOW = np.float32(-1e30)  # of what may not come


@dataclass(frozen=True)
class Sampling(Checked):
    """How the next token is drawn; what is left out has no chance at all.

    Attributes:
        temperature: scores are divided by it: below 1 the likely becomes likelier, 0 always takes the likeliest.
        top_k: only so many of the likeliest; 0 takes all.
        top_p: only the likeliest that together have this probability (Holtzman et al. 2020, arXiv:1904.09751).
        min_p: only those with at least this share of the likeliest one's probability (Nguyen et al. 2024,
            arXiv:2407.01082).
        repetition_penalty: the score of tokens among the last `memory` is divided by it where positive, else multiplied
            (Keskar et al. 2019, arXiv:1909.05858); 1 leaves them alone.
        memory: tokens back that the penalty looks at.
        seed: of chance; each of several texts has its own, so that it does not depend on the others.

    Raises:
        ConfigError: a value that cannot be.
    """

    temperature: Annotated[float, Range(0, 100)] = 0.8
    top_k: Whole = 0
    top_p: Annotated[float, Range(1e-9, 1)] = 1.0
    min_p: Ratio = 0.0
    repetition_penalty: Annotated[float, Range(0.01, 100)] = 1.0
    memory: Count = 64
    seed: Whole = 0

    @property
    def plain(self) -> bool:
        """Whether all tokens may come, with their own scores."""
        return self.top_k == 0 and self.top_p >= 1 and self.min_p <= 0 and self.repetition_penalty == 1


def kept(scores: Array, sampling: Sampling) -> Array:
    """Scores [..., V] over the temperature, with a very low one in the place of tokens that may not come.

    Each filter looks at the probabilities that the one before left: top-k, then top-p, then min-p.
    """
    scores = scores / np.float32(sampling.temperature or 1.0)
    if 0 < sampling.top_k < scores.shape[-1]:
        least = np.partition(scores, -sampling.top_k, axis=-1)[..., -sampling.top_k, None]
        scores = np.where(scores >= least, scores, LOW)
    if sampling.top_p < 1:
        order = np.argsort(-scores, axis=-1, kind="stable")
        ranked = probabilities(np.take_along_axis(scores, order, axis=-1))
        before = np.cumsum(ranked, axis=-1) - ranked
        out = np.empty_like(scores, dtype=np.bool_)
        np.put_along_axis(out, order, before >= sampling.top_p, axis=-1)
        scores = np.where(out, LOW, scores)
    if sampling.min_p > 0:
        scores = np.where(scores >= scores.max(axis=-1, keepdims=True) + np.log(sampling.min_p), scores, LOW)
    return np.asarray(scores, np.float32)


def penalised(scores: Array, before: Sequence[Sequence[int]], sampling: Sampling) -> Array:
    """Scores [S, V] with those of each stream's last tokens made worse."""
    scores = scores.copy()
    for row, own in zip(scores, before, strict=True):
        seen = list(set(own[-sampling.memory :]))
        factor = np.float32(sampling.repetition_penalty)
        row[seen] = np.where(row[seen] > 0, row[seen] / factor, row[seen] * factor)
    return scores


def probabilities(scores: Array) -> Array:
    """softmax along the last axis."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


class Draws:
    """Chance of several streams, each with a generator of its own.

    The largest of score + Gumbel noise is a draw from softmax(score), and the noise is drawn in blocks beforehand.

    Args:
        seed: of the first stream; the next have the next ones. streams: S. size: V.
    """

    def __init__(self, seed: int, streams: int, size: int) -> None:
        self.generators = [np.random.default_rng([seed, stream]) for stream in range(streams)]
        self.size, self.count = size, max(1, BLOCK // (size * streams))
        self.place = self.count
        self.noise = np.empty((0, streams, size), np.float32)

    def choose(self, scores: Array, scale: Array | np.float32) -> NDArray[np.intp]:
        """Tokens [S] drawn from softmax(scores * scale), scores [S, V]."""
        return np.asarray((scores * scale + self.take(1)[0]).argmax(axis=1))

    def take(self, count: int) -> Array:
        """Noise [N, S, V] of the next draws, N at most `count`."""
        if self.place == self.count:
            each = [own.random((self.count, self.size), np.float32) for own in self.generators]
            self.noise = np.stack(each, axis=1)
            np.subtract(np.float32(1), self.noise, out=self.noise)  # from (0, 1]
            np.negative(np.log(self.noise, out=self.noise), out=self.noise)
            np.maximum(self.noise, np.float32(1e-30), out=self.noise)
            np.negative(np.log(self.noise, out=self.noise), out=self.noise)
            self.place = 0
        first, self.place = self.place, min(self.place + count, self.count)
        return self.noise[first : self.place]
