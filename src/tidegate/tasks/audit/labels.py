"""The audit of a classifier or regressor: test sequences replaced, labels shuffled, copies and labels sought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tidegate.core.errors import DataError
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.partition import Partition
from tidegate.evaluate.leaks.audit import Audit, Check, Finding, Stage, compare, conclude, put_questions, require_same
from tidegate.evaluate.leaks.perturb import perturb
from tidegate.evaluate.leaks.sequences import find_leaks, near_copies, telling_inputs
from tidegate.prepare.sequence.targets import ClassLabels, as_numbers
from tidegate.runtime.label.decode import choose, probabilities
from tidegate.tasks.label.answers import labels_of

EPOCHS = 20  # of the training on shuffled labels, at most
DEVIATIONS = 4.0  # standard errors above chance that are no chance
SHOWN = 5  # ids that are named


def audit_labels(model: Any, sequences: Sequences, parts: Partition, seed: int = 0) -> Audit:
    """Prove that nothing of the test sequences reaches what is learned, and look for what would flatter the scores.

    1. The test sequences' values are replaced three times, by wild noise, by extremes, by nothing, and their labels are
       shuffled: preparation, inputs of the other parts, weights and answers for the validation part must be the same,
       bit for bit, after a short training.
    2. Trained on shuffled labels, the model must know no more of the test labels than chance.
    3. Copies, near copies and groups on both sides; inputs that are the label itself.

    Args:
        model: its options count; it is not changed. sequences: with labels. parts: of them. seed: of the noise.

    Raises:
        DataError: there are no labels or no test part; or two trainings on the same data differ.
    """
    if sequences.labels is None or not len(parts.test):
        raise DataError(tr("an audit needs labels and a test part: name the labels' column, and give test=0.2"))
    brief = {"max_epochs": 1, "training.refit": False}
    clean = _stages(model, sequences, parts, brief)
    require_same(clean, _stages(model, sequences, parts, brief))
    shown, notes = tr("test part"), []
    checks: list[Check] = []
    if sequences.values.size and sequences.frame is None:

        def run(kind: str, names: Sequence[str]) -> Sequence[Stage]:
            return _stages(model, _replaced(sequences, parts, kind, names, seed), parts, brief)

        checks = [_of_test(check) for check in put_questions(run, clean, sequences.channels, shown)]
    else:
        found = compare(clean, _stages(model, _exchanged(sequences, parts), parts, brief), shown, "noise")
        checks = [_of_test(Check(shown, "noise", tuple(stage.name for stage in clean), found))]
        notes.append(Note("exchanged", "Each test sequence was replaced by a training sequence, with its label."))
    extra = [*_resembling(sequences, parts), *_shuffled(model, sequences, parts, seed)]
    return replace(conclude(checks, extra, notes), kind="sequences")


def _stages(model: Any, sequences: Sequences, parts: Partition, changes: dict[str, Any]) -> list[Stage]:
    """What a training makes that must not depend on the test part."""
    other = model.variant(changes)
    other._fit_parts(sequences, parts)
    fitted = other.fitted_
    prepared, kept = fitted.prepared, np.sort(np.concatenate([parts.train, parts.validation]))
    rows = [prepared.values[prepared.starts[place] : prepared.starts[place + 1]] for place in kept]
    return [
        Stage("the fitted preparation", {"inputs": fitted.preparation.to_json(), "labels": fitted.labels.to_json()}),
        Stage("the prepared inputs", np.concatenate(rows)),
        Stage("the weights", fitted.weights),
        Stage("the answers", fitted.seen["validation"][0]),
    ]


def _replaced(sequences: Sequences, parts: Partition, kind: str, names: Sequence[str], seed: int) -> Sequences:
    """The test sequences' values perturbed, and their labels in another order."""
    tested = np.zeros(len(sequences), bool)
    tested[parts.test] = True
    rows = np.repeat(tested, sequences.lengths)
    columns = {name: sequences.values[:, place] for place, name in enumerate(sequences.channels)}
    changed = perturb(columns, names, rows, kind, seed)
    labels = np.array(sequences.labels)
    places = np.flatnonzero(rows if sequences.per_step else tested)
    labels[places] = labels[np.random.default_rng(seed).permutation(places)]
    values = np.stack([changed[name] for name in sequences.channels], axis=1).astype(sequences.values.dtype)
    return replace(sequences, values=values, labels=labels)


def _exchanged(sequences: Sequences, parts: Partition) -> Sequences:
    """Texts, categories or frames: every test sequence is one of the training part."""
    places = np.arange(len(sequences))
    places[parts.test] = parts.train[np.arange(len(parts.test)) % len(parts.train)]
    return replace(sequences.take(places), ids=sequences.ids)


def _of_test(check: Check) -> Check:
    return check if check.finding is None else replace(check, finding=replace(check.finding, key="moved_test"))


def _resembling(sequences: Sequences, parts: Partition) -> list[Finding]:
    """Copies, near copies and groups on both sides, and inputs that are the label."""
    train, test = sequences.take(parts.train), sequences.take(parts.test)
    leaks = find_leaks(train, test)
    found = []
    if leaks.copies:
        values = {"count": leaks.copies, "of": len(test), "ids": ", ".join(leaks.examples)}
        found.append(Finding("copies", values=values))
    near = near_copies(train, test)
    if near:
        values = {"count": len(near), "of": len(test), "ids": ", ".join(near[:SHOWN])}
        found.append(Finding("near", values=values))
    if leaks.shared:
        found.append(Finding("groups", values={"count": leaks.shared, "of": len(test)}))
    return [*found, *(Finding("label", values={"column": name}) for name in telling_inputs(train))]


def _shuffled(model: Any, sequences: Sequences, parts: Partition, seed: int) -> list[Finding]:
    """A finding where a model trained on shuffled labels knows something of the test labels."""
    labels = np.array(sequences.labels)
    learned = np.concatenate([parts.train, parts.validation])
    if sequences.per_step:
        learned = np.concatenate([np.arange(*sequences.starts[place : place + 2]) for place in learned])
    labels[learned] = labels[np.random.default_rng([seed, 1]).permutation(learned)]
    most = min(model.max_epochs or EPOCHS, EPOCHS)
    other = model.variant({"max_epochs": most, "training.refit": False})
    other._fit_parts(replace(sequences, labels=labels), parts)
    test = sequences.take(parts.test)
    outputs, actual = other._outputs(test), labels_of(test, other.deciding_)
    if not isinstance(other.labels_, ClassLabels):
        y, f = as_numbers(actual, other.labels_.names)[:, 0], other.labels_.decode(outputs)[:, 0]
        known = np.isfinite(y)
        spread = min(float(np.std(y[known])), float(np.std(f[known])))
        r = float(np.corrcoef(y[known], f[known])[0, 1]) if spread > 0 else 0.0
        limit = DEVIATIONS / np.sqrt(max(_independent(test, other, known), 1))
        return [Finding("shuffled", values={"score": f"r = {r:.2f}", "chance": f"{limit:.2f}"})] if r > limit else []
    if other.labels_.multiple:
        return []
    places = other.labels_.encode(actual)
    said = choose(probabilities(outputs, other.labels_, other.deciding_), other.labels_, other.deciding_)
    known = places >= 0
    right, count = float(np.mean(said[known] == places[known])), _independent(test, other, known)
    classes = range(len(other.labels_.classes))
    chance = sum(float(np.mean(said[known] == k) * np.mean(places[known] == k)) for k in classes)
    limit = chance + DEVIATIONS * np.sqrt(max(chance * (1 - chance), 1e-12) / max(count, 1))
    if right <= limit:
        return []
    return [Finding("shuffled", values={"score": f"{100 * right:.0f} %", "chance": f"{100 * limit:.0f} %"})]


def _independent(test: Sequences, model: Any, known: Any) -> int:
    """Answers that do not hang together: sequences, or groups of them."""
    own = len(test) if test.groups is None else len({str(group) for group in test.groups})
    return min(own, int(known.sum()))
