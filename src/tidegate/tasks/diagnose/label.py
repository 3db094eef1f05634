"""A fitted classifier or regressor, opened for examination."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.optional import available
from tidegate.diagnose.checks.labels import unlearned
from tidegate.diagnose.evidence import Evidence, LabelEvidence, LabelPart, Training
from tidegate.nn.network import build_network
from tidegate.prepare.sequence.targets import ClassLabels
from tidegate.runtime.label.decode import probabilities
from tidegate.tasks.diagnose.trainee import verdicts
from tidegate.tasks.label.evaluate import beside
from tidegate.tasks.label.examples import LabelLoss, tensors
from tidegate.tasks.label.fit import fill_label_budget

LONGEST = 2_000  # steps of a sequence up to which trainings are tried on the side
BUDGET = 20.0  # seconds for simple methods; what would begin later is left out


def label_evidence(model: Any, others: Mapping[str, NDArray[Any]] | None = None) -> LabelEvidence:
    """What a diagnosis looks at: outputs of the network that chose the epochs, unaware of the validation part.

    Args:
        model: fitted. others: what baselines predict for the validation part, where that is known already.
    """
    fitted, labels = model.fitted_, model.labels_
    classes = labels.names if isinstance(labels, ClassLabels) and not labels.multiple else ()
    thresholds = model.deciding_.thresholds
    return LabelEvidence(
        train=_part(model, "train"),
        validation=_part(model, "validation"),
        history=model.history_,
        verdicts=partial(verdicts, model),
        config=model.flat_options(),
        classes=classes,
        threshold=thresholds[0] if len(thresholds) == 1 else None,
        baseline=None if isinstance(labels, ClassLabels) and labels.multiple else _baseline(model, others),
        parameters=sum(tensor.numel() for tensor in fitted.network.parameters()),
    )


def label_training(model: Any, unknown: bool) -> Training | None:
    """The training of the network that chose the epochs; None where sequences are too long to try it again.

    Args:
        model: fitted. unknown: whether even the training part is hardly known.
    """
    choices, fitted = model.check(), model.fitted_.held_out
    parts, stride = fitted.parts, choices.training.stride
    own, held = (fitted.examples(index, stride) for index in (parts.train, parts.validation))
    window = int(np.median(own.spans.lengths))
    if window > LONGEST:
        return None
    both = fitted.examples(np.concatenate([parts.train, parts.validation]), stride)
    answers = both.answers[: len(own.answers)]
    loss = LabelLoss(model._make_loss(fitted.labels, answers), per_step=fitted.deciding.per_step)

    def batch(places: NDArray[np.int64]) -> tuple[Any, ...]:
        past, lengths, target = both.batch(places)
        return tensors(past, lengths, target, lengths if both.per_step else np.ones_like(lengths))

    spec = fitted.spec
    fitted.network.eval()
    return Training(
        history=fitted.history,
        config=model.flat_options(),
        network=fitted.network,
        batch=batch,
        loss=lambda network, given: loss(network, given[:3]),
        origins={"train": np.arange(len(own)), "validation": np.arange(len(own), len(own) + len(held))},
        window=window,
        unlearned=unknown,
        fresh=lambda: build_network(spec),
        options=fill_label_budget(choices.training, choices.auto, len(own), []),
    )


def make_evidence(model: Any, others: Mapping[str, NDArray[Any]] | None = None) -> tuple[Evidence, ...]:
    """Its answers, and its training; arguments as of `label_evidence`."""
    answers = label_evidence(model, others)
    training = label_training(model, unlearned(answers))
    return (answers,) if training is None else (answers, training)


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


def _baseline(model: Any, others: Mapping[str, NDArray[Any]] | None) -> tuple[float, str] | None:
    """Error on the validation part of the best simple method that was fitted on the training part, and its name.

    Where answers look at windows, or scikit-learn is missing: of always saying the most frequent class, or the mean.
    """
    part = _part(model, "validation")
    if not len(part) or not len(model.fitted_.seen["train"][1]):
        return None
    errors = {
        name: (replace(part, found=found) if part.labels is None else replace(part, chances=found)).error
        for name, found in (others.items() if others else _baselines_of(model))
    }
    best = min(errors, key=lambda name: errors[name])
    return errors[best], best


def _baselines_of(model: Any) -> Iterable[tuple[str, NDArray[Any]]]:
    """What simple methods predict for the validation part, as `LabelPart` holds it."""
    fitted, labels, deciding = model.fitted_, model.labels_, model.deciding_
    train, validation = (fitted.sequences.take(index) for index in (fitted.parts.train, fitted.parts.validation))
    if deciding.window is None and available("sklearn"):
        return beside(model, train, validation, budget_seconds=BUDGET)[0].items()
    known, count = fitted.seen["train"][1], len(fitted.seen["validation"][1])
    if isinstance(labels, ClassLabels):
        share = np.bincount(known[known >= 0], minlength=len(labels.classes)) / max(int((known >= 0).sum()), 1)
        return [("majority", np.tile(share, (count, 1)))]
    return [("mean", np.tile(labels.decode(known).mean(axis=0), (count, 1)))]
