"""Quantiles of a trained forecaster moved until they hold what they say, by windows that it has not learned from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from tidegate.artifacts.spec import NetworkSpec
from tidegate.core.table import Note
from tidegate.evaluate.forecast.conformal import conformal_quantile, errors_needed, few_windows_spread
from tidegate.nn.network import Ensemble, Network
from tidegate.prepare import Prepared
from tidegate.runtime.forecast.decode import Decoding, beside, blend
from tidegate.tasks.forecast.examples import gather
from tidegate.train.run import TorchRun

WINDOWS = 50  # below so many, errors are pooled over the steps ahead
LARGEST = 20_000_000  # values that are looked at
FEW = (
    "The validation part has {count} windows, too few to calibrate the quantiles of each step ahead ({needed}): they "
    "lie as far from the forecast as its errors there say, pooled over the steps and widened by Student's t of "
    "{degrees} degrees of freedom. They hold what they promise on average over such series; a single one may hold more "
    "or less."
)


def calibrate(
    network: Network | Ensemble,
    spec: NetworkSpec,
    decoding: Decoding,
    prepared: Prepared,
    origins: NDArray[np.int64],
    notes: list[Note],
) -> Decoding:
    """Shift every quantile so that it holds its share of the validation part.

    The shift of a level, step and target is that level's conformal quantile of actual - forecast over the validation
    windows, in the window's normalised scale; the quantiles of the test part are not looked at. Where the pretrained
    forecaster stands beside the network, both together are calibrated. With fewer than 50 windows, or fewer than a
    level needs, quantiles get the mean distance from the point forecast that `few_windows_spread` gives them.

    Source: Romano, Patterson and Candes (2019), conformalized quantile regression, arXiv:1905.03222.
    """
    if not decoding.quantiles:
        return decoding
    needed = max(WINDOWS, errors_needed(decoding.quantiles))
    few, point = len(origins) < needed, int(decoding.point)
    each = spec.horizon * spec.targets * len(decoding.quantiles)
    origins = origins[:: max(1, min(len(origins) // needed, len(origins) * each // LARGEST))]
    values, actual = _outputs(network, spec, decoding, prepared, origins)
    shift = np.zeros((spec.horizon, spec.targets, spec.outputs), dtype=np.float32)
    if few:
        middle = values[..., 0 if point else decoding.middle]
        spread, degrees = few_windows_spread(actual - middle, origins, decoding.quantiles)
        moved = spread - (values[..., point:] - middle[..., None]).mean(axis=0)
        shift[..., point:] = np.where(np.isfinite(moved), moved, 0.0)
        if not point:
            shift[..., decoding.middle] = 0.0
        said = {"count": len(origins), "needed": needed, "degrees": f"{degrees.min():.1f}"}
        notes.append(Note("calibration", FEW, said))
        return replace(decoding, calibration=shift)
    for index, level in enumerate(decoding.quantiles):
        moved = conformal_quantile(actual - values[..., point + index], level)
        if np.isfinite(moved).all():  # a step that was hardly ever observed leaves its level as it is
            shift[..., point + index] = moved
    return replace(decoding, calibration=shift)


def _outputs(
    network: Network | Ensemble, spec: NetworkSpec, decoding: Decoding, prepared: Prepared, origins: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Outputs [M, k, C, O] and what came [M, k, C], NaN where missing, in each window's normalised scale."""
    outputs, actual = [], []
    with torch.no_grad():
        for first in range(0, len(origins), 512):
            own = origins[first : first + 512]
            past, future, static, target, observed = gather(prepared, own, spec)
            output = TorchRun(network).windows(past.numpy(), future.numpy(), static.numpy())
            values = output.values
            if decoding.mixture is not None:
                values = blend(values, output.loc, output.scale, decoding, beside(decoding, prepared, own))
            scaled = (target.numpy() - output.loc) / output.scale
            outputs.append(values)
            actual.append(np.where(observed.numpy(), scaled, np.nan))
    return np.concatenate(outputs), np.concatenate(actual)
