"""Self-attention: after the recurrence, or in its place as a Transformer encoder."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Literal

import torch
from torch import Tensor, nn

from tidegate.artifacts.inputs import sinusoids
from tidegate.core.errors import ConfigError
from tidegate.nn.attention import padding
from tidegate.nn.draws import Dropout, lent


def check_heads(width: int, num_heads: int) -> None:
    """Refuse heads that do not divide the width.

    Raises:
        ConfigError: naming both.
    """
    if width % num_heads:
        raise ConfigError(f"{num_heads} heads do not divide a width of {width}: choose a divisor")


class SelfAttention(nn.Module):
    """Every step looks at every step; a residual, and a layer norm after it.

        head_i = softmax(Q_i K_i' / sqrt(D / H)) V_i,  Q_i, K_i, V_i = x W_i + b_i
        y = LayerNorm(x + [head_1 ... head_H] W + b)        [B, S, D] -> [B, S, D], weights [B, H, S, S]

    Weights are those of `torch.nn.MultiheadAttention`.

    Args:
        width: D. num_heads: H, a divisor of D. dropout: of the attention's output, in training.

    Raises:
        ConfigError: heads that do not divide the width.

    Source: Vaswani et al. (2017), arXiv:1706.03762; after an LSTM: Lim et al. (2021), arXiv:1912.09363.
    """

    def __init__(self, width: int, num_heads: int = 4, dropout: float = 0.0) -> None:
        super().__init__()
        check_heads(width, num_heads)
        self.attention = nn.MultiheadAttention(width, num_heads, batch_first=True)
        self.dropout = Dropout(dropout)
        self.norm = nn.LayerNorm(width)

    def forward(self, sequence: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Attend within [B, S, D] of `lengths` [B] steps; no step looks at what is past its row's end."""
        padded = padding(lengths, *sequence.shape[:2])
        found, weights = self.attention(
            sequence, sequence, sequence, key_padding_mask=padded, average_attn_weights=False
        )
        return self.norm(sequence + self.dropout(found)), weights


class TransformerEncoder(nn.Module):
    """A pre-norm Transformer encoder: an alternative to the recurrence.

        x = W input + b + p                       p sinusoidal or learned, [S, H]
        x = x + SelfAttention(LayerNorm(x))       in each of the layers
        x = x + W2 relu(W1 LayerNorm(x) + b1) + b2
        y = LayerNorm(x)                          [B, S, D] -> [B, S, H]

    Its layers are `torch.nn.TransformerEncoderLayer` with norm_first.

    Args:
        inputs: D. hidden_size: H. num_layers, num_heads: of the encoder; heads divide H.
        feedforward: units of W1; None takes 4 H. dropout: after attention, relu and feed-forward, in training.
        positions: `sinusoidal`, or `learned` for sequences of at most `steps` steps.
        steps: S, of `learned`.

    Raises:
        ConfigError: heads that do not divide the width, or learned positions of no length.

    Source: Vaswani et al. (2017), arXiv:1706.03762; the norm before: Xiong et al. (2020), arXiv:2002.04745.
    """

    def __init__(
        self,
        inputs: int,
        hidden_size: int,
        num_layers: int = 2,
        num_heads: int = 4,
        feedforward: int | None = None,
        dropout: float = 0.0,
        positions: Literal["sinusoidal", "learned"] = "sinusoidal",
        steps: int | None = None,
    ) -> None:
        super().__init__()
        check_heads(hidden_size, num_heads)
        self.rate = dropout
        self.linear = nn.Linear(inputs, hidden_size)
        self.position = None
        if positions == "learned":
            if steps is None:
                raise ConfigError("learned positions need steps, the length of the sequence")
            self.position = nn.Parameter(torch.randn(steps, hidden_size) * 0.1)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                hidden_size, num_heads, feedforward or 4 * hidden_size, dropout, batch_first=True, norm_first=True
            )
            for _ in range(num_layers)
        )
        self.norm = nn.LayerNorm(hidden_size)

    def forward(self, sequence: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Encode [B, S, D] of `lengths` [B] steps; no step looks at what is past its row's end."""
        x = self.linear(sequence)
        x = x + (
            torch.from_numpy(sinusoids(*x.shape[1:])).to(x) if self.position is None else self.position[: x.shape[1]]
        )
        padded = padding(lengths, *sequence.shape[:2])
        with lent() if self.training and self.rate else nullcontext():
            for block in self.blocks:
                x = block(x, src_key_padding_mask=padded)
        return torch.as_tensor(self.norm(x))
