"""What a model predicts when some inputs are taken away."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tidegate.explain.groups import Groups
from tidegate.explain.inputs import LARGEST_CALL, Explainable, Floats, predict_cells


def coalition_values(model: Explainable, row: int, groups: Groups, masks: NDArray[np.bool_]) -> Floats:
    """Value of coalitions of one window's input groups.

        v(S) = mean_b f(x on S, background b elsewhere)

    The groups that are left out come together from one background window, so that they fit each other, but not what is
    kept: this is the interventional value of Lundberg and Lee (2017).

    Args:
        model: the model. row: the window. groups: G groups.
        masks: [n, G], True where a group is kept.

    Returns:
        [n, D].
    """
    background = model.background.flat()
    window = model.windows.take([row]).flat()
    each = max(1, LARGEST_CALL // (model.layout.size * len(background)))
    found = []
    for first in range(0, len(masks), each):
        kept = groups.spread(masks[first : first + each])[:, None]  # [n, 1, P]
        cells = np.where(kept, window[:, None], background[None]).reshape(-1, window.shape[1])
        values = predict_cells(model, cells, np.full(len(cells), row))
        found.append(values.reshape(kept.shape[0], len(background), -1).mean(axis=1))
    return np.concatenate(found)


def all_coalitions(count: int) -> NDArray[np.bool_]:
    """[2^G, G]: row m holds the binary digits of m, group 0 the lowest."""
    return (np.arange(1 << count)[:, None] >> np.arange(count) & 1).astype(np.bool_)
