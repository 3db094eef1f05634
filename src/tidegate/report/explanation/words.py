"""What the page needs to know of a case: its head, its sentences, the names of its groups, how it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from tidegate.core.translate import Language
from tidegate.explain.explanation import Explanation
from tidegate.explain.groups import Group
from tidegate.explain.permutation import Importance
from tidegate.explain.shapley import Attribution
from tidegate.report.page.markup import Markup
from tidegate.report.page.parts import with_unit
from tidegate.report.svg.ticks import number

MIXED = 0.5  # a mean over the steps below this share of their size hides ups and downs


@dataclass(frozen=True)
class Words:
    """One case in words and figures; each task's own is a subclass.

    Attributes:
        found: the explanation. unit: of what is predicted. lang: of the page.
        headings: of sections that are worded for the task.
        ranked: which attributions are drawn as bars, in order, the first named in the page's first words.
    """

    found: Explanation
    unit: str
    lang: Language
    headings: ClassVar[dict[str, str]] = {}
    ranked: ClassVar[tuple[str, ...]] = ("feature", "block")

    @property
    def case(self) -> Any:
        """What is explained."""
        return self.found.case

    @property
    def scale(self) -> str:
        """The unit of shares."""
        return self.unit

    def sized(self, value: float) -> str:
        """A size with its unit."""
        return with_unit(number(value), self.unit)

    def head(self, title: str) -> tuple[str, str, str]:
        """What kind of page it is, its title, and the line below it."""
        raise NotImplementedError

    def first(self) -> str:
        """What was predicted, and what it would have been without a look at the input."""
        raise NotImplementedError

    def moved(self, name: str, share: float, reach: float) -> str:
        """What one group did."""
        raise NotImplementedError

    def sure(self) -> str:
        """How sure it is, and what is known to be true; "" where nothing is."""
        return ""

    def group(self, group: Group, kind: str) -> str:
        """A group's name."""
        raise NotImplementedError

    def drawn(self) -> dict[str, Markup | None]:
        """Sections of its own, by name: "said", "words", "saw"."""
        raise NotImplementedError

    def shares(self) -> str:
        """What the bars of an attribution are."""
        raise NotImplementedError

    def total(self, each: Attribution) -> str:
        """The sum of an attribution, with what it leaves over."""
        raise NotImplementedError

    def maps(self) -> list[Markup | None]:
        """Figures of what mattered that are not bars."""
        return []

    def usual(self, measured: Importance) -> tuple[str, float]:
        """What permutation importance is, and the factor to draw it with."""
        raise NotImplementedError

    def test(self) -> tuple[str, str]:
        """What a deletion test does, and the unit of what moves."""
        raise NotImplementedError

    def remarks(self) -> list[str]:
        """What else must be known of the method."""
        return []

    def order(self, kind: str, each: Attribution) -> np.ndarray:
        """[n] groups as they are drawn: blocks by time, others by how far they moved the prediction."""
        if kind != "block":
            return np.argsort(-each.reach)
        starts = [group.first if group.first is not None else np.inf for group in each.groups.all]
        return np.argsort(starts, kind="stable")
