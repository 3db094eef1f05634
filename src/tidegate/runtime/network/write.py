"""The decoder that writes tokens in numpy, as `tidegate.nn.decoder` does it in torch, for whole texts and step by step.

Shape letters: B texts, W hypotheses of each, S steps that were read, D their width, K steps that are written,
H units, V vocabulary. No text's figures depend on which others are beside it: every product has a size of the text's
own, or rows in multiples of a fixed number.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.shapes import write_stack, write_states
from tidegate.artifacts.spec import NetworkSpec, Recurrent, Series, Write
from tidegate.kernels.write import MOST, WIDEST, Nearest, can_find
from tidegate.runtime.network.attention import attend, keys
from tidegate.runtime.network.cells import State, sigmoid
from tidegate.runtime.network.flow import Array, Flow, Lengths, Weights, ending, mean_over
from tidegate.runtime.network.recurrent import Loaded, run_stack

Ints = NDArray[np.int64]
SMALL = 1 << 16  # numbers of a matrix of scores whose products are made whole
ROWS = 16  # rows of a product come in multiples of it, so that none is summed in the order of a smaller product


def write(spec: NetworkSpec, layer: Write, weights: Weights, at: str, flow: Flow) -> None:
    """Scores of the token to write at each step after those that are given, [B, K, V]."""
    assert flow.truth is not None
    pen = Pen(spec, weights, flow.sequence, flow.lengths)
    steps = [pen.step(flow.truth[:, place : place + 1]) for place in range(flow.truth.shape[1])]
    flow.output = np.concatenate([step.scores for step in steps], axis=1)
    if layer.attention is not None:
        flow.decoder_attention = np.concatenate([step.attention for step in steps], axis=1)
    if layer.copying:
        flow.gate = np.concatenate([step.gate for step in steps], axis=1)


def begin(
    spec: NetworkSpec, layer: Write | Series, weights: Weights, at: str, x: Array, lengths: Lengths | None
) -> list[State]:
    """What each layer starts with: h = tanh(W e), and c = W' e where the cell has one."""
    encoder, recurs = spec.encoder, isinstance(spec.encoder, Recurrent)
    ends = (ending(x, 1, lengths) if recurs else mean_over(x, lengths))[:, 0]
    if recurs and encoder.bidirectional:
        ends = np.concatenate([ends[:, : encoder.hidden_size], x[:, 0, encoder.hidden_size :]], axis=1)
    states = write_states(layer) // (layer.num_layers * layer.hidden_size)
    numbers = steady(ends, weights[f"{at}.start.weight"]) + weights[f"{at}.start.bias"]
    parts = numbers.reshape(len(x), states, layer.num_layers, layer.hidden_size)
    levels = range(layer.num_layers)
    hidden = [np.tanh(parts[:, 0, level]) for level in levels]
    if states == 1:
        return [(h,) for h in hidden]
    return [(hidden[level], parts[:, 1:, level].reshape(len(x), -1)) for level in levels]


def series(spec: NetworkSpec, layer: Series, weights: Weights, at: str, flow: Flow) -> None:
    """Rows of numbers, each after the one before it, [B, 1, O]."""
    x, kind, batch = flow.sequence, layer.attention, len(flow.sequence)
    state = begin(spec, layer, weights, at, x, flow.lengths)
    known = x if kind is None else keys(kind, weights, f"{at}.attention", x)
    row = np.zeros((batch, spec.outputs // layer.steps), np.float32)
    rows, shares = [], []
    for _ in range(layer.steps):
        inputs = row[:, None]
        if kind == "additive":
            context, share = attend(kind, weights, f"{at}.attention", state[-1][0][:, None], x, known, flow.lengths)
            inputs = np.concatenate([inputs, context], axis=2)
            shares.append(share)
        hidden, state = run_stack(write_stack(layer), weights, f"{at}.rnn", inputs, state)
        own = hidden[:, 0]
        if kind not in (None, "additive"):
            context, share = attend(kind, weights, f"{at}.attention", hidden, x, known, flow.lengths)
            own = np.tanh(steady(np.concatenate([context[:, 0], own], axis=1), weights[f"{at}.combine.weight"]))
            shares.append(share)
        row = steady(own, weights[f"{at}.output.weight"]) + weights[f"{at}.output.bias"]
        rows.append(row)
    flow.decoder_attention = np.concatenate(shares, axis=1) if shares else None
    flow.output = np.concatenate(rows, axis=1)[:, None]


class Step:
    """What one step says: scores [B, W, V], attention [B, W, S] and gate [B, W], None where there is none.

    Scores are made when they are first asked for, of `hidden` [B * W, H] by `score`: a search needs the largest alone.
    """

    def __init__(
        self, hidden: Array, score: Callable[[Array], Array], attention: Array | None, gate: Array | None, texts: int
    ) -> None:
        self.hidden, self._score, self.attention, self.gate, self.texts = hidden, score, attention, gate, texts

    @cached_property
    def scores(self) -> Array:
        """[B, W, V]."""
        return self._score(self.hidden).reshape(self.texts, len(self.hidden) // self.texts, -1)


class Pen:
    """Texts that are written step by step, one hypothesis of each at first.

    Args:
        spec: of a network that ends in `write`. weights: its tensors by name.
        sequence: [B, S, D] what was read. lengths: [B] its steps; None takes all.
    """

    def __init__(self, spec: NetworkSpec, weights: Weights, sequence: Array, lengths: Lengths | None) -> None:
        self.spec, self.weights = spec, weights
        self.layer: Write = spec.layers[-1]  # type: ignore[assignment]
        self.at = f"layers.{len(spec.layers) - 1}"
        self.sequence, self.lengths = sequence, lengths
        self.vectors = weights["layers.0.embedding.weight" if self.layer.shared else f"{self.at}.embedding.weight"]
        kind = self.layer.attention
        self.keys = sequence if kind is None else keys(kind, weights, f"{self.at}.attention", sequence)
        self.stack = write_stack(self.layer)
        self.state = begin(spec, self.layer, weights, self.at, sequence, lengths)
        self.fed = np.zeros((len(sequence), self.layer.hidden_size), np.float32)

    def step(self, tokens: Ints) -> Step:
        """Read the tokens [B, W] that were written last, and say what comes next."""
        (texts, width), layer, at = tokens.shape, self.layer, self.at
        read = self.vectors[tokens.reshape(-1)]
        parts, attention = [read], None
        if layer.attention == "additive":
            context, attention = self._attend(self.state[-1][0].reshape(texts, width, -1))
            parts.append(context.reshape(len(read), -1))
        elif layer.feeding:
            parts.append(self.fed)
        inputs = np.concatenate(parts, axis=1)[:, None]
        hidden, self.state = run_stack(self.stack, self.weights, f"{at}.rnn", inputs, self.state)
        hidden = hidden[:, 0]
        if layer.attention not in (None, "additive"):
            context, attention = self._attend(hidden.reshape(texts, width, -1))
            both = np.concatenate([context.reshape(len(read), -1), hidden], axis=1)
            hidden = np.tanh(steady(both, self.weights[f"{at}.combine.weight"]))
        self.fed = hidden
        gate = None
        if layer.copying:
            odds = np.concatenate([hidden, read], axis=1) * self.weights[f"{at}.gate.weight"]
            gate = (odds.sum(axis=1) + self.weights[f"{at}.gate.bias"]).reshape(texts, width)
        return Step(hidden, self._scores, attention, gate, texts)

    def _attend(self, query: Array) -> tuple[Array, Array]:
        kind = self.layer.attention
        assert kind is not None
        return attend(kind, self.weights, f"{self.at}.attention", query, self.sequence, self.keys, self.lengths)

    @property
    def _last(self) -> tuple[Array, Array]:
        """Matrix [V, H] and bias [V] of the scores."""
        if not self.layer.tied:
            return self.weights[f"{self.at}.final.weight"], self.weights[f"{self.at}.final.bias"]
        return self.vectors, self.weights[f"{self.at}.bias"]

    def _mapped(self, hidden: Array) -> Array:
        own = self.weights.get(f"{self.at}.map.weight") if self.layer.tied else None
        return hidden if own is None else steady(hidden, own)

    def _scores(self, hidden: Array) -> Array:
        matrix, bias = self._last
        found = steady(self._mapped(hidden), matrix)
        found += bias
        return found

    def nearest(self, said: Step, add: Array, count: int, token: int) -> tuple[Array, Ints, Array, Array] | None:
        """The `count` largest of a step's scores + add [V], as `Nearest` finds them, and the score [N] of one token.

        None where all scores have to be made for it.
        """
        matrix, bias = self._last
        if not isinstance(self.weights, Loaded) or not can_find() or matrix.shape[1] > WIDEST or count > MOST:
            return None
        if len(bias) * matrix.shape[1] < SMALL:
            return None
        x = self._mapped(said.hidden)
        find = self.weights.once(f"{self.at}.nearest", lambda: Nearest(matrix, bias))
        return *find(x, add, count), np.einsum("nk,k->n", x, matrix[token]) + bias[token]

    def take(self, texts: Ints, parents: Ints) -> None:
        """Go on with some texts [B'] and, of each, with what follows these of its hypotheses [B', W']."""
        rows = (texts[:, None] * (len(self.fed) // len(self.sequence)) + parents).reshape(-1)
        self.state = [tuple(part[rows] for part in own) for own in self.state]
        self.fed = self.fed[rows]
        if len(texts) < len(self.sequence):
            self.sequence, self.keys = self.sequence[texts], self.keys[texts]
            self.lengths = None if self.lengths is None else self.lengths[texts]


def steady(x: Array, matrix: Array) -> Array:
    """x [N, I] times a matrix [O, I] transposed; a row's figures do not depend on how many rows there are."""
    rows = len(x)
    lacking = -rows % ROWS
    if lacking:
        x = np.concatenate([x, np.zeros((lacking, x.shape[1]), x.dtype)])
    return np.asarray(x @ matrix.T)[:rows]


def distribution(step: Step, copies: Ints | None, extra: int) -> Array:
    """log p of every token to come, [B, W, V + X], X numbers for words of the source that the vocabulary has not.

        p(v) = sigmoid(g) softmax(scores)(v) + sigmoid(-g) sum of attention over the places s whose token is v

    Args:
        step: what the network says. copies: [B, S] the number that each place of the source would be written as, -1
            for places that are not copied; None where the network does not copy. extra: X.
    """
    scores = step.scores
    scores -= scores.max(axis=2, keepdims=True)
    if copies is None or step.gate is None or step.attention is None:
        scores -= np.log(np.exp(scores).sum(axis=2, keepdims=True))
        return scores
    powers = np.exp(scores)
    written = sigmoid(step.gate)[:, :, None]
    powers *= written / powers.sum(axis=2, keepdims=True)
    shares = (1 - written) * step.attention
    if extra:
        powers = np.concatenate([powers, np.zeros((*powers.shape[:2], extra), np.float32)], axis=2)
    texts = np.arange(len(powers))
    for place in range(copies.shape[1]):
        kept = np.nonzero(copies[:, place] >= 0)[0]
        powers[texts[kept], :, copies[kept, place]] += shares[kept, :, place]
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(powers, out=powers))
