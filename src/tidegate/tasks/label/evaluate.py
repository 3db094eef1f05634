"""What a classifier or regressor predicts for a part, scored beside the baselines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.partition import lacks
from tidegate.evaluate.intervals import ScoredIntervals
from tidegate.evaluate.label import (
    ClassEvaluation,
    NumberEvaluation,
    class_baselines,
    evaluate_classes,
    evaluate_multilabel,
    evaluate_numbers,
    find_leaks,
    multilabel_baselines,
    number_baselines,
    step_number_baselines,
    tag_baselines,
)
from tidegate.prepare.sequence.prepared import Spans, sliding
from tidegate.prepare.sequence.targets import ClassLabels, as_numbers
from tidegate.runtime.label.decode import half_widths, probabilities
from tidegate.tasks.label.answers import labels_of

LabelEvaluation: TypeAlias = ClassEvaluation | NumberEvaluation
MOST_WINDOWS = 5_000  # windows that baselines are fitted on, evenly spread


@dataclass(frozen=True)
class EvaluatedLabels:
    """Answers for a part and their scores.

    Attributes:
        sequences: what was scored. actual: [M] places of classes, [M, K] of several at once, or [M, P] numbers.
        found: [M, K] probabilities, or [M, P] estimates. evaluation: the scores.
        others: baseline -> what `found` is of it.
    """

    sequences: Sequences
    actual: NDArray[Any]
    found: NDArray[np.float64]
    evaluation: LabelEvaluation
    others: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    def ids(self) -> dict[str, Any]:
        """The first columns of a table of the answers: id, and the step where there are more of them than sequences."""
        ids: NDArray[Any] = np.array(self.sequences.ids, dtype=object)
        if len(self.found) == len(ids):
            return {"id": ids}
        lengths = self.sequences.lengths
        steps = np.arange(len(self.found)) - np.repeat(self.sequences.starts[:-1], lengths)
        return {"id": np.repeat(ids, lengths), "step": steps}


@dataclass(frozen=True, repr=False)
class NumberIntervals(ScoredIntervals):
    """Intervals of one level around estimates; `actual`, `low` and `high` are [M, P].

    Attributes:
        names: [P] of the quantities. evaluated: the estimates, and what they are of.
    """

    names: tuple[str, ...]
    evaluated: EvaluatedLabels

    def columns(self) -> dict[str, NDArray[Any]]:
        """One row per answer: id, [step,] and of every quantity what was true, the estimate, and both ends."""
        columns = self.evaluated.ids()
        for place, name in enumerate(self.names):
            columns |= {f"actual:{name}": self.actual[:, place], name: self.evaluated.found[:, place]}
            columns |= {f"low:{name}": self.low["split"][:, place], f"high:{name}": self.high["split"][:, place]}
        return columns


def evaluate_part(model: Any, part: str, *, baselines: bool = True) -> EvaluatedLabels:
    """Evaluate a part of the sequences that the model was fitted on."""
    fitted = model.fitted_
    return evaluate_sequences(model, fitted.sequences.take(getattr(fitted.parts, part)), baselines=baselines)


def _with_labels(sequences: Sequences) -> tuple[Sequences, tuple[Note, ...]]:
    """Those that have a label, as in training, and a note on the others; all where labels belong to steps."""
    assert sequences.labels is not None
    blank = np.zeros(len(sequences), bool) if sequences.per_step else lacks(sequences.labels)
    if not blank.any() or blank.all():
        return sequences, ()
    message = "{count} of {total} sequences have no label (first: {first}); they are not scored."
    about = {"count": int(blank.sum()), "total": len(blank), "first": sequences.ids[int(blank.argmax())]}
    return sequences.take(np.flatnonzero(~blank)), (Note("unlabelled", message, about),)


def evaluate_sequences(model: Any, sequences: Sequences, *, baselines: bool = True) -> EvaluatedLabels:
    """Evaluate sequences that the model has not learned from, beside baselines fitted on those it has.

    Raises:
        DataError: they have no labels, or labels of another kind.
    """
    if sequences.labels is None:
        raise DataError(tr("these sequences have no labels to score against: name their column (label=...)"))
    sequences, blank = _with_labels(sequences)
    training, seed = training_part(model) if baselines else None, model.seed
    sequences, actual, found, said = answered(model, sequences)
    said = (*blank, *said)
    if isinstance(model.labels_, ClassLabels):
        chances = probabilities(found, model.labels_, model.deciding_)
        places = model.labels_.encode(actual)
        evaluation, others = _classes(model, sequences, training, places, chances, seed, said)
        return EvaluatedLabels(sequences, places, chances, evaluation, others)
    values, estimates = as_numbers(actual, model.labels_.names), model.labels_.decode(found)
    others, notes = ({}, ()) if training is None else beside(model, training, sequences)
    groups = sequences.groups
    if model.deciding_.per_step:  # steps of one sequence, or group, are drawn together
        groups = np.repeat(np.arange(len(sequences)) if groups is None else groups, sequences.lengths)
    evaluation = evaluate_numbers(
        values,
        estimates,
        others,
        names=model.labels_.names,
        criterion="mae" if model.loss == "mae" else "rmse",
        groups=groups,
        leaks=None if training is None else find_leaks(training, sequences),
        margins=None if model.margins_ is None else model.margins_.levels(),
        seed=seed,
        notes=(*said, *notes),
    )
    return EvaluatedLabels(sequences, values, estimates, evaluation, others)


def answered(model: Any, sequences: Sequences) -> tuple[Sequences, NDArray[Any], NDArray[np.float32], tuple[Note, ...]]:
    """What a model should predict for labelled sequences, and what it does.

    Where it answers for the last of `window` steps and every step has a label, all windows are looked at, thinned
    evenly to `MOST_WINDOWS`: of series that run until they fail the last steps alone all have the same label.

    Returns:
        The sequences or windows [M], their labels [M, ...], the outputs [M, O], and what was left out.
    """
    deciding = model.deciding_
    if deciding.window is None:
        return sequences, labels_of(sequences, deciding), model._outputs(sequences), ()
    every = np.arange(len(sequences))
    if not sequences.per_step:
        spans, actual = deciding.spans(sequences.starts, every), labels_of(sequences, deciding)
        return windowed(sequences, spans, actual), actual, model._outputs(sequences), ()
    prepared = model.preparation_.apply(sequences)
    spans = sliding(prepared.starts, every, deciding.window)
    notes: tuple[Note, ...] = ()
    if len(spans) > MOST_WINDOWS:
        message = "{used} of {all} windows are scored, evenly spread."
        notes = (Note("windows", message, {"used": MOST_WINDOWS, "all": len(spans)}),)
        spans = spans.take(np.linspace(0, len(spans) - 1, MOST_WINDOWS).astype(np.int64))
    found = model._outputs(sequences, prepared, spans)
    rows = prepared.kept(np.arange(len(sequences.values)))
    given = Spans(rows[spans.first], rows[spans.last] - rows[spans.first] + 1, spans.sequence)
    actual = np.asarray(sequences.labels)[given.last]
    return windowed(sequences, given, actual), actual, found, notes


def intervals(model: Any, *, level: float = 80, part: str = "test") -> NumberIntervals:
    """Intervals of a level in percent around a fitted regressor's estimates of a part, by split conformal prediction.

    Raises:
        NotFittedError: it was loaded without its data. DataError: there is no such part.
        ConfigError: as of `tidegate.runtime.label.decode.Margins.at`.
    """
    model._require_part(part)
    half = half_widths(model.margins_, level)
    evaluated = evaluate_part(model, part, baselines=False)
    low, high = evaluated.found - half, evaluated.found + half
    return NumberIntervals(
        level / 100, evaluated.actual, {"split": low}, {"split": high}, model.labels_.names, evaluated
    )


def evaluate_seen(model: Any, others: dict[str, Any]) -> Any:
    """Scores of the validation part, by the network that chose the epochs and had not seen it.

    Args:
        model: fitted. others: what baselines predict, kept for other models of these parts: filled where it is empty.
            They are fitted on the training part alone; answers for windows or steps have none.
    """
    fitted, labels, seed = model.fitted_, model.labels_, model.seed
    outputs, answers = fitted.seen["validation"]
    whole = not model.deciding_.per_step and model.deciding_.window is None
    if whole and not others:
        training = fitted.sequences.take(fitted.parts.train)
        others |= beside(model, training, fitted.sequences.take(fitted.parts.validation))[0]
    if not isinstance(labels, ClassLabels):
        absolute = model.loss == "mae"
        return evaluate_numbers(
            labels.decode(answers),
            labels.decode(outputs),
            others,
            names=labels.names,
            criterion="mae" if absolute else "rmse",
            seed=seed,
        )
    chances, thresholds = probabilities(outputs, labels, model.deciding_), model.deciding_.thresholds
    if labels.multiple:
        return evaluate_multilabel(answers > 0, chances, labels.names, others, thresholds=thresholds or None, seed=seed)
    return evaluate_classes(
        answers, chances, labels.names, others, threshold=thresholds[0] if thresholds else None, seed=seed
    )


def beside(
    model: Any, training: Sequences, sequences: Sequences, *, budget_seconds: float = 60.0
) -> tuple[dict[str, NDArray[np.float64]], tuple[Note, ...]]:
    """What baselines fitted on some sequences predict for others, or of each of their steps.

    Args:
        model: says which kind. training, sequences: cut into windows where answers look at windows.
        budget_seconds: of computing; baselines that would begin later are left out.
    """
    labels, steps, seed = model.labels_, model.deciding_.per_step, model.seed
    if not isinstance(labels, ClassLabels):
        if steps:
            return step_number_baselines(training, sequences, seed=seed)
        return number_baselines(training, sequences, seed=seed, budget_seconds=budget_seconds)
    if labels.multiple:
        return multilabel_baselines(training, sequences, seed=seed)
    make = tag_baselines if steps else class_baselines
    return make(training, sequences, labels.classes, seed=seed, budget_seconds=budget_seconds)


def _classes(
    model: Any,
    sequences: Sequences,
    training: Sequences | None,
    places: NDArray[Any],
    chances: NDArray[np.float64],
    seed: int,
    said: tuple[Note, ...],
) -> tuple[Any, Mapping[str, NDArray[np.float64]]]:
    labels, deciding = model.labels_, model.deciding_
    others, notes = ({}, ()) if training is None else beside(model, training, sequences)
    shared: dict[str, Any] = {"groups": sequences.groups, "seed": seed, "notes": (*said, *notes)}
    shared["leaks"] = None if training is None else find_leaks(training, sequences)
    if labels.multiple:
        thresholds = deciding.thresholds or None
        return evaluate_multilabel(places > 0, chances, labels.names, others, thresholds=thresholds, **shared), others
    threshold = deciding.thresholds[0] if deciding.thresholds else None
    starts = sequences.starts if deciding.per_step else None
    return evaluate_classes(places, chances, labels.names, others, starts=starts, threshold=threshold, **shared), others


def training_part(model: Any) -> Sequences | None:
    """The sequences, or windows of them, that the model learned from and baselines are fitted on.

    None if it was loaded and its training data were not recalled.
    """
    if not hasattr(model, "fitted_") and not hasattr(model, "learned_"):
        return None
    sequences: Sequences = learned(model.fitted_) if hasattr(model, "fitted_") else model.learned_
    if model.deciding_.window is None:
        return sequences
    every = np.arange(len(sequences))
    stride = max(1, len(sequences.values) // MOST_WINDOWS)
    spans = sliding(sequences.starts, every, model.deciding_.window, stride)
    labels = np.asarray(sequences.labels)
    return windowed(sequences, spans, labels[spans.last if sequences.per_step else spans.sequence])


def learned(fitted: Any) -> Sequences:
    """The sequences that the weights were last trained on."""
    index = fitted.parts.train
    if any(note.kind == "refit" for note in fitted.notes):
        index = np.sort(np.concatenate([index, fitted.parts.validation]))
    found: Sequences = fitted.sequences.take(index)
    return found


def windowed(sequences: Sequences, spans: Spans, labels: NDArray[Any]) -> Sequences:
    """Stretches of sequences as sequences of their own, of the group of those they were cut from."""
    starts = np.concatenate([[0], np.cumsum(spans.lengths)]).astype(np.int64)
    rows = np.arange(starts[-1]) + np.repeat(spans.first - starts[:-1], spans.lengths)
    groups = np.array(sequences.ids, dtype=object) if sequences.groups is None else sequences.groups
    return replace(
        sequences,
        ids=tuple(f"{sequences.ids[place]}:{row}" for place, row in zip(spans.sequence, spans.last, strict=True)),
        starts=starts,
        values=sequences.values[rows],
        categories={name: values[rows] for name, values in sequences.categories.items()},
        labels=labels,
        per_step=False,
        groups=groups[spans.sequence],
    )
