"""An alarm of a detector explained: how rare a row is, and which channels and steps made it so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tidegate.core.text import joined
from tidegate.core.translate import tr
from tidegate.report.explanation.answer import AnswerWords
from tidegate.report.svg.ticks import number

USUAL = 0.176  # power of ten of one in one and a half: rarer is one in 2 and more


@dataclass(frozen=True)
class AlarmWords(AnswerWords):
    """Of an `Alarm`: shares are powers of ten of how rare the row is."""

    headings: ClassVar[dict[str, str]] = AnswerWords.headings | {"mattered": "What made the row rare"}

    @property
    def scale(self) -> str:
        return ""

    def head(self, title: str) -> tuple[str, str, str]:
        case, lang = self.case, self.lang
        where = joined([case.id, case.time], lang) if case.id else case.time
        below = tr("How rare the row is, what made it so, and whether that holds", lang)
        why = (
            tr("{where}: why an alarm", lang, where=where)
            if case.alarm
            else tr("{where}: why no alarm", lang, where=where)
        )
        return tr("An alarm explained", lang), title or why, where if title else below

    def first(self) -> str:
        case, lang = self.case, self.lang
        each = next(iter(self.found.attributions.values()))
        values = {
            "rarity": rarity(float(each.prediction[0])),
            "base": rarity(float(each.base[0])),
            "p": number(case.p_value),
            "threshold": number(case.threshold),
        }
        rare = float(each.base[0]) >= USUAL
        told = (
            tr(
                "Of rows like this one in {rarity} is to be expected; with ordinary values in its place it would be "
                "one in {base}.",
                lang,
                **values,
            )
            if rare
            else tr(
                "Of rows like this one in {rarity} is to be expected; with ordinary values in its place it would be "
                "like any other.",
                lang,
                **values,
            )
        )
        said = (
            tr("It alarms: its p-value of {p} is not above the threshold of {threshold}.", lang, **values)
            if case.p_value <= case.threshold
            else tr("It is part of an alarm that has not ended: its p-value is {p}.", lang, **values)
            if case.alarm
            else tr("It does not alarm: its p-value of {p} is above the threshold of {threshold}.", lang, **values)
        )
        return joined([told, said], lang)

    def moved(self, name: str, share: float, reach: float) -> str:
        if abs(share) < USUAL:
            return tr("“{name}” made it hardly more or less rare.", self.lang, name=name)
        up, down = "“{name}” made it {times} times rarer.", "“{name}” made it {times} times less rare."
        return tr(up if share > 0 else down, self.lang, name=name, times=rarity(abs(share)))

    def sure(self) -> str:
        if self.case.actual is None:
            return ""
        known = "The row is labelled as an anomaly.", "The row is not labelled as an anomaly."
        return tr(known[0 if self.case.actual == "1" else 1], self.lang)

    def shares(self) -> str:
        return tr(
            "Every bar is a share, in powers of ten, of how much rarer this row is than with ordinary values in its "
            "window: +1 makes it ten times as rare. Together the bars give the whole difference.",
            self.lang,
        )

    def test(self) -> tuple[str, str]:
        return super().test()[0], tr("Powers of ten", self.lang)

    def remarks(self) -> list[str]:
        taken = "What is taken away is replaced by windows of ordinary rows, at the same place of the season."
        came = "The stream comes to the window as it did; what it had learned before is left as it was."
        return [tr(taken, self.lang), tr(came, self.lang)]


def rarity(surprise: float) -> str:
    """One over a rarity as a number.

    >>> rarity(0.0), rarity(3.0), rarity(8.2)
    ('1', '1,000', '10^8.2')
    """
    return f"{10**surprise:,.0f}" if surprise < 6 else f"10^{surprise:.1f}"
