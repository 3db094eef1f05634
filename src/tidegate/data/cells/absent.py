"""Further markers of missing values, as the caller names them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr
from tidegate.data.cells.numbers import MISSING

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
