"""Sections that every run has: what was done to its data, its options, how to repeat it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tidegate.core.translate import Language, tr
from tidegate.report.page.describe import line
from tidegate.report.page.markup import Markup, el, join
from tidegate.report.page.parts import definition, note_list
from tidegate.report.page.view import Run
from tidegate.report.page.words import duration


def data(view: Run, lang: Language) -> Markup | None:
    """The schema, and what was found and done."""
    if not view.schema and not view.notes:
        return None
    pairs = definition(line(note, lang) for note in view.schema) if view.schema else None
    notes = [note for note in view.notes if note not in view.evaluation.notes]
    nothing = el("p", tr("Nothing had to be repaired or filled.", lang))
    return join(pairs, note_list(notes, lang) if notes else nothing)


def configuration(view: Run, lang: Language) -> Markup | None:
    """All options of the run."""
    flat = list(flatten(view.config))
    return definition(flat, code=True) if flat else None


def repeat(view: Run, lang: Language) -> Markup | None:
    """How to run it again."""
    facts = [] if view.seed is None else [(tr("Seed", lang), str(view.seed))]
    facts += [(name, value) for name, value, _ in training_time(view, lang)]
    facts += view.versions.items()
    parts: list[Markup] = []
    for code, heading in ((view.command, tr("In a shell", lang)), (view.snippet, tr("In Python", lang))):
        if code:
            parts += [el("h3", heading), el("pre", el("code", code), tabindex="0")]
    if facts:
        parts += [el("h3", tr("Seed and versions", lang)), definition(facts)]
    return join(*parts) if parts else None


def training_time(view: Run, lang: Language) -> list[tuple[str, str, str]]:
    """The training time as a key number; nothing where it is unknown."""
    return [] if view.seconds is None else [(tr("Training time", lang), duration(view.seconds, lang), "")]


def flatten(config: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    """Dotted names and values of nested options, in the order given."""
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_plain(item) for item in value) or "\u2013"
    if value is None or (isinstance(value, Mapping) and not value):
        return "\u2013"
    return str(value).lower() if isinstance(value, bool) else str(value)
