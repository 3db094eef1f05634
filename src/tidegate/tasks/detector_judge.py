"""A detector's alarms on some rows, judged: against its budget, against labels, and beside simple detectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError
from tidegate.core.table import Note
from tidegate.evaluate.alarms import gaussian_p, join_p, seasonal_p
from tidegate.evaluate.detection.events import Watched, count_events
from tidegate.evaluate.detection.points import point_scores
from tidegate.evaluate.detector import LEVELS, DetectionEvaluation
from tidegate.runtime.detector import Detector
from tidegate.runtime.detector_alarms import ROWS, WEEK, Watch, score_of, watch
from tidegate.runtime.detector_walk import Walked, values_of
from tidegate.tasks.detector_labels import watched_of

Array = NDArray[Any]


def judge_rows(
    detector: Detector, walked: Walked, labelled: NDArray[np.bool_] | None, part: NDArray[np.int64]
) -> DetectionEvaluation:
    """Judge the alarms on a part of a table.

    Args:
        detector: it. walked: what it says of every row. labelled: [N] known anomalies, or None. part: [G, 2] rows.

    Raises:
        DataError: no row of the part was judged.
    """
    rows = np.concatenate([np.arange(a, b) for a, b in part.tolist()])
    judged = rows[~np.isnan(walked.p_value[rows])]
    if not len(judged):
        raise DataError(
            f"no row could be judged: {detector.rules.warm_up} rows of each series pass before the first; give more"
        )
    marks = np.zeros(len(walked.table), bool) if labelled is None else labelled
    step = detector.preparation.step
    unit = ROWS if step is None else WEEK / step
    units = len(judged) / unit
    methods = {"model": (walked.p_value, walked.alarm), **_others(detector, walked, part)}
    figures = {
        name: _figures(walked, p, alarm, marks, part, detector, units, with_labels=labelled is not None)
        for name, (p, alarm) in methods.items()
    }
    plain = walked.p_value[judged[~marks[judged]]]
    notes = []
    if len(judged) < len(rows):
        message = "{count} of {rows} rows were not judged: missing values, or the start of a stream."
        notes.append(Note("unjudged", message, {"count": len(rows) - len(judged), "rows": len(rows)}))
    windows = None
    if labelled is not None:
        windows = sum(len(one.windows) for one in watched_of(walked, walked.alarm, marks, part))
    return DetectionEvaluation(
        rows=len(judged),
        series=int((part[:, 1] > part[:, 0]).sum()),
        units=units,
        clock=step is not None,
        budget=detector.rules.budget,
        threshold=detector.rules.threshold,
        tuned=not np.isclose(detector.rules.budget / unit, detector.rules.threshold),
        windows=windows,
        methods=figures,
        calibration={level: float(np.mean(plain <= level)) for level in LEVELS} if len(plain) else {},
        notes=tuple(notes),
    )


def _figures(
    walked: Walked,
    p: Array,
    alarm: Array,
    marks: Array,
    part: Array,
    detector: Detector,
    units: float,
    *,
    with_labels: bool,
) -> dict[str, float]:
    gap = detector.rules.refractory - 1
    score = score_of(p)
    series = [
        Watched(one.times, one.alarms, one.windows, score[a:b])
        for one, (a, b) in zip(watched_of(walked, alarm, marks, part), part.tolist(), strict=True)
        if b > a
    ]
    counts = [count_events(one, gap) for one in series]
    total = sum(counts[1:], counts[0])
    found = {"events": float(total.events), "rate": total.events / units}
    if not with_labels:
        return found
    scores = total.scores()
    return found | {
        "found": float(total.found),
        "false": scores["false_alarms"],
        "false_rate": scores["false_alarms"] / units,
        "precision": scores["precision"],
        "recall": scores["recall"],
        "f1": scores["f1"],
        "delay": scores["delay_mean"],
        "pr_auc": point_scores(series)["pr_auc"],
    }


def _others(detector: Detector, walked: Walked, part: Array) -> dict[str, tuple[Array, Array]]:
    """p and alarms of the simple detectors at the same threshold, on the rows of the part."""
    table, rules = walked.table, detector.rules
    values = values_of(table, detector.preparation.channels)
    season = detector.preparation.lags[0] if detector.preparation.lags else 1
    kinds: dict[str, Callable[[Array], Array]] = {
        "gaussian": gaussian_p,
        "seasonal": lambda own: seasonal_p(own, season),
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
