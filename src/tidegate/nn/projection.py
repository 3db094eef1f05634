"""LSTM layers whose state is a projection of their output (`proj_size`; Sak, Senior and Beaufays 2014), on the engine.

    m_t = o tanh(c)      r_t = W_hr m_t, [P]      gates of the next step: W x + W_hh r_t + b

With S = W_hh W_hr, [4*H, H], the next step sees S m_t: a plain LSTM that carries m, and one product over all steps
gives r. Equal but for rounding. A given r_0 is no projection of an m_0: it enters as P more inputs of each row's first
step, whose weights are W_hh. The product with S takes 4 H^2 multiplications a step where two products would take 5 H P.
The two products outside the recurrence are torch's, whose last bits may change with the number of threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from tidegate.kernels.eager import is_plain
from tidegate.kernels.operators import recurrent
from tidegate.kernels.stack import Stack
from tidegate.nn.draws import dropout

Optional = Tensor | None


def repays(H: int, P: int) -> bool:
    """Whether one product of 4 H^2 on the engine beats torch's two smaller ones (measured, P from H/8 to H/2)."""
    return H * H <= 512 * P


def _first_steps(start: Tensor, steps: int, lengths: Optional, backwards: bool) -> Tensor:
    """[T, B, P]: `start` [B, P] where a row's walk begins, zeros elsewhere."""
    T, B = steps, start.shape[0]
    if not backwards:
        return torch.cat((start[None], start.new_zeros(T - 1, *start.shape)))
    last = torch.full((B,), T - 1, device=start.device) if lengths is None else lengths.to(start.device).long() - 1
    return start * (torch.arange(T, device=start.device)[:, None] == last)[:, :, None]


def _directions(
    stack: Stack, x: Tensor, h0: Optional, lengths: Optional, weights: Sequence[Tensor]
) -> tuple[Tensor, list[Tensor]]:
    """One layer's inputs and weights as a plain LSTM has them; h0 [D, B, P]."""
    each, P = len(weights) // stack.directions, weights[1].shape[1]
    inputs, plain = [x], []
    for d in range(stack.directions):
        w_ih, w_hh, *biases, w_hr = weights[d * each : (d + 1) * each]
        if h0 is not None:
            inputs.append(_first_steps(h0[d], x.shape[0], lengths, stack.reverse or d == 1))
            others = w_hh.new_zeros(w_hh.shape[0], P)  # the other direction's start
            w_ih = torch.cat((w_ih, *(w_hh if d == of else others for of in range(stack.directions))), 1)
        plain += [w_ih, w_hh @ w_hr, *biases]
    return torch.cat(inputs, 2) if h0 is not None else x, plain


def _without_gaps(gradient: Optional) -> Optional:
    return None if gradient is None else gradient.contiguous()


def _dense(t: Optional) -> Optional:
    """The same tensor, whose gradient comes without gaps, as that of torch's own layers does."""
    if t is None or not (torch.is_grad_enabled() and t.requires_grad and is_plain(t)):
        return t
    same = t.view_as(t)
    same.register_hook(_without_gaps)  # type: ignore[no-untyped-call]
    return same


def projected(
    stack: Stack,
    x: Tensor,
    h0: Optional,
    c0: Optional,
    weights: Sequence[Tensor],
    lengths: Optional = None,
    seed: int | Tensor | None = None,
    gates: bool = False,
    checkpoint_every: int | None = None,
) -> tuple[Tensor, Tensor, Tensor, Optional]:
    """As `operators.recurrent`, for an LSTM with W_hr [P, H] as the last weight of every layer and direction.

    Args:
        stack: without layer norm, recurrent dropout and zoneout of h, which see r.
        h0: [L*D, B, P]. c0: [L*D, B, H].

    Returns:
        y [T, B, D*P], h_n [L*D, B, P], c_n [L*D, B, H] and the gates [L*D, T, B, 5, H] or None.
    """
    x, h0, *weights = [_dense(t) for t in (x, h0, *weights)]  # type: ignore[assignment]
    D, each = stack.directions, len(weights) // (stack.layers * stack.directions)
    H = weights[1].shape[0] // 4
    alone = replace(stack, layers=1, dropout=0.0)
    some = None if lengths is None or h0 is None else (lengths > 0).to(x.device)[:, None]
    ends_h, ends_c, traces = [], [], []
    for layer in range(stack.layers):
        own = weights[layer * D * each : (layer + 1) * D * each]
        if layer and stack.train and stack.dropout > 0:
            x = dropout(x, stack.dropout)
        start = None if h0 is None else h0[layer * D : (layer + 1) * D]
        inputs, plain = _directions(stack, x, start, lengths, own)
        first = None if c0 is None else c0[layer * D : (layer + 1) * D]
        own_seed = None if seed is None else seed + layer
        y, m, c, trace = recurrent(alone, inputs, None, first, plain, lengths, own_seed, gates, checkpoint_every)
        project = [own[(d + 1) * each - 1] for d in range(D)]
        parts = [torch.nn.functional.linear(y[:, :, d * H : (d + 1) * H], w) for d, w in enumerate(project)]
        x = torch.cat(parts, 2) if D > 1 else parts[0]
        r = torch.stack([torch.nn.functional.linear(m[d], w) for d, w in enumerate(project)])
        ends_h.append(r if some is None or start is None else torch.where(some, r, start))
        ends_c.append(c)
        if trace is not None:
            traces.append(trace)
    return x, torch.cat(ends_h), torch.cat(ends_c), torch.cat(traces) if gates else None
