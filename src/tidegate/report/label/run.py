"""What the report draws of a classifier or regressor: its answers for the test part, scores, curves, history."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.core.translate import Language
from tidegate.report.label.describe import describe_sequences
from tidegate.report.label.page import report_labels
from tidegate.report.label.view import LabelledView
from tidegate.tasks.label.evaluate import LabelJudged, judge_part
from tidegate.tasks.run import plain, versions


def report_answers(
    path: str | Path,
    model: Any,
    judged: LabelJudged | None = None,
    *,
    title: str = "",
    command: str = "",
    snippet: str = "",
    lang: Language | None = None,
    findings: Any = None,
) -> Path:
    """Write the report of a fitted classifier's or regressor's test part.

    Args:
        path: the file. model: fitted. judged: its answers and scores; None judges the test part now.
        title: of the page; "" names what is said. command, snippet: how to repeat the run.
        lang: of the page; None takes the reader's. findings: what `tidegate.diagnose` found.

    Raises:
        OutputError: the file cannot be written.
    """
    judged = judged or judge_part(model, "test")
    return report_labels(path, answers_view(model, judged, title, command, snippet, findings), lang)


def answers_view(
    model: Any, judged: LabelJudged, title: str = "", command: str = "", snippet: str = "", findings: Any = None
) -> LabelledView:
    """Everything on the page."""
    fitted, sequences = model.fitted_, judged.sequences
    names = model.labels_.names if model.task == "regressor" else (model.labels_.name,)
    ids = sequences.ids
    if model.deciding_.per_step:
        ids = tuple(np.repeat(np.array(ids, dtype=object), sequences.lengths).tolist())
    texts = () if sequences.texts is None else tuple(str(text) for text in sequences.texts)
    parts = {name: getattr(fitted.parts, name) for name in ("train", "validation", "test")}
    return LabelledView(
        title=title or ", ".join(names),
        evaluation=judged.evaluation,
        actual=judged.actual,
        predicted=judged.found,
        others=judged.others,
        ids=ids,
        texts=texts,
        calibration=fitted.calibration,
        schema=describe_sequences(fitted.sequences, parts),
        notes=(*model.notes_, *judged.evaluation.notes),
        config={
            **plain({name: value for name, value in model.get_params().items() if value is not None}),
            "plan": plain(asdict(fitted.plan)),
        },
        command=command,
        snippet=snippet,
        seed=model.seed,
        versions=versions(),
        seconds=model.fitted_.seconds,
        history=[asdict(epoch) for epoch in model.history_],
        loss=model.get_params()["loss"],
        findings=findings,
    )
