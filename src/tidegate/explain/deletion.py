"""The deletion test: does taking away what an explanation calls important move the prediction more than chance?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr
from tidegate.explain.groups import Groups, coalition_values
from tidegate.explain.inputs import Explainable, Floats, predict_cells

MOST_LOOKS = 40
FEWEST = 3  # groups below which no order can be told from another


@dataclass(frozen=True)
class Faithfulness:
    """How far the prediction, or the metric, moves as groups are taken away one after another.

    Attributes:
        curve: [k] moved after `taken` groups in the explanation's order.
        random: [n, k] the same for random orders.
        taken: [k] from 0 to G; every number of groups, or 40 of them where there are more.
    """

    curve: Floats
    random: Floats
    taken: NDArray[np.int64]

    @property
    def area(self) -> float:
        """Mean of the explanation's curve before everything is gone; large where the right inputs go first."""
        return float(self.curve[1:-1].mean())

    @property
    def ratio(self) -> float:
        """The area over that of the mean random order: above 1 the explanation knows something."""
        mean = float(self.random[:, 1:-1].mean())
        return self.area / mean if mean > 0 else float("nan")

    @property
    def beaten(self) -> float:
        """Share of random orders whose area is smaller (ties count half)."""
        areas = self.random[:, 1:-1].mean(axis=1)
        tied = np.isclose(areas, self.area, rtol=1e-6, atol=1e-12)
        return float(np.mean((areas < self.area) & ~tied) + 0.5 * np.mean(tied))


def prediction_faithfulness(
    model: Explainable,
    row: int,
    groups: Groups,
    importance: ArrayLike,
    *,
    orders: int = 50,
    seed: int = 0,
    whole: bool = True,
) -> Faithfulness:
    """Take groups out of one window, most important first, and compare with random orders.

        moved(k) = sum over j = 1..k of mean_d |u_d(j) - u_d(j - 1)|,  u(j) = v(all but the j first groups), [D]

    How far the prediction has travelled, up and down, at every one of its D values, so that a group that raises and one
    that lowers do not cancel, nor a group that raises some values and lowers others. For a sum of effects the right
    order is the best of all.

    Args:
        model, row, groups: as for `shapley`. importance: [G]. orders: random ones. seed: of these.
        whole: False follows the mean of the D values alone, for an importance that is of the mean.

    Raises:
        ConfigError: fewer than 3 groups, among which no order can be told from another.
    """
    ranks = _orders(groups, importance, orders, seed)
    masks = _removed(ranks)
    shape = masks.shape[:2]
    unique, place = np.unique(masks.reshape(-1, len(groups)), axis=0, return_inverse=True)
    values = coalition_values(model, row, groups, ~unique)
    values = values if whole else values.mean(axis=1, keepdims=True)
    steps = np.abs(np.diff(values[place.reshape(shape)], axis=1)).mean(axis=2)
    moved = np.concatenate([np.zeros((shape[0], 1)), steps.cumsum(axis=1)], axis=1)
    return Faithfulness(moved[0], moved[1:], taken_counts(len(groups)))


def metric_faithfulness(
    model: Explainable, groups: Groups, importance: ArrayLike, *, orders: int = 20, seed: int = 0
) -> Faithfulness:
    """Shuffle groups among the windows one after another, most important first, and watch the metric get worse.

    Raises:
        ConfigError: fewer than 3 groups.
    """
    ranks = _orders(groups, importance, orders, seed)
    masks = _removed(ranks)
    unique, place = np.unique(masks.reshape(-1, len(groups)), axis=0, return_inverse=True)
    cells = model.windows.flat()
    rows = np.arange(len(cells))
    other = cells[np.random.default_rng([seed, 1]).permutation(len(cells))]
    scores = np.empty(len(unique))
    for index, mask in enumerate(unique):
        shuffled = np.where(groups.spread(mask[None])[0], other, cells)
        scores[index] = model.score(predict_cells(model, shuffled, rows), rows)
    found = scores[place.reshape(masks.shape[:2])]
    found = found - found[0, 0]
    return Faithfulness(found[0], found[1:], taken_counts(len(groups)))


def _orders(groups: Groups, importance: ArrayLike, orders: int, seed: int) -> NDArray[np.int64]:
    """[1 + orders, G]: the explanation's order, then random ones."""
    count = len(groups)
    if count < FEWEST:
        raise ConfigError(tr("a deletion test needs at least 3 groups of inputs; got {count}", count=count))
    own = np.argsort(-np.asarray(importance, dtype=np.float64), kind="stable")
    generator = np.random.default_rng(seed)
    return np.stack([own, *(generator.permutation(count) for _ in range(orders))])


def _removed(orders: NDArray[np.int64]) -> NDArray[np.bool_]:
    """[n, k, G]: what is gone after each number of groups taken."""
    rank = np.argsort(orders, axis=1)
    return np.asarray(rank[:, None] < taken_counts(orders.shape[1])[:, None])


def taken_counts(groups: int) -> NDArray[np.int64]:
    """[k] numbers of groups after which a deletion test looks."""
    return np.unique(np.linspace(0, groups, min(groups, MOST_LOOKS) + 1).round().astype(np.int64))
