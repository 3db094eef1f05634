"""A whole table through the streams: every series a stream of its own, all of them side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError
from tidegate.core.table import Table
from tidegate.core.translate import tr
from tidegate.runtime.detect.streams import KINDS, Detects, Scored, Streams
from tidegate.runtime.state import LARGEST_VALUE

TOGETHER = 512

Array = NDArray[Any]


@dataclass(frozen=True)
class Walked:
    """What was predicted for every row of a table: N rows, C channels, K kinds of error.

    Attributes:
        table: the rows. score, p_value, alarm, event, channel: [N], as in `Judged`; events are counted per series.
        expected, p_channels: [N, C]. errors: [N, C, K]. rarity: [N]. p_groups: [N, J], of each group of channels.
        ends: state of every series after its last row, arrays that begin with [G].
    """

    table: Table
    score: NDArray[np.float64]
    p_value: NDArray[np.float64]
    alarm: NDArray[np.bool_]
    event: NDArray[np.int64]
    channel: NDArray[np.int64]
    expected: NDArray[np.float64]
    p_channels: NDArray[np.float64]
    errors: NDArray[np.float64]
    rarity: NDArray[np.float64]
    p_groups: NDArray[np.float64]
    ends: dict[str, Array]


def values_of(table: Table, channels: tuple[str, ...]) -> NDArray[np.float64]:
    """[N, C] values of columns of a table.

    Raises:
        DataError: a value is infinite.
    """
    values = np.stack([table.columns[name].astype(np.float64) for name in channels], axis=1)
    strange = np.abs(values) > LARGEST_VALUE
    if strange.any():
        row, channel = np.argwhere(strange)[0]
        value = values[row, channel]
        amount = "infinite" if np.isinf(value) else f"{value:g}, more than {LARGEST_VALUE:g},"
        message = "column {name} is {amount} at {time}; correct it or leave the cell empty"
        raise DataError(tr(message, name=repr(channels[channel]), amount=amount, time=table.time[row]))
    return values


def microseconds(table: Table) -> NDArray[np.int64] | None:
    """[N] times of the rows; None where they are only counted."""
    return table.time.astype("datetime64[us]").astype(np.int64) if table.time.dtype.kind == "M" else None


def walk(detector: Detects, table: Table, learn_from: Array | None = None) -> Walked:
    """Score every row of every series, in order; no row's result depends on a later one.

    Args:
        detector: network, preparation and rules. table: has its channels; the scale of a series is found by its name.
        learn_from: [G] rows from which on errors are remembered; None remembers all after the warm-up.

    Raises:
        DataError: an infinite value.
    """
    values, time = values_of(table, detector.preparation.columns), microseconds(table)
    rows, channels = len(values), len(detector.preparation.channels)
    found = {
        "score": np.full(rows, np.nan),
        "p_value": np.full(rows, np.nan),
        "alarm": np.zeros(rows, bool),
        "event": np.zeros(rows, np.int64),
        "channel": np.full(rows, -1, np.int64),
        "expected": np.full((rows, channels), np.nan),
        "p_channels": np.full((rows, channels), np.nan),
        "errors": np.full((rows, channels, KINDS), np.nan),
        "rarity": np.full(rows, np.nan),
        "p_groups": np.full((rows, max(len(detector.rules.groups), 1)), np.nan),
    }
    order = np.argsort(-table.lengths, kind="stable")
    ends: dict[str, Array] = {}
    for first in range(0, len(order), TOGETHER):
        group = order[first : first + TOGETHER]
        streams = detector.streams([table.ids[g] for g in group])
        starts, lengths = table.starts[group], table.lengths[group]
        begin = starts if learn_from is None else learn_from[group]
        for number, where in enumerate(_walk_group(streams, values, time, starts, lengths, begin, found)):
            for name, end in where.items():
                ends.setdefault(name, np.zeros((len(order), *end.shape[1:]), end.dtype))[group[number]] = end[0]
    return Walked(table, ends=ends, **found)


def _walk_group(
    streams: Streams,
    values: Array,
    time: Array | None,
    starts: Array,
    lengths: Array,
    begin: Array,
    found: dict[str, Array],
) -> list[dict[str, Array]]:
    """Series of falling length side by side; one that has ended goes on with missing values that nobody looks at."""
    count = len(starts)
    ends: list[dict[str, Array]] = [{} for _ in range(count)]
    for t in range(int(lengths[0]) if count else 0):
        alive = int(np.searchsorted(-lengths, -t, side="left"))
        rows = starts[:alive] + t
        own = np.full((count, values.shape[1]), np.nan)
        own[:alive] = values[rows]
        now = None if time is None else time[np.minimum(starts + t, len(time) - 1)]
        learn = np.zeros(count, bool)
        learn[:alive] = rows >= begin[:alive]
        _write(found, rows, streams.step(own, now, learn), alive)
        for number in range(int(np.searchsorted(-lengths, -(t + 1), side="left")), alive):
            ends[number] = streams.export(np.array([number]))
    for number in range(count):
        ends[number] = ends[number] or streams.export(np.array([number]))
    return ends


def _write(found: dict[str, Array], rows: Array, scored: Scored, alive: int) -> None:
    for name, target in found.items():
        target[rows] = getattr(scored, name)[:alive]
    unknown = np.isnan(scored.p_channels[:alive])
    found["errors"][rows] = np.where(unknown[:, :, None], np.nan, scored.errors[:alive])
