"""Numbers out of text: missing markers, decimal commas, thousands separators, true and false."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Decimal = Literal[".", ","]

MISSING = frozenset({"", "na", "n/a", "#n/a", "nan", "<na>", "nat", "null", "none", "nil", "-", "--", "?", "."})
"""Cells that mean "no value", in lower case and without surrounding blanks."""

_TRUTH = {"true": 1.0, "false": 0.0}
_GROUPED = {
    ".": re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?"),
    ",": re.compile(r"[-+]?\d{1,3}(?:[. '\u00a0\u202f\u2019]\d{3})+(?:,\d+)?"),
}
_PLAIN_COMMA = re.compile(r"[-+]?\d*,\d+(?:[eE][-+]?\d+)?")
_NOT_DIGITS = {".": re.compile(r","), ",": re.compile(r"[. '\u00a0\u202f\u2019]")}


class BadCellError(Exception):
    """A cell that cannot be converted; carries its row and text to where the place has a name."""

    def __init__(self, row: int, text: str, reason: str = "") -> None:
        super().__init__(row, text, reason)
        self.row = row
        self.text = text
        self.reason = reason


def is_missing(text: str) -> bool:
    """Whether a cell is one of the `MISSING` markers."""
    return text.strip().lower() in MISSING


def to_float(text: str, decimal: Decimal = ".", grouped: bool = True) -> float:
    """One cell as a number, NaN for a missing marker, 1 and 0 for true and false.

    Raises:
        ValueError: the text is no number in this notation.
    """
    cell = text.strip()
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
    if grouped and _GROUPED[decimal].fullmatch(cell):
        return float(_NOT_DIGITS[decimal].sub("", cell).replace(",", "."))
    raise ValueError(text)


def to_floats(texts: Sequence[str], decimal: Decimal = ".", grouped: bool = True) -> NDArray[np.float64]:
    """A column of cells as numbers.

    Args:
        texts: [n] cells.
        decimal: the decimal sign.
        grouped: whether the other sign and blanks may stand between thousands.

    Returns:
        float64 [n], NaN where a cell is a missing marker.

    Raises:
        BadCellError: a cell is neither; `row` counts from the first of `texts`.
    """
    joined = "\n".join(texts)
    ready: Sequence[str] | None = None
    if "_" not in joined:
        if decimal == ".":
            ready = texts
        elif "." not in joined:
            ready = joined.replace(",", ".").split("\n") if texts else texts
    if ready is not None and len(ready) == len(texts):
        try:
            return np.fromiter(map(float, ready), dtype=np.float64, count=len(texts))
        except ValueError:
            pass
    values = np.empty(len(texts), dtype=np.float64)
    known: dict[str, float] = {}
    for row, text in enumerate(texts):
        value = known.get(text)
        if value is None:
            try:
                value = to_float(text, decimal, grouped)
            except ValueError:
                raise BadCellError(row, text) from None
            if len(known) < 4096:
                known[text] = value
        values[row] = value
    return values


def decimal_evidence(texts: Iterable[str]) -> tuple[int, int]:
    """Count cells that can only be read with a decimal point, or only with a decimal comma.

    Returns:
        (cells for the point, cells for the comma).
    """
    point = comma = 0
    for text in texts:
        cell = text.strip()
        if "," not in cell:
            whole, dot, fraction = cell.partition(".")
            # "1.234" could group thousands; any other fraction is a decimal point
            point += bool(dot) and fraction.isdigit() and (len(fraction) != 3 or len(whole.lstrip("+-")) > 3)
            continue
        as_point = _GROUPED["."].fullmatch(cell) is not None
        as_comma = _PLAIN_COMMA.fullmatch(cell) is not None or _GROUPED[","].fullmatch(cell) is not None
        if as_point and as_comma:
            if cell.lstrip("+-").startswith("0"):
                comma += 1
        else:
            point += as_point
            comma += as_comma
    return point, comma


def could_be_either(text: str) -> bool:
    """Whether a cell such as "1,234" may hold a decimal comma or a thousands separator."""
    cell = text.strip()
    return _GROUPED["."].fullmatch(cell) is not None and _PLAIN_COMMA.fullmatch(cell) is not None


def looks_numeric(texts: Iterable[str], share: float = 0.5) -> bool | None:
    """Whether more than `share` of the cells that hold something are numbers; None where all are missing."""
    held = fine = 0
    for text in texts:
        if is_missing(text):
            continue
        held += 1
        for sign in _GROUPED:
            try:
                to_float(text, "," if sign == "," else ".")
            except ValueError:
                continue
            fine += 1
            break
    return None if held == 0 else fine > share * held
