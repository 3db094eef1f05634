"""What a detector predicts for rows, as columns: row by row, and event by event."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, DataError, SchemaError
from tidegate.core.table import Schema, Table
from tidegate.core.translate import tr
from tidegate.runtime.detect.rules import Rules
from tidegate.runtime.detect.walk import Walked, values_of

SCORES = ("score", "p_value", "alarm", "event", "channel")
EVENTS = ("event", "start", "end", "rows", "alarms", "peak", "p_value", "score", "channels", "value", "expected")

Array = NDArray[Any]


def check_roles(how: Mapping[str, Any]) -> None:
    """Refuse static columns, which tell a detector nothing: each series has a scale of its own.

    Raises:
        ConfigError: static columns are named.
    """
    if how.get("static"):
        raise ConfigError(
            tr("a detector reads no static= columns, as each series has a scale of its own: leave them out")
        )


def check_columns(schema: Schema) -> None:
    """Refuse a time or series column that has the name of a column of the result.

    Raises:
        SchemaError: it does, and one would hide the other.
    """
    for role, name in (("time", schema.time), *(("series", key) for key in schema.key)):
        if name in SCORES or name in EVENTS:
            raise SchemaError(
                tr("the {role} column is named {name!r}, as is a column of the alarms: rename it", role=role, name=name)
            )


def score_columns(walked: Walked, rows: Array, channels: tuple[str, ...], groups: Iterable[str]) -> dict[str, Array]:
    """One row per row: [series,] time, score, p_value, [p_value of each group,] alarm, event, [channel,] expected.

    Args:
        walked: what was predicted. rows: [n] which rows. channels: names; of several the one least in keeping is named.
        groups: names of groups of channels, where there are several.
    """
    columns = _where(walked.table, rows)
    columns |= {name: getattr(walked, name)[rows] for name in ("score", "p_value")}
    columns |= {f"p_value:{name}": walked.p_groups[rows, number] for number, name in enumerate(groups)}
    columns |= {name: getattr(walked, name)[rows] for name in ("alarm", "event")}
    if len(channels) > 1:
        names = np.array([*channels, None], dtype=object)
        columns["channel"] = names[walked.channel[rows]]
        for c, name in enumerate(channels):
            columns[f"expected:{name}"] = walked.expected[rows, c]
    else:
        columns["expected"] = walked.expected[rows, 0]
    return columns


def event_rows(walked: Walked, part: Array | None = None) -> Iterator[tuple[int, Array]]:
    """Series and alarming rows of every event, in order.

    Args:
        part: [G, 2] rows to look at; None means all.
    """
    ranges = walked.table.rows() if part is None else part
    for g, (a, b) in enumerate(ranges.tolist()):
        own = a + np.flatnonzero(walked.alarm[a:b])
        if len(own):
            for rows in np.split(own, np.flatnonzero(np.diff(walked.event[own])) + 1):
                yield g, rows


def event_columns(
    walked: Walked, rules: Rules, channels: tuple[str, ...], part: Array | None = None
) -> dict[str, Array]:
    """One row per event: [series,] event, start, end, rows, alarms, peak, p_value, score, channels, value, expected.

    `rows` reach from the first to the last alarm, `alarms` of them alarmed; `peak` is the time of the smallest p, and
    `value` and `expected` are those of its channel there. `channels` are those that alarm by themselves at some step of
    the event, least p first; of a run of small errors none may do so, and then it is the one of the peak.
    """
    table, found = walked.table, list(event_rows(walked, part))
    values = values_of(table, channels)
    first = np.array([rows[0] for _, rows in found], dtype=np.int64)
    last = np.array([rows[-1] for _, rows in found], dtype=np.int64)
    peak = np.array([rows[np.argmin(walked.p_value[rows])] for _, rows in found], dtype=np.int64)
    worst = walked.channel[peak]
    label = _where(table, first)
    columns = {name: array for name, array in label.items() if name != _time_name(table)}
    columns |= {
        "event": walked.event[first],
        "start": table.time[first],
        "end": table.time[last],
        "rows": last - first + 1,
        "alarms": np.array([len(rows) for _, rows in found], dtype=np.int64),
        "peak": table.time[peak],
        "p_value": walked.p_value[peak],
        "score": walked.score[peak],
    }
    if len(channels) > 1:
        named = [_named(walked, rows, rules, channels, int(worst[n])) for n, (_, rows) in enumerate(found)]
        columns["channels"] = np.array(named, dtype=object)
    columns["value"], columns["expected"] = values[peak, worst], walked.expected[peak, worst]
    return columns


def _named(walked: Walked, rows: Array, rules: Rules, channels: tuple[str, ...], worst: int) -> str:
    least = np.nan_to_num(walked.p_channels[rows], nan=1.0).min(axis=0)
    guilty = [int(c) for c in np.argsort(least, kind="stable") if least[c] * len(channels) <= rules.threshold]
    return ", ".join(channels[c] for c in guilty or [worst])


def _where(table: Table, rows: Array) -> dict[str, Array]:
    columns: dict[str, Array] = table.named(table.series_of(rows))
    columns[_time_name(table)] = table.time[rows]
    return columns


def _time_name(table: Table) -> str:
    return table.schema.time or "step"


def check_channels(table: Table, label: str | None) -> None:
    """Refuse channels and covariates that hold no numbers.

    Args:
        table: the rows. label: its column of known anomalies, which may hold words.

    Raises:
        DataError: naming the column.
    """
    for name in (*table.schema.targets, *table.schema.observed, *table.schema.known):
        if name != label and (table.columns[name].dtype.kind != "f" or np.isnan(table.columns[name]).all()):
            told = "column {name!r} holds no numbers: name columns of numbers as target=, observed= and known="
            raise DataError(tr(told, name=name))
