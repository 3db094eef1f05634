"""Convolutions over time before the recurrence (CNN-LSTM)."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from tidegate.artifacts.shapes import conv_padding
from tidegate.core.errors import ConfigError


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

    def forward(self, sequence: Tensor) -> Tensor:
        """Convolve [B, S, D]."""
        pads = conv_padding(sequence.shape[1], self.conv.kernel_size[0], self.conv.stride[0], self.padding)
        padded = nn.functional.pad(sequence.transpose(1, 2), pads)
        convolved: Tensor = self.conv(padded)
        return convolved.relu().transpose(1, 2)
