"""Known anomalies: read from a column, kept out of the training, and used to choose the threshold on validation."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import SchemaError
from tidegate.core.table import Note, Table
from tidegate.core.translate import tr
from tidegate.data.cells.columns import OPTIONS, Source, options_of
from tidegate.data.read import open_source
from tidegate.data.schema import as_names, find_series, find_time, first_named
from tidegate.data.split import Split
from tidegate.evaluate.detect.events import Watched, count_events, runs
from tidegate.runtime.detect.rules import Rules
from tidegate.runtime.detect.walk import Walked

LEAST, LARGEST, TRIED = 1e-9, 0.05, 60
SHOWN = 6  # commands that are named in a note
_LABELS = """
label labels is_anomaly anomaly anomalous is_outlier outlier attack is_attack fault is_fault abnormal intrusion
異常 標籤 標記 故障 攻擊 异常 标签
"""
_NORMAL = frozenset(["0", "no", "false", "normal", "ok", "benign", "healthy", "none", "正常", "否", "無", "无"])
_FOUND = "Not named, so recognised: channels {channels}{label}. To choose, pass target= and label=."

_COMMANDS = (
    "{count} column(s) of nothing but 0 and 1 are read as commands that are known, and not watched: {names}. To watch "
    "them too, name all channels as target=."
)


def recognised(data: Any, how: Mapping[str, Any], label: str | None) -> tuple[dict[str, Any], str | None, Note | None]:
    """Channels and label of data whose channels nobody named: all numbers, but for what is a label by its name.

    Args:
        data: a path, a frame or arrays. how: options of reading. label: as the caller gave it.

    Returns:
        (options with the target, the label or None, a note on what was recognised or None).
    """
    if how.get("target") is not None or how.get("wide"):
        return dict(how), label, None
    source = _source(data, how)
    roles = [*as_names(how.get("known")), *as_names(how.get("observed")), *as_names(how.get("static"))]
    keys = find_series(source, how.get("series"))
    formatted = how.get("date_format") is not None
    taken = {*roles, *keys, *find_time(source, how.get("time"), [*roles, *keys], formatted, keys)}
    found = label or first_named(_LABELS, [name for name in source.names if name not in taken])
    channels = [name for name in source.names if name not in taken and name != found and source.kind(name) == "number"]
    if not channels or (len(channels) == 1 and found == label):
        return dict(how), label, None
    told = "" if found == label else tr(", label {label}", label=found)
    note = Note("roles", _FOUND, {"channels": ", ".join(channels), "label": told, "found": found})
    return {**how, "target": channels}, found, note


def commands_aside(table: Table) -> Table:
    """A table whose columns of nothing but 0 and 1 are known inputs instead of channels, with a note that names them.

    One-hot commands, switches and modes say what a reading should be, and are no anomaly themselves. Where every
    channel is one of them, all are left as they were.
    """
    schema = table.schema
    commands = [name for name in schema.targets if _switches(table.columns[name])]
    channels = tuple(name for name in schema.targets if name not in commands)
    if not commands or not channels:
        return table
    shown = ", ".join(commands[:SHOWN]) + (", ..." if len(commands) > SHOWN else "")
    note = Note("commands", _COMMANDS, {"count": len(commands), "names": shown})
    schema = replace(schema, targets=channels, known=(*schema.known, *commands))
    return replace(table, schema=schema, notes=(*table.notes, note))


def _switches(values: NDArray[Any]) -> bool:
    return values.dtype.kind == "f" and bool(((values == 0) | (values == 1) | np.isnan(values)).all())


def label_in(data: Any, how: Mapping[str, Any], taken: Collection[str]) -> str | None:
    """The column of new rows that is a label by its name; None where there is none, or the rows are a `Table`."""
    return (
        None
        if isinstance(data, Table)
        else first_named(_LABELS, [name for name in _source(data, how).names if name not in taken])
    )


def _source(data: Any, how: Mapping[str, Any]) -> Source:
    return open_source(data, options_of(**{name: how.get(name) for name in OPTIONS}))


def labels_of(table: Table, label: str | None) -> tuple[Table, NDArray[np.bool_] | None]:
    """A table without its label column, and [N] which rows are labelled; a row without a label is not.

    Raises:
        SchemaError: there is no such column, it is a channel, or it holds anything but 0 and 1, or words of which none
            means a normal row.
    """
    observed = tuple(name for name in table.schema.observed if name != label)
    bare = replace(table, schema=replace(table.schema, observed=observed, static=()), static={})
    channels = {name: table.columns[name] for name in (*table.schema.targets, *observed, *table.schema.known)}
    if label is None:
        return replace(bare, columns=channels), None
    if label not in table.columns or label in channels:
        message = (
            "label={label!r} is not a column beside {channels}; name the column that is 1 where a row is anomalous"
        )
        raise SchemaError(tr(message, label=label, channels=", ".join(channels)))
    values = table.columns[label]
    if values.dtype.kind != "f":
        words = ["" if word is None else str(word).strip().lower() for word in values.tolist()]
        if not _NORMAL & set(words):
            message = (
                "label column {label!r} holds words, none of which says that a row is normal; write 1 where a row is "
                "anomalous and 0 (or normal, no, false) elsewhere"
            )
            raise SchemaError(tr(message, label=label))
        return replace(bare, columns=channels), np.array([bool(word) and word not in _NORMAL for word in words])
    known = np.nan_to_num(values)
    odd = (known != 0) & (known != 1)
    if odd.any():
        message = "label column {label!r} holds {known:g}; write 1 for anomalous rows, else 0"
        raise SchemaError(tr(message, label=label, known=known[np.argmax(odd)]))
    return replace(bare, columns=channels), known == 1


def watched_of(
    walked: Walked, alarm: NDArray[np.bool_], labelled: NDArray[np.bool_], part: NDArray[np.int64]
) -> list[Watched]:
    """The rows of a part [G, 2] as scores of detection take them, one item for each series."""
    found = []
    for a, b in part.tolist():
        time = walked.table.time[a:b]
        windows = [(time[first], time[end - 1]) for first, end in runs(labelled[a:b])]
        found.append(Watched(time, alarm[a:b], windows, walked.score[a:b]))
    return found


def tune_threshold(labelled: NDArray[np.bool_]) -> Callable[[Walked, Split, Rules], tuple[Rules, Note | None]]:
    """Chooses the threshold with the best event-wise F1 on the validation part; the budget's where it has no label."""

    def tune(walked: Walked, split: Split, rules: Rules) -> tuple[Rules, Note | None]:
        part = split.validation
        if not any(labelled[a:b].any() for a, b in part.tolist()):
            message = "The validation part has no labelled row: the threshold is that of the budget."
            return rules, Note("threshold", message)
        tried = np.append(np.geomspace(LEAST, LARGEST, TRIED), rules.threshold)
        scores = []
        for threshold in tried:
            series = watched_of(walked, walked.p_value <= threshold, labelled, part)
            counts = [count_events(one, rules.refractory) for one in series]
            scores.append(sum(counts[1:], counts[0]).scores()["f1"])
        best = np.flatnonzero(np.array(scores) == max(scores))
        chosen = tried[best[np.argmin(np.abs(np.log(tried[best] / rules.threshold)))]]
        message = "Labels of the validation part chose the threshold p <= {threshold:.2g} (event F1 {f1:.2f})."
        values = {"threshold": float(chosen), "f1": float(max(scores))}
        return replace(rules, threshold=float(chosen)), Note("threshold", message, values)

    return tune
