"""How the numbers of a column are written, and what stands beside them: told by its own cells or by other columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tidegate.data.cells.numbers import BadCellError, Decimal, could_be_either, decimal_evidence

FACTORS = {"k": 1e3, "K": 1e3, "M": 1e6, "Mio": 1e6, "mn": 1e6, "B": 1e9, "bn": 1e9, "Mrd": 1e9, "T": 1e12}
FACTORS |= {"千": 1e3, "萬": 1e4, "万": 1e4, "億": 1e8, "亿": 1e8}
_CURRENCY = (
    r"(?:NT|US|HK|MX|NZ|TW|A|C|S|R)?\$|[€£¥₩₹₽฿₫₺]|(?:USD|EUR|GBP|JPY|TWD|NTD|CNY|RMB|CHF|AUD|CAD|HKD|KRW|INR|BRL)"
)
_UNIT_WORDS = """
% ‰ ° °C °F ℃ ℉ W kW MW GW VA kVA MVA Wh kWh MWh GWh J kJ MJ V mV kV A mA Hz kHz MHz GHz Ω kΩ N kN Nm
m cm mm km µm nm ft in mi m2 m² km2 km² ha m3 m³ l L ml mL dl hl kg g mg µg t lb oz s ms min h
Pa hPa kPa MPa bar mbar psi mm/h m/s km/h mph kn l/s m3/s m³/s m3/h m³/h µg/m3 µg/m³ mg/m3 mg/m³ mg/l mg/L g/kg
ppm ppb lx lux dB dBm rpm bpm pH W/m2 W/m² kWh/m2 kWh/m² kB MB GB TB bit/s kbit/s Mbit/s Kbps Mbps
元 股 度 人 件 個 个 円 張 公里 公斤 公尺 毫米
"""
UNITS = frozenset(_UNIT_WORDS.split())
_NUMBER = r"\d(?:[\d.,'\u2019 \u00a0\u2009\u202f]*\d)?|[.,]\d+"


def _form(factors: str) -> re.Pattern[str]:
    after = "|".join(map(re.escape, sorted(UNITS, key=len, reverse=True)))
    return re.compile(
        rf"(?P<open>\()?\s*(?P<sign>[-+\u2212])?\s*(?P<before>{_CURRENCY})?\s*(?P<inner>[-+\u2212])?"
        rf"(?P<number>{_NUMBER})(?P<exponent>[eE][-+]?\d+)?(?P<gap>\s*)(?P<factor>{factors})"
        rf"\s*(?P<after>{_CURRENCY}|{after})?(?P<minus>-)?\s*(?P<close>\))?"
    )


_FORMS = (_form(""), _form("|".join(sorted(FACTORS, key=len, reverse=True))))
_WORD = re.compile(rf"(?P<number>[-+\u2212]?(?:{_NUMBER}))\s+(?P<after>[^\W\d_][^\d,;]{{0,15}})")
_LIMIT = re.compile(r"(?:<=?|>=?|≤|≥|＜|＞)\s*[-+]?[\d.,]+\s*\S{0,6}")
_SPREADSHEET = re.compile(r"#(?:DIV/0|N/A|NAME|NULL|NUM|REF|VALUE|SPILL|CALC|FIELD|WERT|BEZUG|ZAHL|####*)[!?]?", re.I)
_DURATION = re.compile(
    r"-?\d{1,4}:\d{2}(?::\d{2}(?:[.,]\d+)?)?|-?P(?:\d+[DW])?(?:T(?:\d+H)?(?:\d+M)?(?:[\d.]+S)?)?", re.I
)
_CODED = re.compile(r"[-+]\d{4,},\d")
_ABSENT_WORDS = """
unavailable unknown missing void error err fail failed invalid nodata no_data no-data n.a. n.d. nd tr trace undefined
off offline bad not_available *** ** * / // x … ... 無 缺 停電 儀器檢驗 無資料 尚無資料
"""
_ABSENT = frozenset(_ABSENT_WORDS.split()) | {"not available", "no data", "bad input", "out of service"}


@dataclass(frozen=True)
class Affixed:
    """A number and what stands beside it: `text` is the number alone; `unit` and `scale` (K, M ...) may be ""."""

    text: str
    unit: str
    factor: float = 1.0
    scale: str = ""
    parentheses: bool = False


def take_off(cell: str) -> Affixed | None:
    """The number in a cell such as "$1,234", "50 %", "12K", "100 W" or "(3.5)"; None where the cell is none."""
    cell = cell.strip()
    found = next((match for form in _FORMS if (match := form.fullmatch(cell))), None)
    if found is None:
        other = _WORD.fullmatch(cell)
        return None if other is None else Affixed(other["number"], other["after"].strip())
    unit = " ".join(part for part in (found["before"], found["after"]) if part)
    factor, gap = found["factor"] or "", found["gap"] or ""
    if factor and gap and not found["after"] and factor.isascii() and len(factor) == 1:
        unit, factor = f"{unit} {factor}".strip(), ""  # "12K" is twelve thousand, "12 K" are kelvin
    signs = [sign for sign in (found["sign"], found["inner"], found["minus"], found["open"]) if sign]
    if len(signs) > 1 or bool(found["open"]) != bool(found["close"]) or not (unit or factor or signs):
        return None
    minus = bool(signs) and signs[0] != "+"
    text = ("-" if minus else "") + found["number"] + (found["exponent"] or "")
    return Affixed(text, unit, FACTORS.get(factor, 1.0), factor, bool(found["open"]))


def coded(texts: Sequence[str]) -> bool:
    """Whether cells are numbers with a code of quality after a comma, as `+0056,1`: signed, with leading zeros, and of
    a few codes only. Read with a decimal comma they would be other numbers."""
    held = [text.strip() for text in texts if text.strip()]
    return len(held) > 2 and all(map(_CODED.fullmatch, held)) and any(text[1] == "0" for text in held)


def what_is(cell: str) -> str:
    """What a cell that is no number may be: "limit", "spreadsheet", "duration", "absent" or "" for anything else."""
    text = cell.strip()
    if _LIMIT.fullmatch(text):
        return "limit"
    if _SPREADSHEET.fullmatch(text):
        return "spreadsheet"
    if _DURATION.fullmatch(text):
        return "duration"
    return "absent" if text.lower() in _ABSENT else ""


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
