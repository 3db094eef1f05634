"""What a model wrote for a part or for new data, beside baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.core.errors import DataError, SchemaError
from tidegate.core.sequences import Sequences
from tidegate.core.translate import tr
from tidegate.evaluate.evaluation import MODEL
from tidegate.evaluate.text.evaluation import TextEvaluation, evaluate_texts
from tidegate.evaluate.text.metrics import several
from tidegate.tasks.run import parquet

SEVERAL = " | "


@dataclass(frozen=True)
class EvaluatedWriting:
    """What was written for sequences that have a reference.

    Attributes:
        evaluation: its scores. ids: [N] names. sources: [N] texts, or () where the inputs are none.
        references: [N] what people wrote, with " | " between several. written: method -> [N] texts, the model's first.
    """

    evaluation: TextEvaluation
    ids: tuple[str, ...]
    sources: tuple[str, ...]
    references: tuple[str, ...]
    written: Mapping[str, Sequence[str]]


def evaluate_written(model: Any, inputs: Sequences) -> EvaluatedWriting:
    """Let a model write, and its baselines beside it, and score both.

    Args:
        model: a `WritingEstimator`. inputs: with their references as labels.

    Raises:
        DataError: there is no reference.
    """
    if inputs.labels is None or not len(inputs):
        raise DataError(tr("nothing can be scored without references: name the column of what people wrote"))
    inputs, references = model._different(inputs)
    written = {MODEL: model._written(inputs), **model._baselines(inputs)}
    groups = None if inputs.groups is None else inputs.groups.tolist()
    evaluation = evaluate_texts(written, references, model._metrics(references), groups=groups)
    sources = () if inputs.texts is None else tuple(map(str, inputs.texts.tolist()))
    shown = tuple(SEVERAL.join(several(own)) for own in references)
    return EvaluatedWriting(evaluation, inputs.ids, sources, shown, written)


def references_of(inputs: Sequences) -> list[str]:
    """What is to be written for each sequence.

    Raises:
        SchemaError: labels are no texts.
    """
    labels = [] if inputs.labels is None else inputs.labels.tolist()
    odd = [place for place, text in enumerate(labels) if not isinstance(text, str)]
    if odd:
        message = "sequence {name} has {labels!r} to be written; expected a text"
        raise SchemaError(tr(message, name=inputs.ids[odd[0]], labels=labels[odd[0]]))
    return labels


def predictions(evaluated: EvaluatedWriting) -> dict[str, bytes]:
    """A row per text: id, source, what people wrote, and what every method wrote."""
    columns: dict[str, Any] = {"id": list(evaluated.ids)}
    if evaluated.sources:
        columns["source"] = list(evaluated.sources)
    columns["reference"] = list(evaluated.references)
    return {"predictions.parquet": parquet(columns | {name: list(own) for name, own in evaluated.written.items()})}
