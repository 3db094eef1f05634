"""A trained captioner with numpy alone: pictures in, the likeliest sentences out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr
from tidegate.prepare.pictures import PicturePreparation, Pixels
from tidegate.prepare.vocabulary import END
from tidegate.runtime.network.network import read_source
from tidegate.runtime.network.write import Pen, distribution
from tidegate.runtime.text.beam import Beam, Hypothesis, search
from tidegate.runtime.text.model import AT_ONCE, WritingModel, Written

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Caption(Written):
    """A sentence that was written for a picture.

    Attributes:
        attention: [K, high, wide] where each token looked: places of the grid that the picture was read as.
    """


@dataclass(frozen=True)
class CaptionModel(WritingModel[PicturePreparation, Caption]):
    """A trained captioner that needs numpy only; `source` is the preparation of pictures."""

    task: ClassVar[str] = "captioner"
    SOURCE: ClassVar[tuple[str, Any]] = ("pictures", PicturePreparation)
    VERB: ClassVar[str] = "caption"

    def caption(
        self, pictures: Sequence[Any], *, allowed: Sequence[str] | None = None, **how: Any
    ) -> list[list[Caption]]:
        """The best captions of each picture, best first.

        What is written for a picture does not depend on which others are beside it, nor on how many threads there are.

        Args:
            pictures: arrays [H, W] or [H, W, 1, 3 or 4] of any size, 8-bit numbers or shares from 0 to 1; or one array
                of all. allowed: words of whose tokens alone something may be written. how: options of `Beam`.

        Raises:
            SchemaError: an array is no picture. ConfigError: an option that cannot be.
        """
        return self._write(pictures, allowed, how)

    def _fits(self) -> bool:
        layer = self.spec.find("pictures")
        return layer is not None and (layer.height, layer.width, layer.colours) == self.source.shape

    def _read(self, inputs: Sequence[Any], options: Beam) -> list[Any]:
        return [self.source.fitted(picture) for picture in inputs]

    def _chunks(self, read: list[Any]) -> Iterable[Sequence[int]]:
        return [range(low, min(low + AT_ONCE, len(read))) for low in range(0, len(read), AT_ONCE)]

    def grid_of(self, pictures: Pixels) -> NDArray[np.float32]:
        """What the places of pictures [B, H, W, C] say, [B, S, D]."""
        return read_source(self.spec, self.weights, self.source.scaled(pictures))[0]

    def _search(self, read: list[Any], options: Beam, barred: NDArray[np.bool_] | None) -> list[list[Hypothesis]]:
        limit = self.longest if options.max_length is None else options.max_length
        pen = Pen(self.spec, self.weights, self.grid_of(np.stack(read)), None)
        return search(pen, options, np.full(len(read), max(limit, options.min_length)), barred=barred)

    def nats(self, pictures: Pixels, numbers: Sequence[int]) -> Floats:
        """-log p of a caption's tokens, its end among them, for each of pictures [B, H, W, C]: [B, K]."""
        pen = Pen(self.spec, self.weights, self.grid_of(pictures), None)
        found, last = np.zeros((len(pictures), len(numbers) + 1)), END
        for step, number in enumerate((*numbers, END)):
            logs = distribution(pen.step(np.full((len(pictures), 1), last)), None, 0)
            found[:, step], last = -logs[:, 0, number], number
        return found

    def _made(self, given: Any, read: Any, found: Hypothesis) -> Caption:
        looked = None if found.attention is None else found.attention.reshape(-1, *self.spec.encoder.grid)
        return Caption(**self._common(found), attention=looked)

    def stream(self, snapshot: bytes | None = None) -> NoReturn:
        """Not for this task. Raises: ConfigError: always, with what to do instead."""
        raise ConfigError(tr("a captioner looks at whole pictures, not step by step: give predict() the pictures"))
