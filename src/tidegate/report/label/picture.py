"""What the report draws of a classifier or regressor: its answers for the test part, scores, curves."""

from __future__ import annotations

from typing import Any

import numpy as np

from tidegate.report.label.view import LabelledView
from tidegate.report.page.describe import describe_sequences
from tidegate.report.page.parts import some
from tidegate.tasks.label.evaluate import EvaluatedLabels, evaluate_part


def labels_view(model: Any, evaluated: EvaluatedLabels | None = None) -> LabelledView:
    """What is drawn of its test part."""
    evaluated = evaluated or evaluate_part(model, "test")
    fitted, sequences = model.fitted_, evaluated.sequences
    names = model.labels_.names if model.task == "regressor" else (model.labels_.name,)
    ids = sequences.ids
    if model.deciding_.per_step:
        ids = tuple(np.repeat(np.array(ids, dtype=object), sequences.lengths).tolist())
    parts = {name: getattr(fitted.parts, name) for name in ("train", "validation", "test")}
    return LabelledView(
        ", ".join(some(names)),
        evaluated.evaluation,
        evaluated.actual,
        evaluated.found,
        evaluated.others,
        ids,
        () if sequences.texts is None else tuple(str(text) for text in sequences.texts),
        fitted.calibration,
        {} if model.margins_ is None else model.margins_.levels(),
        schema=describe_sequences(fitted.sequences, parts),
    )
