"""The cells of xLSTM: sLSTM, a recurrence with an exponential gate, and mLSTM, whose memory is a matrix.

sLSTM, of each unit, with the paper's stabiliser m (its h enters i, f, g and o within a head):

    m' = max(log f + m, i)    c' = f' c + i' tanh(g)    n' = f' n + i'    h' = sigmoid(o) c' / n'
    f  = sigmoid(...)         f' = exp(log f + m - m')                    i' = exp(i - m')

Only c / n and M = m + log n ever matter, so that these two are the state, c [2*H], with the share s that c / n keeps:

    s = sigmoid(log f + M - i)    c' / n' = s c / n + (1 - s) tanh(g)    M' = log(exp(log f + M) + exp(i))

M = 0 says that nothing was read yet; a state of zeros begins. mLSTM, of each head of d = H / heads units:

    m' = max(log f + m, i)    C' = f' C + i' v k^T / sqrt(d)    n' = f' n + i' k / sqrt(d)
    h' = sigmoid(o) * C' q / max(|n' q|, exp(-m'))

with i and f one number a head; its state is h and c, which holds C [heads, d, d] (k by v), n [H] and m [heads]. No h
enters it: steps of a chunk are computed at once, and only the state goes from chunk to chunk.

Source: Beck et al. (2024), arXiv:2405.04517.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, linear, logsigmoid

from tidegate.artifacts.layers import cell_size
from tidegate.core.errors import ConfigError
from tidegate.kernels.stack import EPSILON
from tidegate.nn.attention import check_heads
from tidegate.nn.draws import Dropout
from tidegate.nn.recurrent import _Engine

CHUNK = 64  # steps computed at once: their weights among each other are [CHUNK, CHUNK] numbers a head
MOST = 80.0  # of an exponent: exp stays finite in float32
NEVER = -1e30  # log of an input gate that is shut


class SLSTM(_Engine):
    """sLSTM with the surface of `LSTM`, its four gates in the order i, f, g, o; without layer_norm and proj_size.

    Args:
        input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional: of `torch.nn.LSTM`.
        num_heads: units of one head see only its own h; weight_hh is [4*H, H / num_heads].
        recurrent_dropout, checkpoint_every: of `LSTM`. zoneout: share of h that stays.
        forget_bias: starting bias of the forget gate; None spreads it over the units of a head, from 5 down to -7, in
            the paper's power law.

    The state is (h, c) with c [L*D, B, 2*H]: c / n and M.

    Raises:
        ConfigError: heads that do not divide hidden_size.
    """

    cell = "slstm"

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
                 batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, *, num_heads: int = 1,
                 recurrent_dropout: float = 0.0, zoneout: float = 0.0, forget_bias: float | None = None,
                 checkpoint_every: int | None = None, **kwargs: Any) -> None:  # fmt: skip
        check_heads(hidden_size, num_heads)
        self.num_heads = num_heads
        super().__init__(
            "LSTM", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, **kwargs
        )
        if num_heads > 1:
            for name, weight in list(self.named_parameters()):
                if name.startswith("weight_hh"):
                    setattr(self, name, nn.Parameter(weight.detach()[:, : hidden_size // num_heads].clone()))
        self._set_options(recurrent_dropout, (zoneout, 0.0), forget_bias, False, checkpoint_every)

    def reset_parameters(self) -> None:
        """Torch's start; the forget gate's biases as the paper spreads them."""
        super().reset_parameters()
        if not self.bias:
            return
        H, d, last = self.hidden_size, self.hidden_size // self.num_heads, max(1, self.num_layers - 1)
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                if name.startswith("bias_hh"):
                    parameter[H : 2 * H] = 0.0
                elif name.startswith("bias_ih"):
                    level = int(name.removeprefix("bias_ih_l").removesuffix("_reverse"))
                    place = torch.arange(d) / max(1, d - 1)
                    parameter[H : 2 * H] = (5.0 - 12.0 * place ** (0.3 + 1.3 * level / last)).repeat(self.num_heads)

    def _weights(self) -> list[Tensor]:
        """The engine's, whose recurrent weights [4*H, H] are zero between heads."""
        found = super()._weights()
        if self.num_heads == 1:
            return found
        head = torch.arange(self.hidden_size, device=found[0].device) // (self.hidden_size // self.num_heads)
        own = (head.repeat(4)[:, None] == head).to(found[0])
        pairs = zip(self._flat_weights_names, found, strict=True)
        return [w.repeat(1, self.num_heads) * own if name.startswith("weight_hh") else w for name, w in pairs]

    def permute_hidden(self, hx: Any, permutation: Tensor | None) -> Any:
        """Both states in another order of rows."""
        return hx if permutation is None else tuple(s.index_select(1, permutation) for s in hx)


def remember(
    q: Tensor, k: Tensor, v: Tensor, enter: Tensor, keep: Tensor, state: Sequence[Tensor]
) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
    """What a chunk of steps reads of an mLSTM's memory, and the memory after it.

    Args:
        q, k, v: [B, h, T, d], k already over sqrt(d). enter: [B, h, T], log of the input gate. keep: [B, h, T], log f.
        state: C [B, h, d, d], n [B, h, d], m [B, h].

    Returns:
        C q / max(|n q|, exp(-m)) of every step, [B, h, T, d], and the state at the end.
    """
    C, n, m = state
    decay = keep.cumsum(-1)
    before = decay + m[..., None]
    share = decay[..., :, None] - decay[..., None, :] + enter[..., None, :]  # log of what step l adds at step t
    later = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool, device=q.device).triu(1)
    share = share.masked_fill(later, -torch.inf)
    scale = torch.maximum(share.amax(-1), before)
    share, before = torch.exp(share - scale[..., None]), torch.exp(before - scale)
    found = (q @ k.transpose(-1, -2)) * share
    read = found @ v + before[..., None] * (q @ C)
    norm = found.sum(-1) + before * (q @ n[..., None]).squeeze(-1)
    read = read / torch.maximum(norm.abs(), torch.exp((-scale).clamp_max(MOST)))[..., None]
    entered, kept = k * share[..., -1, :, None], before[..., -1, None]
    C = kept[..., None] * C + entered.transpose(-1, -2) @ v
    return read, (C, kept * n + entered.sum(-2), scale[..., -1])


class MLSTM(nn.Module):
    """mLSTM layers: weights `weight_ih_l{k}` [4*H + 2*heads, I] and `bias_ih_l{k}`, rows q, k, v, o, i, f.

    Args:
        input_size, hidden_size, num_layers, batch_first, dropout, bidirectional: of `torch.nn.LSTM`.
        num_heads: matrices, of (H / num_heads)^2 numbers each.
        forget_bias: starting bias of the forget gate; None spreads it over the heads, from 3 to 6, as the paper does.
        layer_norm: normalise what each head reads before the output gate; adds `weight_norm_l{k}` [H], its scale.

    The state is (h, c) with c [L*D, B, H * H / num_heads + H + num_heads].

    Raises:
        ConfigError: heads that do not divide hidden_size.
    """

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, batch_first: bool = False,
                 dropout: float = 0.0, bidirectional: bool = False, *, num_heads: int = 1,
                 forget_bias: float | None = None, layer_norm: bool = False) -> None:  # fmt: skip
        super().__init__()
        check_heads(hidden_size, num_heads)
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.num_heads, self.batch_first, self.bidirectional = num_heads, batch_first, bidirectional
        self.forget_bias, self.layer_norm, self.dropout = forget_bias, layer_norm, Dropout(dropout)
        rows, directions = 4 * hidden_size + 2 * num_heads, 1 + bidirectional
        self.tails = [f"l{n // directions}{'_reverse' * (n % directions)}" for n in range(num_layers * directions)]
        for place, tail in enumerate(self.tails):
            width = input_size if place < directions else hidden_size * directions
            self.register_parameter(f"weight_ih_{tail}", nn.Parameter(torch.empty(rows, width)))
            self.register_parameter(f"bias_ih_{tail}", nn.Parameter(torch.empty(rows)))
            if layer_norm:
                self.register_parameter(f"weight_norm_{tail}", nn.Parameter(torch.ones(hidden_size)))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Torch's start; gates that look at nothing yet and keep nearly all, as in the paper."""
        H, heads, bound = self.hidden_size, self.num_heads, 1 / math.sqrt(self.hidden_size)
        for name, parameter in self.named_parameters():
            if name.startswith("weight_norm"):
                continue
            nn.init.uniform_(parameter, -bound, bound)
            with torch.no_grad():
                if name.startswith("weight_ih"):
                    parameter[4 * H :] = 0.0
                else:
                    parameter[4 * H : 4 * H + heads].normal_(0.0, 0.1)
                    start = torch.linspace(3.0, 6.0, heads) if self.forget_bias is None else self.forget_bias
                    parameter[4 * H + heads :] = start

    def forward(
        self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None, *, lengths: Tensor | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Run the layers; arguments and results as of `LSTM`, for batches that are padded."""
        if input.dim() != 3:
            raise ConfigError(f"an mLSTM reads [B, T, I] or [T, B, I]; got {list(input.shape)}")
        x = input if self.batch_first else input.transpose(0, 1)
        directions = 1 + self.bidirectional
        last_h, last_c = [], []
        for first in range(0, len(self.tails), directions):
            outputs = []
            for place in range(first, first + directions):
                given = None if hx is None else (hx[0][place], hx[1][place])
                y, h, c = self._layer(self.tails[place], x, given, lengths, backwards=place > first)
                outputs.append(y)
                last_h.append(h)
                last_c.append(c)
            x = torch.cat(outputs, 2) if directions > 1 else outputs[0]
            if first + directions < len(self.tails):
                x = self.dropout(x)
        return x if self.batch_first else x.transpose(0, 1), (torch.stack(last_h), torch.stack(last_c))

    def _layer(
        self, tail: str, x: Tensor, given: tuple[Tensor, Tensor] | None, lengths: Tensor | None, *, backwards: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        """x: [B, T, I] -> y [B, T, H], h [B, H], c."""
        B, T, _ = x.shape
        H, heads = self.hidden_size, self.num_heads
        d = H // heads
        steps = torch.arange(T, device=x.device)
        ends = torch.full((B,), T, device=x.device) if lengths is None else lengths.to(x.device)
        within = steps < ends[:, None]  # [B, T]
        order = torch.where(within, ends[:, None] - 1 - steps, steps)[..., None]
        if backwards:
            x = x.gather(1, order.expand_as(x))
        rows = linear(x, getattr(self, f"weight_ih_{tail}"), getattr(self, f"bias_ih_{tail}"))
        q, k, v = rows[..., : 3 * H].view(B, T, 3, heads, d).permute(2, 0, 3, 1, 4).unbind(0)
        enter, keep = rows[..., 4 * H : 4 * H + heads].transpose(1, 2), logsigmoid(rows[..., 4 * H + heads :])
        keep = keep.transpose(1, 2)
        if lengths is not None:
            enter, keep = enter.masked_fill(~within[:, None], NEVER), keep.masked_fill(~within[:, None], 0.0)
        h, c = (x.new_zeros(B, H), x.new_zeros(B, cell_size("mlstm", H, heads))) if given is None else given
        C, n, m = c[:, : H * d], c[:, H * d : -heads], c[:, -heads:]
        state = (C.reshape(B, heads, d, d), n.reshape(B, heads, d), m)
        found = []
        for part in (slice(s, s + CHUNK) for s in range(0, T, CHUNK)):
            arrays = (q[:, :, part], k[:, :, part] / math.sqrt(d), v[:, :, part], enter[..., part], keep[..., part])
            read, state = remember(*arrays, state)
            found.append(read)
        y = torch.cat(found, 2)
        if self.layer_norm:
            y = layer_norm(y, (d,), None, None, EPSILON)
        y = y.transpose(1, 2).flatten(2)
        if self.layer_norm:
            y = y * getattr(self, f"weight_norm_{tail}")
        y = (torch.sigmoid(rows[..., 3 * H : 4 * H]) * y).masked_fill(~within[..., None], 0.0)
        last = y.gather(1, (ends - 1).clamp(min=0).view(B, 1, 1).expand(B, 1, H)).squeeze(1)
        h = torch.where((ends > 0)[:, None], last, h)
        if backwards:
            y = y.gather(1, order.expand_as(y))
        return y, h, torch.cat([state[0].flatten(1), state[1].flatten(1), state[2]], 1)
