"""What flows between the layers of a network in torch, and what several of them use.

Shape letters: B batch, T steps of the window, S steps of the sequence, D its width, K horizon,
C targets of one pass, O outputs, H units, L layers, F known-ahead inputs, E static size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from tidegate.artifacts.inputs import lag_rows
from tidegate.artifacts.layers import REFUSED
from tidegate.artifacts.shapes import conv_padding
from tidegate.artifacts.spec import Recurrent
from tidegate.core.errors import ConfigError
from tidegate.nn.recurrent import GRU, LSTM, CoupledLSTM, PeepholeLSTM
from tidegate.nn.xlstm import MLSTM, SLSTM

State = tuple[Tensor, ...]
CELLS: dict[str, Any] = {
    "lstm": LSTM,
    "gru": GRU,
    "peephole": PeepholeLSTM,
    "coupled": CoupledLSTM,
    "slstm": SLSTM,
    "mlstm": MLSTM,
}


@dataclass
class Flow:
    """What flows between the layers of one forward pass."""

    targets: Tensor  # [B, T, C], normalised once a layer has done so
    sequence: Tensor  # [B, S, D]; a layer that looks at neighbouring steps clears what is past a row's end itself
    future: Tensor  # [B, K, F]
    static: Tensor  # [B, S_raw], then [B, E] once embedded
    loc: Tensor | None = None  # [B, 1, C]
    scale: Tensor | None = None  # [B, 1, C]
    start: State = ()  # h (and c) [L, B, H] that the recurrence goes on from; () for zeros
    state: State = ()  # h (and c) [L, B, H]
    embedding: Tensor | None = None  # [V, size], vectors of tokens, that tied scores are made with
    branch: Tensor | None = None  # [B, channels]
    skip: tuple[Tensor, Tensor] | None = None  # a linear forecast [B, K, C], and the share [1] of the network beside it
    tokens: Tensor | None = None  # [B, T] whole numbers, as they were read
    context: Tensor | None = None  # [B, D]
    attention: Tensor | None = None  # [B, S]
    decoder_attention: Tensor | None = None  # [B, K / segment, S]
    self_attention: Tensor | None = None  # [B, heads, S, S]
    truth: Tensor | None = None  # [B, K, C] targets to come, normalised once a layer has done so
    forced: Tensor | None = None  # [B, K, C], where a decoder that reads its own forecasts is shown the truth
    gate: Tensor | None = None  # [B, K], log-odds that a token is written and not copied
    output: Tensor | None = None  # [B, K, C * O]
    lengths: Tensor | None = None  # [B] steps of each row of the sequence; None: all of them
    given: Tensor | None = None  # [B] steps of each row of the targets; None: all of them


def within(lengths: Tensor, steps: int) -> Tensor:
    """[B, S, 1], true at the steps that each row has."""
    return (torch.arange(steps, device=lengths.device) < lengths.unsqueeze(1)).unsqueeze(2)


def clear(sequence: Tensor, lengths: Tensor | None) -> Tensor:
    """The sequence [B, S, D] with zeros past each row's end."""
    return sequence if lengths is None else sequence.masked_fill(~within(lengths, sequence.shape[1]), 0)


def taken(sequence: Tensor, steps: Tensor) -> Tensor:
    """The steps [B, n] of each row of a sequence [B, S, D]: [B, n, D]."""
    return sequence[torch.arange(len(steps), device=steps.device).unsqueeze(1), steps]


def ending(sequence: Tensor, count: int, lengths: Tensor | None) -> Tensor:
    """The last `count` steps of each row, [B, count, D]."""
    if lengths is None:
        return sequence[:, -count:]
    return taken(sequence, lengths.unsqueeze(1) - count + torch.arange(count, device=lengths.device))


def lagged(targets: Tensor, lags: tuple[int, ...], horizon: int, lengths: Tensor | None = None) -> Tensor:
    """Targets `lags` steps before each forecast step, [B, K, len(lags) * C], lag by lag."""
    window = targets.shape[1] if lengths is None else 0
    rows = [torch.from_numpy(lag_rows(window, horizon, lag)).to(targets.device) for lag in lags]
    if lengths is not None:  # rows counted from each row's own end
        return torch.cat([taken(targets, lengths.unsqueeze(1) + row) for row in rows], dim=2)
    return torch.cat([targets.index_select(1, row) for row in rows], dim=2)


def mean_over(x: Tensor, lengths: Tensor | None, period: int = 0) -> Tensor:
    """Mean of [B, T, C] over the last `period` steps of each row, or all where 0: [B, 1, C]."""
    if lengths is None:
        recent = x[:, -period:] if period else x
        return recent.mean(dim=1, keepdim=True)
    kept, counts = within(lengths, x.shape[1]), lengths.view(-1, 1, 1)
    if period:
        kept = kept & ~within(lengths - period, x.shape[1])
        counts = counts.clamp_max(period)
    return x.masked_fill(~kept, 0.0).sum(dim=1, keepdim=True) / counts


def on_steps(function: Callable[[Tensor], Tensor], x: Tensor, lengths: Tensor | None) -> Tensor:
    """A function of single steps [M, D], given those that rows of [B, S, D] have, all at once; zeros for the others."""
    flat = x.flatten(0, 1)
    if lengths is None:
        found = function(flat)
        return found.view(*x.shape[:2], found.shape[1])
    kept = within(lengths, x.shape[1]).flatten().nonzero().squeeze(1)
    found = function(flat.index_select(0, kept))
    every = found.new_zeros(len(flat), found.shape[1]).index_copy(0, kept, found)
    return every.view(*x.shape[:2], found.shape[1])


def recurrent(layer: Recurrent, inputs: int, *, bidirectional: bool) -> nn.Module:
    """The recurrent stack of a spec."""
    kind: Any = CELLS[layer.cell]
    dropout = layer.dropout if layer.num_layers > 1 else 0.0
    own = ("forget_bias", "num_heads", "layer_norm", "recurrent_dropout", "zoneout")
    lacking = (*REFUSED.get(layer.cell, ()), *(() if layer.cell in ("slstm", "mlstm") else ("num_heads",)))
    made: nn.Module = kind(
        inputs,
        layer.hidden_size,
        layer.num_layers,
        batch_first=True,
        dropout=dropout,
        bidirectional=bidirectional,
        **{name: getattr(layer, name) for name in own if name not in lacking},
    )
    made.weight_dropout = layer.weight_dropout  # type: ignore[assignment]
    return made


class UnitNorm(nn.Module):
    """torch's batch_norm with just the tensors that an artifact keeps (no count of batches)."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_var", torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise [B, D, S] over B and S (or [M, D] over M), with the batch's statistics while training."""
        return nn.functional.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, training=self.training
        )


def normed(norm: nn.Module, x: Tensor, lengths: Tensor | None) -> Tensor:
    """Normalise [B, S, D] over the steps that rows have; what is past them comes out as anything."""
    if lengths is None or not norm.training:
        return torch.as_tensor(norm(x.transpose(1, 2)).transpose(1, 2))
    return on_steps(norm, x, lengths)


class TimeConvolution(nn.Module):
    """One convolution over time and a relu; the output is as long as the input, or a `stride`-th of it.

        y_j = relu(b + sum_i W_i x_(j stride + i - p))        [B, S, D] -> [B, ceil(S / stride), channels]

    x is zero outside the sequence. `causal` pads on the left alone: the last output ends at the last step, and no
    output sees steps after its own. `same` pads both sides alike, one more on the right where the padding is odd.

    Args:
        inputs: D. channels: of the output. kernel: steps that an output sees. stride: steps between outputs.
        padding: as above.

    Raises:
        ConfigError: a stride above the kernel, which would skip steps.

    Source: Waibel et al. (1989), doi:10.1109/29.21701; before an LSTM: Sainath et al. (2015),
    doi:10.1109/ICASSP.2015.7178838. `causal` and `same` as in Keras.
    """

    def __init__(
        self,
        inputs: int,
        channels: int,
        kernel: int = 3,
        stride: int = 1,
        padding: Literal["causal", "same"] = "causal",
    ) -> None:
        super().__init__()
        if stride > kernel:
            raise ConfigError(f"stride {stride} above kernel {kernel} would skip steps")
        self.conv = nn.Conv1d(inputs, channels, kernel, stride)
        self.padding: Literal["causal", "same"] = padding

    def forward(self, sequence: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Convolve [B, S, D] of `lengths` [B] steps; a row then has ceil(length / stride), with zeros past them."""
        stride = self.conv.stride[0]
        padded = padded_rows(sequence, lengths, self.conv.kernel_size[0], stride, self.padding)
        convolved: Tensor = self.conv(padded)
        return clear(convolved.relu().transpose(1, 2), shortened(lengths, stride))


def shortened(lengths: Tensor | None, stride: int) -> Tensor | None:
    """ceil(lengths / stride)."""
    return None if lengths is None else -(-lengths // stride)


def padded_rows(sequence: Tensor, lengths: Tensor | None, kernel: int, stride: int, padding: str) -> Tensor:
    """[B, S, D] as [B, D, zeros + S + zeros], as many as a convolution needs; before each row by its own length."""
    steps = sequence.shape[1]
    before, after = conv_padding(steps, kernel, stride, padding)
    if lengths is None or stride == 1:
        return nn.functional.pad(clear(sequence, lengths).transpose(1, 2), (before, after))
    places = torch.arange(before + steps + after, device=lengths.device)
    source = places - conv_padding(lengths.unsqueeze(1), kernel, stride, padding)[0]  # [B, places]
    inside = (source >= 0) & (source < lengths.unsqueeze(1))
    return taken(sequence, source.clamp(0, steps - 1)).masked_fill(~inside.unsqueeze(2), 0.0).transpose(1, 2)
