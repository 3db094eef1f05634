"""From sequences with labels to a trained network: one direction, no step reaches back."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.partition import Partition
from tidegate.evaluate.label import Calibration, calibrate
from tidegate.prepare.sequence.preparation import PreparedSequences, SequencePreparation
from tidegate.prepare.sequence.prepared import Spans, sliding, whole
from tidegate.prepare.sequence.targets import ClassLabels, Labels, NumberLabels
from tidegate.runtime.label.decode import Deciding, Margins, outputs
from tidegate.tasks.fit import Fitted, Problem, Trainer
from tidegate.tasks.label.bag import FEWEST, Bag, fit_bag, with_bag
from tidegate.tasks.label.build import LabelPlan, build_label_spec, make_plan
from tidegate.tasks.label.examples import Examples, LabelLoss, Loss, SpanBatches, validation_of
from tidegate.tasks.label.options import LabelChoices, unused
from tidegate.tasks.options import AUTO, FitOptions, filled
from tidegate.train.forcing import Forcing
from tidegate.train.isolation import plain_torch
from tidegate.train.options import TrainOptions
from tidegate.train.progress import NO_PROGRESS, Progress
from tidegate.train.run import TorchRun

STEPS = 1_500
FEWEST_EPOCHS, MOST_EPOCHS = 8, 500
LOOKED_AT = 5_000  # training examples that a diagnosis looks at, evenly spread
FEW_SEQUENCES = 1_000  # below it the validation part is worth more as training data, once the epochs are chosen

Decide = Callable[[NDArray[np.float32], NDArray[Any], Any, Deciding, list[Note]], Deciding]


@dataclass(frozen=True)
class LabelFitted(Fitted):
    """A trained classifier or regressor and everything it was trained with.

    Attributes:
        sequences, parts: what it was fitted on. preparation, prepared, labels: of the inputs and of the targets.
        plan: as built. deciding: how outputs become answers. calibration: what the temperature changed on the
            validation part, or None. seen: part -> outputs and encoded labels of the network that chose the epochs,
            which had not seen the validation part. margins: its errors there, of numbers; None of classes.
    """

    sequences: Sequences
    parts: Partition
    preparation: SequencePreparation
    prepared: PreparedSequences
    labels: Labels
    plan: LabelPlan
    deciding: Deciding
    calibration: Calibration | None = None
    seen: Mapping[str, tuple[NDArray[np.float32], NDArray[Any]]] = field(default_factory=dict)
    margins: Margins | None = None

    def examples(self, index: NDArray[np.int64], stride: int) -> Examples:
        """Every stretch of the sequences `index` that is learned from, with what is to be predicted for it."""
        spans = spans_of(self.prepared, self.deciding, index, stride)
        return Examples(self.prepared.values, spans, targets_of(self, spans), self.deciding.per_step)


@plain_torch()
def fit_labels(
    sequences: Sequences,
    parts: Partition,
    choices: LabelChoices,
    *,
    make_labels: Callable[[NDArray[Any], tuple[str, ...]], Labels],
    make_loss: Callable[[Labels, NDArray[Any]], Loss],
    decide: Decide,
    progress: Progress = NO_PROGRESS,
) -> LabelFitted:
    """Prepare, train, decide.

    Args:
        sequences: all of them, with labels. parts: which train, validate and test; the test part is not looked at.
        choices: the options.
        make_labels: fits the labels' encoding, from the training part's labels and their names.
        make_loss: the loss, from the encoding and the encoded labels of the training part.
        decide: how outputs become answers, from outputs and encoded labels of the validation part, and the encoding.
        progress: how far the training is: kept, taken up again, shown.

    Raises:
        ConfigError, DataError, TrainingError: what cannot work, and how to fix it.
    """
    if sequences.labels is None:
        shown = ", ".join([*sequences.channels, *sequences.categories][:20])
        message = "the sequences have no labels to learn from: name their column with label= (--label), or give labels"
        raise DataError(tr(message) + (tr("; columns are: {columns}", columns=shown) if shown else ""))
    deciding = Deciding(per_step=sequences.per_step and choices.window is None, window=choices.window)
    notes = [*sequences.notes, *parts.notes]
    fold = _Fold(sequences, parts.train, choices, make_labels, deciding)
    validation = fold.examples(parts.validation, sliding_windows=False)
    training = fold.examples(parts.train)
    if len(parts.test):  # a label that training had not is found before the training, not after it
        fold.labels.encode(_of(sequences, parts.test))
    notes += [*fold.preparation.notes, *fold.prepared.notes]
    notes += [*_alike("training", training.answers), *_alike("validation", validation.answers)]
    has = {"branch": bool(fold.plan.branch), "decodes": bool(fold.plan.steps)}
    notes += unused(choices, fold.preparation, tags=deciding.per_step, **has)
    options = fill_label_budget(choices.training, choices.auto, len(training), notes)
    trainer = Trainer(
        options,
        ensemble_size=choices.ensemble_size,
        work=max(
            options.batch_size * 8 * choices.recurrent.hidden_size**2,
            _branch_work(fold.plan, training, options.batch_size),
        ),
        fingerprint=None if progress.checkpoints is None else [str(choices), fold.fingerprint(), parts.train.tolist()],
        progress=progress,
    )
    problem = fold.problem(make_loss, training, validation)
    trained = trainer.train(problem)
    network, run = trained.network, TorchRun(trained.network).sequences
    # How outputs become answers is settled on the validation part, by a network that has not learned from it; one that
    # is trained again below has no such part left, and takes this decision over.
    found = outputs(run, fold.prepared, validation.spans, per_step=deciding.per_step)
    answers = validation.answers
    sample = training if len(training) <= LOOKED_AT else training.thinned(LOOKED_AT)
    learned = outputs(run, fold.prepared, sample.spans, per_step=deciding.per_step)
    seen = {"train": (learned, sample.answers), "validation": (found, answers)}
    bag = fold.bag(parts.train)
    joined = None if bag is None else bag.join(found, fold.prepared, parts.validation, answers, notes)
    if bag is not None and joined is not None:
        network, found = with_bag(network, bag, joined[0]), joined[1]
    deciding = decide(found, answers, fold.labels, deciding, notes)
    margins = None
    if isinstance(fold.labels, NumberLabels):
        actual, estimated = fold.labels.decode(answers), fold.labels.decode(found)
        margins = Margins.of(actual, estimated, _units(sequences, validation))
    calibration = None
    if deciding.temperature != 1:
        calibration = calibrate(found, answers > 0 if answers.ndim == 2 else answers)
        notes.append(calibration.note)
    fitted = LabelFitted(
        network,
        trained.histories,
        tuple(notes),
        sequences=sequences,
        parts=parts,
        preparation=fold.preparation,
        prepared=fold.prepared,
        labels=fold.labels,
        plan=fold.plan,
        deciding=deciding,
        calibration=calibration,
        seen=seen,
        margins=margins,
    )
    refit = choices.training.refit
    if refit or (refit is None and len(parts.train) < FEW_SEQUENCES):
        epochs = trainer.epochs_worth(trained, problem)
        both = np.sort(np.concatenate([parts.train, parts.validation]))
        fold = _Fold(sequences, both, choices, make_labels, deciding)
        network = trainer.refit(fold.problem(make_loss, fold.examples(both), None), epochs, notes).network
        again = None if bag is None or joined is None else fold.bag(both, bag.strength)
        if again is not None and joined is not None:
            network = with_bag(network, again, joined[0])
        fitted = replace(
            fitted,
            network=network,
            notes=tuple(notes),
            preparation=fold.preparation,
            prepared=fold.prepared,
            labels=fold.labels,
            plan=fold.plan,
            selected=fitted,
        )
    return fitted


def _alike(part: str, answers: NDArray[Any]) -> list[Note]:
    """A note where all labels of a part are the same; answers: [M, ...] encoded."""
    if len(answers) < 2 or np.any(answers != answers[:1]):
        return []
    message = "All {count} labels of the {part} part are the same: nothing can be learned or told from them."
    return [Note("constant", message, {"count": len(answers), "part": part})]


class _Fold:
    """Preparation, encoding and network of one training part."""

    def __init__(
        self,
        sequences: Sequences,
        train: NDArray[np.int64],
        choices: LabelChoices,
        make_labels: Any,
        deciding: Deciding,
    ) -> None:
        if not len(train):
            raise DataError(tr("the training part is empty: give it a larger share, or more sequences"))
        assert sequences.labels is not None
        self.sequences, self.choices, self.deciding = sequences, choices, deciding
        self.preparation = SequencePreparation.fit(sequences, train, choices.preparation)
        self.prepared = self.preparation.apply(sequences)
        self.labels: Labels = make_labels(_of(sequences, train), sequences.label_names)
        if isinstance(self.labels, NumberLabels):
            self.labels = replace(self.labels, steps=sequences.label_steps)
        elif sequences.label_steps:
            raise DataError(tr("labels [M, K, D] are series of numbers: take a Regressor"))
        typical = int(np.median(self.spans(train, True).lengths))
        recurrence, network = choices.recurrent, choices.network
        self.plan = make_plan(
            recurrence, network, self.preparation, typical, tags=deciding.per_step, labels=self.labels
        )
        self.spec = build_label_spec(
            self.plan, recurrence, network, self.preparation, self.labels.outputs, tags=deciding.per_step
        )

    def spans(self, index: NDArray[np.int64], sliding_windows: bool) -> Spans:
        """Stretches of the sequences `index`: whole, all windows, or the last window of each."""
        if sliding_windows:
            return spans_of(self.prepared, self.deciding, index, self.choices.training.stride)
        return self.deciding.spans(self.prepared.starts, index)

    def examples(self, index: NDArray[np.int64], *, sliding_windows: bool = True) -> Examples:
        """Stretches with what is to be predicted for them.

        Of windows of a validation part, all are looked at: its sequences' ends alone would say little.
        """
        spans = self.spans(index, sliding_windows or self.sequences.per_step)
        return Examples(self.prepared.values, spans, targets_of(self, spans), self.deciding.per_step)

    def bag(self, index: NDArray[np.int64], strength: float | None = None) -> Bag | None:
        """A bag of words of the texts `index`; None where there are none, too few, or several labels at once."""
        labels, wanted = self.labels, self.choices.network.bag
        if not (wanted and self.preparation.tokens and isinstance(labels, ClassLabels)) or self.deciding.per_step:
            return None
        if labels.multiple or self.deciding.window is not None or (len(index) < FEWEST and wanted == AUTO):
            return None
        groups = None if self.sequences.groups is None else np.asarray(self.sequences.groups)[index]
        truth, sizes = labels.encode(_of(self.sequences, index)), (self.preparation.vocabulary, labels.outputs)
        seed = self.choices.training.seed
        return fit_bag(self.prepared, index, truth, sizes, groups=groups, seed=seed, strength=strength)

    def fingerprint(self) -> str:
        """A hash of the inputs and labels."""
        digest = hashlib.sha256(repr((self.sequences.ids, self.sequences.channels)).encode())
        for array in (self.prepared.values, self.prepared.starts):
            digest.update(np.ascontiguousarray(array).view(np.uint8).data)
        digest.update(repr(np.asarray(self.sequences.labels).tolist()).encode())
        return digest.hexdigest()

    def problem(self, make_loss: Any, training: Examples, validation: Examples | None) -> Problem:
        """The network and what it is trained on; `make_loss` as of `fit_labels`."""
        loss = LabelLoss(make_loss(self.labels, training.answers), per_step=self.deciding.per_step)
        return Problem(
            self.spec,
            lambda options: SpanBatches(
                training,
                options.batch_size,
                options.seed,
                self.choices.augment,
                self._forcing(options),
                self.plan.steps,
            ),
            loss,
            None if validation is None else validation_of(validation, loss),
        )

    def _forcing(self, options: TrainOptions) -> Callable[[int], Forcing] | None:
        """How often a decoder is shown the truth, given the steps of an epoch; None where it never is."""
        network = self.choices.network
        ratio, schedule = network.teacher_forcing, network.forcing_schedule
        if not (self.plan.steps and ratio):
            return None
        return lambda steps: Forcing(ratio, schedule, steps * options.max_epochs)


def spans_of(prepared: PreparedSequences, deciding: Deciding, index: NDArray[np.int64], stride: int) -> Spans:
    """Every stretch of the sequences `index` that is learned from: whole ones, or all windows."""
    if deciding.window is None:
        return whole(prepared.starts, index)
    return sliding(prepared.starts, index, deciding.window, stride)


def targets_of(fold: _Fold | LabelFitted, spans: Spans) -> NDArray[Any]:
    """Encoded labels of stretches, [M, ...], or of all steps, [N, ...], where each has its own answer."""
    sequences = fold.sequences
    labels = np.asarray(sequences.labels)
    if sequences.per_step:
        labels = fold.prepared.kept(labels)
    if fold.deciding.per_step:
        known = np.unique(
            np.concatenate([np.arange(f, f + n) for f, n in zip(spans.first, spans.lengths, strict=True)])
        )
        encoded = fold.labels.encode(labels[known])
        found = np.zeros((len(labels), *encoded.shape[1:]), dtype=encoded.dtype)
        found[known] = encoded
        return found
    return fold.labels.encode(labels[spans.last if sequences.per_step else spans.sequence])


def fill_label_budget(options: FitOptions, auto: tuple[str, ...], examples: int, notes: list[Note]) -> FitOptions:
    """Choose batch size, epochs and patience that were left open from the number of training examples.

    The batch is 16 below 1,000 examples, 32 below 10,000, else 64; all epochs together have about 1,500 steps (times
    `effort`). The rate falls over all of them, so the training goes on for half of them without a better epoch.
    """
    batch = options.batch_size
    found: dict[str, Any] = {}
    if "batch_size" in auto:
        found["batch_size"] = batch = 16 if examples < 1_000 else 32 if examples < 10_000 else 64
    epochs = options.max_epochs
    if "max_epochs" in auto:
        wanted = math.ceil(STEPS * options.effort / max(1, -(-examples // batch)))
        epochs = min(max(wanted, math.ceil(FEWEST_EPOCHS * min(1, options.effort))), MOST_EPOCHS)
        found["max_epochs"] = epochs
    if "patience" in auto:
        found["patience"] = max(4, epochs // 2)
    return filled(options, found, examples, notes)


def _of(sequences: Sequences, index: NDArray[np.int64]) -> NDArray[Any]:
    """Labels of some sequences, of all their steps where they are by step."""
    labels = np.asarray(sequences.labels)
    if not sequences.per_step:
        return np.asarray(labels[index])
    return np.concatenate([labels[sequences.starts[place] : sequences.starts[place + 1]] for place in index])


def _units(sequences: Sequences, examples: Examples) -> NDArray[Any]:
    """The group, or the sequence, of every answer."""
    own = examples.spans.sequence
    if examples.per_step:
        own = np.repeat(own, examples.spans.lengths)
    return own if sequences.groups is None else np.asarray(sequences.groups)[own].astype(str)


def _branch_work(plan: LabelPlan, training: Examples, batch: int) -> int:
    """Multiplications of one convolution of the branch, in the unit that `choose_threads` counts."""
    if not plan.branch:
        return 0
    return int(batch * np.median(training.spans.lengths) * max(plan.branch) ** 2)
