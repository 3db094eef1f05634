"""Layers of networks that predict for a sequence, in torch: tokens, frames, branch, label, tag and next.

Shape letters: B batch, T steps, S steps of the sequence, D its width, O outputs, V vocabulary, M frames of all rows.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from tidegate.artifacts.bag import bag_scores
from tidegate.artifacts.inputs import UNKNOWN, pair_rows
from tidegate.artifacts.shapes import SQUEEZE, Sizes, bag_shapes, label_inputs, next_map
from tidegate.artifacts.spec import Branch, Ctc, Frames, Label, NetworkSpec, Next, Pictures, Tag, Tokens
from tidegate.nn.draws import Dropout, dropout, source
from tidegate.nn.flow import Flow, UnitNorm, clear, mean_over, normed, on_steps, padded_rows

RARE = -4.0  # log odds that one of many inputs is 1, before anything is learned
EMBEDDING_SCALE = 0.1  # standard deviation of a token's first vector; torch's 1 drowns what few sentences teach


class TokensLayer(nn.Module):
    """A vector for each token (`Tokens`): [B, T] whole numbers -> [B, T, size]."""

    def __init__(self, spec: NetworkSpec, layer: Tokens, sizes: Sizes) -> None:
        super().__init__()
        self.dropout, self.row_dropout, self.variational = layer.dropout, layer.row_dropout, layer.variational
        self.embedding = nn.Embedding(layer.vocabulary, layer.size, padding_idx=0)
        self.pairs = nn.Embedding(layer.pairs, layer.size) if layer.pairs else None
        with torch.no_grad():
            self.embedding.weight.mul_(EMBEDDING_SCALE)
            if self.pairs is not None:
                self.pairs.weight.zero_()  # pairs that training has not say nothing

    def forward(self, flow: Flow) -> None:
        tokens = flow.tokens = flow.sequence
        if self.training and self.dropout:
            unread = torch.rand(tokens.shape, device=tokens.device, generator=source()) < self.dropout
            tokens = tokens.masked_fill(unread & (tokens > 0), UNKNOWN)
        flow.embedding = self.embedding.weight
        found = self._vectors(tokens)
        if self.pairs is not None:
            before, here = tokens[:, :-1], tokens[:, 1:]
            known = ((before > UNKNOWN) & (here > UNKNOWN)).unsqueeze(2)
            added = self.pairs(pair_rows(before, here, self.pairs.num_embeddings)) * known
            found = torch.cat([found[:, :1], found[:, 1:] + added], dim=1)
        if self.training and self.variational:
            found = found * dropout(torch.ones_like(found[:, :1]), self.variational)
        flow.sequence = found

    def _vectors(self, tokens: Tensor) -> Tensor:
        if not (self.training and self.row_dropout):
            return self.embedding(tokens)  # type: ignore[no-any-return]
        kept = dropout(torch.ones_like(self.embedding.weight[:, :1]), self.row_dropout)
        return nn.functional.embedding(tokens, self.embedding.weight * kept, padding_idx=0)


class FramesLayer(nn.Module):
    """A small convolutional network on every step (`Frames`): [B, T, height * width * colours] -> [B, T, channels]."""

    def __init__(self, spec: NetworkSpec, layer: Frames, sizes: Sizes) -> None:
        super().__init__()
        self.shape = (layer.height, layer.width, layer.colours)
        self.convs = nn.ModuleList(
            nn.Conv2d(inputs, channels, layer.kernel, padding=layer.kernel // 2)
            for inputs, channels in pairwise((layer.colours, *layer.channels))
        )

    def forward(self, flow: Flow) -> None:
        flow.sequence = on_steps(self._look, flow.sequence, flow.lengths)

    def _look(self, pictures: Tensor) -> Tensor:
        """[M, height * width * colours] -> [M, channels]."""
        x = pictures.reshape(-1, *self.shape).permute(0, 3, 1, 2)
        for conv in self.convs:
            x = nn.functional.max_pool2d(conv(x).relu(), 2)
        return x.mean(dim=(2, 3))


class PicturesLayer(nn.Module):
    """A convolutional network on a picture (`Pictures`): [B, height, width * colours] -> [B, S, channels].

    x = relu(norm(W * x))                    of each of the channels, the first ones halved: max of 2 x 2
    y_s = x_s + p_s                          S places, row by row; p is learned
    """

    def __init__(self, spec: NetworkSpec, layer: Pictures, sizes: Sizes) -> None:
        super().__init__()
        self.shape, self.halved = (layer.height, layer.width, layer.colours), layer.halvings
        self.convs = nn.ModuleList(
            nn.Conv2d(inputs, channels, layer.kernel, padding=layer.kernel // 2, bias=False)
            for inputs, channels in pairwise((layer.colours, *layer.channels))
        )
        self.norms = nn.ModuleList(UnitNorm(channels) for channels in layer.channels)
        high, wide = layer.grid
        self.position = nn.Parameter(torch.randn(high * wide, layer.channels[-1]) * EMBEDDING_SCALE)
        self.dropout = Dropout(layer.dropout)

    def forward(self, flow: Flow) -> None:
        x = flow.sequence.reshape(-1, *self.shape).permute(0, 3, 1, 2)
        for place, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            x = norm(conv(x)).relu()
            if place < self.halved:
                x = nn.functional.max_pool2d(x, 2)
        flow.sequence = self.dropout(x.flatten(2).transpose(1, 2) + self.position)
        flow.lengths = None


class BranchLayer(nn.Module):
    """Convolutions beside the recurrence (`Branch`): [B, S, D] -> [B, channels], kept until it joins the context.

        x = relu(norm(W * x))                                  three times, say
        x = x sigmoid(W2 relu(W1 mean_s x))                    with squeeze_excite, but for the last
        y = mean_s x

    Source: Karim, Majumdar, Darabi and Chen (2018), doi:10.1109/ACCESS.2017.2779939; with squeeze_excite: Karim,
    Majumdar, Darabi and Harford (2019), doi:10.1016/j.neunet.2019.04.014.
    """

    def __init__(self, spec: NetworkSpec, layer: Branch, sizes: Sizes) -> None:
        super().__init__()
        widths, gated = (sizes.width, *layer.channels), layer.channels[:-1] if layer.squeeze_excite else ()
        self.convs = nn.ModuleList(
            nn.Conv1d(inputs, channels, kernel, bias=False)
            for (inputs, channels), kernel in zip(pairwise(widths), layer.kernels, strict=True)
        )
        self.norms = nn.ModuleList(UnitNorm(channels) for channels in layer.channels)
        few = [max(1, channels // SQUEEZE) for channels in gated]
        self.squeezes = nn.ModuleList(nn.Linear(n, m, bias=False) for n, m in zip(gated, few, strict=True))
        self.excites = nn.ModuleList(nn.Linear(m, n, bias=False) for n, m in zip(gated, few, strict=True))
        self.kernels = layer.kernels
        self.dropout = Dropout(layer.dropout)

    def forward(self, flow: Flow) -> None:
        x, lengths = flow.sequence, flow.lengths
        for index, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            found = conv(padded_rows(x, lengths, self.kernels[index], 1, "same")).transpose(1, 2)
            x = normed(norm, found, lengths).relu()
            if index < len(self.squeezes):
                gate = self.excites[index](self.squeezes[index](mean_over(x, lengths)).relu())
                x = x * gate.sigmoid()
        flow.branch = self.dropout(mean_over(x, lengths).squeeze(1))


class LabelLayer(nn.Module):
    """What is predicted for a sequence (`Label`), or for every step of it (`Tag`, `Ctc`): [B, 1, O] or [B, T, O]."""

    def __init__(self, spec: NetworkSpec, layer: Label | Tag | Ctc, sizes: Sizes) -> None:
        super().__init__()
        width, size = label_inputs(layer, sizes), layer.hidden_size
        self.hidden = nn.Linear(width, size) if size else None
        self.final = nn.Linear(size or width, spec.outputs)
        self.static = sizes.static if isinstance(layer, Label) else 0
        self.bag = Bag(spec, layer.bag) if isinstance(layer, Label) and layer.bag else None

    def forward(self, flow: Flow) -> None:
        x = flow.sequence if flow.context is None else flow.context.unsqueeze(1)
        if self.static:
            x = torch.cat([x, flow.static.unsqueeze(1)], dim=2)
        x = x if self.hidden is None else self.hidden(x).relu()
        found = self.final(x)
        if self.bag is not None:
            assert flow.tokens is not None
            found = found + self.bag(flow.tokens).unsqueeze(1)
        flow.output = clear(found, flow.lengths) if flow.context is None else found


class Bag(nn.Module):
    """Scores of a linear model of terms (`bag_scores`), fitted and not trained: tokens [B, T] -> [B, O]."""

    idf: Tensor
    weight: Tensor
    bias: Tensor

    def __init__(self, spec: NetworkSpec, pairs: int) -> None:
        super().__init__()
        self.pairs = pairs
        for name, shape in bag_shapes("bag", spec, pairs).items():
            self.register_buffer(name.removeprefix("bag."), torch.zeros(shape))

    def forward(self, tokens: Tensor) -> Tensor:
        idf, weight, bias = (own.detach().cpu().numpy() for own in (self.idf, self.weight, self.bias))
        return torch.from_numpy(bag_scores(tokens.cpu().numpy(), self.pairs, idf, weight, bias)).to(tokens.device)


class NextLayer(nn.Module):
    """Scores of every token for the place after each step (`Next`): [B, T, V]."""

    def __init__(self, spec: NetworkSpec, layer: Next, sizes: Sizes) -> None:
        super().__init__()
        shape = next_map(spec) if layer.tied else None
        self.map = nn.Linear(shape[1], shape[0], bias=False) if shape else None
        self.bias = nn.Parameter(torch.zeros(spec.outputs)) if layer.tied else None
        self.final = None if layer.tied else nn.Linear(sizes.width, spec.outputs)
        if spec.find("tokens") is None and self.final is not None:
            nn.init.constant_(self.final.bias, RARE)

    def forward(self, flow: Flow) -> None:
        x = flow.sequence if self.map is None else self.map(flow.sequence)
        if self.final is not None:
            found = self.final(x)
        else:
            assert flow.embedding is not None
            found = nn.functional.linear(x, flow.embedding, self.bias)
        flow.output = clear(found, flow.lengths)
