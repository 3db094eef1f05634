"""How the numbers of a column are written: told by its own cells, else by those of the other columns, else refused."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tidegate.data.cells.affixes import take_off
from tidegate.data.cells.numbers import BadCellError, Decimal, could_be_either, decimal_evidence

_DOTTED_DATE = re.compile(r"\d{1,2}\.\d{1,2}\.(?:\d{4}|\d{2})(?:\D.*)?")


@dataclass(frozen=True)
class Notation:
    """The decimal sign of a column and what may stand between its thousands (see `to_float`).

    Attributes:
        sure: False where nothing decides: a cell such as "1.234" is then refused.
        found: whether the cells told the decimal sign, not the caller.
        by_dates: whether dates such as 31.12.2024 were all that decided.
    """

    decimal: Decimal = "."
    grouped: bool | str = True
    sure: bool = True
    by_dates: bool = False
    found: bool = True


def evidence(texts: Sequence[str]) -> tuple[int, int]:
    """As `decimal_evidence`, of cells with units and the like too."""
    joined = "\n".join(texts)
    if "." not in joined and "," not in joined:
        return 0, 0
    return decimal_evidence(map(bare, texts))


def bare(text: str) -> str:
    """The number of a cell without what stands beside it."""
    cell = text.strip()
    if cell[-1:].isdigit() and cell[:1].isdigit():
        return cell
    found = take_off(cell)
    return cell if found is None else found.text


def dotted(texts: Iterable[str]) -> bool:
    """Whether cells are dates with the day first and dots between, as they are where the decimal sign is a comma."""
    return any(_DOTTED_DATE.fullmatch(text.strip()) for text in texts)


def notations(
    found: Mapping[str, tuple[int, int]],
    decimal: Decimal | None = None,
    thousands: str | None = None,
    delimiter: str = "",
    dates: bool = False,
) -> dict[str, Notation]:
    """The notation of every column.

    Args:
        found: column -> its evidence, cells that need a decimal point and cells that need a decimal comma.
        decimal, thousands: as the caller says.
        delimiter: of the file; unquoted numbers between commas have no decimal comma.
        dates: whether there are `dotted` dates.
    """
    point, comma = sum(pair[0] for pair in found.values()), sum(pair[1] for pair in found.values())
    grouped: bool | str = True if thousands is None else thousands
    chosen = {}
    for name, (own_point, own_comma) in found.items():
        if decimal is not None:
            chosen[name] = Notation(decimal, grouped, found=False)
        elif own_point or own_comma:
            chosen[name] = Notation("," if own_comma > own_point else ".", grouped)
        elif bool(point) != bool(comma):
            chosen[name] = Notation("," if comma else ".", grouped)
        elif point:  # columns differ
            chosen[name] = Notation(".", grouped, sure=False)
        elif delimiter == ",":
            chosen[name] = Notation(".", False if thousands is None else thousands)
        elif dates:
            chosen[name] = Notation(",", grouped, by_dates=True)
        else:
            chosen[name] = Notation(".", False if thousands is None else thousands, sure=False)
    return chosen


def doubt(texts: Sequence[str], notation: Notation, row: int) -> None:
    """Refuse a cell that may be read in two ways, where nothing decides between them.

    Raises:
        BadCellError: the first such cell, its row counted from `row`.
    """
    if notation.sure:
        return
    place = first_either(texts)
    if place is not None:
        raise BadCellError(row + place, texts[place], "undecided")


def first_either(texts: Sequence[str]) -> int | None:
    """Place of the first cell whose sign may be a decimal sign or stand between thousands."""
    joined = "\n".join(texts)
    if "." not in joined and "," not in joined:
        return None
    return next((place for place, text in enumerate(texts) if could_be_either(bare(text))), None)
