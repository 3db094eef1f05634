"""Integrated gradients: every single input cell's share of one prediction, through the torch network."""

from __future__ import annotations

from typing import Any

import numpy as np

from tidegate.core.errors import ConfigError
from tidegate.core.optional import require
from tidegate.explain.groups import Group, Groups
from tidegate.explain.inputs import Explainable, Floats
from tidegate.explain.shapley import Attribution

STEPS = 256
CALL = 64


def integrated_gradients(model: Explainable, row: int, slope: Floats, *, steps: int = STEPS) -> Attribution:
    """Integrated gradients of one number, against the mean background window.

        value_p = (x_p - b_p) integral_0^1 dF(b + a (x - b)) / dx_p da,   F = sum slope_kco output_kco

    The values add up to F(x) - F(b) but for the integration's error, which `residual` gives.

    Args:
        model: its network is built in torch from spec and weights. row: the window.
        slope: [K, C, O], what the explained number gains per unit of each prepared output.
        steps: points of the Gauss-Legendre integration.

    Returns:
        An `Attribution` with a group per cell, [P, 1]; base is F(b), prediction F(x), without the constant that turns
        prepared into own units.

    Raises:
        MissingExtraError: torch or captum is not installed.
        ConfigError: the network is applied to its own forecasts, through which no gradient is taken.

    Source: Sundararajan, Taly and Yan (2017), arXiv:1703.01365; computed by captum.
    """
    require("torch", extra="train", purpose="take gradients")
    captum = require("captum.attr", extra="explain", purpose="integrate gradients")
    import torch

    from tidegate.nn.network import Network

    spec, layout = model.spec, model.layout
    if slope.shape[0] != spec.horizon:
        raise ConfigError("integrated gradients need a network that forecasts the whole horizon at once (no block)")
    network = Network(spec)
    network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in model.weights.items()})
    network.eval()
    weight = torch.from_numpy(np.asarray(slope, dtype=np.float32))

    def number(cells: Any) -> Any:
        output = network(*layout.unflatten(cells))
        return (output.prepared() * weight).sum(dim=(1, 2, 3))

    window = torch.from_numpy(model.windows.take([row]).flat())
    baseline = torch.from_numpy(model.background.flat().mean(axis=0, keepdims=True))
    tool = captum.IntegratedGradients(number)
    found = tool.attribute(window, baseline, n_steps=steps, method="gausslegendre", internal_batch_size=CALL)
    with torch.no_grad():
        base, whole = number(baseline).numpy(), number(window).numpy()
    values = found.detach().numpy().astype(np.float64).reshape(-1, 1)
    features, places = layout.cells()
    cells = tuple(Group(str(f), int(s), int(s) + 1) for f, s in zip(features, places, strict=True))
    groups = Groups(cells, np.arange(layout.size))
    return Attribution(
        row,
        groups,
        values,
        np.zeros_like(values),
        base.astype(np.float64),
        whole.astype(np.float64),
        "gradients",
        steps,
    )


def gather(found: Attribution, groups: Groups) -> Floats:
    """[G] sums of a cell attribution over groups of cells."""
    return np.asarray(np.bincount(groups.labels, weights=found.values[:, 0], minlength=len(groups)))
