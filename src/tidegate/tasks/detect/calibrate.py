"""What is measured after the training: the errors that p-values begin with, and how often steps are how rare."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError
from tidegate.core.table import Table
from tidegate.data.split import Split
from tidegate.runtime.detect.detector import Detector
from tidegate.runtime.detect.levels import first_levels
from tidegate.runtime.detect.ranks import bin_position, first_counts, p_values, tail_shares
from tidegate.runtime.detect.streams import rarities
from tidegate.runtime.detect.walk import walk

LEAST_ERROR = 1e-3  # of a channel's scale: smaller errors are all alike
BLOCKS = 5  # of rows, each ranked among the errors of the others


def calibrate(detector: Detector, table: Table, split: Split, labelled: NDArray[np.bool_] | None) -> Detector:
    """Give a detector the errors of the validation part, and those of the training part made as large.

    Errors on rows that the network was trained on are too small; each is multiplied by the ratio of the medians of the
    two parts, at least 1. The more there are, the further p reaches; half of a stream's memory is filled at most. How
    often steps are how rare is counted on both parts, each block of rows held against the errors of all others; of a
    reconstruction on the validation part alone: means over windows that overlap have medians that differ by chance, so
    that training errors made as large would make the others look too common.
    """
    walked = walk(replace(detector, rules=replace(detector.rules, memory=0)), table.tail(len(table)))
    errors = walked.errors.copy()
    if labelled is not None:
        errors[labelled] = np.nan
    seen, own = _rows(split.validation), _rows(split.train)
    held, trained = errors[seen], errors[own]
    with np.errstate(all="ignore"):
        ratio = _median(held) / np.maximum(_median(trained), 1e-30)
    trained = trained * np.clip(np.nan_to_num(ratio, nan=1.0), 1.0, 10.0)
    both = np.concatenate([held, trained])
    if np.isnan(both).all():
        raise DataError(
            f"no row of the training and validation parts could be judged: {detector.rules.warm_up} rows pass before "
            "the first; give more rows, or a shorter warm_up"
        )
    base = np.maximum(np.nan_to_num(_median(both), nan=1.0), LEAST_ERROR)
    most = detector.rules.memory / 2 if detector.rules.memory else np.inf
    counts, total = first_counts(both, base, most)
    ranked, others = (both, trained[:0]) if detector.rules.method == "forecast" else (held, trained)
    levels = first_levels(held_out_rarity(ranked, others, base, most, detector.rules.tail), most)
    return replace(detector, base=base, counts=counts, total=total, levels=levels)


def held_out_rarity(
    errors: NDArray[np.float64], trained: NDArray[np.float64], base: NDArray[np.float64], most: float, tail: float
) -> NDArray[np.float64]:
    """[N] how rare each step is among the errors of all others but its own block of rows, so that none is its own past.

    Args:
        errors: [N, C, K], NaN where there was none, in the order of time.
        trained: [M, C, K] of rows that are not to be ranked themselves. base, most: as for `first_counts`.
        tail: index of the tail.
    """
    found, shares = np.full(len(errors), np.nan), tail_shares(tail)
    for own in np.array_split(np.arange(len(errors)), BLOCKS):
        others = np.concatenate([np.delete(errors, own, axis=0), trained])
        counts, total = first_counts(others, base, most)
        ranks = p_values(
            np.broadcast_to(counts, (len(own), *counts.shape)),
            np.broadcast_to(total, (len(own), *total.shape)),
            bin_position(np.nan_to_num(errors[own]), base),
            shares,
            tail,
        )
        unknown = np.isnan(errors[own].sum(axis=2))
        filled = np.where(unknown, 2.0, rarities(np.where(unknown, np.nan, ranks.min(axis=2))))
        found[own] = np.where(filled.min(axis=1) <= 1.0, filled.min(axis=1), np.nan)
    return found


def _rows(part: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.arange(a, b) for a, b in part.tolist()])


def _median(errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """[C, K] medians of errors [N, C, K] that are not NaN; NaN where all are."""
    found = np.full(errors.shape[1:], np.nan)
    for c, k in np.ndindex(*errors.shape[1:]):
        known = errors[~np.isnan(errors[:, c, k]), c, k]
        if len(known):
            found[c, k] = np.median(known)
    return found
