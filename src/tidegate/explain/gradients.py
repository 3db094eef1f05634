"""Integrated gradients: every single input cell's share of one prediction, through the torch network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError
from tidegate.core.optional import require
from tidegate.core.translate import tr
from tidegate.explain.groups import Group, Groups
from tidegate.explain.inputs import Explainable, Floats
from tidegate.explain.shapley import Attribution

STEPS = 32
CALL = 64


def integrated_gradients(model: Explainable, row: int, slope: Floats, *, steps: int = STEPS) -> Attribution:
    """Integrated gradients of one number, averaged over the background windows.

        value_p = mean_b (x_p - b_p) integral_0^1 dF(b + a (x - b)) / dx_p da,   F = sum slope_kco output_kco

    The values add up to F(x) - mean_b F(b) but for the integration's error, which `residual` gives. One mean window
    would be a path that begins where no window ever lies; the Shapley values stand on the same windows as these.

    Args:
        model: its network is built in torch from spec and weights. row: the window.
        slope: [K, C, O], what the explained number gains per unit of each prepared output.
        steps: points of the Gauss-Legendre integration from each background window.

    Returns:
        An `Attribution` with a group per cell, [P, 1], and the standard error over the background windows; base is
        mean F(b), prediction F(x), without the constant that turns prepared into own units.

    Raises:
        MissingExtraError: torch or captum is not installed.
        ConfigError: the network is applied to its own forecasts, through which no gradient is taken.

    Source: Sundararajan, Taly and Yan (2017), arXiv:1703.01365; several baselines as in Erion et al. (2021),
    arXiv:1906.10670; computed by captum.
    """
    torch = require("torch", extra="train", purpose="take gradients")
    from tidegate.nn.network import build_network

    spec, layout = model.spec, model.layout
    if slope.shape[0] != spec.horizon:
        raise ConfigError(tr("integrated gradients need a network that forecasts the whole horizon at once (no block)"))
    network = build_network(spec, model.weights)
    weight = torch.from_numpy(np.asarray(slope, dtype=np.float32))

    def number(cells: Any) -> Any:
        output = network(*layout.unflatten(cells))
        return (output.prepared() * weight).sum(dim=(1, 2, 3))

    features, places = layout.cells()
    cells = tuple(Group(str(f), int(s), int(s) + 1) for f, s in zip(features, places, strict=True))
    window, background = model.windows.take([row]).flat()[0], model.background.flat()
    return integrate(number, window, background, Groups(cells, np.arange(layout.size)), row=row, steps=steps)


def integrate(
    number: Callable[[Any], Any],
    values: NDArray[Any],
    background: NDArray[Any],
    groups: Groups,
    *,
    row: int = 0,
    steps: int = STEPS,
) -> Attribution:
    """Integrated gradients of one number of any input, averaged over background inputs.

    Args:
        number: torch tensor [B, ...] -> [B], such as the logit of a class. Of words [T] pass their embeddings [T, E] as
            values, and the network from there on as the function.
        values: [...] the input. background: [R, ...], of the same shape (see `tidegate.explain.sequences.fitted`).
        groups: one for each of the P entries of `values`, in their order. row: which window it is.
        steps: points of the Gauss-Legendre integration from each background input.

    Raises:
        MissingExtraError: torch or captum is not installed.
    """
    torch = require("torch", extra="train", purpose="take gradients")
    captum = require("captum.attr", extra="explain", purpose="integrate gradients")
    window = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))[None]
    others = torch.from_numpy(np.ascontiguousarray(background, dtype=np.float32))
    tool = captum.IntegratedGradients(number)
    parts = [
        tool.attribute(
            window.expand(len(part), *window.shape[1:]),
            part,
            n_steps=steps,
            method="gausslegendre",
            internal_batch_size=CALL,
        )
        for part in torch.split(others, CALL)
    ]
    each = torch.cat(parts).detach().numpy().astype(np.float64).reshape(len(others), -1)  # [R, P]
    with torch.no_grad():
        base, whole = number(others).numpy().astype(np.float64), number(window).numpy().astype(np.float64)
    mean = each.mean(axis=0)[:, None]
    error = each.std(axis=0, ddof=1)[:, None] / np.sqrt(len(each)) if len(each) > 1 else np.zeros_like(mean)
    count = steps * len(others)
    return Attribution(row, groups, mean, error, base.mean(keepdims=True), whole, "gradients", count)


def gather(found: Attribution, groups: Groups) -> Floats:
    """[G] sums of a cell attribution over groups of cells."""
    return np.asarray(np.bincount(groups.labels, weights=found.values[:, 0], minlength=len(groups)))
