"""Shapley values of groups of inputs: exact for few groups, sampled with their standard error for many."""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr
from tidegate.explain.groups import Groups, all_coalitions, coalition_values
from tidegate.explain.inputs import LARGEST_CALL, Explainable, Floats, predict_cells

MOST_EXACT = 10


@dataclass(frozen=True)
class Attribution:
    """How much each group moved one prediction away from what is predicted without knowing the window.

        prediction = base + sum of values + residual

    Attributes:
        row: the window. groups: G groups.
        values: [G, D], in the prediction's unit. error: [G, D] standard error of sampling; 0 where exact.
        base: [D] mean prediction over the background. prediction: [D].
        method: "exact", "sampled" or "gradients". evaluations: windows that were predicted for it.
    """

    row: int
    groups: Groups
    values: Floats
    error: Floats
    base: Floats
    prediction: Floats
    method: str
    evaluations: int

    @property
    def residual(self) -> Floats:
        """[D] what the values leave unexplained: prediction - base - their sum."""
        return np.asarray(self.prediction - self.base - self.values.sum(axis=0))

    @property
    def mean(self) -> Floats:
        """[G] a group's share of the mean of the D predicted values."""
        return np.asarray(self.values.mean(axis=1))

    @property
    def size(self) -> Floats:
        """[G] mean absolute effect: how far a group moved a predicted value, up or down."""
        return np.asarray(np.abs(self.values).mean(axis=1))

    def unsure(self) -> NDArray[np.bool_]:
        """[G] whether a group's effect is smaller than two standard errors of sampling: it may be chance alone.

        Over the predicted values, whose errors go together, the mean error is an upper bound of the mean's error.
        """
        return np.asarray(self.size < 2 * self.error.mean(axis=1))

    @property
    def reach(self) -> Floats:
        """[G] root mean square of a group's values over the predicted steps: what a mean lets cancel counts here.

        The deletion test ranks by it: a group that lifts the night and lowers the day matters, whatever its mean.
        """
        return np.asarray(np.sqrt(np.mean(self.values**2, axis=1)))


def shapley(model: Explainable, row: int, groups: Groups, *, permutations: int = 64, seed: int = 0) -> Attribution:
    """Shapley values of one prediction: exact for up to 10 groups, else by permutation sampling."""
    if len(groups) <= MOST_EXACT:
        return exact_shapley(model, row, groups)
    return sampled_shapley(model, row, groups, permutations=permutations, seed=seed)


def exact_shapley(model: Explainable, row: int, groups: Groups) -> Attribution:
    """Shapley values by full enumeration of the 2^G coalitions.

        phi_g = sum_(S without g)  |S|! (G - |S| - 1)! / G!  (v(S + g) - v(S))

    Raises:
        ConfigError: more than 10 groups.

    Source: Shapley (1953); Lundberg and Lee (2017), arXiv:1705.07874.
    """
    count = len(groups)
    if count > MOST_EXACT:
        message = "{count} groups have {number:.0e} coalitions; exact values need at most {most_exact}"
        raise ConfigError(tr(message, count=count, number=2.0**count, most_exact=MOST_EXACT))
    masks = all_coalitions(count)
    found = coalition_values(model, row, groups, masks)
    weights = np.array([factorial(s) * factorial(count - s - 1) / factorial(count) for s in range(count)])
    members = masks.sum(axis=1)
    values = np.empty((count, found.shape[1]))
    for group in range(count):
        without = np.flatnonzero(~masks[:, group])
        gains = found[without + (1 << group)] - found[without]
        values[group] = weights[members[without]] @ gains
    evaluations = len(masks) * len(model.background.past)
    return Attribution(row, groups, values, np.zeros_like(values), found[0], found[-1], "exact", evaluations)


def sampled_shapley(
    model: Explainable, row: int, groups: Groups, *, permutations: int = 64, seed: int = 0
) -> Attribution:
    """Shapley values over random orders of the groups, each walked forwards and backwards.

    In every order the groups are added one after another to a background window; a group's value is the mean change it
    makes. An order and its reverse share a background window (antithetic pair); the background windows take turns, so
    that with a multiple of their number of pairs the values add up exactly.

    Args:
        model, row, groups: as for `exact_shapley`.
        permutations: pairs of orders. seed: of the orders.

    Raises:
        ConfigError: fewer than 2 permutations, which leave no standard error.

    Source: Castro, Gomez and Tejada (2009), doi:10.1016/j.cor.2008.04.004; Mitchell et al. (2022), arXiv:2104.12199.
    """
    if permutations < 2:
        raise ConfigError(
            tr("permutations={permutations}: sampled Shapley values need at least 2", permutations=permutations)
        )
    generator = np.random.default_rng(seed)
    background, window = model.background.flat(), model.windows.take([row]).flat()
    count, size = len(groups), model.layout.size
    each = max(1, LARGEST_CALL // (2 * (count + 1) * size))
    gains: list[Floats] = []
    for first in range(0, permutations, each):
        pairs = range(first, min(first + each, permutations))
        orders = np.stack([generator.permutation(count) for _ in pairs])
        orders = np.stack([orders, orders[:, ::-1]], axis=1)  # [n, 2, G]
        rank = np.argsort(orders, axis=2)
        masks = rank[:, :, None] < np.arange(count + 1)[:, None]  # [n, 2, G + 1, G]
        kept = groups.spread(masks.reshape(-1, count)).reshape(*masks.shape[:3], size)
        empty = background[[pair % len(background) for pair in pairs]][:, None, None]
        cells = np.where(kept, window[0], empty).reshape(-1, size)
        found = predict_cells(model, cells, np.full(len(cells), row)).reshape(*masks.shape[:3], -1)
        steps = np.diff(found, axis=2)  # [n, 2, G, D], in each order's own order
        gains.append(np.take_along_axis(steps, rank[..., None], axis=2).mean(axis=1))
    joined = np.concatenate(gains)  # [permutations, G, D]
    ends = coalition_values(model, row, groups, np.array([[False] * count, [True] * count]))
    error = joined.std(axis=0, ddof=1) / np.sqrt(permutations)
    evaluations = permutations * 2 * (count + 1) + 2 * len(background)
    return Attribution(row, groups, joined.mean(axis=0), error, ends[0], ends[1], "sampled", evaluations)
