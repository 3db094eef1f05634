"""What a language model leaves in its artifact and its run, and a run taken up again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tidegate.tasks.language.evaluate import EvaluatedTexts
from tidegate.tasks.language.fit import LanguageFitted, cut_corpus, settled
from tidegate.tasks.open import Stored
from tidegate.tasks.run import SELECTED, Content, parquet


def content_of(_: Any, fitted: LanguageFitted, *, context: bool) -> Content:
    """The artifact of a fit."""
    return Content(
        spec=fitted.spec,
        weights=fitted.weights,
        preparation={"vocabulary": fitted.vocabulary.to_json()},
        decoding={"several": fitted.several} | ({"music": fitted.music} if fitted.music else {}),
    )


def predictions(model: Any, evaluated: EvaluatedTexts) -> dict[str, bytes]:
    """A row per token of the test part: the token, and -log p by every method; and a sample of what it writes."""
    if model.fitted_.music is not None:
        return {"predictions.parquet": parquet({"frame": range(len(evaluated.nats["model"])), **evaluated.nats})}
    pieces = model.vocabulary_.pieces
    tokens = [pieces[number].decode("utf-8", "replace") for number in evaluated.numbers.tolist()]
    return {"predictions.parquet": parquet({"token": tokens, **evaluated.nats})}


def take_up(model: Any, stored: Stored, data: Any) -> None:
    """Give a loaded model its corpus, its parts and its history.

    Raises:
        ArtifactError: the run does not say where its corpus is. DataError: it is not that of the training.
    """
    sequences = stored.read_data(model, data)
    vocabulary, choices = model.vocabulary_, model.check()
    parts = cut_corpus(sequences, stored.split, vocabulary.method)
    kept = settled(sequences, parts, vocabulary, choices)
    fitted = LanguageFitted(**stored.trained(model.model_), **kept)
    if (stored.folder / SELECTED).is_dir():
        before = type(model).load(stored.folder / SELECTED)
        fitted = replace(fitted, selected=LanguageFitted(**stored.trained(before.model_), **kept))
    model._take(fitted)
