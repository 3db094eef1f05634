"""What a transcriber leaves in its artifact and its run, and a run taken up again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tidegate.prepare.vocabulary import END
from tidegate.tasks.open import Stored
from tidegate.tasks.run import Content, parquet
from tidegate.tasks.transcribe.evaluate import EvaluatedSpeech
from tidegate.tasks.transcribe.fit import SpeechFitted, texts_of
from tidegate.tasks.transcribe.options import divide, fill_budget


def content_of(_: Any, fitted: SpeechFitted, *, context: bool) -> Content:
    """The artifact of a fit."""
    texts = texts_of(fitted.sequences, fitted.parts.train)
    tokens = [np.concatenate([[END], fitted.vocabulary.encode(text)]) for text in texts]
    return Content(
        spec=fitted.spec,
        weights=fitted.weights,
        preparation={"speech": fitted.preparation.to_json(), "vocabulary": fitted.vocabulary.to_json()},
        schema={"channels": list(fitted.sequences.channels), "labels": ["text"]},
        frequency={"rate": fitted.sequences.rate},
        decoding=fitted.decoding.to_json(),
        arrays={"transcripts": np.concatenate(tokens).astype(np.int32)},
    )


def predictions(_: Any, evaluated: EvaluatedSpeech) -> dict[str, bytes]:
    """A row for each recording of the test part: what was said, what was written, and how sure it is."""
    own, found = evaluated.sequences, evaluated.transcripts
    columns: dict[str, Any] = {"id": list(own.ids)}
    if own.groups is not None:
        columns["speaker"] = [str(name) for name in own.groups.tolist()]
    columns |= {"actual": list(evaluated.references), "text": [one.text for one in found]}
    columns["confidence"] = np.array([one.confidence for one in found])
    return {"predictions.parquet": parquet(columns)}


def take_up(model: Any, stored: Stored, data: Any) -> None:
    """Give a loaded model its recordings, its parts and its history.

    Raises:
        ArtifactError: the run does not say where its data are. DataError: they are not those of the training.
    """
    sequences = stored.read_data(model, data)
    parts, own, choices = divide(sequences, stored.split, model.seed), model.model_, model.check()
    examples = -(-2 * len(parts.train) // (choices.augment.join + 1))
    model._take(
        SpeechFitted(
            **stored.trained(own),
            sequences=sequences,
            parts=parts,
            preparation=own.preparation,
            vocabulary=own.vocabulary,
            decoding=own.decoding,
            choices=replace(choices, training=fill_budget(choices, examples, [])),
        )
    )
