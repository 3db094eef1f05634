"""How much the network adds to the linear forecast that stands inside it, chosen on the validation part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from tidegate.core.table import Note
from tidegate.nn.layers import SkipLayer
from tidegate.nn.network import Network
from tidegate.tasks.fit import Problem

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
SHARE = (
    "A linear forecast of the window stands inside the network; what the network adds counts by {share}, as the "
    "validation part says."
)


def choose_share(members: Sequence[Network], problem: Problem, notes: list[Note]) -> float:
    """The share of the trained networks beside their linear forecasts, and set it.

    The one of five with the lowest validation loss, shrunk by n / (n + 2) for n validation windows that do not overlap.
    """
    assert problem.validation is not None
    losses = []
    with torch.no_grad():
        for share in SHARES:
            set_share(members, share)
            losses.append(float(np.mean([problem.validation(network) for network in members])))
    apart = problem.validation.independent or 1
    found = SHARES[int(np.argmin(losses))] * apart / (apart + 2)
    set_share(members, found)
    notes.append(Note("skip", SHARE, {"share": f"{100 * found:.0f} %"}))
    return found


def set_share(members: Sequence[Network], share: float) -> None:
    """Set the share of networks beside their linear forecasts."""
    for network in members:
        for layer in network.layers:
            if isinstance(layer, SkipLayer):
                layer.share.fill_(share)
