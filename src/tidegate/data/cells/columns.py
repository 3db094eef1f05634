"""Turning the cells of one column into an array, chunk by chunk, for every kind of source."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, DataError, SchemaError, TimeError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.cells.notation import Notation, doubt, take_off, what_is
from tidegate.data.cells.number_column import NOTHING, Absent, NumberColumn
from tidegate.data.cells.numbers import (
    APOSTROPHES,
    BLANKS,
    BadCellError,
    Decimal,
    could_be_either,
    is_number,
    plain,
    to_float,
)
from tidegate.data.time.forms import is_roc, looks_like_time
from tidegate.data.time.timecolumn import TimeColumn

Role = Literal["time", "number", "any", "key", "text", "label"]
"""`text` keeps cells as they are written, `label` too, but for the notation of numbers; `any` finds
out whether they are numbers, and knows missing markers."""
_WORDS = ("true", "false")
_PERIOD = re.compile(r"0(?:0[1-9]|1[0-6])\.(?:19|20)\d\d")  # of an account, such as 001.2024
Kind = Literal["number", "time", "text", "empty"]


@dataclass(frozen=True)
class Keys:
    """A column of series names: `codes` [n] index into `names`; `values` [G] are the names in the kind they came in."""

    codes: NDArray[np.int32]
    names: tuple[str, ...]
    values: NDArray[Any] | None = None


@dataclass(frozen=True)
class Loaded:
    """The columns that were asked for: arrays (float or object), `Times` or `Keys` by role."""

    rows: int
    values: dict[str, Any]


@dataclass(frozen=True)
class Options:
    """How a source is written, as far as the caller says; `read` explains each."""

    encoding: str | None = None
    delimiter: str | None = None
    decimal: Decimal | None = None
    thousands: str | None = None
    date_format: str | None = None
    skip_rows: int | None = None
    columns: tuple[str, ...] | None = None
    na: Absent = NOTHING
    units: bool = False


WRITTEN = Options()
"""All is found out."""
OPTIONS = tuple(field.name for field in fields(Options))
"""What every reader of tables takes."""


def options_of(date_format: str | None = None, **given: Any) -> Options:
    """Options of reading, checked.

    Raises:
        ConfigError: a value that cannot work.
    """
    decimal, thousands = given.get("decimal"), given.get("thousands")
    if decimal not in (None, ".", ","):
        raise ConfigError(tr("decimal={value!r} (--decimal) must be '.' or ','", value=decimal))
    if thousands is not None and (thousands not in ("", ".", ",", *BLANKS, *APOSTROPHES) or thousands == decimal):
        message = "thousands={value!r} (--thousands) must be ',', '.', ' ', \"'\" or '' and another sign than decimal="
        raise ConfigError(tr(message, value=thousands))
    if decimal is None and thousands in (".", ","):
        given["decimal"] = "," if thousands == "." else "."
    rows = given.get("skip_rows")
    if rows is not None and (not isinstance(rows, int) or isinstance(rows, bool) or rows < 0):
        raise ConfigError(tr("skip_rows={value!r} (--skip-rows) must be a number of lines, 0 or more", value=rows))
    columns = given.get("columns")
    if columns is not None:
        names = columns.split(",") if isinstance(columns, str) else columns
        given["columns"] = tuple(str(name).strip() for name in names)
        if not given["columns"] or len(set(given["columns"])) < len(given["columns"]) or "" in given["columns"]:
            raise ConfigError(tr("columns={value!r} (--columns) must name every column once", value=columns))
    given["na"] = Absent.of(given.get("na"))
    given["units"] = bool(given.get("units"))
    return Options(date_format=date_format, **given)


class Source(Protocol):
    """Something with named columns and rows."""

    label: str
    names: tuple[str, ...]
    notes: list[Note]

    def kind(self, name: str) -> Kind:
        """What a column holds, judged by its type or its first rows."""
        ...

    def cells(self, name: str) -> Sequence[str]:
        """A column's first cells as text."""
        ...

    def load(self, roles: dict[str, Role]) -> Loaded:
        """Read the named columns; what was guessed or left out is added to the notes."""
        ...

    def place(self, row: int) -> str:
        """Where a row is, for messages: "load.csv, line 17" or "row 16"."""
        ...


def text_kind(texts: Sequence[str], na: Absent = NOTHING) -> Kind:
    """What a column of text holds."""
    if texts and all(map(_PERIOD.fullmatch, texts)):
        return "time"
    values = plain(texts, ".")  # most columns of numbers are plain, and a table may have thousands of them
    if values is not None and len(values) and not np.isnan(values).any():
        return "number"
    held = [text for text in texts if not na(text)]
    if not held:
        return "empty"
    others = [text for text in held if not is_number(text)]
    if len(others) * 2 < len(held):
        return "number"
    if sum(map(looks_like_time, held)) * 2 > len(held) or is_roc(held):
        return "time"
    units = Counter(found.unit for found in map(take_off, others) if found is not None)
    return "number" if len(units) == 1 and (sum(units.values()) + len(held) - len(others)) * 2 > len(held) else "text"


class RawColumn:
    """Collects text as it is written, an empty cell as ""."""

    def __init__(self) -> None:
        self.cells: list[str | None] = []

    def add(self, texts: Sequence[str]) -> None:
        self.cells.extend(texts)

    def finish(self) -> NDArray[Any]:
        whole = np.empty(len(self.cells), dtype=object)
        whole[:] = self.cells
        return whole


class TextColumn(RawColumn):
    """Collects text; equal cells share one object."""

    def __init__(self, na: Absent) -> None:
        super().__init__()
        self.na = na
        self.known: dict[str, str | None] = {}

    def add(self, texts: Sequence[str]) -> None:
        known = self.known
        for text in texts:
            if text not in known:
                known[text] = None if self.na(text) else text.strip()
            self.cells.append(known[text])


class LabelColumn(RawColumn):
    """Collects labels that are numbers: as texts that Python reads, whatever their notation."""

    def __init__(self, notation: Notation) -> None:
        super().__init__()
        self.notation = notation

    def add(self, texts: Sequence[str]) -> None:
        """Take the next cells; BadCellError where one may be read in two ways."""
        doubt(texts, self.notation, len(self.cells))
        known: dict[str, str] = {}
        for text in texts:
            if text not in known:
                known[text] = self._read(text)
            self.cells.append(known[text])

    def _read(self, text: str) -> str:
        try:
            value = to_float(text, self.notation.decimal, self.notation.grouped)
        except ValueError:
            return text
        same = text.strip().lower() in _WORDS or np.isnan(value)
        return text if same or (self.notation.decimal == "." and "," not in text) else f"{value:.17g}"


class KeyColumn:
    """Collects series names as codes."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {}
        self.parts: list[NDArray[np.int32]] = []

    def add(self, texts: Sequence[str]) -> None:
        known = self.known
        self.parts.append(
            np.fromiter((known.setdefault(text, len(known)) for text in texts), dtype=np.int32, count=len(texts))
        )

    def finish(self) -> Keys:
        codes = np.concatenate(self.parts) if self.parts else np.empty(0, dtype=np.int32)
        names = [name.strip() for name in self.known]
        if len(set(names)) == len(names):
            return Keys(codes, tuple(names))
        merged = {name: i for i, name in enumerate(dict.fromkeys(names))}
        return Keys(np.array([merged[name] for name in names], dtype=np.int32)[codes], tuple(merged))


Column = NumberColumn | TextColumn | RawColumn | LabelColumn | KeyColumn | TimeColumn


def column_for(name: str, role: Role, kind: Kind, options: Options, notation: Notation) -> Column:
    """The collector that a column's role asks for."""
    if role == "time":
        return TimeColumn(name, options.date_format)
    if role == "key":
        return KeyColumn()
    if role == "label" and kind == "number":
        return LabelColumn(notation)
    if role in ("text", "label"):
        return RawColumn()
    if role == "any" and kind in ("text", "time"):
        return TextColumn(options.na)
    return NumberColumn(notation, options.na, options.units)


def finish(column: Column, name: str, source: Source) -> Any:
    """The collected column as an array, `Times` or `Keys`; what was left off its cells is added to the notes."""
    if isinstance(column, TimeColumn):
        return column.finish(source.place)
    values = column.finish()
    if isinstance(column, NumberColumn):
        source.notes.extend(column.told(name, source.place))
    return values


def bad_cell(error: BadCellError, name: str, column: Column, source: Source) -> DataError:
    """The user's message for a cell that does not fit its column."""
    text = error.text if len(error.text) <= 60 else error.text[:57] + "..."
    where = {"place": source.place(error.row), "column": name, "text": text}
    if isinstance(column, TimeColumn):
        return TimeError(tr(_NO_TIME, **where, reason=error.reason))
    if error.reason == "coded":
        return SchemaError(tr(_A_CODED, **where))
    if error.reason or could_be_either(error.text):
        sign = "," if "," in text else "."
        return SchemaError(tr(_EITHER, **where, sign=sign, other="." if sign == "," else ","))
    messages = {"limit": _A_LIMIT, "duration": _A_DURATION, "spreadsheet": _A_SPREADSHEET, "absent": _AN_ABSENCE}
    message = messages.get(what_is(error.text), _A_COMMA if _COMMA.search(error.text) else _A_TEXT)
    return SchemaError(tr(message, **where, beginning=text.strip()[:1]))


_COMMA = re.compile(r"\d,\d")
_NO_TIME = (
    "{place}, column {column!r}: {text!r} cannot be read as a time{reason}; correct it, or say how times are written "
    'with date_format= (--date-format; for instance "%d.%m.%Y %H:%M"), or pass time=False to count the rows'
)
_EITHER = (
    "{place}, column {column!r}: {text!r} is not a number that reads in one way only: the {sign!r} could be a decimal "
    "comma or a thousands separator (or a decimal point), and no other cell decides it; pass decimal={sign!r} or "
    "decimal={other!r} (--decimal)"
)
_A_COMMA = (
    "{place}, column {column!r}: {text!r} is not a number; if numbers are written with a decimal comma pass "
    'decimal=",", with commas between thousands decimal="." (--decimal), else correct it or leave the cell empty'
)
_A_LIMIT = (
    "{place}, column {column!r}: {text!r} is not a number but a limit, such as that of detection; write a number, or "
    'count all such cells as missing with na="{beginning}*" (--na)'
)
_A_DURATION = (
    "{place}, column {column!r}: {text!r} is a duration or a time of day, not a number; write it as a number, such as "
    "seconds or hours"
)
_A_CODED = (
    "{place}, column {column!r}: cells such as {text!r} hold a number and a code, it seems; put them in two columns, "
    'or pass decimal="," (--decimal) where the comma is a decimal sign'
)
_A_SPREADSHEET = (
    "{place}, column {column!r}: {text!r} is not a number but an error of a spreadsheet; correct it, or count it as "
    "missing with na={text!r} (--na)"
)
_AN_ABSENCE = (
    "{place}, column {column!r}: {text!r} is not a number but a word for no value; to count it as missing pass "
    "na={text!r} (--na)"
)
_A_TEXT = (
    "{place}, column {column!r}: {text!r} is not a number; correct it or leave the cell empty, or, where it means no "
    "value, pass na={text!r} (--na)"
)
