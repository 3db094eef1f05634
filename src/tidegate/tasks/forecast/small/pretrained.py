"""The pretrained forecaster in torch: it encodes patches, weighs simple forecasts of the horizon and adds to them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tidegate.nn.recurrent import LSTM
from tidegate.runtime.pretrained.candidates import CANDIDATES
from tidegate.runtime.pretrained.filters import PATCH
from tidegate.runtime.pretrained.inputs import DECODED, ENCODED
from tidegate.runtime.pretrained.network import LEVELS

NORMAL = (-1.28, -0.84, -0.52, -0.25, 0.0, 0.25, 0.52, 0.84, 1.28)


class PretrainedNetwork(nn.Module):
    """Quantiles of patches of the horizon.

    e = silu(W x)              a patch's inputs
    h = LSTM(e)                two layers, over the patches up to the origin
    d = silu(W [h, e] + V z)   z: what the candidates forecast for a patch of the horizon
    d = d + silu(U d)
    quantile_q = sum_c softmax(a)_c candidate_c + r exp(g) o_q     a, g, o linear in d
    """

    def __init__(self, hidden: int = 192, wide: int = 256) -> None:
        super().__init__()
        self.embed = nn.Linear(ENCODED, hidden)
        self.recurrent = LSTM(hidden, hidden, 2, batch_first=True, forget_bias=1.0)
        self.context = nn.Linear(2 * hidden, wide)
        self.ahead = nn.Linear(DECODED, wide, bias=False)
        self.inner = nn.Linear(wide, wide)
        self.out = nn.Linear(wide, CANDIDATES + 1 + PATCH * len(LEVELS))
        nn.init.normal_(self.out.weight, std=0.01)
        with torch.no_grad():
            self.out.bias.zero_()
            self.out.bias[CANDIDATES + 1 :] = torch.tensor(NORMAL).repeat(PATCH)

    def encode(self, x: Tensor) -> Tensor:
        """[B, S, ENCODED] -> [B, S, 2 * hidden]."""
        e = nn.functional.silu(self.embed(x))
        return torch.cat([self.recurrent(e)[0], e], 2)

    def decode(self, h: Tensor, z: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
        """Centre [R, J, PATCH] and quantiles [R, J, PATCH, 9], in units of the scale.

        h: [R, 2 * hidden]. z: [R, J, DECODED]. candidates: [R, J, C, PATCH], in the same units.
        """
        d = nn.functional.silu(self.context(h)[:, None] + self.ahead(z))
        d = d + nn.functional.silu(self.inner(d))
        o = self.out(d)
        weights = torch.softmax(o[..., :CANDIDATES], -1)
        centre = (weights[..., None] * candidates).sum(2)
        size = torch.exp(torch.clamp(o[..., CANDIDATES : CANDIDATES + 1], -4.0, 4.0))
        offsets = (o[..., CANDIDATES + 1 :] * size).reshape(*o.shape[:2], PATCH, len(LEVELS))
        return centre, centre[..., None] + offsets

    def forward(self, x: Tensor, z: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
        """What `decode` gives after the last patch of x [B, S, ENCODED], R = B."""
        return self.decode(self.encode(x)[:, -1], z, candidates)
