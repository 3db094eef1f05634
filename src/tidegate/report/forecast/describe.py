"""The data in a few lines: which columns play which part, and where the parts of the split lie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.core.frequency import Frequency
from tidegate.core.table import Note, Schema
from tidegate.core.translate import Language, tr
from tidegate.report.page.words import span
from tidegate.report.svg.ticks import time_label


def describe(
    schema: Schema,
    frequency: Frequency,
    parts: Mapping[str, tuple[Any, Any, int]],
    *,
    series: int = 1,
    zone: str = "",
) -> tuple[Note, ...]:
    """The lines of `RunView.schema`.

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


def line(note: Note, lang: Language) -> tuple[str, str]:
    """Name and text of one line in the reader's language; notes of other kinds show their message under their kind."""
    names = {
        "time": tr("Time column", lang),
        "frequency": tr("One row every", lang),
        "zone": tr("Time zone", lang),
        "series": tr("Series", lang),
        "targets": tr("Target", lang),
        "known": tr("Known ahead", lang),
        "observed": tr("Observed up to now", lang),
        "static": tr("Fixed per series", lang),
        "train": tr("Training part", lang),
        "validation": tr("Validation part", lang),
        "test": tr("Test part", lang),
        "train_sequences": tr("Training sequences", lang),
        "validation_sequences": tr("Validation sequences", lang),
        "test_sequences": tr("Test sequences", lang),
        "steps": tr("Steps", lang),
        "texts": tr("Texts", lang),
        "frames": tr("Frames", lang),
        "channels": tr("Channels", lang),
        "labels": tr("Labels", lang),
    }
    return names.get(note.kind, note.kind), _text(note, lang)


def _text(note: Note, lang: Language) -> str:
    values = note.values
    if "frequency" in values:
        return span(1, values["frequency"], lang)
    if "names" in values:
        return ("、" if lang == "zh_TW" else ", ").join(values["names"])
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
