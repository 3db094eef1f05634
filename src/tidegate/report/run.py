"""The report of a fitted model, whatever its task: what is drawn of it, and the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tidegate.core.translate import Language, language
from tidegate.report.caption.page import captioner_view
from tidegate.report.detect.page import PAGE as DETECT
from tidegate.report.detect.picture import detector_view
from tidegate.report.detect.view import DetectionView
from tidegate.report.forecast.page import PAGE as FORECAST
from tidegate.report.forecast.picture import forecast_view
from tidegate.report.forecast.view import RunView
from tidegate.report.label.page import PAGE as LABEL
from tidegate.report.label.picture import labels_view
from tidegate.report.label.view import LabelledView
from tidegate.report.language.page import PAGE as LANGUAGE
from tidegate.report.language.page import LanguageView, language_view
from tidegate.report.page.build import Kind, build
from tidegate.report.page.document import write_page
from tidegate.report.page.view import Run
from tidegate.report.transcribe.page import PAGE as TRANSCRIBE
from tidegate.report.transcribe.page import SpeechView, speech_view
from tidegate.report.translate.page import PAGE as WRITTEN
from tidegate.report.translate.page import WrittenView, translator_view
from tidegate.tasks.run import plain, versions

_KINDS: dict[type[Run], Kind] = {
    RunView: FORECAST,
    LabelledView: LABEL,
    DetectionView: DETECT,
    LanguageView: LANGUAGE,
    WrittenView: WRITTEN,
    SpeechView: TRANSCRIBE,
}
_PICTURES: dict[str, Callable[[Any, Any], Run]] = {
    "Forecaster": forecast_view,
    "Classifier": labels_view,
    "Regressor": labels_view,
    "AnomalyDetector": detector_view,
    "LanguageModel": language_view,
    "Translator": translator_view,
    "Captioner": captioner_view,
    "Transcriber": speech_view,
}


def report_run(
    path: str | Path,
    model: Any,
    evaluated: Any = None,
    *,
    title: str = "",
    unit: str = "",
    command: str = "",
    snippet: str = "",
    lang: Language | None = None,
    findings: Any = None,
    audit: Any = None,
) -> Path:
    """Write the report of a fitted model's test part: one HTML file that needs nothing else.

    Args:
        path: the file; its folder must exist. A file already there is replaced.
        model: a fitted estimator.
        evaluated: what it keeps as `evaluated_`; None evaluates the test part now.
        title: of the page; "" names the targets. unit: of the targets. command, snippet: how to repeat the run.
        lang: of the page; None takes the reader's.
        findings: what `tidegate.diagnose` found, audit: what `tidegate.audit` found, for sections of the page.

    Raises:
        OutputError: the file cannot be written.
    """
    view = view_of(model, evaluated)
    view = replace(view, title=title or view.title, unit=unit or view.unit, command=command, snippet=snippet)
    return write_report(path, replace(view, findings=findings, audit=audit), lang)


def write_report(path: str | Path, view: Run, lang: Language | None = None) -> Path:
    """Write the report of a run, as it is pictured.

    Args:
        path: the file, as for `report_run`. view: what to show. lang: language of all words; None takes the reader's.

    Raises:
        OutputError: the file cannot be written: no folder, no permission, disk full.
    """
    return write_page(path, render(view, lang or language()))


def render(view: Run, lang: Language) -> str:
    """The report as one HTML document: no script, nothing loaded from anywhere, the same view gives the same text."""
    return build(_KINDS[type(view)], view, lang)


def history_of(model: Any, view: Run) -> Run:
    """The view with what its training was."""
    return replace(
        view,
        seed=model.seed,
        seconds=getattr(model, "seconds_", model.fitted_.seconds),
        history=[asdict(epoch) for epoch in model.history_],
        loss=model.get_params()["loss"],
    )


def view_of(model: Any, evaluated: Any = None) -> Run:
    """What is drawn of a fitted model: its test part, as its task pictures it, and what every run has."""
    view = next(_PICTURES[kind.__name__] for kind in type(model).__mro__ if kind.__name__ in _PICTURES)(
        model, evaluated
    )
    options = {name: value for name, value in model.get_params().items() if value is not None}
    fitted = model.fitted_
    if hasattr(fitted, "plan"):
        options["plan"] = asdict(fitted.plan)
    return replace(
        history_of(model, view),
        notes=(*model.notes_, *view.evaluation.notes),
        config=plain(options),
        versions=versions(),
    )
