"""What a captioner leaves in its artifact, and a run taken up again."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tidegate.nn.network import build_network
from tidegate.tasks.caption.fit import CaptionFitted, number_captions
from tidegate.tasks.open import Stored
from tidegate.tasks.run import Content


def content_of(_: Any, fitted: CaptionFitted, *, context: bool) -> Content:
    """The artifact of a fit."""
    return Content(
        spec=fitted.spec,
        weights=fitted.weights,
        preparation={"pictures": fitted.preparation.to_json(), "target": fitted.target.to_json()},
        schema={},
        frequency={},
        decoding={"search": asdict(fitted.search), "longest": fitted.longest},
    )


def take_up(model: Any, stored: Stored, data: Any) -> None:
    """Give a loaded model its pictures, its parts and its history.

    Raises:
        ArtifactError: the run does not say where its pictures are. DataError: they are not those of the training.
    """
    sequences, parts = model._stored_parts(stored, data)
    own, choices = model.model_, model.check()
    examples = {
        name: number_captions(sequences.take(parts[name]), own.preparation, own.target, choices.augment)
        for name in ("train", "validation", "test")
    }
    short = [place for place, one in enumerate(examples["train"].targets) if len(one) <= choices.preparation.longest]
    examples["train"] = examples["train"].take(short)
    model._take(
        CaptionFitted(
            network=build_network(own.spec, own.weights),
            histories=(stored.history(),),
            notes=stored.notes,
            sequences=sequences,
            parts=parts,
            target=own.target,
            examples=examples,
            longest=own.longest,
            preparation=own.preparation,
        )
    )
