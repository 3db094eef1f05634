"""What a notebook shows of a result: the report's own tables and charts in one element, with its style inside."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from tidegate.core.translate import Language, language, tr
from tidegate.diagnose.finding import Findings
from tidegate.diagnose.fix import Fixed
from tidegate.evaluate import Evaluation
from tidegate.evaluate.detect.evaluation import DetectionEvaluation, DetectorEvaluation
from tidegate.evaluate.fold_scores import Spread
from tidegate.evaluate.intervals import ScoredIntervals
from tidegate.evaluate.label import ClassEvaluation, NumberEvaluation
from tidegate.evaluate.leaks.audit import Audit
from tidegate.explain.explanation import Explanation
from tidegate.report import backtest, comparison
from tidegate.report.detect.page import PAGE as DETECT
from tidegate.report.detect.view import DetectionView
from tidegate.report.explanation.page import lead, sections
from tidegate.report.forecast.page import PAGE as FORECAST
from tidegate.report.forecast.picture import coming, zero_shot
from tidegate.report.forecast.sections import coming as coming_section
from tidegate.report.forecast.view import RunView
from tidegate.report.label.page import PAGE as LABEL
from tidegate.report.label.view import LabelledView
from tidegate.report.page import audit, diagnosis, history, run
from tidegate.report.page.build import HEADINGS, Kind
from tidegate.report.page.document import style
from tidegate.report.page.markup import Markup, el, join
from tidegate.report.page.parts import definition, key_list, plain_table
from tidegate.report.page.verdict import verdict_of
from tidegate.report.page.view import Run
from tidegate.report.run import history_of
from tidegate.tasks.estimator import Estimator
from tidegate.tasks.forecast.estimator import Forecaster
from tidegate.tasks.forecast.zero_shot import ZeroShot
from tidegate.tasks.label.compare import Comparison
from tidegate.tasks.resample.cross_validate import CrossValidation
from tidegate.tasks.resample.forecasts import Backtest
from tidegate.train import History

_BASE = (
    "display:block;max-width:50rem;padding:.5rem 1rem;background:var(--paper);color:var(--ink);"
    "font-family:var(--font);line-height:1.55"
)


def show(found: Any) -> str | None:
    """A result as HTML that stands in a page of others; None where it has nothing to draw yet."""
    lang = language()
    for kind, draw in _DRAWN.items():
        if isinstance(found, kind):
            drawn = draw(found, lang)
            return None if drawn is None else fragment(drawn, lang)
    return None


def fragment(drawn: Markup, lang: Language) -> str:
    """The drawing with its style, which holds for nothing around it."""
    return el("div", el("style", _scoped()), drawn, class_="tidegate", lang="zh-Hant-TW" if lang == "zh_TW" else "en")


@cache
def _scoped() -> Markup:
    own = style().replace(":root", "&") + "h2{margin-top:1.6rem}"
    return Markup(f".tidegate{{{_BASE}}}.tidegate{{{own}}}")


def _view(kind: Kind, view: Run, lang: Language) -> Markup:
    """The verdict, the key numbers, and those of a page's own sections that need no more than the scores."""
    parts = [verdict_of(view.evaluation, lang), key_list(kind.key(view, lang))]
    return join(*parts, *_headed({name: section(view, lang) for name, section in kind.sections.items()}, lang))


def _headed(found: dict[str, Markup | None], lang: Language) -> list[Markup]:
    """Sections below their headings; those without content are left out."""
    return [join(el("h2", tr(HEADINGS[name], lang)), body) for name, body in found.items() if body is not None]


def _forecasts(found: Evaluation, lang: Language) -> Markup:
    return _view(FORECAST, RunView("", found, found.targets, unit=found.unit), lang)


def _answers(found: ClassEvaluation | NumberEvaluation, lang: Language) -> Markup:
    return _view(LABEL, LabelledView("", found), lang)


def _alarms(found: DetectionEvaluation, lang: Language) -> Markup:
    return _view(DETECT, DetectionView("", found), lang)


def _explained(found: Explanation, lang: Language) -> Markup | None:
    if found.case is None:
        return None
    drawn = [join(el("h2", heading), body) for _, heading, body in sections(found, "", lang) if body is not None]
    return join(lead(found, "", lang), *drawn)


def _folds(found: Backtest, lang: Language) -> Markup:
    told = verdict_of(found.scores, lang, found.scores.text(lang))
    parts = backtest.table(found, "", lang), backtest.chart(found, "", lang), backtest.folds(found, "", lang)
    return join(told, *parts)


def _compared(found: Comparison, lang: Language) -> Markup:
    told = None if found.evaluation is None else _answers(found.evaluation, lang)
    return join(comparison.table(found, lang), comparison.learning(found, lang), told)


def _text(found: Any, lang: Language) -> Markup:
    """Results that are a table and a sentence, or a few sentences."""
    if not hasattr(found, "rows"):
        return join(*(el("p", line) for line in str(found).split("\n") if line.strip()))
    head, *rows = found.rows(lang)
    told = getattr(found, "text", None) or getattr(found, "verdict", None) or getattr(found, "summary", None)
    return join(plain_table(head, rows, range(1, len(head))), el("p", told(lang)) if callable(told) else None)


def _ahead(found: ZeroShot, lang: Language) -> Markup | None:
    table = found.table
    view = RunView("", None, table.schema.targets, table.frequency, coming=zero_shot(found))
    return join(coming_section(view, lang), el("p", found.check.text(lang)))


def _model(found: Estimator, lang: Language) -> Markup | None:
    """What a fitted model is, what comes next, how it learnt and how good it is."""
    name = type(found).__name__
    if not hasattr(found, "fitted_"):
        ahead = _coming(found, lang) if hasattr(found, "spec_") else None
        return None if ahead is None else join(el("h2", name), ahead)
    view = history_of(found, Run("", None))
    evaluated = getattr(found, "evaluated_", None)
    facts = [(tr("Seed", lang), str(view.seed)), *((title, value) for title, value, _ in run.training_time(view, lang))]
    told = None if evaluated is None else verdict_of(_scores(evaluated), lang)
    learnt = {"coming": _coming(found, lang), "learning": history.section(view, lang)}
    return join(el("h2", name), told, definition(facts), *_headed(learnt, lang))


def _scores(evaluated: Any) -> Any:
    return evaluated.alarms if isinstance(evaluated, DetectorEvaluation) else evaluated.evaluation


def _coming(found: Estimator, lang: Language) -> Markup | None:
    if not isinstance(found, Forecaster):
        return None
    samples, schema = coming(found), found.preparation_.schema
    frequency = found.fitted_.table.frequency if hasattr(found, "fitted_") else None
    view = RunView("", None, schema.targets, frequency, coming=samples, needed=tuple(schema.known))
    return coming_section(view, lang)


_DRAWN: dict[type, Callable[[Any, Language], Markup | None]] = {
    Evaluation: _forecasts,
    ClassEvaluation: _answers,
    NumberEvaluation: _answers,
    DetectionEvaluation: _alarms,
    DetectorEvaluation: lambda found, lang: _alarms(found.alarms, lang),
    Explanation: _explained,
    Findings: diagnosis.findings,
    Backtest: _folds,
    Comparison: _compared,
    Estimator: _model,
    History: lambda found, lang: history.section(Run("", None, history=found.to_json()["epochs"]), lang),
    Audit: lambda found, lang: audit.section(Run("", None, audit=found), lang),
    ZeroShot: _ahead,
    **dict.fromkeys((Spread, CrossValidation, ScoredIntervals, Fixed), _text),
}
