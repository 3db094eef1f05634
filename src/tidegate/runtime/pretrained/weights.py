"""Reading the packaged weights."""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.numpy import load

from tidegate.core.errors import ArtifactError
from tidegate.core.translate import tr
from tidegate.pretrained import folder
from tidegate.runtime.pretrained.network import Network

FORMAT = 1


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
