"""What matters for a classifier's or regressor's answers in general: inputs shuffled among labelled sequences."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError
from tidegate.core.sequences import Sequences
from tidegate.explain.permutation import Importance
from tidegate.explain.sequences import channel_importance, place_importance
from tidegate.prepare.sequence.spans import Spans, gather
from tidegate.prepare.sequence.targets import ClassLabels
from tidegate.runtime.label.decode import choose, probabilities

FEWEST = 8
MOST_CELLS = 4_000_000  # input cells of the sample
MOST_CHANNELS = 64


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
