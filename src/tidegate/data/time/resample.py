"""Irregular rows onto a regular grid: what falls into one step becomes one row."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, TimeError
from tidegate.core.frequency import Frequency
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.time.frequency import parse
from tidegate.data.time.grid import Rows

Resample = Literal["mean", "sum", "last"]
WAYS = ("mean", "sum", "last")
_MOST = 10


def resample(rows: Rows, frequency: str | Frequency | None, how: str) -> None:
    """Gather rows into the steps of a grid, in place: numbers by their mean, sum or last value, text by its last.

    A row goes to the step that it falls into, dated by when it begins. Missing values are passed over.

    Args:
        rows: sorted by series; times in any order.
        frequency: the grid's step: of fixed length from the start of a day (weeks from a Monday), or months.
        how: one of `WAYS`.

    Raises:
        ConfigError: an unknown way, or no frequency to go to.
        TimeError: rows without times, or without the step's time of beginning.
    """
    if how not in WAYS:
        raise ConfigError(tr("resample={how!r} is unknown; choose one of {names}", how=how, names=", ".join(WAYS)))
    if frequency is None:
        raise ConfigError(tr('resample={how!r} needs the step to go to: frequency=, for instance "1h" or "D"', how=how))
    if rows.time.dtype.kind != "M":
        raise TimeError(tr("resample={how!r} needs a time column, but the rows are only counted; pass time=", how=how))
    if np.isnat(rows.time).any():
        raise TimeError(
            tr("{place}: the time is missing; fill it in", place=rows.where(int(np.argmax(np.isnat(rows.time)))))
        )
    step = parse(frequency, rows.time[:0])
    begin = _begins(rows.time, step)
    codes = np.zeros(len(begin), dtype=np.int64) if rows.codes is None else rows.codes
    order = np.lexsort((rows.time, codes))
    before = len(begin)
    rows.take(order)
    begin, codes = begin[order], codes[order]
    first = np.flatnonzero(np.concatenate([[True], (begin[1:] != begin[:-1]) | (codes[1:] != codes[:-1])]))
    columns = {name: _gather(values, first, how) for name, values in rows.columns.items()}
    rows.take(first)
    rows.time, rows.columns = begin[first], columns
    message = (
        "{rows} rows were brought onto a grid of step {step} by their {how}: {count} rows, of which {empty} have no "
        "value; the first and last may hold only a part of their time."
    )
    empty = _empty(rows, step)
    told = {"rows": before, "step": str(step), "how": how, "count": len(first) + empty, "empty": empty}
    rows.notes.append(Note("resampled", message, told))


def _begins(time: NDArray[Any], step: Frequency) -> NDArray[Any]:
    """When the steps begin that times fall into."""
    size = step.microseconds
    if size is not None:
        origin = np.datetime64("1970-01-05" if size % (7 * 86_400_000_000) == 0 else "1970-01-01", "us")
        delta = (time - origin).astype(np.int64)
        return np.asarray(origin + (delta // size * size).astype("timedelta64[us]"))
    if step.unit == "M" and not step.days and not step.month_end:
        month = time.astype("datetime64[M]").astype(np.int64)
        return np.asarray((month // step.count * step.count).astype("datetime64[M]").astype("datetime64[us]"))
    raise ConfigError(
        tr("resample= goes to steps of fixed length, months, quarters or years; not to {step!r}", step=str(step))
    )


def _gather(values: NDArray[Any], first: NDArray[np.int64], how: str) -> NDArray[Any]:
    last = np.append(first[1:], len(values)) - 1
    held = ~np.isnan(values) if values.dtype.kind == "f" else np.array([cell is not None for cell in values])
    count = np.add.reduceat(held.astype(np.int64), first)
    if values.dtype.kind != "f" or how == "last":
        place = np.maximum.accumulate(np.where(held, np.arange(len(values)), -1))[last]
        blank: Any = np.nan if values.dtype.kind == "f" else None
        found = np.full(len(first), blank, dtype=values.dtype)
        found[count > 0] = values[place[count > 0]]
        return found
    total = np.add.reduceat(np.where(held, values, 0).astype(np.float64), first)
    found = np.full(len(first), np.nan)
    np.divide(total, count if how == "mean" else 1, out=found, where=count > 0)
    return found.astype(values.dtype)


def _empty(rows: Rows, step: Frequency) -> int:
    """Steps between the first and last row of each series that no row falls into.

    Raises:
        TimeError: they are far more than the rows.
    """
    starts = rows.starts()
    size = step.microseconds
    at = rows.time.astype("datetime64[M]").astype(np.int64) if size is None else rows.time.astype(np.int64)
    span = (at[starts[1:] - 1] - at[starts[:-1]]) // (step.count if size is None else size) + 1
    empty = int(span.sum()) - len(rows.time)
    if empty > (_MOST - 1) * len(rows.time):
        message = (
            "a grid of step {step} would have {sum:,} rows for {count} that hold something; pass a longer frequency="
        )
        raise TimeError(tr(message, step=step, sum=int(span.sum()), count=len(rows.time)))
    return empty
