"""Transcripts of a part, or of new recordings, beside the most frequent one of the training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tidegate.core.errors import DataError
from tidegate.core.sequences import Sequences
from tidegate.core.translate import tr
from tidegate.evaluate.text.baselines import most_frequent
from tidegate.evaluate.text.evaluation import SpeechEvaluation, evaluate_speech
from tidegate.runtime.transcribe.transcript import Transcript


@dataclass(frozen=True)
class EvaluatedSpeech:
    """Recordings with what was said in them and what was written.

    Attributes:
        evaluation: the scores. sequences: the recordings. transcripts: of each. references: what was said.
    """

    evaluation: SpeechEvaluation
    sequences: Sequences
    transcripts: tuple[Transcript, ...]
    references: tuple[str, ...]


def evaluate_recordings(model: Any, sequences: Sequences, **how: Any) -> EvaluatedSpeech:
    """Transcribe recordings and score it; `how` as of `SpeechModel.decoder`.

    Raises:
        DataError: they have no texts.
    """
    if sequences.labels is None:
        raise DataError(tr("these recordings have no texts to compare with: name their column with text="))
    own = model.model_
    transcripts = tuple(own.predict(sequences, **how))
    references = tuple(str(text) for text in np.asarray(sequences.labels).tolist())
    written = {"model": [found.text for found in transcripts]}
    if own.transcripts:
        written["most_frequent"] = most_frequent(own.transcripts, len(references))
    speakers = None if sequences.groups is None else sequences.groups.tolist()
    found = evaluate_speech(written, references, speakers=speakers, known=own.transcripts)
    return EvaluatedSpeech(found, sequences, transcripts, references)


def evaluate_part(model: Any, part: str, **how: Any) -> EvaluatedSpeech:
    """The same of a part of what a model was fitted on."""
    fitted = model.fitted_
    return evaluate_recordings(model, fitted.sequences.take(fitted.parts[part]), **how)
