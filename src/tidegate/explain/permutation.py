"""Permutation importance: how much worse the metric gets when a group of inputs is shuffled among the windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr
from tidegate.explain.groups import Groups
from tidegate.explain.inputs import Explainable, Floats, Rows, predict_cells


@dataclass(frozen=True)
class Importance:
    """Importance of groups for the metric on a sample of windows.

    Attributes:
        groups: G groups. windows: M, the sample.
        score: the metric with all inputs in place; smaller is better.
        repeats: [n, G] how much worse it got in each repeat.
    """

    groups: Groups
    windows: int
    score: float
    repeats: Floats

    @property
    def mean(self) -> Floats:
        """[G] mean over the repeats, in the metric's unit."""
        return np.asarray(self.repeats.mean(axis=0))

    @property
    def error(self) -> Floats:
        """[G] standard error of the mean over the repeats."""
        return np.asarray(self.repeats.std(axis=0, ddof=1) / np.sqrt(len(self.repeats)))

    def unsure(self) -> NDArray[np.bool_]:
        """[G] whether a group's importance is less than two standard errors from none."""
        return np.asarray(np.abs(self.mean) < 2 * self.error)


def permutation_importance(model: Explainable, groups: Groups, *, repeats: int = 5, seed: int = 0) -> Importance:
    """Shuffle one group at a time among the windows and score again.

        importance_g = score(group g from another window) - score(as it is)

    All cells of a group move together, in the past and ahead, so that a window gets the group as another window had it.
    A repeat uses one order of the windows for all groups.

    Args:
        model: the model and its windows. groups: G groups. repeats: orders; 2 or more. seed: of the orders.

    Raises:
        ConfigError: fewer than 2 repeats or windows.

    Source: Breiman (2001), doi:10.1023/A:1010933404324; Fisher, Rudin and Dominici (2019), arXiv:1801.01489.
    """
    cells = model.windows.flat()
    rows = np.arange(len(cells))
    masks = [groups.labels == group for group in range(len(groups))]

    def scored(values: NDArray[Any]) -> float:
        return model.score(predict_cells(model, values, rows), rows)

    return shuffle(scored, cells, lambda order: cells[order], groups, masks, repeats=repeats, seed=seed)


def shuffle(
    score: Callable[[NDArray[Any]], float],
    values: NDArray[Any],
    taken: Callable[[Rows], NDArray[Any]],
    groups: Groups,
    masks: Sequence[NDArray[np.bool_]],
    *,
    repeats: int,
    seed: int,
) -> Importance:
    """Permutation importance of any arrays.

    Args:
        score: of M windows; smaller is better. values: [M, ...], the windows as they are.
        taken: of an order [M], the windows in that order, each in the form of the one whose place it takes.
        groups: G groups. masks: [G] of what belongs to each, to broadcast against `values`.
        repeats: orders; 2 or more. seed: of these.

    Raises:
        ConfigError: fewer than 2 repeats or windows.
    """
    count = len(values)
    if repeats < 2 or count < 2:
        message = "permutation importance needs 2 repeats and 2 windows; got {repeats} and {count}"
        raise ConfigError(tr(message, repeats=repeats, count=count))
    generator = np.random.default_rng(seed)
    usual = score(values)
    found = np.empty((repeats, len(masks)))
    for repeat in range(repeats):
        other = taken(generator.permutation(count))
        for place, mask in enumerate(masks):
            found[repeat, place] = score(np.where(mask, other, values)) - usual
    return Importance(groups, count, usual, found)
