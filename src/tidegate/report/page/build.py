"""One builder for the report of every task: a kind of page declares its head and its own sections, no more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate.core.translate import Language, language, tr
from tidegate.report.page import audit, diagnosis, history, run
from tidegate.report.page.document import document, write_page
from tidegate.report.page.markup import Markup, join
from tidegate.report.page.parts import header, key_list
from tidegate.report.page.verdict import verdict_of
from tidegate.report.page.view import Run

Sections = Sequence[tuple[str, str, Markup | None]]
Section = Callable[[Any, Language], Markup | None]
"""A part of a page, of its view; None where the view does not hold what it needs."""

HEADINGS = {
    "coming": "What comes next",
    "scores": "Beside the baselines",
    "forecasts": "Actual against forecast",
    "steps": "Error by step ahead",
    "groups": "By target and series",
    "residuals": "Residuals",
    "estimates": "Estimates against actual values",
    "confusion": "What was taken for what",
    "classes": "Class by class",
    "reliability": "Can its confidence be believed?",
    "curves": "Whatever the threshold",
    "mistakes": "The surest mistakes",
    "errors": "The largest errors",
    "series": "Series and alarms",
    "writes": "What it writes",
    "surprise": "Token by token",
    "looks": "Where it looked",
    "transcripts": "Transcripts, word by word",
    "each": "Series by series",
    "diagnosis": "Diagnosis",
    "learning": "Learning curves",
    "audit": "Leak audit",
    "data": "What was done to the data",
    "configuration": "Configuration",
    "repeat": "How to repeat it",
}
COMMON: Mapping[str, Section] = {
    "diagnosis": diagnosis.section,
    "learning": history.section,
    "audit": audit.section,
    "data": run.data,
    "configuration": run.configuration,
    "repeat": run.repeat,
}


@dataclass(frozen=True)
class Kind:
    """One kind of page.

    Attributes:
        about: what kind of page it is, and what it is about in lines.
        key: the key numbers at its top: name, value and a note each.
        sections: its own, by their names in `HEADINGS`, in order, "scores" among them; what all kinds have follows
            them, the diagnosis behind the scores.
        script: what runs on the page, "" for nothing.
    """

    about: Callable[[Any, Language], tuple[str, tuple[str | Markup, ...]]]
    key: Callable[[Any, Language], list[tuple[str, str, str]]]
    sections: Mapping[str, Section]
    script: Callable[[Any], str] = lambda view: ""


def explanation(make: Callable[[Any, Language], tuple[Markup, str, Sections]]) -> Callable[..., Path]:
    """What writes a page on one answer, without the rest of a report, from its head, its title and its sections."""

    def report(path: str | Path, found: Any, lang: Language | None = None) -> Path:
        """Write a page on what one answer rests on.

        Args:
            path: the file. found: what `explain` gave. lang: of the page; None takes the reader's.

        Raises:
            OutputError: the file cannot be written.
        """
        own = lang or language()
        head, title, sections = make(found, own)
        return write_page(path, document(title, head, sections, own))

    return report


def build(kind: Kind, view: Run, lang: Language) -> str:
    """The page as one HTML document: nothing loaded from anywhere, the same view gives the same text."""
    over, below = kind.about(view, lang)
    numbers = [*kind.key(view, lang), *run.training_time(view, lang)]
    head = join(header(over, view.title, *below), verdict_of(view.evaluation, lang), key_list(numbers))
    sections = {**kind.sections, **COMMON}
    names = [name for name in sections if name != "diagnosis"]
    names.insert(names.index("scores") + 1, "diagnosis")
    parts = [(name, tr(HEADINGS[name], lang), sections[name](view, lang)) for name in names]
    return document(view.title, head, parts, lang, kind.script(view))
