"""What a translator leaves in its artifact, and a run taken up again."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tidegate.nn.network import build_network
from tidegate.tasks.open import Stored
from tidegate.tasks.run import Content
from tidegate.tasks.translate.fit import TranslateFitted, number_pairs


def content_of(_: Any, fitted: TranslateFitted, *, context: bool) -> Content:
    """The artifact of a fit."""
    return Content(
        spec=fitted.spec,
        weights=fitted.weights,
        preparation={"source": fitted.source.to_json(), "target": fitted.target.to_json()},
        schema={},
        frequency={},
        decoding={"search": asdict(fitted.search), "longest": fitted.longest},
    )


def take_up(model: Any, stored: Stored, data: Any) -> None:
    """Give a loaded model its pairs, its parts and its history.

    Raises:
        ArtifactError: the run does not say where its pairs are. DataError: they are not those of the training.
    """
    sequences, parts = model._stored_parts(stored, data)
    own = model.model_
    sides = {"copying": bool(own.spec.layers[-1].copying)}
    most = model.check().preparation.longest
    examples = {
        name: number_pairs(
            sequences.take(parts[name]), own.source, own.target, longest=most if name == "train" else None, **sides
        )[0]
        for name in ("train", "validation", "test")
    }
    model._take(
        TranslateFitted(
            network=build_network(own.spec, own.weights),
            histories=(stored.history(),),
            notes=stored.notes,
            sequences=sequences,
            parts=parts,
            source=own.source,
            target=own.target,
            examples=examples,
            longest=own.longest,
        )
    )
