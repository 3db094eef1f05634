"""The pretrained network in numpy, its recurrent layers on the native engine, and the packaged weights."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from tidegate.artifacts.spec import Recurrent
from tidegate.core.errors import ArtifactError
from tidegate.core.translate import tr
from tidegate.pretrained import folder
from tidegate.runtime.network.recurrent import Loaded, run_stack
from tidegate.runtime.pretrained.candidates import CANDIDATES
from tidegate.runtime.pretrained.filters import PATCH

FORMAT = 1
F32 = NDArray[np.float32]
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def _silu(x: F32) -> F32:
    return np.asarray(x / (1.0 + np.exp(-np.clip(x, -60.0, 60.0))), dtype=np.float32)


class Network:
    """Quantiles of patches of the horizon.

        e = silu(W x)              a patch's inputs
        h = LSTM(e)                over the patches up to the origin
        d = silu(W [h, e] + V z)   z: what the candidates forecast for a patch of the horizon
        d = d + silu(U d)
        quantile_q = sum_c softmax(a)_c candidate_c + exp(g) o_q     a, g, o linear in d; all in units of the scale

    Args:
        weights: by the names of the torch network in `pretrain/network.py`; any float type.
    """

    def __init__(self, weights: Mapping[str, NDArray[Any]]) -> None:
        self.weights = Loaded({name: np.ascontiguousarray(array, np.float32) for name, array in weights.items()})
        hidden = self.weights["embed.weight"].shape[0]
        layers = sum(name.startswith("recurrent.weight_hh_l") for name in self.weights)
        self.layer = Recurrent(kind="recurrent", cell="lstm", hidden_size=hidden, num_layers=layers)

    def _linear(self, name: str, x: F32) -> F32:
        flat = x.reshape(-1, x.shape[-1]) @ self.weights[f"{name}.weight"].T
        bias = self.weights.get(f"{name}.bias")
        if bias is not None:
            flat += bias
        return np.asarray(flat.reshape(*x.shape[:-1], -1), dtype=np.float32)

    def encode(self, x: F32) -> F32:
        """State after the last patch: [B, S, ENCODED] -> [B, 2 * hidden]."""
        e = _silu(self._linear("embed", x))
        h, _ = run_stack(self.layer, self.weights, "recurrent", e)
        return np.concatenate([h[:, -1], e[:, -1]], axis=1)

    def decode(self, h: F32, z: F32, candidates: F32) -> F32:
        """Quantiles in order, in units of the scale, [R, J, PATCH, 9].

        Args:
            h: [R, 2 * hidden]. z: [R, J, DECODED]. candidates: [R, J, C, PATCH], in units of the scale.
        """
        d = _silu(self._linear("context", h)[:, None] + self._linear("ahead", z))
        d = d + _silu(self._linear("inner", d))
        o = self._linear("out", d)
        share = np.exp(o[..., :CANDIDATES] - o[..., :CANDIDATES].max(-1, keepdims=True))
        share /= share.sum(-1, keepdims=True)
        centre = (share[..., None] * candidates).sum(2)
        size = np.exp(np.clip(o[..., CANDIDATES : CANDIDATES + 1], -4.0, 4.0))
        offsets = (o[..., CANDIDATES + 1 :] * size).reshape(*o.shape[:2], PATCH, len(LEVELS))
        return np.asarray(np.sort(centre[..., None] + offsets, axis=-1), dtype=np.float32)


def read_card(path: Path | None = None) -> dict[str, Any]:
    """model.json beside the weights: version, how they were trained, what they were measured at.

    Raises:
        ArtifactError: it is missing, no JSON, or of a newer format.
    """
    path = (folder() if path is None else path) / "model.json"
    try:
        card = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ArtifactError(
            tr("{path}: cannot be read ({error}); install tidegate again", path=path, error=error)
        ) from error
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise ArtifactError(tr("{path}: format is not {FORMAT}; install a newer tidegate", path=path, FORMAT=FORMAT))
    return card


@functools.lru_cache(4)
def load_network(path: Path | None = None) -> Network:
    """The pretrained network; read once.

    Args:
        path: folder of model.json and weights.safetensors; None takes the packaged ones.

    Raises:
        ArtifactError: a file is missing or is not what model.json says.
    """
    card = read_card(path)
    place = (folder() if path is None else path) / "weights.safetensors"
    try:
        content = place.read_bytes()
        if hashlib.sha256(content).hexdigest() != card["sha256"]:
            raise ArtifactError(
                tr("{place}: not the file that model.json describes; install tidegate again", place=place)
            )
        return Network(load(content))
    except (OSError, KeyError, SafetensorError) as error:
        raise ArtifactError(
            tr("{place}: cannot be read ({error}); install tidegate again", place=place, error=error)
        ) from error
