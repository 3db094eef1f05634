"""Numbers out of text: missing markers, decimal commas, thousands separators, true and false."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Decimal = Literal[".", ","]
MOST_KNOWN = 4096  # different cells that are remembered while a column is read

_MISSING = "na n/a #n/a n/e nan <na> nat null none nil - -- \u2013 \u2014 ? . .. ... \u2026 :"
MISSING = frozenset(("", "#n/a n/a", "\\n", *(f": {flag}" for flag in "bcdeinpsuz"), *_MISSING.split()))
"""Cells that mean "no value", in lower case and without surrounding blanks."""
BLANKS = " \u00a0\u2009\u202f"
APOSTROPHES = "'\u2019\u02bc\u2032"

_TRUTH = {"true": 1.0, "false": 0.0}
_EXPONENT = r"(?:[eE][-+]?\d+)?"


def _grouped(signs: str, point: str) -> re.Pattern[str]:
    """Numbers with one kind of sign between thousands (Indian lakhs too where it is a comma)."""
    lakhs = r"|\d{1,2}(?:,\d{2})+,\d{3}" if "," in signs else ""
    fraction = rf"(?:{re.escape(point)}\d*)?{_EXPONENT}"
    return re.compile(rf"[-+]?(?:\d{{1,3}}(?P<s>[{re.escape(signs)}])\d{{3}}(?:(?P=s)\d{{3}})*{lakhs}){fraction}")


_OTHER: dict[Decimal, Decimal] = {".": ",", ",": "."}
_GROUPED = {sign: _grouped(_OTHER[sign] + BLANKS + APOSTROPHES, sign) for sign in _OTHER}
_ALWAYS = {sign: _grouped(BLANKS + APOSTROPHES, sign) for sign in _OTHER}
_STRICT = {(sign, mark): _grouped(mark, sign) for sign in _OTHER for mark in (",", ".", BLANKS, APOSTROPHES)}
_PLAIN_COMMA = re.compile(rf"[-+]?\d*,\d+{_EXPONENT}")
_NOT_DIGITS = {sign: re.compile(rf"[{re.escape(_OTHER[sign])}{BLANKS}{APOSTROPHES}]") for sign in _OTHER}
_EITHER = re.compile(r"[-+]?[1-9]\d{0,2}[.,]\d{3}")
_LONG = re.compile(r"[-+]?\d{4,}")


class BadCellError(Exception):
    """A cell that cannot be converted; carries its row and text to where the place has a name."""

    def __init__(self, row: int, text: str, reason: str = "") -> None:
        super().__init__(row, text, reason)
        self.row = row
        self.text = text
        self.reason = reason


_WIDE = str.maketrans(
    {zero + i: str(i) for zero in (0xFF10, 0x660, 0x6F0, 0x966) for i in range(10)}
    | {"\u066b": ".", "\u066c": ","}
    | {"．": ".", "，": ",", "－": "-", "＋": "+", "\u2212": "-"}
)


def _written(text: str) -> str:
    """A cell without blanks around it, full-width digits and signs as the usual ones."""
    cell = text.strip()
    cell = cell[1:] if cell[:1] == "'" else cell  # a spreadsheet's mark of text
    return cell if cell.isascii() else cell.translate(_WIDE)


def is_missing(text: str) -> bool:
    """Whether a cell is one of the `MISSING` markers."""
    return text.strip().lower() in MISSING


def to_float(text: str, decimal: Decimal = ".", grouped: bool | str = True) -> float:
    """One cell as a number, NaN for a missing marker, 1 and 0 for true and false.

    Args:
        text: the cell.
        decimal: the decimal sign.
        grouped: whether the other sign may stand between thousands, as blanks and apostrophes may in any case; a text
            is the one sign that may ("" for none).

    Raises:
        ValueError: the text is no number in this notation.
    """
    cell = _written(text)
    if decimal == ".":
        try:
            if "_" not in cell:
                return float(cell)
        except ValueError:
            pass
    elif "." not in cell and "_" not in cell:
        try:
            return float(cell.replace(",", ".", 1))
        except ValueError:
            pass
    lower = cell.lower()
    if lower in MISSING:
        return np.nan
    if lower in _TRUTH:
        return _TRUTH[lower]
    if isinstance(grouped, str):
        mark = BLANKS if grouped in BLANKS else APOSTROPHES if grouped in APOSTROPHES else grouped
        pattern = _STRICT[decimal, mark] if grouped else None
    else:
        pattern = (_GROUPED if grouped else _ALWAYS)[decimal]
    if pattern is not None and pattern.fullmatch(cell):
        return float(_NOT_DIGITS[decimal].sub("", cell).replace(",", "."))
    raise ValueError(text)


def to_floats(texts: Sequence[str], decimal: Decimal = ".", grouped: bool | str = True) -> NDArray[np.float64]:
    """A column of cells as numbers.

    Args:
        texts: [n] cells.
        decimal: the decimal sign.
        grouped: what may stand between thousands, as in `to_float`.

    Returns:
        float64 [n], NaN where a cell is a missing marker.

    Raises:
        BadCellError: a cell is neither; `row` counts from the first of `texts`.
    """
    ready = plain(texts, decimal)
    if ready is not None:
        return ready

    def read(row: int, text: str) -> float:
        try:
            return to_float(text, decimal, grouped)
        except ValueError:
            raise BadCellError(row, text) from None

    return each_once(texts, read)


def each_once(texts: Sequence[str], read: Callable[[int, str], float]) -> NDArray[np.float64]:
    """Cells [n] as numbers, by their place and text; of cells that are alike the first is read."""
    values = np.empty(len(texts), dtype=np.float64)
    known: dict[str, float] = {}
    for row, text in enumerate(texts):
        value = known.get(text)
        if value is None:
            value = read(row, text)
            if len(known) < MOST_KNOWN:
                known[text] = value
        values[row] = value
    return values


def plain(texts: Sequence[str], decimal: Decimal) -> NDArray[np.float64] | None:
    """Cells as numbers where every one is a plain number without separators, else None."""
    joined = "\n".join(texts)
    ready: Sequence[str] | None = None
    if "_" not in joined:
        if decimal == ".":
            ready = texts
        elif "." not in joined:
            ready = joined.replace(",", ".").split("\n") if texts else texts
    if ready is None or len(ready) != len(texts):
        return None
    try:
        return np.fromiter(map(float, ready), dtype=np.float64, count=len(texts))
    except ValueError:
        return None


def decimal_evidence(texts: Iterable[str]) -> tuple[int, int]:
    """Count cells of one column that can only be read with a decimal point, or only with a decimal comma.

    "1.234" could be either. Beside it a number of four digits or more without a sign (2500) decides: who sets signs
    between thousands sets them there too, so the sign of "1.234" is a decimal sign.

    Returns:
        (cells for the point, cells for the comma).
    """
    point = comma = long = 0
    either = {".": 0, ",": 0}
    for text in texts:
        cell = _written(text)
        if "," not in cell and "." not in cell:
            long += _LONG.fullmatch(cell) is not None
            continue
        if _EITHER.fullmatch(cell):
            either["." if "." in cell else ","] += 1
            continue
        as_point = as_comma = False
        try:
            as_point = "_" not in cell and bool(np.isfinite(float(cell)))
        except ValueError:
            as_point = _GROUPED["."].fullmatch(cell) is not None
        as_comma = _PLAIN_COMMA.fullmatch(cell) is not None or _GROUPED[","].fullmatch(cell) is not None
        if as_point and as_comma:  # 0.123 has no thousands
            as_point, as_comma = "." in cell, "," in cell
        point += as_point
        comma += as_comma
    if not point and not comma and long:
        return either["."], either[","]
    return point, comma


def could_be_either(text: str) -> bool:
    """Whether the sign in a cell such as "1,234" or "1.234" may be a decimal sign or stand between thousands."""
    return _EITHER.fullmatch(text.strip()) is not None


def is_number(text: str) -> bool:
    """Whether a cell is a number in one of the notations."""
    for sign in _OTHER:
        try:
            to_float(text, sign)
        except ValueError:
            continue
        return True
    return False
