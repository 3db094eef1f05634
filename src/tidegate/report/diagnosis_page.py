"""The page of a diagnosis: what was found, what was tried, what was looked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tidegate.core.translate import Language, language, tr
from tidegate.diagnose import words
from tidegate.report.page.diagnosis import findings
from tidegate.report.page.document import document, write_page
from tidegate.report.page.markup import Markup, el, join
from tidegate.report.page.parts import definition, header
from tidegate.report.svg.ticks import number


def report_diagnosis(
    path: str | Path, found: Any, fixed: Any = None, *, title: str = "", lang: Language | None = None
) -> Path:
    """Write the page of a diagnosis: one HTML file that needs nothing else.

    Args:
        path: the file. found: `tidegate.diagnose.Findings`. fixed: `Fixed`, where remedies were tried.
        title: of the page. lang: None takes the reader's.

    Raises:
        OutputError: the file cannot be written.
    """
    lang = lang or language()
    return write_page(Path(path), render_diagnosis(found, lang, fixed, title))


def render_diagnosis(found: Any, lang: Language, fixed: Any = None, title: str = "") -> str:
    """The page as text; the same findings give the same text."""
    title = title or tr("Diagnosis", lang)
    head = header(tr("A model examined", lang), title)
    parts = [
        ("findings", tr("What was found", lang), findings(found, lang)),
        ("mended", tr("What was tried", lang), None if fixed is None else tried_fixes(fixed, lang)),
        ("checked", tr("What was looked for", lang), checked(found, lang)),
    ]
    return document(title, head, parts, lang)


def checked(found: Any, lang: Language) -> Markup:
    """Every check with its result."""
    seen = {item.id: item for item in found}
    return definition(
        (words.title(id, lang), seen[id].grade(lang) if id in seen else tr("not found", lang)) for id in found.checked
    )


def tried_fixes(fixed: Any, lang: Language) -> Markup:
    """What was tried, and the errors before and after beside the baselines."""
    tables = []
    for part, rows in fixed.errors(lang).items():
        heading = tr("{part}, {metric}", lang, part=words.part(part, lang), metric=fixed.metric(lang))
        tables.append(join(el("h3", heading), definition((name, number(value)) for name, value in rows)))
    return join(el("ul", *(el("li", line) for line in fixed.tried(lang)), class_="notes"), *tables)
