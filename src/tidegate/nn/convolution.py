"""Convolutions over time before the recurrence (CNN-LSTM)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from tidegate.artifacts.shapes import conv_padding
from tidegate.core.errors import ConfigError
from tidegate.nn.flow import clear, taken


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
