"""The report of a classifier, a tagger or a regressor: one self-contained page."""

from __future__ import annotations

from pathlib import Path

from tidegate.core.translate import Language, language, tr
from tidegate.evaluate.label import ClassEvaluation
from tidegate.report import diagnosis
from tidegate.report.forecast import scores, sections
from tidegate.report.label import scores as label_scores
from tidegate.report.label import sections as label_sections
from tidegate.report.label.view import LabelledView
from tidegate.report.page.document import document
from tidegate.report.page.markup import Markup, el, join
from tidegate.report.page.write import write_page


def report_labels(path: str | Path, view: LabelledView, lang: Language | None = None) -> Path:
    """Write the report as one HTML file that needs nothing else.

    Args:
        path: the file; its folder must exist. A file already there is replaced.
        view: what to show.
        lang: language of all words; None takes the reader's.

    Raises:
        OutputError: the file cannot be written.
    """
    return write_page(Path(path), render_labels(view, lang or language()))


def render_labels(view: LabelledView, lang: Language) -> str:
    """The page as text; the same view gives the same text."""
    parts = [
        ("scores", tr("Beside the baselines", lang), label_scores.table(view, lang)),
        ("diagnosis", tr("Diagnosis", lang), diagnosis.section(view, lang)),
        ("estimates", tr("Estimates against actual values", lang), label_sections.estimates(view, lang)),
        ("confusion", tr("What was taken for what", lang), label_sections.confusion(view, lang)),
        ("classes", tr("Class by class", lang), label_sections.classes(view, lang)),
        ("reliability", tr("Can its confidence be believed?", lang), label_sections.reliability(view, lang)),
        ("curves", tr("Whatever the threshold", lang), label_sections.curves(view, lang)),
        ("mistakes", _mistakes(view, lang), label_sections.mistakes(view, lang)),
        ("learning", tr("Learning curves", lang), sections.learning(view, lang)),
        ("data", tr("What was done to the data", lang), sections.data(view, lang)),
        ("configuration", tr("Configuration", lang), sections.configuration(view, lang)),
        ("repeat", tr("How to repeat it", lang), sections.repeat(view, lang)),
    ]
    found = view.evaluation
    told = scores.banner(found.verdict, found.summary(lang), lang)
    head = join(header(view, lang), told, label_scores.key_numbers(view, lang))
    return document(view.title, head, parts, lang)


def header(view: LabelledView, lang: Language) -> Markup:
    """Title, and what was judged."""
    found = view.evaluation
    if not isinstance(found, ClassEvaluation):
        over = tr("Regression report", lang)
        names = ("、" if lang == "zh_TW" else ", ").join(found.names)
        what = tr("Estimates of {names} for {count} test sequences", lang, names=names, count=f"{found.things:,}")
    elif found.kind == "tag":
        over = tr("Tagging report", lang)
        what = tr(
            "{classes} classes; {count} steps of {sequences} test sequences",
            lang,
            classes=len(found.classes),
            count=f"{found.things:,}",
            sequences=f"{found.sequences:,}",
        )
    else:
        over = tr("Classification report", lang)
        count = f"{found.things:,}"
        what = tr("{classes} classes; {count} test sequences", lang, classes=len(found.classes), count=count)
        if found.kind == "labels":
            what = tr("{classes} labels at once; {count} test sequences", lang, classes=len(found.classes), count=count)
    return el("header", el("p", over, class_="over"), el("h1", view.title), el("p", what, class_="soft"))


def _mistakes(view: LabelledView, lang: Language) -> str:
    if isinstance(view.evaluation, ClassEvaluation):
        return tr("The surest mistakes", lang)
    return tr("The largest errors", lang)
