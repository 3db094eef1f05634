"""The recurrences once more in plain torch: the oracle of the native kernels, and their stand-in where they are absent.

One function, `recurrent`, with the arguments of the operator in `operators`. It draws the same masks, so that results
agree element by element, with dropout and zoneout too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from tidegate.kernels.stack import EPSILON, GATES, STATES, Stack

_WORD = 0xFFFFFFFF
_LONG = 0xFFFFFFFFFFFFFFFF
KEY_STEP = 0x9E3779B97F4A7C15
NOTHING, SMALLEST = -1e4, 1e-30
_RECURRENT, _ZONE_H, _ZONE_C, _OUTPUT = 1, 2, 3, 4


def mask_key(seed: int, index: int) -> int:
    """The key of one stream of masks; shifting the seed by `KEY_STEP` is the same as the next index."""
    z = (seed + (index + 1) * KEY_STEP) & _LONG
    z = ((z ^ (z >> 32)) * 0xBF58476D1CE4E5B9) & _LONG
    return z ^ (z >> 29)


def _row_words(key: int, kind: int, rows: range) -> Tensor:
    key ^= (kind * 0xD6E8FEB86659FD93) & _LONG
    numbers = np.arange(rows.start, rows.stop, dtype=np.uint64)  # its products wrap at 2^64
    z = numbers * np.uint64(0x9E3779B97F4A7C15) + np.uint64(key)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return torch.from_numpy((z >> np.uint64(32)).astype(np.int64))


def _times(a: Tensor, factor: int) -> Tensor:
    """a * factor modulo 2^32, without leaving int64."""
    return ((a & 0xFFFF) * factor + ((((a >> 16) * factor) & 0xFFFF) << 16)) & _WORD


def keep_mask(key: int, kind: int, rows: range, units: int, p: float) -> Tensor:
    """[rows, units] of bool: True where an element is kept; drawn from a counter, whatever the order of computation."""
    x = (_row_words(key, kind, rows)[:, None] + _times(torch.arange(units), 0x9E3779B9)[None, :]) & _WORD
    x = _times(x ^ (x >> 16), 0x7FEB352D)
    x = _times(x ^ (x >> 15), 0x846CA68B)
    x ^= x >> 16
    return (x >> 8) >= round(p * 16777216)


def _scale(p: float, like: Tensor) -> Tensor:
    """1 / (1 - p), p as the generator realises it, in steps of 2^-24; rounded as the engine rounds."""
    return like.new_tensor(1 - round(p * 16777216) / 16777216).reciprocal()


def _old_share(stack: Stack, key: int, kind: int, rows: range, p: float, like: Tensor) -> Tensor | float:
    """What zoneout keeps of the old state: 0 or 1 for every unit in training, p otherwise."""
    return (~keep_mask(key, kind, rows, like.shape[1], p)).to(like) if stack.train else p


def dropped(seed: int, layer: int, p: float, x: Tensor, step0: int = 0) -> Tensor:
    """x [T, B, N] after the dropout between `layer` and the next; `step0`: steps of the sequence before x."""
    rows = range(step0 * x.shape[1], (step0 + x.shape[0]) * x.shape[1])
    kept = keep_mask(mask_key(seed, 4096 + layer), _OUTPUT, rows, x.shape[2], p)
    return x * (kept.to(x).reshape(x.shape) * _scale(p, x))


def _normed(c: Tensor, norm: Tensor | None) -> Tensor:
    if norm is None:
        return c
    scale, shift = norm.chunk(2)
    return torch.nn.functional.layer_norm(c, scale.shape, scale, shift, EPSILON)


def _product(x: Tensor, weight: Tensor, bias: Tensor | None, scale: Tensor | None) -> Tensor:
    """[B, G*H]; `scale` [G*H]: of the layer norm, which comes before the bias."""
    if scale is None:
        return torch.nn.functional.linear(x, weight, bias)
    product = torch.nn.functional.linear(x, weight)
    return torch.nn.functional.layer_norm(product, scale.shape, scale, bias, EPSILON)


def _cell(
    cell: str, a: Tensor, p: Tensor, h: Tensor, c: Tensor, peephole: Tensor | None, norm: Tensor | None
) -> tuple[Tensor, Tensor, list[Tensor]]:
    """One step. a, p: [B, G*H], input and recurrent product; h, c: [B, H]; norm: scale and shift of c [2*H].

    Returns h, c and the gates.
    """
    H = h.shape[1]
    if cell == "gru":
        r, z = torch.sigmoid(a[:, : 2 * H] + p[:, : 2 * H]).chunk(2, 1)
        n = torch.tanh(a[:, 2 * H :] + r * p[:, 2 * H :])
        return n + z * (h - n), c, [r, z, n, p[:, 2 * H :]]
    gates = (a + p).chunk(GATES[cell], 1)
    if cell == "slstm":
        return _exponential(gates, c)
    if cell == "coupled":
        f, g, o = torch.sigmoid(gates[0]), torch.tanh(gates[1]), torch.sigmoid(gates[2])
        c = f * c + (1 - f) * g
        return o * torch.tanh(_normed(c, norm)), c, [f, g, o, c]
    i, f, g, o = gates
    if peephole is not None:
        p_i, p_f, p_o = peephole.chunk(3)
        i, f = i + p_i * c, f + p_f * c
    i, f, g = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g)
    c = f * c + i * g
    if peephole is not None:
        o = o + p_o * c
    o = torch.sigmoid(o)
    return o * torch.tanh(_normed(c, norm)), c, [i, f, g, o, c]


def _exponential(gates: Sequence[Tensor], c: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
    """An sLSTM's step (`tidegate.nn.xlstm`) with c / n and M = m + log n for c, n and m; M = 0 has not begun.

    s is the share that c / n keeps: f' n / (f' n + i') with f' = exp(log f + m - m') and i' = exp(i - m').
    """
    content, M = c.chunk(2, 1)
    i, f, g, o = gates
    more = torch.nn.functional.logsigmoid(f) + M - i  # log of what is kept over what enters
    more = torch.where(M == 0, torch.full_like(more, NOTHING), more)
    s, g, o = torch.sigmoid(more), torch.tanh(g), torch.sigmoid(o)
    content = s * (content - g) + g
    M = i + torch.nn.functional.softplus(more)
    M = M + (M == 0).to(M) * SMALLEST
    return o * content, torch.cat([content, M], 1), [s, g, o, content]


def _layer(
    stack: Stack,
    x: Tensor,
    h: Tensor,
    c: Tensor,
    weights: Sequence[Tensor],
    lengths: Tensor,
    backwards: bool,
    key: int,
    step0: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """x: [T, B, I] -> y [T, B, H], h [B, H], c [B, H], gates [T, B, E, H]."""
    T, B = x.shape[:2]
    H = h.shape[1]
    w_ih, w_hh = weights[0], weights[1]
    b_ih, b_hh = (weights[2], weights[3]) if stack.bias else (None, None)
    peephole = weights[2 + 2 * stack.bias] if stack.cell == "peephole" else None
    of_x = of_h = of_c = None
    if stack.norm:
        size = GATES[stack.cell] * H
        of_x, of_h, of_c = weights[-1][:size], weights[-1][size : 2 * size], weights[-1][2 * size :]
    scale = None
    if stack.train and stack.recurrent_dropout > 0:
        kept = keep_mask(key, _RECURRENT, range(B), H, stack.recurrent_dropout)
        scale = kept.to(x) * _scale(stack.recurrent_dropout, x)
    outputs: list[Tensor] = []
    traces: list[Tensor] = []
    rows = torch.arange(B, device=x.device)
    for s in range(T):
        active = (lengths > s)[:, None]
        place = (lengths - 1 - s).clamp(min=0) if backwards else torch.full_like(lengths, s)
        a = _product(x[place, rows], w_ih, b_ih, of_x)
        p = _product(h if scale is None else h * scale, w_hh, b_hh, of_h)
        h_new, c_new, gates = _cell(stack.cell, a, p, h, c, peephole, of_c)
        counters = range((step0 + s) * B, (step0 + s + 1) * B)
        if stack.zoneout_h > 0:
            old = _old_share(stack, key, _ZONE_H, counters, stack.zoneout_h, h)
            h_new = h_new + old * (h - h_new)
        if stack.zoneout_c > 0 and STATES.get(stack.cell, 1) == 1:
            old = _old_share(stack, key, _ZONE_C, counters, stack.zoneout_c, c)
            c_new = c_new + old * (c - c_new)
            gates[-1] = c_new
        h, c = torch.where(active, h_new, h), torch.where(active, c_new, c)
        outputs.append(torch.where(active, h_new, torch.zeros_like(h_new)))
        traces.append(torch.where(active[:, :, None], torch.stack(gates, 1), x.new_zeros(())))
    if not outputs:
        return x.new_zeros(0, B, H), h, c, x.new_zeros(0, B, 0, H)
    y, trace = torch.stack(outputs), torch.stack(traces)
    if backwards:
        steps = torch.arange(T, device=x.device)[:, None]
        place = torch.where(steps < lengths, lengths - 1 - steps, steps)
        y, trace = y[place, rows], trace[place, rows]
    return y, h, c, trace


def recurrent(
    stack: Stack,
    x: Tensor,
    state: Sequence[Tensor | None],
    weights: Sequence[Tensor],
    lengths: Tensor | None = None,
    seed: int = 0,
    step0: int = 0,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A stack of recurrent layers over time.

    Args:
        stack: cell, layers, directions and options.
        x: [T, B, I].
        state: h0, c0 [L*D, B, H] (c of an slstm 2 H); None is zero.
        weights: of every layer and direction w_ih [G*H, I], w_hh [G*H, H] and, where the stack has them, b_ih [G*H],
            b_hh [G*H], peepholes [3*H], vectors of the norm [2*G*H, and 2*H more but for gru].
        lengths: [B], steps of each row; None is T.
        seed: of the masks.
        step0: steps walked before this call; masks are numbered from there.

    Returns:
        y [T, B, D*H], h_n and c_n [L*D, B, H], gates [L*D, T, B, E, H] in the order of `stack.GATE_NAMES`.
    """
    T, B = x.shape[:2]
    h0, c0 = state
    H, D = weights[1].shape[1], stack.directions
    ends = torch.full((B,), T) if lengths is None else lengths.to(torch.int64)
    ends = ends.to(x.device)
    last_h, last_c, traces = [], [], []
    for layer in range(stack.layers):
        if layer and stack.train and stack.dropout > 0:
            x = dropped(seed, layer - 1, stack.dropout, x, step0)
        outputs = []
        for direction in range(D):
            index = layer * D + direction
            own = weights[index * stack.arrays_per_layer : (index + 1) * stack.arrays_per_layer]
            h = x.new_zeros(B, H) if h0 is None else h0[index]
            c = x.new_zeros(B, stack.cell_size(H)) if c0 is None else c0[index]
            backwards = stack.reverse or direction == 1
            y, h, c, trace = _layer(stack, x, h, c, own, ends, backwards, mask_key(seed, index), step0)
            outputs.append(y)
            last_h.append(h)
            last_c.append(c)
            traces.append(trace)
        x = torch.cat(outputs, 2)
    return x, torch.stack(last_h), torch.stack(last_c), torch.stack(traces)
