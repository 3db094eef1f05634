"""A fitted classifier or regressor, opened for examination."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.diagnose.evidence import LabelEvidence, LabelPart
from tidegate.prepare.labels import ClassLabels
from tidegate.runtime.labels import probabilities


def label_evidence(model: Any) -> LabelEvidence:
    """What a diagnosis looks at: outputs of the network that chose the epochs, unaware of the validation part."""
    fitted, labels = model.fitted_, model.labels_
    classes = labels.names if isinstance(labels, ClassLabels) and not labels.multiple else ()
    thresholds = model.deciding_.thresholds
    return LabelEvidence(
        train=_part(model, "train"),
        validation=_part(model, "validation"),
        history=model.history_,
        config=model.get_params(),
        classes=classes,
        threshold=thresholds[0] if len(thresholds) == 1 else None,
        baseline=_baseline(model) if classes else None,
        parameters=sum(tensor.numel() for tensor in fitted.network.parameters()),
    )


def _part(model: Any, name: str) -> LabelPart:
    fitted, labels = model.fitted_, model.labels_
    found, answers = fitted.seen[name]
    index = getattr(fitted.parts, name)
    whole = not model.deciding_.per_step and model.deciding_.window is None and len(index) == len(answers)
    ids = tuple(fitted.sequences.ids[place] for place in index) if whole else ()
    groups = fitted.sequences.groups[index] if whole and fitted.sequences.groups is not None else None
    if isinstance(labels, ClassLabels):
        chances = probabilities(found, labels, model.deciding_)
        if labels.multiple:
            return LabelPart(actual=answers.astype(np.float64), found=chances, groups=groups, ids=ids)
        return LabelPart(labels=answers, chances=chances, groups=groups, ids=ids)
    return LabelPart(actual=labels.decode(answers), found=labels.decode(found), groups=groups, ids=ids)


def _baseline(model: Any) -> tuple[float, str] | None:
    """Error on the validation part of always saying the most frequent class."""
    train: NDArray[Any] = model.fitted_.seen["train"][1]
    validation = model.fitted_.seen["validation"][1]
    if not len(train) or not len(validation):
        return None
    return float(np.mean(validation != np.bincount(train).argmax())), "majority"
