"""Baselines for a label or number at each step: the commonest, and a fit to the step's own values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.evaluate.label.baselines.linear import Deadline, fit_logistic, fit_ridge
from tidegate.evaluate.label.baselines.methods import numbered
from tidegate.evaluate.label.baselines.summary import frequent, plain_values

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

MOST_STEPS = 20_000  # of the training part that are fitted on
WORDS = 2_000

_CUT = "The baseline {method} was fitted on {kept} of {count} training steps, drawn by chance."


def tag_baselines(
    train: Sequences, test: Sequences, classes: Sequence[Any], *, seed: int = 0, budget_seconds: float = 60.0
) -> tuple[dict[str, Array], tuple[Note, ...]]:
    """Probabilities [N, K] of each simple tagger for every step of the test sequences.

    `majority`: how frequent the labels are among the training steps. `logistic_step`: logistic regression on the step's
    own channels and categories, blind to all other steps: what a sequence model adds is what it is better by.

    Args:
        train: what is fitted on, `labels` [N'] at each step.
        test: what is predicted.
        classes: [K] labels, in the order of the columns.
        seed: of the draw of steps and of the folds. budget_seconds: for the choice of the penalty.

    Raises:
        DataError: no labels, not one a step, or a label that is no class.
        MissingExtraError: scikit-learn is not installed.
    """
    if not train.per_step:
        raise DataError("the training sequences have one label each; tagging needs one a step (per_step)")
    y, kept = numbered(train, classes)
    place = np.arange(int(train.starts[-1])) if kept is None else kept
    count = len(classes)
    share = np.bincount(y, minlength=count) / len(y)
    found = {"majority": np.tile(share, (int(test.starts[-1]), 1))}
    steps = _Steps(train, place, seed, "logistic_step")
    fit = fit_logistic(
        steps.rows, y[steps.drawn], count, groups=steps.groups, seed=seed, deadline=Deadline(budget_seconds)
    )
    found["logistic_step"] = steps.of(test, fit, count)
    return found, tuple(steps.notes)


def step_number_baselines(
    train: Sequences, test: Sequences, *, seed: int = 0
) -> tuple[dict[str, Array], tuple[Note, ...]]:
    """Numbers [N, P] that each simple method estimates for every step of the test sequences.

    `mean`, `median` of the training steps; `ridge_step`: ridge regression on the step's own channels and categories.

    Args:
        train: what is fitted on, `labels` [N'] or [N', P] at each step; steps without all P are left out.
        test: what is predicted. seed: of the draw of steps and of the folds.

    Raises:
        DataError: no labels, not one a step, or none that is complete.
        MissingExtraError: scikit-learn is not installed.
    """
    if train.labels is None or not train.per_step:
        raise DataError("the training sequences have no number at each step (per_step)")
    y = np.asarray(train.labels, dtype=np.float64).reshape(int(train.starts[-1]), -1)
    place = np.flatnonzero(np.isfinite(y).all(axis=1))
    if not len(place):
        raise DataError(f"none of the {len(y)} training steps has all its numbers")
    steps, count = _Steps(train, place, seed, "ridge_step"), int(test.starts[-1])
    found = {
        "mean": np.tile(y[place].mean(axis=0), (count, 1)),
        "median": np.tile(np.median(y[place], axis=0), (count, 1)),
    }
    fit = fit_ridge(steps.rows, y[place][steps.drawn], groups=steps.groups, seed=seed)
    found["ridge_step"] = steps.of(test, fit, y.shape[1])
    return found, tuple(steps.notes)


class _Steps:
    """Standardised features of training steps, and what a fit to them predicts for other sequences' steps.

    Attributes:
        drawn: which of the given steps were taken. rows: [n, F] their features. groups: [n] where they came from.
        notes: whether only some were taken.
    """

    def __init__(self, train: Sequences, place: Rows, seed: int, method: str) -> None:
        self.notes: list[Note] = []
        self.drawn = np.arange(len(place))
        if len(place) > MOST_STEPS:
            self.drawn = np.sort(np.random.default_rng(seed).permutation(len(place))[:MOST_STEPS])
            values = {"method": method, "kept": f"{MOST_STEPS:,}", "count": f"{len(place):,}"}
            self.notes.append(Note("baseline", _CUT, values))
        place = place[self.drawn]
        self.words = {name: frequent(values, WORDS) for name, values in train.categories.items()}
        features = _features(train, place, self.words)
        self.moments = _moments(features)
        self.rows = _scaled(features, *self.moments)
        owner = np.searchsorted(train.starts, place, side="right") - 1
        self.groups = owner if train.groups is None else train.groups[owner]

    def of(self, test: Sequences, fit: Callable[[Array], Array], width: int) -> Array:
        """[N, width] of all steps of other sequences, some at a time."""
        asked = np.arange(int(test.starts[-1]))
        size = max(1, 20_000_000 // max(self.rows.shape[1], 1))
        parts = [
            fit(_scaled(_features(test, asked[begin : begin + size], self.words), *self.moments))
            for begin in range(0, len(asked), size)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, width))


def _features(sequences: Sequences, steps: Rows, words: Mapping[str, tuple[str, ...]]) -> Array:
    """Channels and, one column a word, categories of some steps, [n, F]."""
    columns = [np.asarray(plain_values(sequences)[steps], dtype=np.float64)]
    for name, kept in words.items():
        number = {word: index for index, word in enumerate(kept)}
        codes = np.array([number.get(str(value), len(kept)) for value in sequences.categories[name][steps]], np.int64)
        columns.append(np.eye(len(kept) + 1)[codes][:, :-1])
    return np.concatenate(columns, axis=1)


def _moments(rows: Array) -> tuple[Array, Array]:
    seen = np.isfinite(rows)
    count = np.maximum(seen.sum(axis=0), 1)
    mean = np.where(seen, rows, 0.0).sum(axis=0) / count
    scale = np.sqrt((np.where(seen, rows - mean, 0.0) ** 2).sum(axis=0) / count)
    return mean, np.where(scale > 0, scale, 1.0)


def _scaled(rows: Array, mean: Array, scale: Array) -> Array:
    return np.nan_to_num((rows - mean) / scale, nan=0.0, posinf=0.0, neginf=0.0)
