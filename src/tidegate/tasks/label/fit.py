"""From sequences with labels to a trained network: one direction, no step reaches back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tidegate.artifacts.spec import NetworkSpec
from tidegate.core.errors import ConfigError, DataError
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.data.partition import Partition
from tidegate.evaluate.label import Calibration, calibrate
from tidegate.nn.network import Ensemble, Network
from tidegate.prepare.sequence.preparation import PreparedSequences, SequencePreparation
from tidegate.prepare.sequence.spans import Spans, sliding, whole
from tidegate.prepare.sequence.targets import ClassLabels, NumberLabels
from tidegate.runtime.label.labeller import Deciding, outputs
from tidegate.tasks.label.batches import (
    Examples,
    LabelLoss,
    LabelValidation,
    Loss,
    SpanBatches,
    tensors,
    torch_run,
)
from tidegate.tasks.label.build import LabelPlan, build_label_spec, make_plan
from tidegate.tasks.label.ignored_options import unused
from tidegate.tasks.label.options import LabelChoices
from tidegate.train.checkpoint import Checkpoint
from tidegate.train.history import History
from tidegate.train.isolation import plain_torch, seeded_network
from tidegate.train.loop import train
from tidegate.train.memory import keep_memory
from tidegate.train.options import TrainOptions
from tidegate.train.progress import ProgressBar
from tidegate.train.threads import choose_threads, threads

STEPS = 1_500
FEWEST_EPOCHS, MOST_EPOCHS = 8, 500
SEEDS_APART = 1_000  # of the members of an ensemble
LOOKED_AT = 5_000  # training examples that a diagnosis looks at, evenly spread
FEW_SEQUENCES = 1_000  # below it the validation part is worth more as training data, once the epochs are chosen

Labels = ClassLabels | NumberLabels
Decide = Callable[[NDArray[np.float32], NDArray[Any], Any, Deciding, list[Note]], Deciding]


@dataclass(frozen=True)
class LabelFitted:
    """A trained classifier or regressor and everything it was trained with.

    Attributes:
        sequences, parts: what it was fitted on. preparation, prepared, labels: of the inputs and of what is said.
        plan, spec, network: as built. deciding: how outputs become answers. histories: of each member, of the training
            that chose its epochs. notes: what was found, chosen and done. calibration: what the temperature changed on
            the validation part, or None. seen: part -> outputs and encoded labels of the network that chose the
            epochs, which had not seen the validation part.
    """

    sequences: Sequences
    parts: Partition
    preparation: SequencePreparation
    prepared: PreparedSequences
    labels: Labels
    plan: LabelPlan
    spec: NetworkSpec
    network: Network | Ensemble
    deciding: Deciding
    histories: tuple[History, ...]
    notes: tuple[Note, ...]
    calibration: Calibration | None = None
    seen: Mapping[str, tuple[NDArray[np.float32], NDArray[Any]]] = field(default_factory=dict)

    @property
    def history(self) -> History:
        """Of the first member."""
        return self.histories[0]

    @property
    def seconds(self) -> float:
        """Wall time of all members' epochs."""
        return sum(history.seconds for history in self.histories)


@plain_torch()
def fit_labels(
    sequences: Sequences,
    parts: Partition,
    choices: LabelChoices,
    *,
    make_labels: Callable[[NDArray[Any], tuple[str, ...]], Labels],
    make_loss: Callable[[Labels, NDArray[Any]], Loss],
    decide: Decide,
    checkpoints: Path | None = None,
    resume: bool = False,
    progress: ProgressBar | None = None,
) -> LabelFitted:
    """Prepare, train, decide.

    Args:
        sequences: all of them, with labels. parts: which train, validate and test; the test part is not looked at.
        choices: the options.
        make_labels: fits the labels' encoding, from the training part's labels and their names.
        make_loss: the loss, from the encoding and the encoded labels of the training part.
        decide: how outputs become answers, from outputs and encoded labels of the validation part, and the encoding.
        checkpoints: folder for the training's state. resume: go on from it. progress: shows how far it is.

    Raises:
        ConfigError, DataError, TrainingError: what cannot work, and how to mend it.
    """
    keep_memory()
    if sequences.labels is None:
        raise DataError("the sequences have no labels to learn from: name their column (label=...), or give labels")
    model = choices.model
    deciding = Deciding(per_step=sequences.per_step and model.window is None, window=model.window)
    notes = [*sequences.notes, *parts.notes]
    fold = _Fold(sequences, parts.train, choices, make_labels, deciding)
    validation = fold.examples(parts.validation, sliding_windows=False)
    training = fold.examples(parts.train)
    if len(parts.test):  # a label that training had not is found before the training, not after it
        fold.labels.encode(_of(sequences, parts.test))
    notes += [*fold.preparation.notes, *fold.prepared.notes]
    notes += unused(model, choices.network, fold.preparation, tags=deciding.per_step)
    options = fill_label_budget(choices.training, choices.auto, len(training), notes)
    if progress is not None:
        progress.max_epochs = options.max_epochs
    fingerprint = None if checkpoints is None else [str(choices), fold.fingerprint(), parts.train.tolist()]

    def checkpoint(name: str) -> Checkpoint | None:
        return None if checkpoints is None else Checkpoint(checkpoints / name, [name, fingerprint])

    work = options.batch_size * 8 * model.hidden_size**2
    with threads(choose_threads(max(work, _branch_work(fold.plan, training, options.batch_size)))):
        trained = [
            fold.train(make_loss, training, validation, *own, resume, progress)
            for own in fold.members("last", options, checkpoint)
        ]
        networks, histories = [each for each, _ in trained], [history for _, history in trained]
        network = joined(networks)
        found = outputs(torch_run(network), fold.prepared, validation.spans, per_step=deciding.per_step)
        answers = _answers(validation)
        sample = training if len(training) <= LOOKED_AT else training.thinned(LOOKED_AT)
        learned = outputs(torch_run(network), fold.prepared, sample.spans, per_step=deciding.per_step)
        deciding = decide(found, answers, fold.labels, deciding, notes)
        calibration = None
        if deciding.temperature != 1:
            calibration = calibrate(found, answers > 0 if answers.ndim == 2 else answers)
            notes.append(calibration.note)
        if model.refit or (model.refit is None and len(parts.train) < FEW_SEQUENCES):
            loss = fold.loss(make_loss, training)
            epochs = [epochs_worth(*each, validation, loss) for each in zip(networks, histories, strict=True)]
            both = np.sort(np.concatenate([parts.train, parts.validation]))
            fold = _Fold(sequences, both, choices, make_labels, deciding)
            whole, again = fold.examples(both), fold.members("refit", options, checkpoint, epochs)
            network = joined([fold.train(make_loss, whole, None, *own, resume, progress)[0] for own in again])
            message = "Trained again on the training and validation parts together, for the {epochs} epochs chosen."
            notes.append(Note("refit", message, {"epochs": ", ".join(map(str, epochs))}))
    return LabelFitted(
        sequences=sequences,
        parts=parts,
        preparation=fold.preparation,
        prepared=fold.prepared,
        labels=fold.labels,
        plan=fold.plan,
        spec=network.spec,
        network=network,
        deciding=deciding,
        histories=tuple(histories),
        notes=tuple(notes),
        calibration=calibration,
        seen={"train": (learned, _answers(sample)), "validation": (found, answers)},
    )


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
            raise DataError("the training part is empty: give it a larger share, or more sequences")
        assert sequences.labels is not None
        self.sequences, self.choices, self.deciding = sequences, choices, deciding
        self.preparation = SequencePreparation.fit(sequences, train, choices.preparation)
        self.prepared = self.preparation.apply(sequences)
        self.labels: Labels = make_labels(_of(sequences, train), sequences.label_names)
        typical = int(np.median(self.spans(train, True).lengths))
        model, network = choices.model, choices.network
        self.plan = make_plan(model, network, self.preparation, typical, tags=deciding.per_step)
        self.spec = build_label_spec(
            self.plan, model, network, self.preparation, self.labels.outputs, tags=deciding.per_step
        )

    def spans(self, index: NDArray[np.int64], sliding_windows: bool) -> Spans:
        """Stretches of the sequences `index`: whole, all windows, or the last window of each."""
        if self.deciding.window is None:
            return whole(self.prepared.starts, index)
        if sliding_windows:
            return sliding(self.prepared.starts, index, self.deciding.window, self.choices.model.stride or 1)
        return self.deciding.spans(self.prepared.starts, index)

    def examples(self, index: NDArray[np.int64], *, sliding_windows: bool = True) -> Examples:
        """Stretches with what is to be said of them.

        Of windows of a validation part, all are looked at: its sequences' ends alone would say little.
        """
        spans = self.spans(index, sliding_windows or self.sequences.per_step)
        return Examples(self.prepared.values, spans, targets_of(self, spans), self.deciding.per_step)

    def fingerprint(self) -> str:
        """A hash of the inputs and labels."""
        digest = hashlib.sha256(repr((self.sequences.ids, self.sequences.channels)).encode())
        for array in (self.prepared.values, self.prepared.starts):
            digest.update(np.ascontiguousarray(array).view(np.uint8).data)
        digest.update(repr(np.asarray(self.sequences.labels).tolist()).encode())
        return digest.hexdigest()

    def loss(self, make_loss: Any, training: Examples) -> LabelLoss:
        """The loss of a batch."""
        return LabelLoss(make_loss(self.labels, _answers(training)), per_step=self.deciding.per_step)

    def members(
        self,
        name: str,
        options: TrainOptions,
        checkpoint: Callable[[str], Checkpoint | None],
        epochs: list[int] | None = None,
    ) -> Iterator[tuple[TrainOptions, Checkpoint | None]]:
        """Options and checkpoint of each member: seeds differ, and so weights, order and dropout.

        Args:
            name: of the training. epochs: of each member, to its last; None stops where `options` says.
        """
        for number in range(self.choices.model.members):
            own = replace(options, seed=options.seed + SEEDS_APART * number)
            if epochs is not None:
                own = replace(own, max_epochs=epochs[number], patience=0)
            yield own, checkpoint(f"{name}-{number}" if number else name)

    def train(
        self,
        make_loss: Any,
        training: Examples,
        validation: Examples | None,
        options: TrainOptions,
        checkpoint: Checkpoint | None,
        resume: bool,
        progress: Any,
    ) -> tuple[Network, History]:
        """Train a network; without validation examples to the last epoch."""
        network = seeded_network(self.spec, options.seed)
        loss = self.loss(make_loss, training)
        batches = SpanBatches(training, options.batch_size, options.seed, self.choices.augment)
        validate = None if validation is None else LabelValidation(validation, loss)
        history = train(
            network, batches, loss, validate, options, checkpoint=checkpoint, resume=resume, progress=progress
        )
        return network, history


def joined(networks: list[Network]) -> Network | Ensemble:
    """One network alone, or several whose outputs are averaged."""
    return networks[0] if len(networks) == 1 else Ensemble(networks).eval()


def epochs_worth(network: Network, history: History, validation: Examples, loss: LabelLoss) -> int:
    """How long to train on more data: the last epoch whose validation loss chance cannot tell from the lowest.

    The lowest loss of a small validation part is often an early accident. Every epoch within one standard error of it,
    that of the mean over the part's sequences, is as good; the longest training of these is taken.

    Args:
        network: with its best weights. history: of its training. validation: what chose them. loss: of a batch.
    """
    best = history.best
    assert best is not None
    with torch.no_grad():
        each = [float(loss(network, tensors(*validation.batch(np.array([place]))))) for place in range(len(validation))]
    margin = best.validation_loss + float(np.std(each)) / len(each) ** 0.5
    return max(epoch.epoch for epoch in history.epochs if epoch.validation_loss <= margin)


def targets_of(fold: _Fold, spans: Spans) -> NDArray[Any]:
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


def fill_label_budget(options: TrainOptions, auto: tuple[str, ...], examples: int, notes: list[Note]) -> TrainOptions:
    """Choose batch size, epochs and patience that were left open from the number of training examples.

    The batch is 16 below 1,000 examples, 32 below 10,000, else 64; all epochs together have about 1,500 steps.
    The rate falls over all of them, so the training goes on for half of them without a better epoch.
    """
    batch = options.batch_size
    found: dict[str, Any] = {}
    if "batch_size" in auto:
        found["batch_size"] = batch = 16 if examples < 1_000 else 32 if examples < 10_000 else 64
    epochs = options.max_epochs
    if "max_epochs" in auto:
        epochs = min(max(-(-STEPS // max(1, -(-examples // batch))), FEWEST_EPOCHS), MOST_EPOCHS)
        found["max_epochs"] = epochs
    if "patience" in auto:
        found["patience"] = max(4, epochs // 2)
    if found:
        listed = ", ".join(f"{name}={value}" for name, value in found.items())
        message = "For {examples} training examples: {listed}."
        notes.append(Note("budget", message, {"examples": examples, "listed": listed}))
    return replace(options, **found)


def _of(sequences: Sequences, index: NDArray[np.int64]) -> NDArray[Any]:
    """Labels of some sequences, of all their steps where they are by step."""
    labels = np.asarray(sequences.labels)
    if not sequences.per_step:
        return np.asarray(labels[index])
    return np.concatenate([labels[sequences.starts[place] : sequences.starts[place + 1]] for place in index])


def _answers(examples: Examples) -> NDArray[Any]:
    """Encoded labels of the examples, [M, ...], or of their steps one after another."""
    if not examples.per_step:
        return examples.targets
    spans = examples.spans
    return np.concatenate([examples.targets[f : f + n] for f, n in zip(spans.first, spans.lengths, strict=True)])


def _branch_work(plan: LabelPlan, training: Examples, batch: int) -> int:
    """Multiplications of one convolution of the branch, in the unit that `choose_threads` counts."""
    if not plan.branch:
        return 0
    return int(batch * np.median(training.spans.lengths) * max(plan.branch) ** 2)


def check_validation(parts: Partition) -> None:
    """Refuse a fit without a validation part.

    Raises:
        ConfigError: there is none.
    """
    if not len(parts.validation):
        raise ConfigError("validation=0: the epoch is chosen on a validation part; give it a share such as 0.1")
