"""Score a detector's alarms on labelled series beside the baselines'."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add

from tidegate.core.errors import DataError
from tidegate.core.table import Note
from tidegate.evaluate.detect.evaluation import FEW, LEVEL, DetectionEvaluation
from tidegate.evaluate.detect.events import EventCounts, Watched, count_events
from tidegate.evaluate.detect.points import adjusted_f1, point_scores

MODEL = "model"


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
        raise DataError("nothing to score: no series was watched")
    given = {MODEL: watched, **(baselines or {})}
    for name, series in given.items():
        if set(series) != set(watched):
            odd = sorted(set(series) ^ set(watched))
            raise DataError(f"{name!r} and the detector watched different series: {odd[:5]}")
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
        key=_key(overall, best),
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


def _key(overall: Mapping[str, Mapping[str, float]], best: str | None) -> str:
    own = overall[MODEL]
    if own["windows"] == 0:
        return "unlabelled"
    if best is None:
        return "alone"
    if own["windows"] < FEW:
        return "few"
    gain = own["f1"] - overall[best]["f1"]
    return "level" if abs(gain) < LEVEL else "ahead" if gain > 0 else "behind"


def _or(value: float) -> float:
    return -1.0 if math.isnan(value) else value
