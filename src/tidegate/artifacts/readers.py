"""The layers that read what is not numbers of a table: tokens, and pictures alone or one a step."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tidegate.artifacts.record import Few, Rate, Record, Rows, Several, Size


class Tokens(Record):
    """A learned vector for each token; the past is [B, T] whole numbers below `vocabulary`, 0 for padding (all zeros).

    In training, a share of `dropout` of the tokens is read as 1, the unknown one, whose vector is learned that way; of
    `row_dropout` of the vocabulary a batch sees nothing but zeros (all its places alike), and `variational` silences
    that share of the vectors' units, the same at all steps of a row (Gal and Ghahramani 2016, arXiv:1512.05287).
    Where `pairs` is positive, each token but the first of a row adds the vector of its pair with the token before, from
    a table of so many rows that all pairs share (`pair_rows`); a pair with padding or the unknown token adds none.

    Source: Bojanowski, Grave, Joulin and Mikolov (2017), doi:10.1162/tacl_a_00051, for pieces hashed into one table.
    """

    kind: Literal["tokens"] = "tokens"
    vocabulary: Annotated[int, Field(ge=2, le=1_048_576)]
    size: Size = 64
    pairs: Rows = 0
    dropout: Rate = 0.0
    row_dropout: Rate = 0.0
    variational: Rate = 0.0


class Seen(Record):
    """Sizes of convolutions over pictures of height * width * colours numbers."""

    height: Size
    width: Size
    colours: Few = 1
    channels: Several = (16, 32)
    kernel: Annotated[int, Field(ge=1, le=31)] = 3

    @model_validator(mode="after")
    def _fits(self) -> Seen:
        if min(self.height, self.width) < 2**self.halvings:
            size = f"{self.height} x {self.width}"
            raise ValueError(f"pictures of {size} cannot be halved {self.halvings} times: give fewer channels")
        if self.kernel % 2 == 0:
            raise ValueError(f"pictures need a kernel of odd size, got {self.kernel}")
        return self

    @property
    def halvings(self) -> int:
        """How often the largest of 2 x 2 is taken."""
        return len(self.channels)


class Frames(Seen):
    """A small convolutional network on every step, which is a picture of height * width * colours numbers from 0 to 1.

    Of each of `channels` a convolution, relu and the largest of 2 x 2; then the mean over the picture.
    """

    kind: Literal["frames"] = "frames"


class Pictures(Seen):
    """A convolutional network on one picture, which takes the recurrence's place: places in a grid, row by row.

    The past is the picture, a step for each of its `height` rows, width * colours numbers each. Of each of `channels` a
    convolution without bias, batch normalisation and relu; after each of the first `halved` the largest of 2 x 2. Each
    place of the grid adds a learned vector of its own, for the convolutions say little of where it is.

    Source: Xu et al. (2015), arXiv:1502.03044, for a decoder that looks up the places of a picture.
    """

    kind: Literal["pictures"] = "pictures"
    halved: Annotated[int, Field(ge=0, le=16)] = 3
    dropout: Rate = 0.0

    @property
    def halvings(self) -> int:
        return min(self.halved, len(self.channels))

    @property
    def grid(self) -> tuple[int, int]:
        """Places down and across."""
        return self.height // 2**self.halvings, self.width // 2**self.halvings

    @property
    def hidden_size(self) -> int:
        """Numbers of a place, as a recurrence has units."""
        return self.channels[-1]

    @property
    def num_layers(self) -> int:
        """Convolutions."""
        return len(self.channels)
