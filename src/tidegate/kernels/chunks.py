"""Long sequences in little memory: only the states at every K-th step are kept, and backward recomputes the rest.

A stack of one direction is walked as a whole. With two directions, or against time, every layer and direction is walked
by itself, because each needs all of the layer below. Either way the masks are those of the whole sequence: they are
numbered by step (`step0`), and a shifted seed gives a lone layer the stream it has within its stack.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from tidegate.kernels import reference as twins
from tidegate.kernels.calls import Plan, plan
from tidegate.kernels.eager import is_batched, twin_gradients
from tidegate.kernels.stack import Stack

Optional = Tensor | None


@dataclass(frozen=True)
class Walk:
    """A part of the stack that goes through time in one pass: the whole, or one layer in one direction."""

    stack: Stack
    first: int  # of its states among [L*D]
    backwards: bool

    def seed(self, seed: int) -> int:
        """The seed that gives its first layer the masks it has within the whole stack."""
        return (seed + self.first * twins.KEY_STEP) & 0xFFFFFFFFFFFFFFFF

    def states(self, start: Optional) -> Optional:
        """Its part of [L*D, B, H]."""
        return None if start is None else start[self.first : self.first + self.stack.layers]

    def weights(self, weights: Sequence[Any]) -> list[Any]:
        """Its part of all weights."""
        each = self.stack.arrays_per_layer
        return list(weights[self.first * each : (self.first + self.stack.layers) * each])


def levels_of(stack: Stack) -> list[list[Walk]]:
    """Walks that read the same input, from the first layer to the last."""
    if stack.directions == 1 and not stack.reverse:
        return [[Walk(stack, 0, False)]]
    alone = replace(stack, layers=1, directions=1, reverse=False, dropout=0.0)
    return [
        [Walk(alone, layer * stack.directions + d, stack.reverse or d == 1) for d in range(stack.directions)]
        for layer in range(stack.layers)
    ]


class Pieces:
    """A sequence cut into pieces of `every` steps in the order in which a walk meets them."""

    def __init__(self, T: int, B: int, every: int, lengths: Optional, backwards: bool) -> None:
        self.T, self.every, self.backwards = T, every, backwards
        self.starts = range(0, T, every)
        self.lengths = torch.full((B,), T) if lengths is None else lengths.to(torch.int64)
        self.whole = lengths is None
        self.rows = torch.arange(B)

    def ends(self, s0: int) -> Optional:
        """Steps of each row within the piece from s0; None: all."""
        return None if self.whole else (self.lengths - s0).clamp(0, self.size(s0))

    def size(self, s0: int) -> int:
        """Steps of the piece."""
        return min(self.every, self.T - s0)

    def _places(self, s0: int) -> tuple[Tensor, Tensor]:
        places = self.lengths - 1 - torch.arange(s0, s0 + self.size(s0))[:, None]
        return places.clamp(min=0), places >= 0

    def take(self, x: Tensor, s0: int) -> Tensor:
        """The piece [K, B, N] of x [T, B, N]."""
        if not self.backwards:
            return x[s0 : s0 + self.every]
        places, _ = self._places(s0)
        return x[places, self.rows]

    def put(self, piece: Tensor, s0: int, to: Tensor, *, add: bool = False) -> None:
        """Write a piece to where `take` takes it from; what lies past a row's end stays."""
        if self.backwards:
            places, valid = self._places(s0)
            rows = self.rows.expand_as(places)[valid]
            to.index_put_((places[valid], rows), piece[valid], accumulate=add)
        elif add:
            to[s0 : s0 + self.every] += piece
        else:
            to[s0 : s0 + self.every] = piece


class _Engine:
    """Pieces on the native library."""

    def __init__(self, this: Plan, every: int, B: int) -> None:
        self.plan = this
        self.room = this.stash(every, B)  # read back only where backward follows at once

    def forward(self, *arguments: Any, step0: int) -> tuple[Tensor, Tensor, Tensor]:
        y, h, c, _ = self.plan.forward(*arguments, step0=step0, stash=self.room if self.plan.kept else None)
        return y, h, c

    def backward(
        self, incoming: Sequence[Optional], wanted: Sequence[bool], *arguments: Any, step0: int
    ) -> Sequence[Optional]:
        y, _, _ = self.forward(*arguments, step0=step0)
        known: Any = (*arguments, y, self.room)
        return self.plan.backward(incoming, wanted, *known, step0=step0)


class _Twin:
    """Pieces on the torch twin."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def forward(
        self, x: Tensor, states: tuple[Optional, Optional], weights: Sequence[Tensor], lengths: Optional, seed: int, *,
        step0: int,
    ) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
        with torch.no_grad():
            return twins.recurrent(self.stack, x, states, weights, lengths, seed, step0)[:3]

    def backward(self, incoming: Sequence[Optional], wanted: Sequence[bool], x: Tensor,
                 states: tuple[Optional, Optional], weights: Sequence[Tensor], lengths: Optional, seed: int, *,
                 step0: int) -> Sequence[Optional]:  # fmt: skip
        leaves = [
            None if t is None else t.detach().requires_grad_(want)
            for t, want in zip((x, *states, *weights), wanted, strict=True)
        ]
        return twin_gradients(self.stack, incoming, leaves, lengths, seed, step0, create_graph=False)


def _runner(walk: Walk, x: Tensor, H: int, every: int, native: bool) -> _Engine | _Twin:
    if native:
        return _Engine(plan(walk.stack, x.dtype, x.shape[2], H), min(every, x.shape[0]), x.shape[1])
    return _Twin(walk.stack)


class Chunked(torch.autograd.Function):
    """`eager.Recurrent` with recomputation; the same outputs bit for bit, gradients equal to rounding."""

    @staticmethod
    def forward(ctx: Any, stack: Stack, every: int, native: bool, lengths: Optional, seed: int,
                x: Tensor, h0: Optional, c0: Optional, *weights: Tensor) -> tuple[Any, ...]:  # fmt: skip
        T, B, _ = x.shape
        H, gru = weights[1].shape[1], stack.cell == "gru"
        hn = x.new_empty(stack.layers * stack.directions, B, H)
        cn = x.new_empty(stack.layers * stack.directions, B, stack.cell_size(H))
        inputs, marks = [x], []  # what every level reads; states before every piece
        levels = levels_of(stack)
        for index, level in enumerate(levels):
            y = (x.new_empty if lengths is None else x.new_zeros)(T, B, stack.directions * H)
            for d, walk in enumerate(level):
                run = _runner(walk, inputs[-1], H, every, native)
                pieces = Pieces(T, B, every, lengths, walk.backwards)
                own, part = walk.weights(weights), y[:, :, d * H : (d + 1) * H]
                h, c = walk.states(h0), None if gru else walk.states(c0)
                for s0 in pieces.starts:
                    marks += [h, c]
                    piece = pieces.take(inputs[-1], s0)
                    out, h, c = run.forward(piece, (h, c), own, pieces.ends(s0), walk.seed(seed), step0=s0)
                    c = None if gru else c
                    pieces.put(out, s0, part)
                place = slice(walk.first, walk.first + walk.stack.layers)
                if h is not None:
                    hn[place] = h
                if c is not None:
                    cn[place] = c
            if index + 1 < len(levels):
                _drop(y, stack, seed, index, every)
            inputs.append(y)
        y = inputs.pop()
        ctx.constants = (stack, every, native, seed, len(inputs), len(weights))
        ctx.set_materialize_grads(False)
        if gru:
            cn = x.new_empty(0)
            ctx.mark_non_differentiable(cn)
        ctx.save_for_backward(lengths, h0, c0, *inputs, *weights, *marks)
        return y, hn, cn

    @staticmethod
    def backward(ctx: Any, *incoming: Any) -> Any:
        stack, every, native, seed, levels, count = ctx.constants
        lengths, h0, c0, *rest = ctx.saved_tensors
        inputs, weights, marks = rest[:levels], rest[levels : levels + count], rest[levels + count :]
        again = torch.is_grad_enabled()
        if again or is_batched(*incoming):
            found = twin_gradients(stack, incoming, (inputs[0], h0, c0, *weights), lengths, seed, create_graph=again)
            return None, None, None, None, None, *found
        wanted = ctx.needs_input_grad[5:]
        return None, None, None, None, None, *_walk_back(
            stack, every, native, seed, lengths, (h0, c0), inputs, weights, marks, incoming, wanted
        )  # fmt: skip


def _drop(y: Tensor, stack: Stack, seed: int, layer: int, every: int) -> None:
    """The dropout between `layer` and the next, in place; the same for outputs and for their gradients."""
    if stack.train and stack.dropout > 0:
        for s0 in range(0, y.shape[0], every):
            y[s0 : s0 + every] = twins.dropped(seed, layer, stack.dropout, y[s0 : s0 + every], s0)


def _walk_back(
    stack: Stack,
    every: int,
    native: bool,
    seed: int,
    lengths: Optional,
    starts: tuple[Optional, Optional],
    inputs: Sequence[Tensor],
    weights: Sequence[Tensor],
    marks: Sequence[Optional],
    incoming: Sequence[Optional],
    wanted: Sequence[bool],
) -> list[Optional]:
    """Gradients of x, h0, c0 and the weights, from the last piece of the last level to the first of the first."""
    T, B, _ = inputs[0].shape
    H, gru = weights[1].shape[1], stack.cell == "gru"
    begins = [torch.zeros_like(t) if t is not None and w else None for t, w in zip(starts, wanted[1:3], strict=True)]
    gradients = [torch.zeros_like(w) if want else None for w, want in zip(weights, wanted[3:], strict=True)]
    dy, at = incoming[0], len(marks)
    levels = levels_of(stack)
    for index in reversed(range(len(levels))):
        below = inputs[index]
        dx = torch.zeros_like(below) if index or wanted[0] else None
        at -= 2 * len(levels[index]) * len(range(0, T, every))
        place = at
        for d, walk in enumerate(levels[index]):
            run = _runner(walk, below, H, every, native)
            pieces = Pieces(T, B, every, lengths, walk.backwards)
            own, sums = walk.weights(weights), walk.weights(gradients)
            dh, dc = walk.states(incoming[1]), None if gru else walk.states(incoming[2])
            for s0 in reversed(pieces.starts):
                h, c = marks[place + s0 // every * 2 : place + s0 // every * 2 + 2]
                part = None if dy is None else pieces.take(dy[:, :, d * H : (d + 1) * H], s0)
                want = (dx is not None, h is not None, c is not None, *(g is not None for g in sums))
                arguments = (pieces.take(below, s0), (h, c), own, pieces.ends(s0), walk.seed(seed))
                back, dh, dc, *found = run.backward((part, dh, dc), want, *arguments, step0=s0)
                if back is not None and dx is not None:
                    pieces.put(back, s0, dx, add=d > 0)
                for sum_, g in zip(sums, found, strict=True):
                    if sum_ is not None and g is not None:
                        sum_.add_(g)
            place += 2 * len(pieces.starts)
            for begin, g in zip(begins, (dh, dc), strict=True):
                if begin is not None and g is not None:
                    begin[walk.first : walk.first + walk.stack.layers] = g
        if index and dx is not None:
            _drop(dx, stack, seed, index - 1, every)
        dy = dx
    return [dy if wanted[0] else None, *begins, *gradients]
