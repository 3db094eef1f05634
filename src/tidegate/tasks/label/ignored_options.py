"""Options that were given and can change nothing: said, not swallowed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tidegate.core.table import Note
from tidegate.tasks.label.options import LabelChoices
from tidegate.tasks.options import CELLS

TEXT_ONLY = ("tokens", "vocabulary", "embed", "token_dropout", "pairs")
NUMBERS_ONLY = ("scale", "fill", "augment", "branch")
RECURRENT_ONLY = ("cell", "layer_norm", "recurrent_dropout", "zoneout", "forget_bias")
TRANSFORMER_ONLY = ("feedforward", "positions")

NO_TEXT = "Without effect, as these sequences are no text: {names}."
NO_NUMBERS = "Without effect, as these sequences are no numbers: {names}."
NO_RECURRENCE = "Without effect, as a transformer has no recurrence: {names}."
NO_TRANSFORMER = "Without effect, as the encoder is no transformer: {names}."
TAGS = "Without effect, as every step has its own answer: {names}."
NO_WINDOW = "Without effect, as no window is set: {names}."
NO_LENGTH = "Without effect, as no max_length is set: {names}."


def unused(choices: LabelChoices, preparation: Any, *, tags: bool) -> list[Note]:
    """Notes on options away from their defaults that these data or this network do not look at.

    Args:
        choices: the options. preparation: fitted. tags: whether each step gets a label.
    """
    groups = (choices.network, choices.preparation, choices.training)
    changed = {name for own in groups for name, value in vars(own).items() if value != getattr(type(own), name)}
    changed |= {"cell"} if choices.recurrent.cell != CELLS[0] else set()
    changed |= {"augment"} if choices.augment.active else set()
    found: dict[str, list[str]] = {}
    for name, message in _idle(choices, preparation, tags=tags):
        if name in changed:
            found.setdefault(message, []).append(name)
    return [Note("ignored", message, {"names": ", ".join(names)}) for message, names in found.items()]


def _idle(choices: LabelChoices, preparation: Any, *, tags: bool) -> Iterator[tuple[str, str]]:
    """Options that nothing looks at, each with what is to be said."""
    if preparation.kind != "tokens":
        yield from ((name, NO_TEXT) for name in TEXT_ONLY)
    if preparation.kind != "numbers":
        yield from ((name, NO_NUMBERS) for name in NUMBERS_ONLY)
    if choices.network.encoder == "transformer":
        yield from ((name, NO_RECURRENCE) for name in RECURRENT_ONLY)
    else:
        yield from ((name, NO_TRANSFORMER) for name in TRANSFORMER_ONLY)
    if tags:
        yield from ((name, TAGS) for name in ("pooling", "branch"))
    if choices.window is None:
        yield "stride", NO_WINDOW
    if choices.preparation.max_length is None:
        yield "truncate", NO_LENGTH
