"""Attention: a weighted sum of states, with weights that depend on a query or on the states themselves.

Shape letters: B batch, S steps of the attended sequence, K queries, D its width, Q width of a query,
A units of the score, H heads. Weights are never negative and sum to one; steps at or past a row's length
have weight zero.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Literal

import torch
from torch import Tensor, nn

from tidegate.artifacts.inputs import sinusoids
from tidegate.core.errors import ConfigError
from tidegate.nn.draws import Dropout, lent

Score = Literal["additive", "dot", "general", "concat"]


def padding(lengths: Tensor | None, batch: int, steps: int) -> Tensor | None:
    """[B, S], true at the steps past each row's end; None without lengths.

    Args:
        lengths: [B] whole numbers from 1 to S.

    Raises:
        ConfigError: another number of rows, or a length outside 1 to S.
    """
    if lengths is None:
        return None
    if lengths.shape != (batch,) or bool((lengths < 1).any() or (lengths > steps).any()):
        raise ConfigError(f"lengths must be {batch} whole numbers from 1 to {steps}, one for each row.")
    return torch.arange(steps, device=lengths.device) >= lengths.unsqueeze(1)


def pool(scores: nn.Module, sequence: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Sum of [B, S, D] weighted by the softmax over steps of `scores` [B, S, 1]: [B, D], and the weights [B, S]."""
    score = scores(sequence)
    padded = padding(lengths, *sequence.shape[:2])
    if padded is not None:
        score = score.masked_fill(padded.unsqueeze(2), -torch.inf)
    weights = torch.softmax(score, dim=1)
    return (weights * sequence).sum(dim=1), weights.squeeze(2)


class AttentionPooling(nn.Module):
    """One vector out of a sequence (guide 6.2).

        a = softmax_s(w . x_s + b)        context = sum_s a_s x_s

    Args:
        width: D.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.score = nn.Linear(width, 1)

    def forward(self, sequence: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Pool [B, S, D] of `lengths` [B] steps: context [B, D] and weights [B, S]."""
        return pool(self.score, sequence, lengths)


class Attention(nn.Module):
    """What a decoder looks up among the encoder's states x_1 ... x_S for a query q, its own state.

        additive  e_s = v . tanh(W q + U x_s + b)       (Bahdanau, Cho and Bengio 2015, arXiv:1409.0473)
        dot       e_s = q . x_s                         (Luong, Pham and Manning 2015, arXiv:1508.04025)
        general   e_s = q . W x_s                       (the same)
        concat    e_s = v . tanh(W [q, x_s])            (the same)

        a = softmax_s(e)        context = sum_s a_s x_s

    Args:
        kind: of the score.
        query: Q. width: D; equal to Q for `dot`.
        size: A, of `additive` and `concat`; None takes Q.

    Raises:
        ConfigError: `dot` between vectors of two sizes.
    """

    def __init__(self, kind: Score, query: int, width: int, size: int | None = None) -> None:
        super().__init__()
        self.kind = kind
        size = query if size is None else size
        if kind == "dot" and query != width:
            raise ConfigError(f"dot attention needs states and queries of one size, got {width} and {query}: general")
        if kind == "additive":
            self.query, self.key = nn.Linear(query, size, bias=False), nn.Linear(width, size)
        elif kind == "general":
            self.key = nn.Linear(width, query, bias=False)
        elif kind == "concat":
            self.both = nn.Linear(query + width, size, bias=False)
        if kind in ("additive", "concat"):
            self.score = nn.Linear(size, 1, bias=False)

    def keys(self, sequence: Tensor) -> Tensor:
        """What of the score depends on the states alone, [B, S, Q or A]: once for all queries of a sequence."""
        if self.kind == "concat":
            return nn.functional.linear(sequence, self.both.weight[:, -sequence.shape[2] :])
        return sequence if self.kind == "dot" else self.key(sequence)

    def forward(
        self, query: Tensor, sequence: Tensor, lengths: Tensor | None = None, keys: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Look up.

        Args:
            query: [B, K, Q]. sequence: [B, S, D]. lengths: [B] steps of each row; None takes all.
            keys: `keys(sequence)`, where it is known already.

        Returns:
            Contexts [B, K, D] and weights [B, K, S].
        """
        keys = self.keys(sequence) if keys is None else keys
        if self.kind in ("dot", "general"):
            score = query @ keys.transpose(1, 2)
        else:
            own = self.query(query) if self.kind == "additive" else self._own(query)
            score = self.score(torch.tanh(own.unsqueeze(2) + keys.unsqueeze(1))).squeeze(3)
        padded = padding(lengths, *sequence.shape[:2])
        if padded is not None:
            score = score.masked_fill(padded.unsqueeze(1), -torch.inf)
        weights = torch.softmax(score, dim=2)
        return weights @ sequence, weights

    def _own(self, query: Tensor) -> Tensor:
        return nn.functional.linear(query, self.both.weight[:, : query.shape[2]])


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
