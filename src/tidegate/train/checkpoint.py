"""Checkpoints: all that a training needs to go on to the same weights as if it had never stopped.

A folder with `state.json` and `tensors.safetensors`, replaced atomically; no pickle.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from tidegate.artifacts.atomic import existing_folder, write_folder
from tidegate.core.errors import ArtifactError, ConfigError
from tidegate.core.translate import tr

FORMAT = 1


class Checkpoint:
    """One folder that holds the latest state of a training.

    Args:
        folder: where it lies.
        fingerprint: what must be equal for a training to go on: options, network, data. A changed
            fingerprint is refused rather than mixed.
        seconds: from one save to the next; what a kill may cost.
    """

    def __init__(self, folder: Path, fingerprint: Any, seconds: float = 10.0) -> None:
        self.folder, self.seconds = folder, seconds
        text = json.dumps(fingerprint, sort_keys=True, default=str)
        self.fingerprint = hashlib.sha256(text.encode()).hexdigest()

    def save(self, state: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """Replace the saved state.

        Raises:
            OutputError: the folder cannot be written; the old state stays.
        """
        content = save_tensors({name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()})
        record = {
            "format": FORMAT,
            "fingerprint": self.fingerprint,
            "sha256": hashlib.sha256(content).hexdigest(),
            "state": state,
        }
        write_folder(self.folder, {"tensors.safetensors": content, "state.json": json.dumps(record).encode()})

    def load(self) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        """The saved state, or None where nothing was saved.

        Raises:
            ConfigError: it belongs to other options or data.
            ArtifactError: it is damaged.
        """
        folder = existing_folder(self.folder)
        if not folder.exists():
            return None
        try:
            record = json.loads((folder / "state.json").read_text())
            content = (folder / "tensors.safetensors").read_bytes()
            known = record["format"] == FORMAT and record["sha256"] == hashlib.sha256(content).hexdigest()
            fingerprint, state = record["fingerprint"], record["state"]
            tensors = load_tensors(content) if known else {}
        except (OSError, ValueError, KeyError, TypeError, RecursionError, SafetensorError) as error:
            raise self.damaged(str(error)) from error
        if not known:
            raise ArtifactError(
                tr("checkpoint {folder} is damaged or of another version; delete it to start again", folder=folder)
            )
        if fingerprint != self.fingerprint:
            message = (
                "checkpoint {folder} was made with other data or options; resume with the same ones, or delete it to "
                "start again"
            )
            raise ConfigError(tr(message, folder=folder))
        return state, tensors

    def damaged(self, why: str) -> ArtifactError:
        """The error of a checkpoint that cannot be taken up."""
        return ArtifactError(f"checkpoint {self.folder} cannot be read ({why}); delete it to start again")


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's state, flattened to named tensors."""
    state = optimizer.state_dict()["state"]
    return {
        f"optimizer.{index}.{key}": value
        for index, values in state.items()
        for key, value in values.items()
        if isinstance(value, Tensor)
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put the named tensors back."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, index, key = name.split(".", 2)
            if tensor.ndim and tensor.shape != parameters[int(index)].shape:
                raise ValueError(f"{name} has shape {list(tensor.shape)}")
            state.setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
