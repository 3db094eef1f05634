"""A detector's alarms on some rows, evaluated: against its budget, against labels, and beside simple detectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.evaluate.detect import Watched, evaluate_alarms
from tidegate.evaluate.detect.evaluate import gaussian_p, join_p, seasonal_p
from tidegate.evaluate.detect.evaluation import LEVELS, DetectorEvaluation
from tidegate.runtime.detect.detector import Detector
from tidegate.runtime.detect.rules import ROWS, WEEK, Watch, score_of, watch
from tidegate.runtime.detect.walk import Walked, values_of
from tidegate.tasks.detect.known_anomalies import watched_of

Array = NDArray[Any]


def evaluate_rows(
    detector: Detector, walked: Walked, labelled: NDArray[np.bool_] | None, part: NDArray[np.int64]
) -> DetectorEvaluation:
    """Evaluate the alarms on a part of a table.

    Args:
        detector: it. walked: what it predicts for every row. labelled: [N] known anomalies, or None. part: [G, 2] rows.

    Raises:
        DataError: no row of the part could be evaluated.
    """
    rules, step = detector.rules, detector.preparation.step
    rows = np.concatenate([np.arange(a, b) for a, b in part.tolist()])
    evaluated = rows[~np.isnan(walked.p_value[rows])]
    if not len(evaluated):
        message = "no row could be judged: {warm_up} rows of each series pass before the first; give more"
        raise DataError(tr(message, warm_up=rules.warm_up))
    marks = np.zeros(len(walked.table), bool) if labelled is None else labelled
    notes = []
    if len(evaluated) < len(rows):
        message = "{count} of {rows} rows were not judged: missing values, or the start of a stream."
        notes.append(Note("unjudged", message, {"count": len(rows) - len(evaluated), "rows": len(rows)}))
    others = {
        name: _watched(walked, alarm, score_of(p), marks, part)
        for name, (p, alarm) in _others(detector, walked, part).items()
    }
    found = evaluate_alarms(
        _watched(walked, walked.alarm, walked.score, marks, part),
        others,
        gap=rules.refractory - 1,
        budget=None if step is None else rules.budget,
        notes=notes,
    )
    unit = ROWS if step is None else WEEK / step
    plain = walked.p_value[evaluated[~marks[evaluated]]]
    return DetectorEvaluation(
        alarms=found,
        budget=rules.budget,
        threshold=rules.threshold,
        tuned=not np.isclose(rules.budget / unit, rules.threshold),
        rate=found.overall["model"]["events"] / len(evaluated) * unit,
        clock=step is not None,
        calibration={level: float(np.mean(plain <= level)) for level in LEVELS} if len(plain) else {},
    )


def _watched(walked: Walked, alarm: Array, score: Array, marks: Array, part: Array) -> dict[str, Watched]:
    """The rows of a part by series, as detection is evaluated; series without rows in it are left out."""
    found = {}
    for name, one, (a, b) in zip(walked.table.ids, watched_of(walked, alarm, marks, part), part.tolist(), strict=True):
        if b > a:
            found[name] = Watched(one.times, one.alarms, one.windows, score[a:b])
    return found


def _others(detector: Detector, walked: Walked, part: Array) -> dict[str, tuple[Array, Array]]:
    """p and alarms of the simple detectors at the same threshold, on the rows of the part."""
    table, rules = walked.table, detector.rules
    values = values_of(table, detector.preparation.channels)
    season = detector.preparation.lags[0] if detector.preparation.lags else 1
    kinds: dict[str, Callable[[Array], Array]] = {
        "windowed_gaussian": gaussian_p,
        "seasonal_residual": lambda own: seasonal_p(own, season),
    }
    found = {}
    for name, of in kinds.items():
        p, alarm = np.full(len(table), np.nan), np.zeros(len(table), bool)
        for a, b in table.rows().tolist():
            p[a:b] = join_p(np.stack([of(column) for column in values[a:b].T], axis=1))
        for a, b in part.tolist():
            alarm[a:b] = alarms_of(p[a:b], rules.threshold, rules.refractory)
        found[name] = p, alarm
    return found


def alarms_of(p: Array, threshold: float, refractory: int) -> NDArray[np.bool_]:
    """[N] alarms of one stream by the detector's own rule."""
    state = Watch(np.zeros(1, bool), np.full(1, refractory), np.zeros(1, np.int64))
    found = np.zeros(len(p), bool)
    for t in range(len(p)):
        state = watch(state, p[t : t + 1], threshold, refractory)
        found[t] = state.on[0]
    return found
