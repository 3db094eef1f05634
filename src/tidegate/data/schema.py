"""Which columns are what: as named by the caller, else recognised by the names people use."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Literal

from tidegate.core.errors import SchemaError
from tidegate.core.table import Schema
from tidegate.core.translate import tr
from tidegate.data.cells.columns import Source
from tidegate.data.cells.numbers import is_missing
from tidegate.data.time.digits import dates_in_digits
from tidegate.data.time.parts import (
    TIMES,
    are_year_words,
    are_years,
    clock_for,
    is_clock,
    is_date,
    part_named,
    year_parts,
)

Names = str | Sequence[str] | None
TimeName = str | Sequence[str] | Literal[False] | None

_SURE = TIMES[:9]
_SERIES = ("unique_id", "item_id", "series_id")
_TARGETS = ("y", "target")


def as_names(names: Names) -> tuple[str, ...]:
    """One name or several as a tuple."""
    if names is None:
        return ()
    return (names,) if isinstance(names, str) else tuple(names)


def first_named(words: str, names: Iterable[str]) -> str | None:
    """The column that is called by the first of some lower-case words, between blanks, that any is called by."""
    lower = {name.strip().lower(): name for name in reversed(list(names))}
    return next((lower[word] for word in words.split() if word in lower), None)


def constant(source: Source, name: str) -> bool:
    """Whether a column's first cells, eight or more, are all the same."""
    cells = source.cells(name)
    return len(cells) >= 8 and len(set(cells)) == 1


def missing_column(source: Source, name: str, option: str) -> SchemaError:
    """The message for a column that is not there, with those that are near."""
    lower = {other.lower(): other for other in source.names}
    near = [lower[found] for found in difflib.get_close_matches(name.lower(), lower, n=3, cutoff=0.6)]
    hint = tr("did you mean {names}?", names=tr(" or ").join(map(repr, near))) + " " if near else ""
    shown = ", ".join(source.names[:20]) + (" ..." if len(source.names) > 20 else "")
    message = "{option}={name!r}: {source} has no such column; {hint}columns are: {shown}"
    where = source.label or tr("the table")
    return SchemaError(tr(message, option=option, name=name, source=where, hint=hint, shown=shown))


@dataclass(frozen=True)
class Columns:
    """Columns of a table of sequences by what they are, as of `read_sequences`."""

    label: Names = None
    id: str | None = None
    time: str | None = None
    features: Names = None
    group: str | None = None


def require_columns(source: Source, wanted: Mapping[str, Iterable[str]]) -> None:
    """Refuse options that name columns which are not there.

    Raises:
        SchemaError: there is one.
    """
    for option, names in wanted.items():
        for name in names:
            if name not in source.names:
                raise missing_column(source, name, option)


def find_time(
    source: Source, time: TimeName, taken: Iterable[str], formatted: bool = False, series: Sequence[str] = ()
) -> tuple[str, ...]:
    """The column or columns (year, month, day, ...) that hold the time; empty where rows are only counted.

    Args:
        source: the columns.
        time: as given to `read`.
        taken: columns with another role.
        formatted: whether the caller says how times are written.
        series: the columns that name the series.

    Raises:
        SchemaError: a named column is not there.
    """
    if time is False:
        return ()
    gone = set(taken)
    free = [name for name in source.names if name not in gone]
    parts = year_parts(source, free)
    if time is not None:
        return _named_time(source, as_names(time), parts, free, series)
    single = _single_time(source, free, formatted, bool(parts))
    if single in parts and are_year_words(source, single):
        return parts
    found = _with_clock(source, single, free, series, parts) if single else parts
    if found == (single,) and is_clock(source, found[0]):  # a duration, where another column has whole times
        whole = (name for name in free if source.kind(name) == "time" and not is_clock(source, name))
        return (next(whole, found[0]),)
    return found


def _single_time(source: Source, free: Sequence[str], formatted: bool, parts: bool) -> str | None:
    """The column of times by its name, else the first that holds times."""
    lower = {_bare(name): name for name in reversed(free)}
    for known in TIMES:
        if parts and known in ("month", "year", "年", "week", "月"):
            break
        if known in lower:
            kind = source.kind(lower[known])
            if kind == "number" and not _runs_on(source.cells(lower[known])):
                continue  # "data" is a date in Italian, and a column of values in English
            if kind in ("time", "number") or (kind == "text" and (formatted or known in _SURE)):
                return lower[known]
    years = [name for name in free if part_named(name) == "year" and are_years(source, name)]
    if years and not parts:
        return years[0]
    written = next(
        (name for name in sorted(free, key=lambda name: constant(source, name)) if source.kind(name) == "time"), None
    )
    if (
        written is None
        and free
        and not parts
        and source.kind(free[0]) == "number"
        and dates_in_digits(source.cells(free[0]))
    ):
        return free[0]
    return written


def _runs_on(cells: Sequence[str]) -> bool:
    """Whether numbers may be times: they are whole and not negative, or most are above the one before."""
    try:
        values = [float(cell) for cell in cells if not is_missing(cell)]
    except ValueError:  # written in another notation
        return True
    rising = sum(after > before for before, after in pairwise(values))
    return all(value >= 0 and value.is_integer() for value in values) or 4 * rising >= 3 * (len(values) - 1)


def _bare(name: str) -> str:
    return name.lower().strip("<>[] ")


def dates_by_look(source: Source, name: str) -> bool:
    """Whether a column is not named for times, and its whole numbers can only be dates."""
    return name.lower() not in TIMES and source.kind(name) == "number" and dates_in_digits(source.cells(name))


def _with_clock(
    source: Source, single: str, free: Sequence[str], series: Sequence[str], parts: tuple[str, ...]
) -> tuple[str, ...]:
    """A column of times with the one that holds its dates, or its times of day."""
    if is_clock(source, single):
        named = [name for known in TIMES for name in free if _bare(name) == known and name != single]
        others = named + [name for name in free if source.kind(name) == "time"]
        date = next((name for name in others if is_date(source, name)), None)
        if date is not None:
            return (date, single)
        return parts if single in parts else (single,)
    return (single, *clock_for(source, single, free, series))


def _named_time(
    source: Source, names: tuple[str, ...], parts: tuple[str, ...], free: Sequence[str], series: Sequence[str]
) -> tuple[str, ...]:
    for name in names:
        if name not in source.names:
            if name == "time":  # the name that read itself gives to a time put together from parts
                single = _single_time(source, free, False, bool(parts))
                whole = _with_clock(source, single, free, series, parts) if single else parts
                if len(whole) > 1:
                    return whole
            raise missing_column(source, name, "time")
    if len(names) == 1 and is_clock(source, names[0]):
        return _with_clock(source, names[0], free, series, parts)
    return names


def find_series(source: Source, series: Names) -> tuple[str, ...]:
    """The columns that name the series, none where no name says so.

    Raises:
        SchemaError: a named column is not there, or named twice.
    """
    names = as_names(series)
    for name in names:
        if name not in source.names:
            raise missing_column(source, name, "series")
        if names.count(name) > 1:
            raise SchemaError(
                tr("series={names}: column {name!r} is named more than once", names=list(names), name=name)
            )
    if names:
        return names
    return tuple(name for known in _SERIES for name in source.names if name.lower() == known)[:1]


def telling_apart(source: Source, key: Sequence[str], times: Sequence[str], free: Sequence[str]) -> tuple[str, ...]:
    """The one or two other columns, of words or of few whole numbers, by which no time of a series occurs twice in the
    first rows; else the first column of words; () where there is none."""
    cells = {name: source.cells(name) for name in (*times, *key, *free)}
    words = [name for name in free if source.kind(name) == "text"]
    codes = [name for name in free if source.kind(name) == "number" and all(map(_is_code, cells[name]))]
    few = [name for name in words + codes if 1 < len(set(cells[name])) <= max(2, len(cells[name]) // 3)]
    for found in [*((name,) for name in few), *combinations(few, 2)]:
        rows = list(zip(*(cells[name] for name in (*times, *key, *found)), strict=True))
        if times and len(set(rows)) == len(rows):
            return found
    return tuple(words[:1])


def _is_code(text: str) -> bool:
    return text.strip().isdigit()


def find_targets(source: Source, target: Names, taken: Sequence[str]) -> tuple[str, ...]:
    """The target columns: as named, else `y` or `target`, else the only other column of numbers.

    Raises:
        SchemaError: a named column is not there, or none or several could be meant.
    """
    if target is not None:
        names = as_names(target)
        for name in names:
            if name not in source.names:
                raise missing_column(source, name, "target")
        return names
    used = set(taken)
    free = [name for name in source.names if name not in used]
    for known in _TARGETS:
        named = [name for name in free if name.lower() == known]
        if named:
            return (named[0],)
    numeric = [name for name in free if source.kind(name) == "number" and not name.startswith("column ")]
    moving = [name for name in numeric if not constant(source, name)]
    if len(numeric) == 1 or len(moving) == 1:
        return ((moving or numeric)[0],)
    shown = ", ".join(_looks(source, name) for name in source.names[:20])
    if not numeric:
        if len(source.names) == 1:
            told = "no column of numbers, only {shown}; if several columns stand in it, pass delimiter= (--delimiter)"
            raise SchemaError(tr(told, shown=shown))
        message = "no column of numbers to forecast; columns are: {shown}. Name one with target= (--target)"
        raise SchemaError(tr(message, shown=shown))
    if len(numeric) > 40:
        message = (
            "which column is to be forecast? There are {count} columns of numbers ({names} ...). Pass target= "
            '(--target); or wide=True (--wide) where every column is a series, or wide="rows" where every row is one'
        )
        raise SchemaError(tr(message, count=len(numeric), names=", ".join(numeric[:4])))
    others = ", ".join(name for name in source.names if name not in numeric)
    message = (
        "which column is to be forecast? {count} hold numbers: {names}. Pass target={last!r} (--target), for instance, "
        "or several; columns that help go to known= (known ahead), observed= or static=; wide=True (--wide) takes "
        "every column of numbers as a series of its own"
    )
    text = tr(message, count=len(numeric), names=", ".join(numeric), last=numeric[-1])
    raise SchemaError(text + (tr(". Other columns: {names}", names=others) if others else ""))


def _looks(source: Source, name: str) -> str:
    """A column's name, and what it holds: of text its first cell, too, which may say why it is no number."""
    kind = source.kind(name)
    cell = next((text.strip() for text in source.cells(name) if text.strip()), "") if kind == "text" else ""
    return f"{name} ({tr(kind)}{f': {cell[:40]!r}' if cell and len(source.names) > 1 else ''})"


def resolve(
    source: Source,
    *,
    time: TimeName,
    target: Names,
    series: Names,
    known: Names,
    observed: Names,
    static: Names,
    formatted: bool = False,
) -> tuple[Schema, tuple[str, ...]]:
    """The schema of a long table, and the columns that make up its time.

    Raises:
        SchemaError: a column is missing or has two roles, or the target cannot be told.
    """
    roles = {"known": as_names(known), "observed": as_names(observed), "static": as_names(static)}
    for option, names in roles.items():
        for name in names:
            if name not in source.names:
                raise missing_column(source, name, option)
    covariates = [name for names in roles.values() for name in names]
    keys = find_series(source, series)
    taken = [*covariates, *as_names(target), *keys]
    times = find_time(source, time, taken, formatted, keys)
    targets = find_targets(source, target, [*covariates, *times, *keys])
    seen: dict[str, str] = {}
    uses = [("target", targets), *roles.items(), ("time", times), ("series", keys)]
    for option, names in uses:
        for name in names:
            if name in seen:
                message = "column {name!r} is named as {seen} and as {option}; a column has one role"
                raise SchemaError(tr(message, name=name, seen=seen[name], option=option))
            seen[name] = option
    label = None if not times else times[0] if len(times) == 1 else "time"
    series_name = "/".join(keys) or None
    schema = Schema(label, targets, series_name, roles["known"], roles["observed"], roles["static"], keys)
    return schema, times
