"""What a table holds, for people."""

from __future__ import annotations

import numpy as np

from tidegate.core.business import UNKNOWN
from tidegate.core.frequency import Frequency
from tidegate.core.table import Note, Table
from tidegate.core.translate import Language, tr
from tidegate.data.time.calendars import show
from tidegate.data.time.zones import to_local

_STEPS = {
    "us": ("every microsecond", "every {count} microseconds"),
    "s": ("every second", "every {count} seconds"),
    "min": ("every minute", "every {count} minutes"),
    "h": ("hourly", "every {count} hours"),
    "D": ("daily", "every {count} days"),
    "B": ("every weekday", "every {count} weekdays"),
    "M": ("monthly", "every {count} months"),
    "row": ("rows in their order", "rows in their order, {count} apart"),
}


def frequency_text(frequency: Frequency, lang: Language | None = None) -> str:
    """A frequency in words, such as "hourly" or "every 15 minutes"."""
    if frequency.unit == "M" and frequency.count in (3, 12):
        return tr("quarterly", lang) if frequency.count == 3 else tr("yearly", lang)
    if frequency.unit == "D" and frequency.count == 7:
        return tr("weekly", lang)
    if len(frequency.days) > 1 and frequency.count == 1:
        return tr("{count} times a month, on days {days}", lang, count=len(frequency.days), days=_days(frequency))
    if frequency.holidays == UNKNOWN:
        return tr("weekdays, without holidays that no calendar names", lang)
    if frequency.holidays:
        return tr("business days of {calendar}", lang, calendar=frequency.holidays)
    one, many = _STEPS[frequency.unit]
    return tr(one, lang) if frequency.count == 1 else tr(many, lang, count=frequency.count)


def _days(frequency: Frequency) -> str:
    return ", ".join(map(str, frequency.days))


def note_text(note: Note, lang: Language | None = None) -> str:
    """A note in the reader's language."""
    return tr(note.message, lang, **note.values)


def describe(table: Table, lang: Language | None = None, label: str | None = None) -> str:
    """Schema, frequency, rows, series, span and notes, one fact a line.

    Args:
        table: the data. label: the one of its columns that no model looks at, which says what is known to be anomalous.
        lang: "en" or "zh_TW"; None takes the reader's.
    """
    schema = table.schema
    lines = [
        (tr("time", lang), schema.time or tr("none (rows are counted)", lang)),
        (tr("target", lang), ", ".join(schema.targets) or tr("none", lang)),
        (tr("series", lang), _series(table, lang)),
        (tr("known ahead", lang), ", ".join(schema.known)),
        (tr("observed", lang), ", ".join(name for name in schema.observed if name != label)),
        (tr("static", lang), ", ".join(schema.static)),
        (tr("label", lang), label if label in schema.observed else ""),
        (tr("frequency", lang), frequency_text(table.frequency, lang)),
        (tr("rows", lang), f"{len(table):,}"),
        (tr("span", lang), _span(table, lang)),
        (tr("missing", lang), _missing(table, lang)),
    ]
    kept = [(name, value) for name, value in lines if value]
    width = max(_cells(name) for name, _ in kept)
    text = [f"{name}{' ' * (width - _cells(name))}  {value}" for name, value in kept]
    return "\n".join([*text, *(f"- {note_text(note, lang)}" for note in table.notes)])


def _cells(text: str) -> int:
    """Width on a terminal: a Chinese character takes two cells."""
    return sum(2 if ord(letter) > 0x2E7F else 1 for letter in text)


def _series(table: Table, lang: Language | None) -> str:
    if len(table.ids) == 1:
        return table.ids[0] or tr("one", lang)
    shortest, longest = int(table.lengths.min()), int(table.lengths.max())
    name = f"{table.schema.series}: " if table.schema.series else ""
    message = "{count} series of {shortest} to {longest} rows"
    return name + tr(message, lang, count=f"{len(table.ids):,}", shortest=f"{shortest:,}", longest=f"{longest:,}")


def _span(table: Table, lang: Language | None) -> str:
    if table.time.dtype.kind != "M" or not len(table.time):
        return ""
    ends = np.array([table.time[table.starts[:-1]].min(), table.time[table.starts[1:] - 1].max()])
    if table.timezone is not None:
        ends = to_local(ends, table.timezone)
    first, last = show(ends[0]), show(ends[1])
    if table.frequency.unit == "M" and first.endswith("-01") and last.endswith("-01"):
        first, last = first[:7], last[:7]  # months, written as months
    zone = f" ({table.timezone})" if table.timezone else ""
    return tr("{first} to {last}", lang, first=first, last=last) + zone


def _missing(table: Table, lang: Language | None) -> str:
    parts = []
    for name in table.schema.targets:
        count = int(np.isnan(table.columns[name]).sum())
        if count:
            share = f"{100 * count / len(table):.2g}"
            parts.append(
                tr(
                    "{column} {count} of {rows} rows ({share} %)",
                    lang,
                    column=name,
                    count=count,
                    rows=len(table),
                    share=share,
                )
            )
    return ", ".join(parts)
