"""Turning the cells of one column into an array, chunk by chunk, for every kind of source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError, SchemaError, TimeError
from tidegate.core.table import Note
from tidegate.data.cells.numbers import BadCellError, Decimal, could_be_either, is_missing, looks_numeric, to_floats
from tidegate.data.time.forms import looks_like_time
from tidegate.data.time.timecolumn import TimeColumn

Role = Literal["time", "number", "any", "key", "text"]
"""`text` keeps cells as they are written; `any` finds out whether they are numbers, and knows missing markers."""
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
    """How cells are written."""

    decimal: Decimal | None = None
    grouped: bool = True
    date_format: str | None = None


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

    def load(self, roles: dict[str, Role], options: Options) -> Loaded:
        """Read the named columns."""
        ...

    def place(self, row: int) -> str:
        """Where a row is, for messages: "load.csv, line 17" or "row 16"."""
        ...


def text_kind(texts: Sequence[str]) -> Kind:
    """What a column of text holds."""
    numeric = looks_numeric(texts)
    if numeric is None:
        return "empty"
    if numeric:
        return "number"
    held = [text for text in texts if not is_missing(text)]
    return "time" if sum(map(looks_like_time, held)) * 2 > len(held) else "text"


class NumberColumn:
    """Collects numbers."""

    def __init__(self, decimal: Decimal, grouped: bool) -> None:
        self.decimal: Decimal = decimal
        self.grouped = grouped
        self.parts: list[NDArray[np.float64]] = []
        self.rows = 0

    def add(self, texts: Sequence[str]) -> None:
        """Take the next cells; BadCellError counts rows from the first cell of the column."""
        try:
            self.add_array(to_floats(texts, self.decimal, self.grouped))
        except BadCellError as error:
            raise BadCellError(self.rows + error.row, error.text) from None

    def add_array(self, values: NDArray[np.float64]) -> None:
        self.parts.append(values)
        self.rows += len(values)

    def finish(self) -> NDArray[np.float64]:
        if len(self.parts) == 1:
            return self.parts[0]
        whole = np.empty(self.rows, dtype=np.float64)
        at = 0
        for i, part in enumerate(self.parts):
            whole[at : at + len(part)] = part
            at += len(part)
            self.parts[i] = part[:0]  # gives its memory back while the whole fills
        return whole


class TextColumn:
    """Collects text; equal cells share one object."""

    def __init__(self) -> None:
        self.known: dict[str, str | None] = {}
        self.cells: list[str | None] = []

    def add(self, texts: Sequence[str]) -> None:
        known = self.known
        for text in texts:
            if text not in known:
                known[text] = None if is_missing(text) else text.strip()
            self.cells.append(known[text])

    def finish(self) -> NDArray[Any]:
        whole = np.empty(len(self.cells), dtype=object)
        whole[:] = self.cells
        return whole


class RawColumn:
    """Collects text as it is written, an empty cell as ""."""

    def __init__(self) -> None:
        self.cells: list[str] = []

    def add(self, texts: Sequence[str]) -> None:
        self.cells.extend(texts)

    def finish(self) -> NDArray[Any]:
        whole = np.empty(len(self.cells), dtype=object)
        whole[:] = self.cells
        return whole


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


Column = NumberColumn | TextColumn | RawColumn | KeyColumn | TimeColumn


def column_for(name: str, role: Role, kind: Kind, options: Options) -> Column:
    """The collector that a column's role asks for."""
    if role == "time":
        return TimeColumn(name, options.date_format)
    if role == "key":
        return KeyColumn()
    if role == "text":
        return RawColumn()
    if role == "any" and kind in ("text", "time"):
        return TextColumn()
    return NumberColumn(options.decimal or ".", options.grouped)


def finish(column: Column, source: Source) -> Any:
    """The collected column as an array, `Times` or `Keys`."""
    if isinstance(column, TimeColumn):
        return column.finish(source.place)
    return column.finish()


def bad_cell(error: BadCellError, name: str, column: Column, source: Source) -> DataError:
    """The user's message for a cell that does not fit its column."""
    text = error.text if len(error.text) <= 60 else error.text[:57] + "..."
    where = f"{source.place(error.row)}, column {name!r}"
    if isinstance(column, TimeColumn):
        return TimeError(
            f"{where}: {text!r} cannot be read as a time{error.reason}; correct it, or say how times are written with "
            'date_format= (for instance "%d.%m.%Y %H:%M"), or pass time=False to take the rows in their order'
        )
    hint = "correct it or leave the cell empty"
    if "," in text:
        hint = 'if numbers are written with a decimal comma pass decimal=",", with commas between thousands decimal="."'
        if could_be_either(error.text):
            hint = 'this could be a decimal comma or a thousands separator: pass decimal="," or decimal="."'
    return SchemaError(f"{where}: {text!r} is not a number; {hint}")
