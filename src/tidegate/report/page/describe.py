"""The data in a few lines: which columns play which part, and where the parts of the split lie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.frequency import Frequency
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note, Schema, Table
from tidegate.core.translate import Language, tr
from tidegate.data.emit import local_time
from tidegate.report.page.parts import listed
from tidegate.report.page.words import span
from tidegate.report.svg.ticks import time_label

_GROUPS = "{sequences}, of {groups} groups"
_STEPS = "{shortest} to {longest}, half of them at most {middle}"
_SAME = "{longest} each"
_FRAMES = "{width} by {height} points, {colours} colours"
_TEXTS = "text of {shortest} to {longest} characters, half of them at most {middle}"
_SHOWN = 12


def describe(
    schema: Schema, frequency: Frequency, parts: Mapping[str, tuple[Any, Any, int]], *, series: int = 1, zone: str = ""
) -> tuple[Note, ...]:
    """What the data of a table are, the lines of `Run.schema`.

    Args:
        schema: the columns.
        frequency: the step between rows.
        parts: "train", "validation", "test" -> first time, last time, rows.
        series: how many series there are.
        zone: the clock that times are on, "" where it is unknown.

    Returns:
        One note per line, its kind the name of the line.
    """
    lines = [Note("time", "{name}", {"name": schema.time})] if schema.time else []
    lines.append(Note("frequency", "", {"frequency": frequency}))
    if zone:
        lines.append(Note("zone", "{name}", {"name": zone}))
    if schema.series is not None or series > 1:
        lines.append(Note("series", "", {"name": schema.series or "", "count": series}))
    for kind in ("targets", "known", "observed", "static"):
        names = getattr(schema, kind)
        if names:
            lines.append(Note(kind, "", {"names": tuple(names)}))
    for kind, (first, last, rows) in parts.items():
        lines.append(Note(kind, "", {"first": first, "last": last, "rows": rows}))
    return tuple(lines)


def describe_table(table: Table, split: Any) -> tuple[Note, ...]:
    """`describe` of a table and the parts of its split, on the table's clock."""
    parts = {}
    for name, rows in split.parts.items():
        held = rows[rows[:, 1] > rows[:, 0]]
        if len(held):
            ends = np.array([table.time[held[:, 0]].min(), table.time[held[:, 1] - 1].max()])
            parts[name] = (*local_time(ends, table.timezone), int((held[:, 1] - held[:, 0]).sum()))
    zone = table.timezone or ""
    return describe(table.schema, table.frequency, parts, series=len(table.ids), zone=zone)


def describe_sequences(sequences: Sequences, parts: Mapping[str, NDArray[np.int64]]) -> tuple[Note, ...]:
    """The same of sequences: what they hold, and what lies in each part.

    Args:
        sequences: all of them.
        parts: "train", "validation", "test" -> places among the sequences.
    """
    lines = []
    if sequences.texts is not None:
        sizes = np.array([len(str(text)) if text is not None else 0 for text in sequences.texts])
        lines.append(Note("texts", _TEXTS, _spread(sizes)))
    else:
        values = _spread(sequences.lengths)
        same = values["shortest"] == values["longest"]
        lines.append(Note("steps", _SAME if same else _STEPS, {"longest": values["longest"]} if same else values))
    if sequences.frame is not None:
        height, width, colours = sequences.frame
        lines.append(Note("frames", _FRAMES, {"width": width, "height": height, "colours": colours}))
    names = (*(sequences.channels if sequences.frame is None else ()), *sequences.categories)
    if names:
        first = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
        lines.append(Note("channels", "{amount}: {first}", {"amount": f"{len(names):,}", "first": first}))
    if sequences.label_names:
        lines.append(Note("labels", "{first}", {"first": ", ".join(sequences.label_names[:_SHOWN])}))
    for kind, index in parts.items():
        values = {"sequences": f"{len(index):,}"}
        if sequences.groups is None:
            lines.append(Note(f"{kind}_sequences", "{sequences}", values))
        else:
            groups = len({str(group) for group in sequences.groups[index]})
            lines.append(Note(f"{kind}_sequences", _GROUPS, {**values, "groups": f"{groups:,}"}))
    return tuple(lines)


def _spread(sizes: NDArray[np.int64]) -> dict[str, str]:
    ends = (sizes.min(), sizes.max(), np.median(sizes)) if len(sizes) else (0, 0, 0)
    return {name: f"{int(value):,}" for name, value in zip(("shortest", "longest", "middle"), ends, strict=True)}


_NAMES = {
    "time": "Time column",
    "frequency": "One row every",
    "zone": "Time zone",
    "series": "Series",
    "targets": "Target",
    "known": "Known ahead",
    "observed": "Observed up to now",
    "static": "Fixed per series",
    "train": "Training part",
    "validation": "Validation part",
    "test": "Test part",
    "train_sequences": "Training sequences",
    "validation_sequences": "Validation sequences",
    "test_sequences": "Test sequences",
    "steps": "Steps",
    "texts": "Texts",
    "frames": "Frames",
    "channels": "Channels",
    "labels": "Labels",
}


def line(note: Note, lang: Language) -> tuple[str, str]:
    """Name and text of one line in the reader's language; notes of other kinds show their message under their kind."""
    return tr(_NAMES[note.kind], lang) if note.kind in _NAMES else note.kind, _text(note, lang)


def _text(note: Note, lang: Language) -> str:
    values = note.values
    if "frequency" in values:
        return span(1, values["frequency"], lang)
    if "names" in values:
        return listed(values["names"], lang)
    if "count" in values and "name" in values:
        count = tr("{count} series", lang, count=f"{values['count']:,}")
        return tr("{count}, column {name}", lang, count=count, name=values["name"]) if values["name"] else count
    if "rows" in values:
        return tr(
            "{first} to {last}, {rows} rows",
            lang,
            first=time_label(values["first"], lang),
            last=time_label(values["last"], lang),
            rows=f"{values['rows']:,}",
        )
    return tr(note.message, lang, **dict(values))
