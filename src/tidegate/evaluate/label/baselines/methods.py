"""What somebody who doubts that a network is needed would try first, fitted on the training part alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.evaluate.label.baselines.linear import Deadline, fit_logistic, fit_ridge
from tidegate.evaluate.label.baselines.nearest import (
    LONGEST,
    common_length,
    grid_of,
    nearest,
    nearest_warped,
    warp_cost,
)
from tidegate.evaluate.label.baselines.summary import Summary, bag_of_words, plain_values

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
Fit = Callable[[], Array]

TEXT_STRENGTHS = (1.0, 3.0, 10.0, 30.0)
MOST_NUMBERS = 50_000_000  # of the grid that nearest neighbours are looked for in
MOST_WARPING = 1.5e9  # multiplications, some five seconds
FEWEST_NEIGHBOURS = 5
_SPREAD = 4_000_000

_CUT = "The baseline {method} looked for neighbours among {kept} of {count} training sequences, drawn by chance."
_NEAR = "The baseline {method} warped only the {kept} training sequences nearest to each by Euclidean distance."
_LATE = "The baseline {method} is left out: the {seconds} seconds for baselines were used up."
_LARGE = "The baseline {method} is left out: sequences of {numbers} numbers are too large for it."


def class_baselines(
    train: Sequences, test: Sequences, classes: Sequence[Any], *, seed: int = 0, budget_seconds: float = 60.0
) -> tuple[dict[str, Array], tuple[Note, ...]]:
    """Probabilities [M, K] of each simple classifier for the test sequences.

    `majority`: how frequent the classes are in the training part, for all alike.
    `logistic_summary`: logistic regression on statistics of each channel.
    `nearest`: the class of the nearest training sequence by Euclidean distance, channels standardised and lengths
    stretched to a common one. `nearest_warped`: the same under time warping in a band of 10 %.
    `bag_of_words`: for texts, in place of the others, logistic regression on tf-idf of words and pairs of words, of
    characters where words are not spaced.

    Args:
        train: what is fitted on, with `labels` [M'].
        test: what is predicted; its labels are not looked at.
        classes: [K] labels, in the order of the columns.
        seed: of the folds that choose penalties.
        budget_seconds: of computing; baselines that would begin later are left out, which a note says.

    Returns:
        Name -> [M, K], and notes on what was left out or cut.

    Raises:
        DataError: the training part has no labels, or a label that is no class.
        MissingExtraError: scikit-learn is not installed.
    """
    y, kept = numbered(train, classes)
    train = train if kept is None else train.take(kept)
    count = len(classes)
    work = _Work(budget_seconds)
    share = np.bincount(y, minlength=count) / len(y)
    work.found["majority"] = np.tile(share, (len(test), 1))
    if train.texts is not None and test.texts is not None:
        texts, asked = train.texts, test.texts
        work.add("bag_of_words", lambda: _texts(texts, asked, y, count, train.groups, seed, work.deadline))
        return work.found, tuple(work.notes)
    work.add("logistic_summary", lambda: _summaries(train, test, y, count, seed, work.deadline))
    if train.values.shape[1] and len(train.values):
        _neighbours(train, test, np.eye(count)[y], work, seed)
    return work.found, tuple(work.notes)


def number_baselines(
    train: Sequences, test: Sequences, *, seed: int = 0, budget_seconds: float = 60.0
) -> tuple[dict[str, Array], tuple[Note, ...]]:
    """Numbers [M, P] that each simple method estimates for the test sequences.

    `mean`, `median` of the training part; `ridge_summary`: ridge regression on statistics of each channel;
    `nearest`: the numbers of the nearest training sequence. For texts `ridge_words` on tf-idf of words.

    Args, notes and errors are those of `class_baselines`; `train.labels` are [M'] or [M', P] numbers. Sequences without
    all P are left out.
    """
    if train.labels is None or train.per_step:
        raise DataError(tr("the training sequences have no numbers to estimate: labels must be [M] or [M, P] numbers"))
    y = np.asarray(train.labels, dtype=np.float64).reshape(len(train), -1)
    known = np.flatnonzero(np.isfinite(y).all(axis=1))
    if not known.size:
        raise DataError(tr("none of the {count} training sequences has all its numbers", count=len(train)))
    if known.size < len(train):
        train, y = train.take(known), y[known]
    work = _Work(budget_seconds)
    work.found["mean"] = np.tile(y.mean(axis=0), (len(test), 1))
    work.found["median"] = np.tile(np.median(y, axis=0), (len(test), 1))
    if train.texts is not None and test.texts is not None:
        texts, asked = train.texts, test.texts
        work.add("ridge_words", lambda: _text_numbers(texts, asked, y))
        return work.found, tuple(work.notes)

    def ridge() -> Array:
        summary, rows = Summary.fit(train)
        return fit_ridge(rows, y, groups=train.groups, seed=seed)(summary.apply(test))

    work.add("ridge_summary", ridge)
    if train.values.shape[1] and len(train.values):
        _neighbours(train, test, y, work, seed, warp=False)
    return work.found, tuple(work.notes)


def multilabel_baselines(
    train: Sequences, test: Sequences, *, seed: int = 0, budget_seconds: float = 60.0
) -> tuple[dict[str, Array], tuple[Note, ...]]:
    """Probabilities [M, K] of each of several labels at once: `majority` (how frequent each is) and one logistic
    regression per label on the same statistics or words as `class_baselines`. `train.labels` are [M', K] bool.
    """
    if train.labels is None or train.labels.ndim != 2:
        raise DataError("the training sequences have no labels [M, K] of true and false")
    flags = np.asarray(train.labels, dtype=bool)
    work = _Work(budget_seconds)
    work.found["majority"] = np.tile(flags.mean(axis=0), (len(test), 1))

    def regressions() -> Array:
        if train.texts is not None and test.texts is not None:
            rows, apply = bag_of_words(train.texts)
            asked, strengths = apply(test.texts), TEXT_STRENGTHS[1:3]
        else:
            summary, rows = Summary.fit(train)
            asked, strengths = summary.apply(test), (0.1, 1.0)
        how: dict[str, Any] = {"groups": train.groups, "seed": seed, "deadline": work.deadline, "strengths": strengths}
        fits = [fit_logistic(rows, flags[:, k].astype(np.int64), 2, **how) for k in range(flags.shape[1])]
        return np.stack([fit(asked)[:, 1] for fit in fits], axis=1)

    work.add("logistic_summary" if train.texts is None else "bag_of_words", regressions)
    return work.found, tuple(work.notes)


def numbered(train: Sequences, classes: Sequence[Any]) -> tuple[Rows, Rows | None]:
    """Class numbers of the training labels, and which were kept where some are missing (None: all)."""
    if train.labels is None:
        raise DataError(tr("the training sequences have no labels: baselines need them"))
    place = {str(label): index for index, label in enumerate(classes)}
    names = [None if missing(label) else str(label) for label in train.labels]
    odd = sorted({name for name in names if name is not None and name not in place})
    if odd:
        raise DataError(f"training labels {odd[:5]} are not among the {len(classes)} classes {list(classes)[:10]}")
    kept = np.array([index for index, name in enumerate(names) if name is not None], dtype=np.int64)
    if not kept.size:
        raise DataError(tr("none of the training sequences has a label"))
    y = np.array([place[name] for name in names if name is not None], dtype=np.int64)
    return y, None if len(kept) == len(names) else kept


def missing(label: Any) -> bool:
    """Whether a label is None or NaN."""
    return label is None or (isinstance(label, float | np.floating) and bool(np.isnan(label)))


class _Work:
    """Results so far, and the time left."""

    def __init__(self, seconds: float) -> None:
        self.found: dict[str, Array] = {}
        self.notes: list[Note] = []
        self.deadline = Deadline(seconds)

    def add(self, method: str, fit: Fit) -> None:
        if self.deadline.passed:
            self.notes.append(Note("baseline", _LATE, {"method": method, "seconds": f"{self.deadline.seconds:g}"}))
        else:
            self.found[method] = fit()


def _summaries(train: Sequences, test: Sequences, y: Rows, count: int, seed: int, deadline: Deadline) -> Array:
    summary, rows = Summary.fit(train)
    fit = fit_logistic(rows, y, count, groups=train.groups, seed=seed, deadline=deadline)
    return fit(summary.apply(test))


def _texts(
    train: NDArray[Any],
    test: NDArray[Any],
    y: Rows,
    count: int,
    groups: NDArray[Any] | None,
    seed: int,
    deadline: Deadline,
) -> Array:
    rows, apply = bag_of_words(train)
    fit = fit_logistic(rows, y, count, groups=groups, seed=seed, deadline=deadline, strengths=TEXT_STRENGTHS)
    return fit(apply(test))


def _text_numbers(train: NDArray[Any], test: NDArray[Any], y: Array) -> Array:
    from tidegate.core.optional import require

    linear = require("sklearn.linear_model", extra="train", purpose="fit the baselines of texts")
    rows, apply = bag_of_words(train)
    fit = linear.Ridge(alpha=1.0).fit(rows, y)
    return np.asarray(fit.predict(apply(test)), dtype=np.float64).reshape(len(test), -1)


def _neighbours(
    train: Sequences, test: Sequences, answers: Array, work: _Work, seed: int, *, warp: bool = True
) -> None:
    """Add what the nearest training sequence has, [M', P] of `answers`, by Euclidean distance and under warping."""
    length = common_length(train)
    size = length * plain_values(train.take(np.arange(0))).shape[1]
    most = MOST_NUMBERS // size
    if most < 2 * FEWEST_NEIGHBOURS:
        values = {"numbers": f"{size:,}"}
        work.notes += [Note("baseline", _LARGE, {"method": "nearest", **values})]
        return
    if len(train) > most:
        chosen = np.sort(np.random.default_rng(seed).permutation(len(train))[:most])
        values = {"method": "nearest", "kept": f"{most:,}", "count": f"{len(train):,}"}
        work.notes.append(Note("baseline", _CUT, values))
        train, answers = train.take(chosen), answers[chosen]
    values_ = np.asarray(plain_values(train), dtype=np.float64)
    seen = np.isfinite(values_)
    count = np.maximum(seen.sum(axis=0), 1)
    mean = np.where(seen, values_, 0.0).sum(axis=0) / count
    scale = np.sqrt((np.where(seen, values_ - mean, 0.0) ** 2).sum(axis=0) / count)
    middle, spread = mean.astype(np.float32), np.where(scale > 0, scale, 1.0).astype(np.float32)
    work.add("nearest", lambda: answers[_nearest(train, test, length, middle, spread, 1)[:, 0]])
    if not warp or length < 3:
        return
    short = min(length, LONGEST)
    allowed = int(MOST_WARPING / warp_cost(len(test), short, len(middle)))
    if allowed < min(FEWEST_NEIGHBOURS, len(train)):
        work.notes.append(Note("baseline", _LARGE, {"method": "nearest_warped", "numbers": f"{short * len(middle):,}"}))
        return
    if allowed < len(train):
        work.notes.append(Note("baseline", _NEAR, {"method": "nearest_warped", "kept": f"{allowed:,}"}))

    def warped() -> Array:
        candidates = _nearest(train, test, short, middle, spread, min(allowed, len(train)))
        near, asked = grid_of(train, short, middle, spread), grid_of(test, short, middle, spread)
        return answers[nearest_warped(near, asked, candidates)]

    work.add("nearest_warped", warped)


def _nearest(train: Sequences, test: Sequences, length: int, middle: Any, spread: Any, count: int) -> Rows:
    """[M, count] nearest training sequences, the test sequences taken in chunks."""
    near = grid_of(train, length, middle, spread)
    size = max(1, _SPREAD // (length * len(middle)))
    parts = [
        nearest(near, grid_of(test.take(np.arange(begin, min(begin + size, len(test)))), length, middle, spread), count)
        for begin in range(0, len(test), size)
    ]
    return np.concatenate(parts)
