"""Which input cells are taken away together: by feature, by step, by block of steps, or both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr
from tidegate.explain.inputs import LARGEST_CALL, Explainable, Floats, Layout, predict_cells


@dataclass(frozen=True)
class Group:
    """One group: a feature (None: all), and its steps [first, end), negative before the forecast.

    `first` and `end` are None where a group holds a feature at all of its steps, or static inputs.
    """

    feature: str | None = None
    first: int | None = None
    end: int | None = None

    def __str__(self) -> str:
        steps = "" if self.first is None or self.end is None else f"[{self.first}, {self.end - 1}]"
        return " ".join(part for part in (self.feature, steps) if part) or "static"


@dataclass(frozen=True)
class Groups:
    """A partition of a window's input cells.

    Attributes:
        all: [G] the groups. labels: [P] the group of every cell.
    """

    all: tuple[Group, ...]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.all)

    def spread(self, masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """[n, G] of groups to [n, P] of cells."""
        return np.asarray(masks[:, self.labels])


def by_feature(layout: Layout) -> Groups:
    """A group per feature, over all of its steps."""
    return _partition(layout, lambda feature, step: Group(feature))


def by_block(layout: Layout, length: int = 1) -> Groups:
    """A group per `length` past steps, counted back from the forecast; one for what is known ahead, one for static.

    Raises:
        ConfigError: length is below 1.
    """
    return _partition(layout, lambda feature, step: _block(layout, length, None, step))


def by_feature_and_block(layout: Layout, length: int) -> Groups:
    """A group per feature and block of steps."""
    return _partition(layout, lambda feature, step: _block(layout, length, feature, step))


def standard(layout: Layout, block: int) -> dict[str, Groups]:
    """By "feature", by "block" of so many steps, and by both ("cell")."""
    return {
        "feature": by_feature(layout),
        "block": by_block(layout, block),
        "cell": by_feature_and_block(layout, block),
    }


def steps_of(group: Group, length: int) -> tuple[int, int]:
    """First step of a group and the one after its last, counted from the beginning of a sequence of that length."""
    if group.first is None or group.end is None:
        return 0, length
    return length + group.first, length + group.end


def _block(layout: Layout, length: int, feature: str | None, step: int) -> Group:
    if length < 1:
        raise ConfigError(tr("block={length} must be at least 1 step", length=length))
    if step >= layout.horizon:
        return Group(feature)
    if step >= 0:
        return Group(feature, 0, layout.horizon)
    back = (-step - 1) // length
    return Group(feature, max(-layout.window, -(back + 1) * length), -back * length)


def _partition(layout: Layout, group_of: Callable[[str, int], Group]) -> Groups:
    features, steps = layout.cells()
    found: dict[Group, int] = {}
    labels = np.empty(len(steps), dtype=np.int64)
    for cell, (feature, step) in enumerate(zip(features.tolist(), steps.tolist(), strict=True)):
        labels[cell] = found.setdefault(group_of(feature, step), len(found))
    return Groups(tuple(found), labels)


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
