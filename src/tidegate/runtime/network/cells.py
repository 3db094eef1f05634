"""The recurrent cells in numpy (guide 2.2, 2.3), weights laid out as in torch: what runs where the engine is absent.

Equations of sLSTM and mLSTM: `tidegate.nn.xlstm`. An mLSTM always runs here.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.spec import Recurrent
from tidegate.kernels.stack import EPSILON
from tidegate.runtime.network.flow import Array, Lengths, Weights, taken, within

State = tuple[Array, ...]
CHUNK = 64  # steps of an mLSTM that are computed at once
MOST, NEVER, SMALLEST = np.float32(80), np.float32(-1e30), np.float32(1e-30)


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)) through tanh, which neither overflows nor branches."""
    half = np.float32(0.5)
    return np.asarray(half * (np.tanh(half * x) + np.float32(1)))


def zeros_of(layer: Recurrent, batch: int) -> State:
    """The state that a layer begins with: h (and c), [B, H] and [B, `cell_size`]."""
    h = np.zeros((batch, layer.hidden_size), np.float32)
    return (h, np.zeros((batch, layer.cell_size), np.float32)) if layer.cell_size else (h,)


def run_cell(
    layer: Recurrent,
    weights: Weights,
    prefix: str,
    tail: str,
    sequence: Array,
    start: State | None = None,
    lengths: Lengths | None = None,
) -> tuple[Array, State]:
    """Run one layer in one direction.

    Args:
        layer: the stack's spec. weights: by name, `prefix`.weight_ih_`tail` and so on.
        sequence: [B, S, I], in the order in which it is walked.
        start: h (and c) [B, H], see `zeros_of`; None starts from zeros. lengths: [B] steps of each row; None takes all.

    Returns:
        h of every step, [B, S, H], and the final h (and c), each row's at its own end; zeros past it.
    """
    state: State = zeros_of(layer, len(sequence)) if start is None else start
    if layer.cell == "mlstm":
        return Matrices(layer, weights, prefix, tail).run(sequence, state, lengths)[:2]
    cell = Cell(layer, weights, prefix, tail)
    product = cell.products(np.ascontiguousarray(sequence.transpose(1, 0, 2)))
    steps, batch = product.shape[:2]
    kept = None if lengths is None else within(lengths, steps)
    outputs = np.empty((steps, batch, cell.units), dtype=np.float32)
    for t in range(steps):
        new, _ = cell.step(product[t], state)
        if kept is not None:
            new = tuple(np.where(kept[:, t], ours, old) for ours, old in zip(new, state, strict=True))
        state = new
        outputs[t] = state[0] if kept is None else state[0] * kept[:, t]
    return outputs.transpose(1, 0, 2), state


def reversed_rows(sequence: Array, lengths: Lengths | None) -> Array:
    """Every row of [B, S, D] from its own end to its beginning; what is past its end stays there."""
    if lengths is None:
        return sequence[:, ::-1]
    steps: NDArray[np.int64] = np.arange(sequence.shape[1])
    return taken(sequence, np.where(steps < lengths[:, None], lengths[:, None] - 1 - steps, steps))


class Cell:
    """One layer and direction, with the options of its stack.

    Attributes:
        units: H.
    """

    def __init__(self, layer: Recurrent, weights: Weights, prefix: str, tail: str) -> None:
        self.kind, self.zoneout = layer.cell, np.float32(layer.zoneout)
        self.inputs = weights[f"{prefix}.weight_ih_{tail}"].T
        matrix = weights[f"{prefix}.weight_hh_{tail}"]
        self.matrix = np.ascontiguousarray(
            between_heads(matrix, layer.num_heads).T if layer.num_heads > 1 else matrix.T
        )
        self.bias_ih, self.bias_hh = weights[f"{prefix}.bias_ih_{tail}"], weights[f"{prefix}.bias_hh_{tail}"]
        self.peephole = weights.get(f"{prefix}.weight_peephole_{tail}")  # [3H]: i, f, o
        self.units, gates = self.matrix.shape
        norm = weights[f"{prefix}.weight_norm_{tail}"] if layer.layer_norm else None
        self.norms = None if norm is None else np.split(norm, [gates, 2 * gates, 2 * gates + self.units])

    def products(self, sequence: Array) -> Array:
        """Of the inputs of all steps at once, [S, B, G * H], with the biases that belong to it."""
        product = self._normed(sequence @ self.inputs, 0) + self.bias_ih
        return product if self.kind == "gru" else product + self.bias_hh

    def step(self, product: Array, state: State) -> tuple[State, dict[str, Array]]:
        """One step from [B, G * H] and h (and c) [B, H]: the same anew, and the gates by name."""
        recurrent = self._normed(state[0] @ self.matrix, 1)
        new, gates = STEPS[self.kind](self, product, recurrent, state)
        if self.zoneout:
            mixed = tuple(ours + self.zoneout * (old - ours) for ours, old in zip(new, state, strict=True))
            new = (mixed[0], new[1]) if self.kind == "slstm" else mixed
        return new, gates

    def _normed(self, product: Array, place: int) -> Array:
        return product if self.norms is None else layer_normed(product) * self.norms[place]

    def shown(self, cell: Array) -> Array:
        """tanh of a cell state, normalised where the layer does so."""
        return np.asarray(np.tanh(cell if self.norms is None else layer_normed(cell) * self.norms[2] + self.norms[3]))


def layer_normed(x: Array) -> Array:
    """Each row less its mean, over its standard deviation."""
    centred = x - x.mean(axis=-1, keepdims=True)
    return np.asarray(centred / np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + np.float32(EPSILON)))


def _lstm(own: Cell, product: Array, recurrent: Array, state: State) -> tuple[State, dict[str, Array]]:
    """LSTM, and with peepholes the LSTM whose gates see the cell state."""
    cell, units = state[1], own.units
    gates = product + recurrent  # [B, 4H]: i, f, g, o
    candidate = np.tanh(gates[:, 2 * units : 3 * units])
    if own.peephole is not None:
        gates[:, : 2 * units] += np.concatenate([cell, cell], axis=1) * own.peephole[: 2 * units]
    both = sigmoid(gates[:, : 2 * units])
    cell = both[:, units:] * cell + both[:, :units] * candidate
    if own.peephole is not None:
        gates[:, 3 * units :] += cell * own.peephole[2 * units :]
    out = sigmoid(gates[:, 3 * units :])
    return (out * own.shown(cell), cell), {"i": both[:, :units], "f": both[:, units:], "g": candidate, "o": out}


def _coupled(own: Cell, product: Array, recurrent: Array, state: State) -> tuple[State, dict[str, Array]]:
    cell, units = state[1], own.units
    gates = product + recurrent  # [B, 3H]: f, g, o
    candidate, forget = np.tanh(gates[:, units : 2 * units]), sigmoid(gates[:, :units])
    cell = candidate + forget * (cell - candidate)
    out = sigmoid(gates[:, 2 * units :])
    return (out * own.shown(cell), cell), {"f": forget, "g": candidate, "o": out}


def _gru(own: Cell, product: Array, recurrent: Array, state: State) -> tuple[State, dict[str, Array]]:
    hidden, units = state[0], own.units
    recurrent = recurrent + own.bias_hh  # [B, 3H]: r, z, n
    both = sigmoid(product[:, : 2 * units] + recurrent[:, : 2 * units])
    reset, update = both[:, :units], both[:, units:]
    candidate = np.tanh(product[:, 2 * units :] + reset * recurrent[:, 2 * units :])
    return (candidate + update * (hidden - candidate),), {"r": reset, "z": update, "n": candidate}


def _slstm(own: Cell, product: Array, recurrent: Array, state: State) -> tuple[State, dict[str, Array]]:
    hidden, cell, gates = remembered(product + recurrent, state[1])
    return (hidden, cell), gates


STEPS: dict[str, Callable[[Cell, Array, Array, State], tuple[State, dict[str, Array]]]] = {
    "lstm": _lstm,
    "peephole": _lstm,
    "coupled": _coupled,
    "gru": _gru,
    "slstm": _slstm,
}


def softplus(x: Array) -> Array:
    """log(1 + exp(x))."""
    return np.asarray(np.maximum(x, np.float32(0)) + np.log1p(np.exp(-np.abs(x))))


def between_heads(matrix: Array, heads: int) -> Array:
    """[4*H, H / heads], a block for each head, as [4*H, H] that is zero between heads."""
    head = np.arange(len(matrix) // 4) // matrix.shape[1]
    return np.asarray(np.tile(matrix, (1, heads)) * (np.tile(head, 4)[:, None] == head), np.float32)


def remembered(gates: Array, state: Array) -> tuple[Array, Array, dict[str, Array]]:
    """An sLSTM's step from its sums [B, 4*H], i f g o, and c [B, 2*H].

    Returns:
        h [B, H] and c, and by name the gates: f is the share that c / n keeps, c is c / n.
    """
    i, f, g, o = np.split(gates, 4, axis=1)
    content, total = np.split(state, 2, axis=1)
    more = np.where(total == 0, np.float32(-1e4), total - softplus(-f) - i)
    share = np.exp(-softplus(-more))
    candidate, out = np.tanh(g), np.exp(-softplus(-o))
    content = candidate + share * (content - candidate)
    total = i + softplus(more)
    total = total + (total == 0) * SMALLEST
    shown = {"f": share, "g": candidate, "o": out, "c": content}
    return np.asarray(out * content), np.concatenate([content, total], axis=1), shown


class Matrices:
    """One layer and direction of an mLSTM.

    Attributes:
        units: H. heads: h, each of d = H / h units.
    """

    def __init__(self, layer: Recurrent, weights: Weights, prefix: str, tail: str) -> None:
        self.units, self.heads = layer.hidden_size, layer.num_heads
        self.weight, self.bias = weights[f"{prefix}.weight_ih_{tail}"], weights[f"{prefix}.bias_ih_{tail}"]
        self.scale = weights[f"{prefix}.weight_norm_{tail}"] if layer.layer_norm else None

    def run(
        self, sequence: Array, start: tuple[Array, ...], lengths: Lengths | None
    ) -> tuple[Array, tuple[Array, ...], dict[str, Array]]:
        """All steps of [B, T, I] from h [B, H] and c: h of every step [B, T, H], the last h and c, gates by name."""
        (B, T, _), H, heads = sequence.shape, self.units, self.heads
        d = H // heads
        if T == 1:  # a stream's step, whose figures do not depend on how many streams there are
            rows = np.einsum("bti,oi->bto", sequence, self.weight) + self.bias
        else:
            rows = sequence @ self.weight.T + self.bias
        q, k, v = rows[..., : 3 * H].reshape(B, T, 3, heads, d).transpose(2, 0, 3, 1, 4)
        k = k / np.sqrt(np.float32(d))
        enter = rows[..., 4 * H : 4 * H + heads].transpose(0, 2, 1)
        keep = -softplus(-rows[..., 4 * H + heads :]).transpose(0, 2, 1)
        kept = None if lengths is None else within(lengths, T)[:, :, 0]
        if kept is not None:
            enter, keep = np.where(kept[:, None], enter, NEVER), np.where(kept[:, None], keep, np.float32(0))
        h, c = start
        C, n, m = c[:, : H * d].reshape(B, heads, d, d), c[:, H * d : -heads].reshape(B, heads, d), c[:, -heads:]
        read = np.empty((B, heads, T, d), np.float32)
        for s in range(0, T, CHUNK):
            part = slice(s, s + CHUNK)
            arrays = (q[:, :, part], k[:, :, part], v[:, :, part], enter[..., part], keep[..., part])
            read[:, :, part], (C, n, m) = _remember(*arrays, (C, n, m))
        if self.scale is not None:
            centred = read - read.mean(axis=-1, keepdims=True)
            read = centred / np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + np.float32(EPSILON))
        outputs = read.transpose(0, 2, 1, 3).reshape(B, T, H) * (1 if self.scale is None else self.scale)
        out = np.exp(-softplus(-rows[..., 3 * H : 4 * H]))
        outputs = np.asarray(out * outputs, np.float32)
        ends = np.full(B, T) if lengths is None else lengths
        h = np.where((ends > 0)[:, None], outputs[np.arange(B), np.maximum(ends - 1, 0)], h)
        if kept is not None:
            outputs = outputs * kept[:, :, None]
        shown = {"f": np.repeat(np.exp(keep).transpose(0, 2, 1), d, axis=2), "o": out}
        ends_with = (h, np.concatenate([C.reshape(B, -1), n.reshape(B, -1), m], axis=1, dtype=np.float32))
        return outputs, ends_with, shown


def _remember(
    q: Array, k: Array, v: Array, enter: Array, keep: Array, state: tuple[Array, Array, Array]
) -> tuple[Array, tuple[Array, Array, Array]]:
    """`tidegate.nn.xlstm.remember`: a chunk of steps, at once."""
    C, n, m = state
    decay = keep.cumsum(axis=-1)
    before = decay + m[..., None]
    share = decay[..., :, None] - decay[..., None, :] + enter[..., None, :]
    later = np.triu(np.ones((q.shape[2],) * 2, np.bool_), 1)
    share = np.where(later, np.float32(-np.inf), share)
    scale = np.maximum(share.max(axis=-1), before)
    share, before = np.exp(share - scale[..., None]), np.exp(before - scale)
    found = (q @ k.swapaxes(-1, -2)) * share
    read = found @ v + before[..., None] * (q @ C)
    norm = found.sum(axis=-1) + before * (q @ n[..., None])[..., 0]
    read = read / np.maximum(np.abs(norm), np.exp(np.minimum(-scale, MOST)))[..., None]
    entered, kept = k * share[..., -1, :, None], before[..., -1, None]
    C = kept[..., None] * C + entered.swapaxes(-1, -2) @ v
    return np.asarray(read, np.float32), (C, kept * n + entered.sum(axis=-2), scale[..., -1])
