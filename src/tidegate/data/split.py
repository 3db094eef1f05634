"""Chronological splits: training, validation and test part of every series, one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, SplitError
from tidegate.core.table import Note, Table
from tidegate.core.translate import tr
from tidegate.data.time.zones import to_utc

Size = float | int | str | date | np.datetime64
"""A fraction of each series' rows (float below 1), a count of rows (int), or when the part begins (date)."""


@dataclass(frozen=True)
class Split:
    """Row ranges of the parts.

    Attributes:
        parts: "train" and, where not empty, "validation" and "test" -> int64 [G, 2], first row and end.
        gap: rows left out between parts.
        notes: what the reader should know.
    """

    parts: Mapping[str, NDArray[np.int64]]
    gap: int = 0
    notes: tuple[Note, ...] = ()

    def __getitem__(self, part: str) -> NDArray[np.int64]:
        return self.parts[part]

    @property
    def train(self) -> NDArray[np.int64]:
        """[G, 2], the training rows."""
        return self.parts["train"]

    @property
    def validation(self) -> NDArray[np.int64]:
        """[G, 2], the validation rows; empty ranges where there is no such part."""
        return self.parts.get("validation", np.repeat(self.train[:, 1:], 2, axis=1))

    def rows(self, part: str) -> int:
        """Rows of a part over all series; 0 where there is no such part."""
        found = self.parts.get(part)
        return 0 if found is None else int((found[:, 1] - found[:, 0]).sum())

    def together(self) -> Split:
        """Training and validation part as one training part, the rows of a gap between them included."""
        joined = np.stack([self.train[:, 0], self.validation[:, 1]], axis=1)
        return Split({**self.parts, "train": joined}, self.gap, self.notes)

    def for_windows(self, table: Table, window: int, horizon: int) -> Split:
        """The same parts, checked for windows of another length.

        Raises:
            SplitError: a part has no such window in any series.
        """
        check_sizes(window, horizon)
        kept = (note for note in self.notes if note.kind != "short_series")
        return replace(self, notes=(*kept, *_short(table, self.parts, self.gap, window, horizon)))


def check_sizes(window: int, horizon: int) -> None:
    """Refuse windows and horizons below one row.

    Raises:
        ConfigError: naming the option.
    """
    for name, value in (("window", window), ("horizon", horizon)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise ConfigError(tr("{name}={value!r} must be a whole number of rows, at least 1", name=name, value=value))


def split(table: Table, *, validation: Size = 0.1, test: Size = 0.2, gap: int = 0, window: int, horizon: int) -> Split:
    """Divide every series by time into a training, a validation and a test part.

    Args:
        table: the data.
        validation, test: how much each part takes: a fraction of each series' rows (float below 1), rows per
            series (int), or the time the part begins (text or datetime, on the table's local clock). 0 leaves it out.
        gap: rows dropped before each later part, so that slow dependence cannot leak across.
        window, horizon: T and K; a part must hold at least one window (its inputs may reach back into the
            part before, except for training).

    Returns:
        The parts. Series too short to give a window are reported, and contribute none.

    Raises:
        SplitError: a part is left without a window in any series.
        ConfigError: an option has an impossible value.
    """
    check_sizes(window, horizon)
    if isinstance(gap, bool) or not isinstance(gap, (int, np.integer)) or gap < 0:
        raise ConfigError(tr("gap={gap!r} must be a whole number of rows, at least 0", gap=gap))
    first, end = table.starts[:-1], table.starts[1:]
    test_begin = _begin(table, "test", test, end)
    notes: list[Note] = []
    test_begin = _enough(table, "test", test, test_begin, end, horizon, notes)
    limit = end if test_begin is None else np.maximum(test_begin - gap, first)
    validation_begin = _begin(table, "validation", validation, end if test_begin is None else test_begin)
    validation_begin = _enough(table, "validation", validation, validation_begin, limit, horizon, notes)
    if validation_begin is not None:
        if test_begin is not None and isinstance(validation, (int, float, np.integer, np.floating)):
            validation_begin = validation_begin - gap  # the gap comes out of the training part, not of this one
        validation_begin = np.clip(validation_begin, first, limit)
    train_end = limit if validation_begin is None else np.maximum(validation_begin - gap, first)
    ranges = {"train": (first, train_end)}
    if validation_begin is not None:
        ranges["validation"] = (validation_begin, limit)
    if test_begin is not None:
        ranges["test"] = (np.maximum(test_begin, first), end)
    parts = {
        name: np.stack([low, np.maximum(low, high)], axis=1).astype(np.int64) for name, (low, high) in ranges.items()
    }
    return Split(parts, int(gap), (*notes, *_short(table, parts, gap, window, horizon)))


def _enough(
    table: Table,
    name: str,
    size: Size,
    begin: NDArray[np.int64] | None,
    end: NDArray[np.int64],
    horizon: int,
    notes: list[Note],
) -> NDArray[np.int64] | None:
    """Where a part given as a share begins: a horizon before its end where the share has no room for one forecast."""
    if begin is None or not isinstance(size, (float, np.floating)) or (end - begin).max() >= horizon:
        return begin
    message = "The {part} part takes {rows} rows of each series, as one forecast does: {share:g} of them are too few."
    notes.append(Note("share", message, {"part": name, "rows": horizon, "share": float(size)}))
    return np.asarray(np.maximum(end - horizon, table.starts[:-1]))


def _begin(table: Table, name: str, size: Size, end: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """[G] first row of a part that ends at `end`; None for no such part."""
    lengths = table.lengths
    if isinstance(size, (bool, np.bool_)):
        raise ConfigError(tr("{name}={size} must be a fraction, a count of rows or a date", name=name, size=size))
    if isinstance(size, (int, np.integer)):
        if size < 0:
            raise ConfigError(tr("{name}={size} must not be negative", name=name, size=size))
        return None if size == 0 else np.asarray(np.maximum(end - int(size), table.starts[:-1]))
    if isinstance(size, (float, np.floating)):
        if not 0 <= size < 1:
            message = "{name}={size} must be a fraction below 1; for a count of rows give a whole number"
            raise ConfigError(tr(message, name=name, size=size))
        if size == 0:
            return None
        rows = np.floor(lengths * float(size) + 0.5).astype(np.int64)
        return np.asarray(np.maximum(end - rows, table.starts[:-1]))
    return _begin_at(table, name, size)


def _begin_at(table: Table, name: str, size: Any) -> NDArray[np.int64]:
    if table.time.dtype.kind != "M":
        message = "{name}={size!r} is a date, but the rows have no times; give a fraction or a count of rows"
        raise SplitError(tr(message, name=name, size=size))
    try:
        at = np.datetime64(size.strip() if isinstance(size, str) else size, "us")
    except (ValueError, TypeError):
        raise ConfigError(
            tr("{name}={size!r} is no date; write it as '2024-12-31' or '2024-12-31 06:00'", name=name, size=size)
        ) from None
    if np.isnat(at):
        raise ConfigError(
            tr("{name}={size!r} is no date; write it as '2024-12-31' or '2024-12-31 06:00'", name=name, size=size)
        )
    if table.timezone is not None:
        at = to_utc(np.array([at]), table.timezone)[0][0]
    return np.array(
        [a + np.searchsorted(table.time[a:b], at) for a, b in zip(table.starts[:-1], table.starts[1:], strict=True)],
        dtype=np.int64,
    )


def _short(
    table: Table, parts: Mapping[str, NDArray[np.int64]], gap: int, window: int, horizon: int
) -> tuple[Note, ...]:
    notes = []
    first = table.starts[:-1]
    for name, rows in parts.items():
        low, high = rows[:, 0], rows[:, 1]
        base = low if name == "train" else first
        fits = (high > low) & (np.maximum(low, base + window) + horizon <= high)
        if not fits.any():
            longest = int(np.argmax(high - low))
            raise SplitError(_message(table, parts, name, longest, (gap, window, horizon)))
        if not fits.all():
            notes.append(
                Note(
                    "short_series",
                    "{count} of {total} series are too short to give a window in the {part} part (first: {first}).",
                    {
                        "count": int((~fits).sum()),
                        "total": len(fits),
                        "part": name,
                        "first": table.ids[int(np.argmin(fits))],
                    },
                )
            )
    return tuple(notes)


def _message(
    table: Table, parts: Mapping[str, NDArray[np.int64]], name: str, series: int, sizes: tuple[int, int, int]
) -> str:
    gap, window, horizon = sizes
    low, high = parts[name][series]
    length = int(table.lengths[series])
    what = f"series {table.ids[series]!r}" if table.ids[series] else "the series"
    many = f" (the longest of {len(table.ids)} in that part)" if len(table.ids) > 1 else ""
    counts = ", ".join(f"{part} {int(rows[series, 1] - rows[series, 0])}" for part, rows in parts.items())
    head = f"no window fits the {name} part: {what}{many} has {length} rows, divided into {counts}"
    if gap:
        head += f", with gaps of {gap}"
    if length < window + horizon:
        return (
            f"{head}; one window needs window + horizon = {window} + {horizon} = {window + horizon} rows. "
            "Give a shorter window or horizon, or more data"
        )
    if name == "train":
        return (
            f"{head}; training needs window + horizon = {window} + {horizon} = {window + horizon} rows. Give a "
            "shorter window or horizon, or smaller validation= and test= parts"
        )
    if high - low < horizon:
        return (
            f"{head}; the {name} part needs at least horizon = {horizon} rows. Give {name}={horizon} or more rows, "
            "or a shorter horizon"
        )
    return (
        f"{head}; the {name} part begins {int(low - table.starts[series])} rows into the series, and its first window "
        f"needs {window} rows before it and {horizon} in it. Give a shorter window"
    )
