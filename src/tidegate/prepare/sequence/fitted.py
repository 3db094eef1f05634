"""What was measured on training sequences, and the names of the inputs that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tidegate.core.table import Note
from tidegate.prepare.conditions import Conditions
from tidegate.prepare.options import SequenceOptions
from tidegate.prepare.sequence.steps import CategoryState, ChannelState
from tidegate.prepare.sequence.tokens import TokenState

Kind = Literal["numbers", "tokens", "frames"]


@dataclass(frozen=True)
class FittedSequences:
    """Everything that was measured on the training sequences.

    Attributes:
        options: as the user chose them.
        channels: channels of numbers, in the order of the inputs.
        categories: columns of categories, after them.
        tokens: the vocabulary of texts, or None.
        frame: (height, width, colours) of frames, or None.
        conditions: what is usual under each operating condition, or None.
        notes: what was filled, left out or found constant.
        lengths: steps of the shortest and of the longest; None in files of versions that did not keep them.
    """

    options: SequenceOptions
    channels: tuple[ChannelState, ...] = ()
    categories: tuple[CategoryState, ...] = ()
    tokens: TokenState | None = None
    frame: tuple[int, int, int] | None = None
    conditions: Conditions | None = None
    notes: tuple[Note, ...] = ()
    lengths: tuple[int, int] | None = None

    @property
    def kind(self) -> Kind:
        """Whether a network reads numbers, tokens or frames."""
        return "frames" if self.frame is not None else "numbers" if self.tokens is None else "tokens"

    @property
    def vocabulary(self) -> int:
        """V, how many token ids there are; 0 where the inputs are numbers."""
        return 0 if self.tokens is None else len(self.tokens.vocabulary)

    @property
    def input_names(self) -> tuple[str, ...]:
        """[I] names of the inputs: channels, categories, masks; the text or column that tokens are made of."""
        if self.tokens is not None:
            return (self.tokens.source or "text",)
        if self.frame is not None:
            return pixel_names(self.frame)
        masks = tuple(f"{state.name}:missing" for state in self.channels if state.mask)
        hot = tuple(name for state in self.categories for name in state.names)
        return tuple(state.name for state in self.channels) + hot + masks


def pixel_names(frame: tuple[int, int, int]) -> tuple[str, ...]:
    """Names of a frame's inputs, row by row: "row 0 column 0", with the colour where there are several."""
    height, width, colours = frame
    ends = [""] if colours == 1 else [f" {name}" for name in ("red", "green", "blue", "alpha")[:colours]]
    return tuple(f"row {y} column {x}{end}" for y in range(height) for x in range(width) for end in ends)
