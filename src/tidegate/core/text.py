"""Numbers and tables as a reader sees them."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from tidegate.core.translate import Language, language

_TOUCHING = re.compile(r"(?<=[\u4e00-\u9fff])(?=[0-9A-Za-z])|(?<=[0-9A-Za-z])(?=[\u4e00-\u9fff])")


def number(value: float) -> str:
    """Four significant digits, thousands apart: 12,345, 1.234, 0.001234; a dash where there is no value."""
    if not math.isfinite(value):
        return "-"
    size = abs(value)
    if size >= 1000.0:
        return f"{value:,.0f}"
    if size == 0.0 or size >= 1e-4:
        places = 4 if size == 0.0 else min(7, max(0, 3 - math.floor(math.log10(size))))
        return f"{value:.{places}f}"
    return f"{value:.3e}"


def finite(value: Any) -> Any:
    """Plain values with null for every number that JSON has not: NaN and the infinite ones."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def share(value: float) -> str:
    """A share with three decimals: 0.912; a larger number with four digits, a dash where there is none."""
    if not math.isfinite(value):
        return "-"
    return f"{value:.3f}" if abs(value) < 10 else number(value)


def probability(value: float) -> str:
    """A p-value as it stands after the letter: "= 0.021", "< 0.001"."""
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"


def spaced(text: str, lang: Language | None = None) -> str:
    """A Chinese sentence with a space between its characters and Latin words that were filled in."""
    return _TOUCHING.sub(" ", text) if (lang or language()) == "zh_TW" else text


def joined(sentences: Sequence[str], lang: Language | None = None) -> str:
    """Sentences one after another, with a space between those of a language that has one; empty ones left out."""
    return ("" if (lang or language()) == "zh_TW" else " ").join(sentence for sentence in sentences if sentence)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table under its head, columns aligned; Chinese characters count twice."""
    widths = [max(_width(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        first = row[0] + " " * (widths[0] - _width(row[0]))
        rest = (" " * (width - _width(cell)) + cell for cell, width in zip(row[1:], widths[1:], strict=True))
        lines.append("  ".join([first, *rest]).rstrip())
    lines.insert(1, "  ".join("-" * width for width in widths))
    return lines


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
