"""What a diagnosis says: findings, ranked so that the first is the root cause."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tidegate.core.notebook import Notebook
from tidegate.core.translate import Language, language, tr
from tidegate.diagnose import words

Severity = Literal["info", "warning", "critical"]
ON = "on"  # see `Finding.instead`
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or could be better.

    Attributes:
        id: what it is, such as "overfitting".
        severity: "info" (could be better), "warning" (costs accuracy) or "critical" (do not use the model as it is).
        evidence: the numbers it rests on, by name; the sentence of `text` shows them.
        remedy: the change of the configuration that should help, such as {"dropout": 0.3}: arguments of the
            estimator, or of `fit` (known, observed, static). Empty where no option helps.
        instead: why there is no remedy: `ON`, since what helps is set already, or the id of a finding that asks for
            the opposite and comes first; "" otherwise.
        figure: what to draw (see `tidegate.diagnose.figures`), its axes named by `axes`; None where there is nothing.
    """

    id: str
    severity: Severity
    evidence: Mapping[str, Any]
    remedy: Mapping[str, Any] = field(default_factory=dict)
    figure: Mapping[str, Any] | None = None
    instead: str = ""

    def title(self, lang: Language | None = None) -> str:
        """A few words."""
        return words.title(self.id, lang)

    def text(self, lang: Language | None = None) -> str:
        """What was seen, with the numbers."""
        return words.seen(self.id, self.evidence, lang)

    def cause(self, lang: Language | None = None) -> str:
        """Why this happens."""
        return words.cause(self.id, lang)

    def advice(self, lang: Language | None = None) -> str:
        """What to do, with the remedy as options."""
        if self.instead == ON:
            return words.settled(self.id, lang)
        if self.instead:
            return words.deferred(self.instead, lang)
        return words.advice(self.id, self.remedy, lang)

    def grade(self, lang: Language | None = None) -> str:
        """How grave it is, in words."""
        return words.severity(self.severity, lang)

    def axes(self, lang: Language | None = None) -> tuple[str, str]:
        """Titles of the figure's axes, x and y; "" where it has none."""
        return words.axes(self.id, lang)

    def caption(self, lang: Language | None = None) -> str:
        """What the figure shows."""
        return "" if self.figure is None else words.caption(self.id, self.figure, lang)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers and text, the sentences in English."""
        return {
            "id": self.id,
            "severity": self.severity,
            "title": self.title("en"),
            "text": self.text("en"),
            "cause": self.cause("en"),
            "advice": self.advice("en"),
            "evidence": {name: _plain(value) for name, value in self.evidence.items()},
            "remedy": {name: _plain(value) for name, value in self.remedy.items()},
            "figure": None if self.figure is None else {name: _plain(value) for name, value in self.figure.items()},
        }


@dataclass(frozen=True, repr=False)
class Findings(Notebook, Sequence[Finding]):
    """Findings, root cause first; empty where nothing was found.

    Attributes:
        items: the findings in order.
        checked: ids of everything that was looked for.
        sample: windows (or sequences) that were looked at, by part.
        unit: what the sample counts, "windows", "sequences", "rows" or "tokens".
    """

    items: tuple[Finding, ...]
    checked: tuple[str, ...] = ()
    sample: Mapping[str, int] = field(default_factory=dict)
    unit: str = "windows"

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.items)

    def __getitem__(self, index: Any) -> Any:
        return self.items[index]

    @property
    def top(self) -> Finding | None:
        """The root cause: the first finding that costs accuracy; None where none does."""
        return next((item for item in self.items if item.severity != "info"), None)

    def find(self, id: str) -> Finding | None:
        """The finding of an id, or None."""
        return next((item for item in self.items if item.id == id), None)

    def summary(self, lang: Language | None = None) -> str:
        """One sentence on the whole."""
        grave = [item for item in self.items if item.severity != "info"]
        if not grave:
            return tr("Nothing that costs accuracy was found in {count} checks.", lang, count=len(self.checked))
        if len(grave) == 1:
            return tr("One thing costs accuracy: {title}.", lang, title=grave[0].title(lang))
        message = "{count} findings cost accuracy. Begin with the first (“{title}”): it may explain others."
        return tr(message, lang, count=len(grave), title=grave[0].title(lang))

    def table(self, lang: Language | None = None) -> str:
        """The findings as text, root cause first."""
        lines = [self.summary(lang)]
        for number, item in enumerate(self.items, 1):
            lines += [
                "",
                f"{number}. {item.title(lang)} [{item.grade(lang)}]",
                f"   {item.text(lang)}",
                f"   {tr('Why: {cause}', lang, cause=item.cause(lang))}",
                f"   {tr('Try: {advice}', lang, advice=item.advice(lang))}",
            ]
        if self.sample:
            lines += ["", self.sampled(lang)]
        return "\n".join(lines)

    def sampled(self, lang: Language | None = None) -> str:
        """How many windows, or sequences, of each part were looked at."""
        comma = "、" if (lang or language()) == "zh_TW" else ", "
        sampled = comma.join(f"{words.part(name, lang)} {count:,}" for name, count in self.sample.items())
        if self.unit == "sequences":
            return tr("Sequences looked at: {sampled}.", lang, sampled=sampled)
        if self.unit == "rows":
            return tr("Rows looked at: {sampled}.", lang, sampled=sampled)
        if self.unit == "tokens":
            return tr("Tokens looked at: {sampled}.", lang, sampled=sampled)
        return tr("Windows looked at: {sampled}.", lang, sampled=sampled)

    def __str__(self) -> str:
        return self.table()

    def to_json(self) -> dict[str, Any]:
        """The findings for machines."""
        return {
            "summary": self.summary("en"),
            "findings": [item.to_json() for item in self.items],
            "checked": list(self.checked),
            "sample": dict(self.sample),
        }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value
