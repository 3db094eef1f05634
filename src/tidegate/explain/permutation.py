"""Permutation importance: how much worse the metric gets when a group of inputs is shuffled among the windows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tidegate.core.errors import ConfigError
from tidegate.explain.groups import Groups
from tidegate.explain.inputs import Explainable, Floats, predict_cells


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
    count = len(cells)
    if repeats < 2 or count < 2:
        raise ConfigError(f"permutation importance needs 2 repeats and 2 windows; got {repeats} and {count}")
    generator = np.random.default_rng(seed)
    rows = np.arange(count)
    score = model.score(predict_cells(model, cells, rows), rows)
    found = np.empty((repeats, len(groups)))
    for repeat in range(repeats):
        other = cells[generator.permutation(count)]
        for group in range(len(groups)):
            shuffled = np.where(groups.labels == group, other, cells)
            found[repeat, group] = model.score(predict_cells(model, shuffled, rows), rows) - score
    return Importance(groups, count, score, found)
