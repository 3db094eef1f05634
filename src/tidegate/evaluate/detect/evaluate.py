"""Score a detector's alarms on labelled series beside the baselines': by events, and row by row.

Two simple detectors are baselines, each as p-values from nothing but the values before. `gaussian`: how far a value is
from the mean of the last values, in their standard deviations. `seasonal`: the same of the change since one season ago
(since the last value where there is none). Both take the tail of a normal distribution.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.evaluate.detect.evaluation import LEVEL, DetectionEvaluation
from tidegate.evaluate.detect.events import EventCounts, Watched, count_events, window_counts, window_rows
from tidegate.evaluate.label.metrics.probability import average_precision, roc_auc
from tidegate.evaluate.significance import FEWEST as FEWEST_WINDOWS
from tidegate.evaluate.significance import interval
from tidegate.evaluate.verdict import WORSE

WINDOW = 6_400  # as the detector of that name in the Numenta benchmark
FEWEST = 20
RESAMPLES = 1_000
_SMALL = 1e-9

Array = NDArray[Any]
FLATTERS = Note(
    "flatters",
    "Point-adjusted F1 counts every row of a window as found once one alarm falls into it, so that even random alarms "
    "score high by it (Kim et al. 2022, doi:10.1609/aaai.v36i7.20680): random ones as frequent as these would reach "
    "{random}. Judge by windows found and false alarms instead.",
)
MODEL = "model"


def gaussian_p(values: NDArray[np.float64], window: int = WINDOW) -> NDArray[np.float64]:
    """Two-sided p of every value [N] under a normal distribution fitted to the `window` values before it.

    NaN where the value is missing or fewer than 20 came before.
    """
    seen = ~np.isnan(values)
    level = np.nanmean(values) if seen.any() else 0.0  # only shifts the sums, for accuracy
    filled = np.where(seen, values - level, 0.0)
    sums = [_past(part, window) for part in (seen.astype(np.float64), filled, filled**2)]
    count = np.maximum(sums[0], 1.0)
    mean = sums[1] / count
    spread = np.sqrt(np.maximum(sums[2] / count - mean**2, 0.0))
    spread = np.maximum(spread, _SMALL * max(1.0, float(np.abs(level))))
    z = np.abs(filled - mean) / spread
    return np.where(seen & (sums[0] >= FEWEST), _tail(z), np.nan)


def seasonal_p(values: NDArray[np.float64], season: int, window: int = WINDOW) -> NDArray[np.float64]:
    """The same of the change since `season` steps ago."""
    change = np.full(len(values), np.nan)
    change[season:] = values[season:] - values[: len(values) - season]
    return gaussian_p(change, window)


def _past(values: Array, window: int) -> NDArray[np.float64]:
    """[N] sums of the `window` values before each."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    place = np.arange(len(values))
    return np.asarray(total[place] - total[np.maximum(place - window, 0)])


def _tail(z: Array) -> NDArray[np.float64]:
    return np.array([math.erfc(value / math.sqrt(2.0)) for value in z.tolist()])


def join_p(p: Array) -> NDArray[np.float64]:
    """[N] smallest p of the channels [N, C] times how many were scored, at most 1; NaN where none was."""
    known = ~np.isnan(p)
    least = np.where(known, p, 2.0).min(axis=1)
    return np.where(known.any(axis=1), np.minimum(least * known.sum(axis=1), 1.0), np.nan)


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


def evaluate_alarms(
    watched: Mapping[str, Watched],
    baselines: Mapping[str, Mapping[str, Watched]] | None = None,
    *,
    gap: int = 0,
    budget: float | None = None,
    notes: Sequence[Note] = (),
) -> DetectionEvaluation:
    """Score alarms by events, beside the baselines'.

    Args:
        watched: series -> times, alarms, scores and labelled windows, of the detector.
        baselines: method -> the same series with its alarms.
        gap: quiet rows that do not end an event.
        budget: false alarms a week that were to be allowed.
        notes: to be kept with the result.

    Raises:
        DataError: no series, or a baseline that lacks one.
    """
    if not watched:
        raise DataError(tr("nothing to score: no series was watched"))
    given = {MODEL: watched, **(baselines or {})}
    for name, series in given.items():
        if set(series) != set(watched):
            odd = sorted(set(series) ^ set(watched))
            raise DataError(tr("{name!r} and the detector watched different series: {odd}", name=name, odd=odd[:5]))
    counts = {name: reduce(add, (count_events(one, gap) for one in series.values())) for name, series in given.items()}
    overall = {name: _scores(counts[name], list(series.values())) for name, series in given.items()}
    order = sorted((name for name in given if name != MODEL), key=lambda name: -_or(overall[name]["f1"]))
    best = order[0] if order and counts[MODEL].windows else None
    warnings = [adjusted_f1(list(watched.values()))[1]] if counts[MODEL].windows else []
    return DetectionEvaluation(
        series=len(watched),
        rows=sum(len(one.times) for one in watched.values()),
        days=counts[MODEL].days,
        methods=(MODEL, *order),
        overall=overall,
        per_series={name: _scores(count_events(one, gap), [one]) for name, one in watched.items()},
        dated=all(one.times.dtype.kind == "M" for one in watched.values()),
        budget=budget,
        best_baseline=best,
        key=_key(overall, best, {name: list(given[name].values()) for name in (MODEL, best) if name}, gap),
        notes=(*notes, *warnings),
    )


def _scores(counts: EventCounts, watched: Sequence[Watched]) -> dict[str, float]:
    return {
        "windows": float(counts.windows),
        "found": float(counts.found),
        "events": float(counts.events),
        **counts.scores(),
        **point_scores(watched),
        "adjusted_f1": adjusted_f1(watched)[0],
    }


def _key(
    overall: Mapping[str, Mapping[str, float]], best: str | None, watched: Mapping[str, Sequence[Watched]], gap: int
) -> str:
    own = overall[MODEL]
    if own["windows"] == 0:
        return "unlabelled"
    if best is None:
        return "alone"
    if own["windows"] < FEWEST_WINDOWS:
        return "few"
    gain = own["f1"] - overall[best]["f1"]
    if abs(gain) < LEVEL:
        return "level"
    low, high = f1_interval(watched[MODEL], watched[best], gap)
    if low > 0 or high < 0:
        return "ahead" if gain > 0 else "behind"
    return "behind" if gain <= -WORSE else "chance"


def f1_interval(own: Sequence[Watched], other: Sequence[Watched], gap: int = 0) -> tuple[float, float]:
    """95 % interval of how much higher the F1 of `own` is than that of `other`, of windows drawn with replacement.

    A window is drawn with the quiet rows around it, the same for both, so that false alarms count where they were.
    """
    counts = [np.concatenate([window_counts(one, gap) for one in series]) for series in (own, other)]
    units = len(counts[0])
    drawn = np.random.default_rng(0).multinomial(units, np.full(units, 1 / units), RESAMPLES)
    sums = [np.split(drawn @ part, 4, axis=1) for part in counts]
    f1 = [_f1_of(*(column[:, 0] for column in part)) for part in sums]
    return interval(f1[0] - f1[1], units)


def _f1_of(windows: Array, found: Array, raised: Array, right: Array) -> NDArray[np.float64]:
    recall, precision = found / np.maximum(windows, 1), right / np.maximum(raised, 1)
    both = recall + precision
    return np.asarray(2 * recall * precision / np.where(both > 0, both, 1.0))


def _or(value: float) -> float:
    return -1.0 if math.isnan(value) else value
