"""What one row's surprise rests on: which channels and which steps made a detector's alarm."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, DataError
from tidegate.core.table import Table
from tidegate.core.translate import tr
from tidegate.explain.explanation import Explanation, explain
from tidegate.explain.inputs import Alarm, Recording
from tidegate.explain.sequences import OneSequence
from tidegate.runtime.detect.detector import Detector
from tidegate.runtime.detect.walk import Walked, microseconds, values_of
from tidegate.tasks.explain.forecast import clock, moment

BACKGROUND = 8
TOGETHER = 512  # streams that are tried at once

Rows = NDArray[np.int64]


def explain_alarm(
    detector: Detector,
    walked: Walked,
    rows: Rows,
    *,
    ordinary: Rows,
    learn_from: Rows | None = None,
    labelled: NDArray[np.bool_] | None = None,
    at: Any = None,
    series: str | None = None,
    block: int | None = None,
    permutations: int = 64,
    seed: int = 0,
) -> Explanation:
    """Shapley values of the surprise of one row, log10 of one over its rarity, by channel, by step, and by both.

    What is taken away from the last window is replaced by what stands in windows of ordinary rows, at the same place of
    the season. The stream comes to the window as it did, with all it had learned; only the window's values change.

    Args:
        detector: it. walked: what it predicts for every row. rows: those asked about.
        ordinary: rows that background windows may end at. learn_from: as `walk` was given it. labelled: [N] or None.
        at: time of the row (its count where rows are only counted); None takes the rarest of the alarms, or of all.
        series: its name; None takes that of the rarest row, or the only one.
        block: steps of a block; None takes an eighth of the window. permutations, seed: see `explain`.

    Raises:
        DataError: there is no such row, it was not judged, or no ordinary window is left to compare with.
        ConfigError: an unknown series.
    """
    table, channels = walked.table, detector.preparation.columns  # covariates have their share too
    row = _find(walked, rows, at, series)
    group = int(table.series_of(np.array([row]))[0])
    start = int(table.starts[group])
    window = min(detector.spec.window, row + 1 - start)
    values = values_of(table, channels)
    ends = _background(table, detector, ordinary, row, window, seed)
    if not len(ends):
        raise DataError(tr("an explanation puts ordinary windows in the place of what it takes away: give more rows"))
    begin = start if learn_from is None else int(learn_from[group])
    trial = _Trial(detector, table, group, row, window, values, begin)
    one = OneSequence(
        trial.surprise,
        values[row + 1 - window : row + 1].astype(np.float32),
        channels,
        [values[end + 1 - window : end + 1].astype(np.float32) for end in ends],
        None,
    )
    groups = one.groups(block)
    if len(channels) == 1:
        del groups["cell"]  # of one channel, its stretches are those of all
    surprise = float(-np.log10(walked.rarity[row]))
    case = Alarm(
        id=table.ids[group],
        output="surprise",
        said={"surprise": surprise},
        kind="numbers",
        actual=None if labelled is None else str(int(labelled[row])),
        recording=Recording(channels, values[row + 1 - window : row + 1], row + 1 - window - start),
        time=clock(table, row).replace("T", " "),
        alarm=bool(walked.alarm[row]),
        p_value=float(walked.p_value[row]),
        threshold=detector.rules.threshold,
    )
    return explain(one, groups, case, permutations=permutations, orders=20, seed=seed)


def _find(walked: Walked, rows: Rows, at: Any, series: str | None) -> int:
    """The row that is explained."""
    table = walked.table
    if series is not None:
        if series not in table.ids:
            raise ConfigError(
                tr("series={number!r} is not among {ids}", number=series, ids=", ".join(map(repr, table.ids[:10])))
            )
        rows = rows[table.series_of(rows) == table.ids.index(series)]
    if at is not None:
        if series is None and len(table.ids) > 1:
            raise ConfigError(tr("there are several series: name the one (series=...) that at= is of"))
        rows = _at(table, rows, at)
    judged = rows[~np.isnan(walked.rarity[rows])]
    if not len(judged):
        raise DataError(tr("none of these rows was judged: a value is missing, or the stream was still warming up"))
    alarms = judged[walked.alarm[judged]]
    found = alarms if len(alarms) else judged
    return int(found[np.argmin(walked.rarity[found])])


def _at(table: Table, rows: Rows, at: Any) -> Rows:
    """The row at a time."""
    found: Rows = rows[table.time[rows] == moment(table, at)]
    if not len(found):
        span = f" ({clock(table, int(rows[0]))} to {clock(table, int(rows[-1]))})" if len(rows) else ""
        raise DataError(tr("at={at!r}: there is no such row among those that were asked about{span}", at=at, span=span))
    return found


def _background(table: Table, detector: Detector, ordinary: Rows, row: int, window: int, seed: int) -> Rows:
    """Ends of ordinary windows of the same series, at the same place of the season where there are enough."""
    starts = table.starts[table.series_of(ordinary)]
    own = (starts == table.starts[table.series_of(np.array([row]))[0]]) & (ordinary + 1 - window >= starts)
    apart = (ordinary < row + 1 - window) | (ordinary - window >= row)
    found = ordinary[own & apart]
    season = max(detector.preparation.lags, default=1)
    alike = found[(found - row) % season == 0]
    found = alike if len(alike) >= 2 else found
    return np.random.default_rng(seed).permutation(found)[:BACKGROUND]


class _Trial:
    """One stream brought to a window, from where it is tried with other values in it."""

    def __init__(
        self, detector: Detector, table: Table, group: int, row: int, window: int, values: Any, begin: int
    ) -> None:
        self.detector, self.name, time = detector, table.ids[group], microseconds(table)
        self.first, self.row = row + 1 - window, row
        self.learn = np.arange(self.first, row + 1) >= begin
        self.time = None if time is None else time[self.first : row + 1]
        stream = detector.streams([self.name])
        for place in range(int(table.starts[group]), self.first):
            now = None if time is None else time[place : place + 1]
            stream.step(values[place : place + 1], now, np.array([place >= begin]))
        self.state = stream.export()

    def surprise(self, past: Any, lengths: Any) -> NDArray[np.float64]:
        """[B, 1] log10 of one over the rarity of the last row of windows [B, T, C]."""
        parts = [self._part(past[first : first + TOGETHER]) for first in range(0, len(past), TOGETHER)]
        return np.concatenate(parts)[:, None]

    def _part(self, past: Any) -> NDArray[np.float64]:
        count = len(past)
        streams = self.detector.streams([self.name] * count)
        streams.restore({name: np.repeat(values, count, axis=0) for name, values in self.state.items()})
        for step in range(past.shape[1]):
            now = None if self.time is None else np.full(count, self.time[step])
            judged = streams.step(past[:, step].astype(np.float64), now, np.full(count, self.learn[step]))
        return np.asarray(-np.log10(np.nan_to_num(judged.rarity, nan=1.0)))
