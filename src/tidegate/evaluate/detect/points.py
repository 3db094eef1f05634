"""Alarms row by row: the area under the precision-recall curve, and the adjusted F1 that flatters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tidegate.core.table import Note
from tidegate.evaluate.detect.events import Watched, window_rows
from tidegate.evaluate.label.metrics.ranking import average_precision, roc_auc

FLATTERS = Note(
    "flatters",
    "Point-adjusted F1 counts every row of a window as found once one alarm falls into it, so that even random alarms "
    "score high by it (Kim et al. 2022, doi:10.1609/aaai.v36i7.20680): random ones as frequent as these would reach "
    "{random}. Judge by windows found and false alarms instead.",
)


def point_scores(watched: Sequence[Watched]) -> dict[str, float]:
    """`pr_auc` and `roc_auc` of the scores over all rows of all series; NaN without scores, windows or quiet rows."""
    nothing = {"pr_auc": float("nan"), "roc_auc": float("nan")}
    scores = [series.scores for series in watched if series.scores is not None]
    if len(scores) < len(watched) or not watched:
        return nothing
    inside = np.concatenate([series.inside for series in watched])
    every = np.concatenate(scores)
    known = np.isfinite(every)  # a detector predicts nothing while it warms up
    if not inside[known].any():
        return nothing
    return {"pr_auc": average_precision(inside[known], every[known]), "roc_auc": roc_auc(inside[known], every[known])}


def adjusted_f1(watched: Sequence[Watched]) -> tuple[float, Note]:
    """F1 over rows after every window with an alarm was counted as found whole, and the warning that belongs to it.

    The warning says what random alarms of the same frequency a would reach: a window of w rows is hit with probability
    1 - (1 - a)^w, so that with all windows 2 E / (E + a R + P) for E = sum w (1 - (1 - a)^w), P rows inside windows
    and R outside.

    Source: Xu et al. (2018), doi:10.1145/3178876.3185996; why not to use it: Kim et al. (2022),
    doi:10.1609/aaai.v36i7.20680.
    """
    hit = false = inside = total = raised = 0
    widths = []
    for series in watched:
        for first, end in window_rows(series.times, series.windows):
            widths.append(end - first)
            hit += (end - first) * bool(series.alarms[first:end].any())
        marks = series.inside
        false += int((series.alarms & ~marks).sum())
        inside += int(marks.sum())
        total += len(marks)
        raised += int(series.alarms.sum())
    rate = raised / total if total else 0.0
    expected = sum(width * (1.0 - (1.0 - rate) ** width) for width in widths)
    random = _f1(expected, rate * (total - inside), inside)
    return _f1(hit, false, inside), Note(FLATTERS.kind, FLATTERS.message, {"random": f"{random:.3f}"})


def _f1(hit: float, false: float, inside: float) -> float:
    both = hit + false + inside
    return 2.0 * hit / both if both else float("nan")
