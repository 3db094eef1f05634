"""Beam search: the likeliest texts that a network can write, several texts at once, with numpy alone.

Shape letters: B texts, W hypotheses of each, S steps that were read, K steps that were written, V vocabulary, X numbers
beyond it for words that are copied.

Source: Sutskever, Vinyals and Le (2014), arXiv:1409.3215; length and coverage: Wu et al. (2016), arXiv:1609.08144.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.checks import Checked, Count, Range, Whole
from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr
from tidegate.kernels.write import MOST, can_write, largest
from tidegate.prepare.vocabulary import END, PADDING, UNKNOWN
from tidegate.runtime.network.flow import Array
from tidegate.runtime.network.write import Pen, Step, distribution
from tidegate.runtime.text.terms import Terms

Ints = NDArray[np.int64]
LEAST = -1e4  # log p of a token that must come, where it has none


@dataclass(frozen=True)
class Beam(Checked):
    """How texts are searched for.

    Attributes:
        beam: W, hypotheses that are kept at each step; 1 always takes the likeliest token.
        best: how many texts are wanted of each, at most `beam`.
        length_penalty: a, so that log p / ((5 + length) / 6)^a ranks texts; 0 likes short ones.
        coverage_penalty: b of b sum_s log min(1, attention that place s of the source got in all), added to it.
        min_length, max_length: tokens of a text; None lets the source and the training decide.
    """

    beam: Count = 5
    best: Count = 1
    length_penalty: Annotated[float, Range(0, 100)] = 1.0
    coverage_penalty: Annotated[float, Range(0, 100)] = 0.0
    min_length: Whole = 0
    max_length: Count | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.best > self.beam:
            message = "best={best} texts cannot be found with a beam of {beam}: give a wider beam"
            raise ConfigError(tr(message, best=self.best, beam=self.beam))
        if self.max_length is not None and self.max_length < self.min_length:
            message = "max_length {max_length} is below min_length {min_length}"
            raise ConfigError(tr(message, max_length=self.max_length, min_length=self.min_length))

    def changed(self, how: Mapping[str, Any]) -> Beam:
        """The same with some options changed.

        Raises:
            ConfigError: one that there is not, or that cannot be.
        """
        odd = sorted(set(how) - set(self.__dataclass_fields__))
        if odd:
            message = "{item} is no option of the search; it has {shown}"
            raise ConfigError(tr(message, item=odd[0], shown=", ".join(self.__dataclass_fields__)))
        if "beam" in how and "best" not in how and isinstance(how["beam"], int):
            how = {**how, "best": max(1, min(self.best, how["beam"]))}
        return replace(self, **how)

    def rank(self, log_probability: Any, length: Any) -> Any:
        """log p / ((5 + length) / 6)^a."""
        return log_probability / ((5.0 + length) / 6.0) ** self.length_penalty


@dataclass(frozen=True)
class Hypothesis:
    """A text that was found.

    Attributes:
        tokens: [K] its numbers, the end left out. log_probability: of all of it, the end included.
        score: what ranks it. attention: [K + 1, S] where each step looked, the end's step included; None where none.
    """

    tokens: tuple[int, ...]
    log_probability: float
    score: float
    attention: Array | None


@dataclass
class _Alive:
    """Hypotheses of texts that are not done, one at first: log p [B, W], tokens [B, W, k], attention [B, W, k, S],
    states of terms [B, W, C]."""

    log: NDArray[np.float64]
    tokens: Ints
    looked: Array
    places: Ints
    states: Ints
    found: dict[int, list[Hypothesis]] = field(default_factory=dict)


def search(
    pen: Pen,
    options: Beam,
    limits: Ints,
    *,
    copies: Ints | None = None,
    extra: int = 0,
    barred: NDArray[np.bool_] | None = None,
    terms: Terms | None = None,
) -> list[list[Hypothesis]]:
    """The best texts for each of what was read, best first.

    A text is done when as many hypotheses have ended as the beam is wide, or it has as many tokens as it may and holds
    its terms.

    Args:
        pen: at the beginning of texts. options: of the search. limits: [B] most tokens of each.
        copies, extra: as of `distribution`. barred: [V] tokens that may not be written.
        terms: that texts must hold, whose tokens may always be written.

    Returns:
        Of each text as many hypotheses as asked for, fewer where there are none.
    """
    texts, width = len(limits), options.beam
    outputs = int(pen.spec.outputs)
    looked = np.zeros((texts, 1, 0, pen.sequence.shape[1]), np.float32)
    states = np.zeros((texts, 1, 0 if terms is None else terms.count), np.int64)
    alive = _Alive(np.zeros((texts, 1)), np.full((texts, 1, 1), END), looked, np.arange(texts), states, {})
    alive.found = {text: [] for text in range(texts)}
    bars = np.zeros((2, outputs + extra), np.float32)  # without, and with the end
    bars[:, [PADDING, UNKNOWN]] = bars[0, END] = -np.inf
    if barred is not None:
        bars[:, : len(barred)][:, barred] = -np.inf
    step, most = 0, int(limits.max(initial=0)) + 1 + (0 if terms is None else 4 * terms.total)
    while len(alive.places) and step < most:
        step += 1
        last = alive.tokens[:, :, -1]
        said = pen.step(np.where(last < outputs, last, UNKNOWN))
        own = None if copies is None else copies[alive.places]
        bar, late = bars[int(step > options.min_length)], limits[alive.places] < step
        next_ones = None if terms is None else terms.following(alive.places, alive.states)
        near = None
        if next_ones is None and (own is None or said.gate is None):
            near = _found(pen, said, bar[:outputs], 2 * width, late)
        if near is None:
            near = _nearest(said, own, extra, bar, 2 * width, late, next_ones)
        kept, parents = _extend(alive, near, said.attention, options, terms, limits[alive.places] - step)
        pen.take(kept, parents[kept])
    return [sorted(alive.found[n], key=lambda own: (-own.score, own.tokens))[: options.best] for n in range(texts)]


def _found(pen: Pen, said: Step, bars: Array, count: int, late: NDArray[np.bool_]) -> tuple[Array, Ints] | None:
    """What `_nearest` gives, without making all scores; None where they have to be."""
    found = pen.nearest(said, bars, min(count, len(bars)), END)
    if found is None:
        return None
    values, tokens, sums, ends = found
    shape = (said.texts, len(sums) // said.texts)
    values, tokens = (values - sums[:, None]).reshape(*shape, -1), tokens.reshape(*shape, -1)
    return _ended(values, tokens, (ends - sums).reshape(shape), late)


def _ended(values: Array, tokens: Ints, ends: Array, late: NDArray[np.bool_]) -> tuple[Array, Ints]:
    """The same, but that texts which are late go on with their end alone, log p [B, W] of which is given."""
    if late.any():
        values[late], tokens[late, :, 0] = -np.inf, END
        values[late, :, 0] = np.where(np.isfinite(ends), ends, LEAST)[late]
    return values, tokens


def _nearest(
    said: Step, copies: Ints | None, extra: int, bars: Array, count: int, late: NDArray[np.bool_], more: Ints | None
) -> tuple[Array, Ints]:
    """The likeliest tokens after each hypothesis, best first: log p and tokens [B, W, count].

    Args:
        said, copies, extra: as of `distribution`. bars: [V + X], -inf for what may not come. count: of each.
        late: [B] texts that must end here. more: [B, W, C] tokens that terms need, -1 for none; they come last.
    """
    texts, width = said.scores.shape[:2]
    plain = copies is None or said.gate is None
    flat = (said.scores if plain else distribution(said, copies, extra)).reshape(texts * width, -1)
    size = flat.shape[1]
    count = min(count, size)
    if count <= MOST and can_write():
        values, tokens, sums = largest(flat, bars[:size], count)
    else:
        tokens = _largest(flat + bars[:size], count)
        values = np.take_along_axis(flat + bars[:size], tokens, axis=1)
        order = np.lexsort((tokens, -values))
        values, tokens = np.take_along_axis(values, order, axis=1), np.take_along_axis(tokens, order, axis=1)
        top = flat.max(axis=1, keepdims=True)
        sums = top[:, 0] + np.log(np.exp(flat - top).sum(axis=1))
    if plain:
        values -= sums[:, None]
    values, tokens = values.reshape(texts, width, count), tokens.reshape(texts, width, count)
    values, tokens = _ended(values, tokens, (flat[:, END] - (sums if plain else 0.0)).reshape(texts, width), late)
    if more is None:
        return values, tokens
    own = np.take_along_axis(flat, np.maximum(more, 0).reshape(texts * width, -1), axis=1)
    own = np.maximum(own - sums[:, None] if plain else own, LEAST).reshape(more.shape)
    own[(more < 0) | (more[..., None] == np.where(np.isfinite(values), tokens, -1)[:, :, None]).any(axis=3)] = -np.inf
    return np.concatenate([values, own], axis=2), np.concatenate([tokens, np.maximum(more, 0)], axis=2)


def _extend(
    alive: _Alive, near: tuple[Array, Ints], attention: Array | None, options: Beam, terms: Terms | None, left: Ints
) -> tuple[Ints, Ints]:
    """Take the best continuations of each bank that can be completed in the tokens that are left [B]; gives the texts
    that go on [B'] and the parents of all hypotheses."""
    texts, width = len(alive.places), options.beam
    values = (near[0] + alive.log[:, :, None]).reshape(texts, -1)
    best = np.argsort(-values, axis=1, kind="stable")[:, : 2 * width if terms is None else None]
    values, parents = np.take_along_axis(values, best, axis=1), best // near[0].shape[2]
    tokens = np.take_along_axis(near[1].reshape(texts, -1), best, axis=1)
    rows = np.arange(texts)[:, None]
    states, ends, banks, last = alive.states[rows, parents], tokens == END, np.zeros_like(parents), 0
    if terms is not None:
        lacking = ends & (terms.bank(alive.places, states) < terms.total)
        values[lacking] = -np.inf
        states, last = terms.after(alive.places, states, tokens), terms.total
        banks = np.where(lacking, -1, terms.bank(alive.places, states))
        late = ~ends & (banks < terms.total - left[:, None])
        values[late & (np.isfinite(values) & ~late).any(axis=1, keepdims=True)] = -np.inf
    real = np.isfinite(values)
    chosen, ranked = _choose(banks, ends, real, width, last)
    looked = alive.looked
    if attention is not None:
        looked = np.concatenate([looked, attention[:, :, None]], axis=2)
    for text, rank in zip(*np.nonzero(ends & real & ranked), strict=True):
        parent = parents[text, rank]
        own = None if attention is None else looked[text, parent].copy()
        alive.found[int(alive.places[text])].append(
            _hypothesis(alive.tokens[text, parent, 1:], float(values[text, rank]), own, options)
        )
    live = chosen >= 0
    chosen = np.maximum(chosen, 0)
    values = np.where(live, values[rows, chosen], -np.inf)
    done = [len(alive.found[int(place)]) >= width for place in alive.places]
    kept = np.nonzero(~(np.array(done) | ~np.isfinite(values).any(axis=1)))[0]
    alive.log = values[kept]
    came = parents[rows, chosen]
    grown = np.concatenate([alive.tokens[rows, came], tokens[rows, chosen][:, :, None]], axis=2)
    alive.tokens, alive.looked = grown[kept], looked[rows, came][kept]
    alive.places, alive.states = alive.places[kept], states[rows, chosen][kept]
    return kept, came


def _choose(
    banks: Ints, ends: NDArray[np.bool_], real: NDArray[np.bool_], width: int, last: int
) -> tuple[Ints, NDArray[np.bool_]]:
    """Of candidates [B, M], best first, those that go on, as many of each bank as the beam is wide, -1 where there are
    no more, and whether a candidate may end its text: it is among the best of the last bank."""
    chosen = np.full((len(banks), (last + 1) * width), -1)
    for bank in range(last + 1):
        own = (banks == bank) & real
        going = own & ~ends
        places = np.cumsum(going, axis=1) - 1
        text, at = np.nonzero(going & (places < width))
        chosen[text, bank * width + places[text, at]] = at
    return chosen, own & (np.cumsum(own, axis=1) <= width)


def _hypothesis(tokens: Ints, log: float, looked: Array | None, options: Beam) -> Hypothesis:
    score = float(options.rank(log, len(tokens) + 1))
    if options.coverage_penalty and looked is not None:
        total = looked.sum(axis=0)
        score += options.coverage_penalty * float(np.log(np.clip(total[total > 0], 1e-9, 1.0)).sum())
    return Hypothesis(tuple(tokens.tolist()), log, score, looked)


BLOCK = 64


def _largest(flat: Array, count: int) -> Ints:
    """Places of the largest `count` of each row [N, V], in any order: among those of the blocks that hold them."""
    rows, size = flat.shape
    blocks = size // BLOCK
    if blocks <= 2 * count:
        return np.argpartition(flat, size - count, axis=1)[:, size - count :]
    head = flat[:, : blocks * BLOCK].reshape(rows, blocks, BLOCK)
    best = np.argpartition(head.max(axis=2), blocks - count, axis=1)[:, blocks - count :]
    within = (best[:, :, None] * BLOCK + np.arange(BLOCK)).reshape(rows, -1)
    tail = np.broadcast_to(np.arange(blocks * BLOCK, size), (rows, size - blocks * BLOCK))
    near = np.concatenate([within, tail], axis=1)
    values = np.take_along_axis(flat, near, axis=1)
    chosen = np.argpartition(values, near.shape[1] - count, axis=1)[:, near.shape[1] - count :]
    return np.take_along_axis(near, chosen, axis=1)


def unbarred(allowed: Sequence[int] | None, size: int) -> NDArray[np.bool_] | None:
    """[V] which tokens may not be written, of those that alone may be; the end always may."""
    if allowed is None:
        return None
    barred = np.ones(size, np.bool_)
    barred[[END, *allowed]] = False
    return barred
