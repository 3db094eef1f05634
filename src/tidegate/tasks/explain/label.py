"""What one answer of a classifier or regressor rests on."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, DataError
from tidegate.core.sequences import Sequences
from tidegate.core.translate import tr
from tidegate.explain.explanation import Explanation, explain
from tidegate.explain.inputs import Answer, Recording
from tidegate.explain.permutation import Importance
from tidegate.explain.sequences import OneSequence, channel_importance, place_importance
from tidegate.prepare.sequence.prepared import Spans, gather
from tidegate.prepare.sequence.targets import ClassLabels
from tidegate.runtime.label.decode import choose, probabilities

FEWEST = 8
MOST_CELLS = 4_000_000  # input cells of the sample
MOST_CHANNELS = 64
BACKGROUND = 16
SAMPLE = 128


def label_importance(
    model: Any, sequences: Sequences, prepared: Any, *, sample: int = 128, seed: int = 0
) -> dict[str, Importance]:
    """How much worse the answers get when a channel, or an eighth of all sequences, comes from other sequences.

    Of classes the measure is the share of wrong answers (of several labels at once, of wrong decisions), of quantities
    the root mean square error, in their unit (of several, each in deviations of its own).

    Args:
        model: fitted or loaded. sequences: with labels; of those it was fitted on only the test part is drawn from, or
            where there is none the validation part. prepared: of these.
        sample: sequences at most. seed: of drawing and shuffling.

    Returns:
        By "feature", a channel (not of tokens or frames), and by "block", an eighth; nothing without labels that the
        model knows, or for fewer than 8 sequences.
    """
    if sequences.labels is None or sample < FEWEST:
        return {}
    fitted = getattr(model, "fitted_", None)
    pool = np.arange(len(sequences))
    if fitted is not None and fitted.sequences is sequences:
        parts = fitted.parts
        pool = parts.test if len(parts.test) >= FEWEST else parts.validation
    if len(pool) < FEWEST:
        return {}
    index = np.sort(np.random.default_rng(seed).permutation(pool)[:sample])
    spans = model.deciding_.spans(prepared.starts, index)
    longest = int(spans.lengths.max())
    width = prepared.values.shape[1] if prepared.values.ndim == 2 else 1
    most = max(FEWEST, MOST_CELLS // (longest * width))
    index, spans = index[:most], spans.take(np.arange(min(most, len(spans))))
    past, lengths = gather(prepared.values, spans, np.arange(len(spans)))
    try:
        actual = model.labels_.encode(_labels(sequences, prepared, spans, per_step=model.deciding_.per_step))
    except DataError:  # labels that are missing, or that the training had not: nothing to measure with
        return {}
    score = _score(model, actual, lengths, longest)

    def answer(values: NDArray[Any], steps: NDArray[np.int64]) -> NDArray[Any]:
        return np.asarray(model.run_(values, steps).values[:, :, 0])

    found = {}
    if past.ndim == 3 and model.preparation_.frame is None and past.shape[2] <= MOST_CHANNELS:
        names = model.preparation_.input_names
        found["feature"] = channel_importance(answer, past, lengths, score, names, seed=seed)
    found["block"] = place_importance(answer, past, lengths, score, parts=min(8, longest), seed=seed)
    return found


def _labels(sequences: Sequences, prepared: Any, spans: Spans, *, per_step: bool) -> NDArray[Any]:
    """What was to be predicted for the stretches, or of all their steps one after another."""
    labels: NDArray[Any] = np.asarray(sequences.labels)
    if not sequences.per_step:
        return labels[spans.sequence]
    kept: NDArray[Any] = prepared.kept(labels)
    if not per_step:
        return kept[spans.last]
    return np.concatenate([kept[f : f + n] for f, n in zip(spans.first, spans.lengths, strict=True)])


def _score(model: Any, actual: NDArray[Any], lengths: NDArray[np.int64], longest: int) -> Any:
    """The measure of outputs [M, steps O], against encoded labels; smaller is better."""
    labels, deciding = model.labels_, model.deciding_
    valid = np.arange(longest) < lengths[:, None]

    def flat(outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        return outputs.reshape(len(outputs), longest, -1)[valid] if deciding.per_step else outputs

    if isinstance(labels, ClassLabels):
        truth = actual > 0 if labels.multiple else actual
        return lambda outputs: float(
            np.mean(choose(probabilities(flat(outputs), labels, deciding), labels, deciding) != truth)
        )
    scale = np.array(labels.scale) if labels.outputs == 1 else 1.0
    return lambda outputs: float(np.sqrt(np.mean(((flat(outputs) - actual) * scale) ** 2)))


def explain_answer(
    model: Any,
    sequences: Sequences,
    at: int | str = 0,
    output: Any = None,
    *,
    step: int | None = None,
    block: int | None = None,
    permutations: int = 64,
    sample: int = SAMPLE,
    seed: int = 0,
) -> Explanation:
    """Shapley values of one output for one sequence, and what matters for answers in general.

    Of a class the log-odds are explained, after the temperature, so that the shares are those of what `predict_proba`
    says: for more than two classes, of the class against all others. Of a quantity, its estimate.

    Args:
        model: fitted or loaded. sequences: among them the one to explain. at: its place, or its id.
        output: class or quantity; None takes what the model predicts, or the first quantity.
        step: of the sequence, from 0, where the model answers for every step; None takes the last.
        block: steps of a block; None takes an eighth of the sequence.
        permutations, seed: see `tidegate.explain.explanation.explain`.
        sample: labelled sequences, at most, that permutation importance is measured on; 0 leaves it out.

    Raises:
        DataError: there is no such sequence or step, or no other to put in the place of what is taken away.
        ConfigError: there is no such class or quantity, or a step where the model answers for the whole.
    """
    place = find_sequence(sequences, at)
    prepared = model.preparation_.apply(sequences)
    spans = model.deciding_.spans(prepared.starts, np.arange(len(sequences)))
    length = int(spans.lengths[place])
    first = int(spans.first[place] - prepared.starts[place])
    cut = 0  # steps of the sequence before those that were kept
    if prepared.steps is not None:
        cut = int(prepared.steps[prepared.starts[place]] - sequences.starts[place])
    row = _row(model, step, length, cut)

    def rows(which: int) -> Any:
        values = prepared.values[spans.first[which] : spans.first[which] + spans.lengths[which]]
        return values.astype(np.float32) / 255 if values.dtype == np.uint8 else values

    def raw(past: Any, lengths: Any) -> Any:
        return model.run_(past, lengths).values[:, row, 0]

    labels, deciding = model.labels_, model.deciding_
    classes = isinstance(labels, ClassLabels)
    values = rows(place)
    own = raw(values[None].astype(np.int64) if values.ndim == 1 else values[None], None)
    found = probabilities(own, labels, deciding)[0] if classes else labels.decode(own)[0]
    chosen = int(found.argmax()) if output is None and classes else 0 if output is None else _output(labels, output)
    others = np.delete(np.arange(len(sequences)), place)
    drawn = np.random.default_rng(seed).permutation(others)[:BACKGROUND]
    background = [] if values.ndim == 1 else [rows(which) for which in drawn]
    if values.ndim > 1 and not background:
        raise DataError(tr("an explanation puts other sequences in the place of what it takes away: give it several"))

    def answer(past: Any, lengths: Any) -> Any:
        outputs = raw(past, lengths)
        return log_odds(outputs, labels, deciding.temperature) if classes else labels.decode(outputs)

    one = OneSequence(answer, values, model.preparation_.input_names, background, chosen)
    groups = one.groups(block)
    if values.ndim > 1 and (model.preparation_.frame is not None or values.shape[1] == 1):
        del groups["cell"]  # of one channel, its stretches are those of all
    if model.preparation_.frame is not None:
        del groups["feature"]
    case = Answer(
        sequences.ids[place],
        labels.names[chosen],
        {name: float(value) for name, value in zip(labels.names, found, strict=True)},
        "numbers" if not classes else "labels" if labels.multiple else "classes",
        _chosen(found, labels, deciding) if classes else (),
        _actual(model, sequences, prepared, place, chosen, step_row=int(prepared.starts[place]) + first + row),
        cut + row if deciding.per_step else None,
        None if values.ndim == 1 else _recording(model, sequences, prepared, spans, place, values),
        _words(model, sequences, prepared, place, first, len(values)) if values.ndim == 1 else (),
    )
    measured = label_importance(model, sequences, prepared, sample=sample, seed=seed)
    return explain(one, groups, case, importance=measured, permutations=permutations, orders=20, seed=seed)


def log_odds(outputs: NDArray[Any], labels: ClassLabels, temperature: float = 1.0) -> NDArray[np.float64]:
    """[B, K] log p / (1 - p) of each class's probability p, from a network's outputs [B, K].

        several labels:  z_k        else:  z_k - log sum over j != k of exp z_j,        z = outputs / temperature

    >>> two = ClassLabels(("a", "b"))
    >>> log_odds(np.array([[1.0, 3.0]]), two).tolist()
    [[-2.0, 2.0]]
    """
    scaled = np.asarray(outputs, dtype=np.float64) / temperature
    if labels.multiple:
        return scaled
    found = np.empty_like(scaled)
    for place in range(scaled.shape[1]):
        others = np.delete(scaled, place, axis=1)
        most = others.max(axis=1)
        found[:, place] = scaled[:, place] - most - np.log(np.exp(others - most[:, None]).sum(axis=1))
    return found


def find_sequence(sequences: Sequences, at: int | str) -> int:
    """The place of a sequence given by its place or its id; text that is an id is one, even where it is a number.

    Raises:
        DataError: there is none.
    """
    if isinstance(at, str) and at in sequences.ids:
        return sequences.ids.index(at)
    place = int(at) if isinstance(at, str) and at.isdecimal() else at
    if isinstance(place, int) and 0 <= place < len(sequences):
        return place
    raise DataError(tr("at={at!r} is neither an id nor a place from 0 to {count}", at=at, count=len(sequences) - 1))


def _row(model: Any, step: int | None, length: int, cut: int) -> int:
    """Which of the network's answers for the sequence is explained."""
    if not model.deciding_.per_step:
        if step is not None:
            raise ConfigError(tr("step={step}: the model answers for a sequence as a whole; leave step out", step=step))
        return 0
    if step is None:
        return length - 1
    if not cut <= step < cut + length:
        message = "step={step} is not among the steps {cut} to {cut2} that the model looks at"
        raise DataError(tr(message, step=step, cut=cut, cut2=cut + length - 1))
    return step - cut


def _chosen(found: NDArray[np.float64], labels: ClassLabels, deciding: Any) -> tuple[str, ...]:
    said = choose(found[None], labels, deciding)[0]
    if labels.multiple:
        return tuple(name for name, yes in zip(labels.names, said, strict=True) if yes)
    return (labels.names[int(said)],)


def _actual(model: Any, sequences: Sequences, prepared: Any, place: int, output: int, *, step_row: int) -> str | None:
    """What is known to be true of the sequence, or its step."""
    if sequences.labels is None:
        return None
    known: NDArray[Any] = np.asarray(sequences.labels)
    if sequences.per_step:
        known = prepared.kept(known)
        if not model.deciding_.per_step:  # a window's answer is that of its last step
            step_row = int(prepared.starts[place + 1]) - 1
        label = known[step_row]
    else:
        label = known[place]
    labels = model.labels_
    if isinstance(labels, ClassLabels):
        if labels.multiple:
            return ", ".join(name for name, yes in zip(labels.names, label, strict=True) if yes)
        return str(label)
    value = float(np.atleast_1d(label)[output])
    return f"{value:.4g}" if np.isfinite(value) else None


def _words(model: Any, sequences: Sequences, prepared: Any, place: int, first: int, count: int) -> tuple[str, ...]:
    """The tokens that the model looked at."""
    tokens = model.preparation_.tokens
    if sequences.texts is not None:
        pieces = list(tokens.cut([sequences.texts[place] or ""])[0]) or [""]
        most = int(prepared.lengths[place])
        pieces = pieces[-most:] if model.preparation_.options.truncate == "start" else pieces[:most]
    else:
        held = prepared.kept(sequences.categories[tokens.source])
        pieces = [str(entry) for entry in held[prepared.starts[place] : prepared.starts[place + 1]]]
    return tuple(pieces[first : first + count])


def _recording(
    model: Any, sequences: Sequences, prepared: Any, spans: Any, place: int, values: NDArray[Any]
) -> Recording:
    """The inputs that the model looked at, channels in their own units."""
    begin, end = int(spans.first[place]), int(spans.first[place] + spans.lengths[place])
    rows = np.arange(begin, end) if prepared.steps is None else prepared.steps[begin:end]
    names = model.preparation_.input_names
    first = int(rows[0] - sequences.starts[place])
    if model.preparation_.frame is not None:  # of pictures the mean brightness is enough of a line
        bright = values.mean(axis=1, keepdims=True).astype(np.float64)
        return Recording(("",), bright, first, sequences.rate)
    shown = values.astype(np.float64)
    for column, name in enumerate(names):
        if name in sequences.channels:
            shown[:, column] = sequences.values[rows, sequences.channels.index(name)]
    return Recording(names, shown, first, sequences.rate)


def _output(labels: Any, output: Any) -> int:
    names = list(labels.names)
    if str(output) not in names:
        raise ConfigError(tr("output={output!r} is not among {names}", output=output, names=", ".join(names)))
    return names.index(str(output))
