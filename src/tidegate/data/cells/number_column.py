"""A column of numbers, collected chunk by chunk, with the units that stand beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal as Exact
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, SchemaError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.cells.notation import Notation, coded, doubt, first_either, take_off
from tidegate.data.cells.numbers import MISSING, BadCellError, each_once, plain, to_float

_WRONG = "na={value!r} (--na) must be a text or a number that means no value, or several"


@dataclass(frozen=True)
class Absent:
    """Cells that mean "no value" beside the usual ones: texts, numbers, and beginnings of texts (written `<*`)."""

    texts: frozenset[str] = frozenset()
    numbers: tuple[float, ...] = ()
    beginnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, given: Any) -> Absent:
        """Markers from a text with commas, or a list of texts and numbers.

        Raises:
            ConfigError: something else.

        >>> Absent.of("unavailable, -999, <*").numbers
        (-999.0,)
        """
        if given is None or isinstance(given, Absent):
            return given or cls()
        if isinstance(given, str):
            given = given.split(",")
        given = [given] if isinstance(given, (int, float)) else given
        if not isinstance(given, Iterable):
            raise ConfigError(tr(_WRONG, value=given))
        words: set[str] = set()
        numbers: list[float] = []
        beginnings: list[str] = []
        for item in given:
            word = str(item).strip().lower()
            if not word or not isinstance(item, (str, int, float, np.integer, np.floating)):
                raise ConfigError(tr(_WRONG, value=item))
            if len(word) > 1 and word.endswith("*"):
                beginnings.append(word[:-1])
                continue
            words.add(word)
            try:
                numbers.append(float(word))
            except ValueError:
                continue
        return cls(frozenset(words), tuple(numbers), tuple(beginnings))

    def __bool__(self) -> bool:
        return bool(self.texts or self.beginnings)

    def __call__(self, text: str) -> bool:
        """Whether a cell means no value."""
        word = text.strip().lower()
        return word in MISSING or word in self.texts or (bool(self.beginnings) and word.startswith(self.beginnings))

    def blank(self, values: NDArray[Any]) -> tuple[NDArray[Any], int]:
        """Numbers with the markers among them made NaN (in a copy), and how many these were."""
        if not self.numbers or values.dtype.kind != "f":
            return values, 0
        hit = np.isin(values, np.array(self.numbers, dtype=values.dtype))
        count = int(hit.sum())
        return (np.where(hit, values.dtype.type("nan"), values), count) if count else (values, 0)


NOTHING = Absent()
"""No further markers."""


_GUESSED = (
    "Column {column}: {text} was read as {value}, as dates are written with the day first and dots between. If it is "
    'not, pass decimal="." (--decimal).'
)
_MIXED = (
    "column {column!r} mixes units: {place} has {first!r}, {other} {second}; write all its numbers in one unit, or "
    "pass units=True (--units) to take the numbers as they stand"
)
_UNITS = "Column {column}: {units} beside the numbers was left off."
_FACTORS = "Column {column}: {factors} after a number was multiplied out (12K is 12000)."
_PARENTHESES = "Column {column}: numbers in parentheses were read as negative ones."


class NumberColumn:
    """Collects numbers.

    Args:
        notation: how they are written.
        na: what means no value.
        mixed: whether their units may differ.
    """

    def __init__(self, notation: Notation, na: Absent, mixed: bool = False) -> None:
        self.notation = notation
        self.na = na
        self.mixed = mixed
        self.parts: list[NDArray[np.float64]] = []
        self.rows = 0
        self.units: dict[str, int] = {}
        self.factors: dict[str, None] = {}
        self.parentheses = False
        self.alone: int | None = None
        self.guess: str | None = None

    def add(self, texts: Sequence[str]) -> None:
        """Take the next cells; BadCellError counts rows from the first cell of the column."""
        doubt(texts, self.notation, self.rows)
        if self.notation.found and self.notation.decimal == "," and coded(texts):
            raise BadCellError(self.rows, texts[0], "coded")
        if self.notation.by_dates and self.guess is None:
            place = first_either(texts)
            self.guess = None if place is None else texts[place]
        values = plain(texts, self.notation.decimal)
        if values is None:
            values = each_once(texts, lambda row, text: self._one(self.rows + row, text))
        elif self.alone is None and values.any():
            self.alone = self.rows + int(np.argmax(values != 0))
        self.parts.append(values)
        self.rows += len(values)

    def add_array(self, values: NDArray[np.float64]) -> None:
        """Take the next cells as numbers."""
        if self.alone is None and values.any():
            self.alone = self.rows + int(np.argmax(values != 0))
        self.parts.append(values)
        self.rows += len(values)

    def _one(self, row: int, text: str) -> float:
        if self.na.texts and self.na(text):
            return np.nan
        sign, grouped = self.notation.decimal, self.notation.grouped
        try:
            value = to_float(text, sign, grouped)
        except ValueError:
            pass
        else:
            if self.alone is None and value and not np.isnan(value):
                self.alone = row
            return value
        if self.na(text):
            return np.nan
        found = take_off(text)
        if found is None:
            raise BadCellError(row, text)
        try:
            value = to_float(found.text, sign, grouped)
        except ValueError:
            raise BadCellError(row, text) from None
        if found.unit:
            self.units.setdefault(found.unit, row)
        elif self.alone is None:
            self.alone = row
        if found.scale:
            self.factors.setdefault(found.scale)
        self.parentheses |= found.parentheses
        return value if found.factor == 1 else float(Exact(repr(value)) * int(found.factor))

    def finish(self) -> NDArray[np.float64]:
        """The whole column."""
        if len(self.parts) == 1:
            whole = self.parts[0]
        else:
            whole = np.empty(self.rows, dtype=np.float64)
            at = 0
            for i, part in enumerate(self.parts):
                whole[at : at + len(part)] = part
                at += len(part)
                self.parts[i] = part[:0]  # gives its memory back while the whole fills
        whole, _ = self.na.blank(whole)
        return whole

    def told(self, name: str, place: Callable[[int], str]) -> list[Note]:
        """What was left off and guessed.

        Raises:
            SchemaError: units differ within the column, or some of its numbers have none.
        """
        notes = []
        if self.guess is not None:
            value = f"{self._one(0, self.guess):g}"
            notes.append(Note("decimal_guess", _GUESSED, {"column": name, "text": self.guess, "value": value}))
        if self.units and not self.mixed and (len(self.units) > 1 or self.alone is not None):
            (first, at), *others = self.units.items()
            second, then = (repr(others[0][0]), others[0][1]) if others else (tr("none"), self.alone or 0)
            where = {"place": place(at), "other": place(then)}
            raise SchemaError(tr(_MIXED, column=name, first=first, second=second, **where))
        if self.units:
            notes.append(Note("units", _UNITS, {"column": name, "units": ", ".join(self.units)}))
        if self.factors:
            notes.append(Note("factors", _FACTORS, {"column": name, "factors": ", ".join(self.factors)}))
        if self.parentheses:
            notes.append(Note("parentheses", _PARENTHESES, {"column": name}))
        return notes
