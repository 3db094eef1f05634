"""A trained captioner with numpy alone: pictures in, the likeliest sentences out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.artifact import Artifact
from tidegate.artifacts.spec import NetworkSpec
from tidegate.core.errors import ArtifactError, ConfigError
from tidegate.core.translate import tr
from tidegate.prepare.pictures import PicturePreparation, Pixels
from tidegate.prepare.sides import Side
from tidegate.prepare.vocabulary import END
from tidegate.runtime.model import Model, require_task
from tidegate.runtime.network.network import read_source
from tidegate.runtime.network.recurrent import Loaded
from tidegate.runtime.network.write import Pen, distribution
from tidegate.runtime.text.beam import Beam, Hypothesis, search
from tidegate.runtime.text.written import barred_by, decoding_of, on_all

TASK = "captioner"
AT_ONCE = 48  # captions that are written together
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Caption:
    """A sentence that was written for a picture.

    Attributes:
        text: as written. log_probability: of all of it. score: what ranks it.
        tokens: [K] what was written, then "" for the end. numbers: [K - 1] of them.
        attention: [K, high, wide] where each looked: places of the grid that the picture was read as; None without.
    """

    text: str
    log_probability: float
    score: float
    tokens: tuple[str, ...]
    numbers: tuple[int, ...]
    attention: NDArray[np.float32] | None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class CaptionModel(Model[Sequence[Any], list[str]]):
    """A trained captioner that needs numpy only.

    Attributes:
        spec: the network's. weights: its tensors, as the engine likes them. preparation: of pictures.
        target: tokens of captions. search: how they are searched for where nothing else is said.
        longest: most tokens of a caption.
    """

    task: ClassVar[str] = TASK
    spec: NetworkSpec
    weights: Loaded
    preparation: PicturePreparation
    target: Side
    search: Beam
    longest: int

    @classmethod
    def of(cls, artifact: Artifact) -> CaptionModel:
        require_task(artifact, (TASK,))
        spec, state = artifact.record.network, artifact.preparation
        beam, longest = decoding_of(artifact, {"pictures", "target"})
        preparation, target = PicturePreparation.from_json(state["pictures"]), Side.from_json(state["target"])
        layer = spec.find("pictures")
        sizes = None if layer is None else (layer.height, layer.width, layer.colours)
        if sizes != preparation.shape or spec.outputs != len(target):
            raise ArtifactError("preparation.json: pictures and vocabulary do not fit the network")
        return cls(spec, Loaded(artifact.weights), preparation, target, beam, longest)

    def predict(self, data: Sequence[Any], **how: Any) -> list[str]:
        """The best caption of each picture; arguments and errors as of `caption`."""
        return [found[0].text for found in self.caption(data, **how)]

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
        options, barred = self.search.changed(how), barred_by(allowed, self.target)
        held = [self.preparation.fitted(picture) for picture in pictures]
        found: list[list[Caption]] = [[] for _ in held]

        def write(places: range) -> None:
            own = self._write(np.stack([held[place] for place in places]), options, barred)
            for place, best in zip(places, own, strict=True):
                found[place] = [self._made(one) for one in best]

        on_all([range(low, min(low + AT_ONCE, len(held))) for low in range(0, len(held), AT_ONCE)], write)
        return found

    def grid_of(self, pictures: Pixels) -> NDArray[np.float32]:
        """What the places of pictures [B, H, W, C] say, [B, S, D]."""
        return read_source(self.spec, self.weights, self.preparation.scaled(pictures))[0]

    def _write(self, pictures: Pixels, options: Beam, barred: NDArray[np.bool_] | None) -> list[list[Hypothesis]]:
        limit = self.longest if options.max_length is None else options.max_length
        pen = Pen(self.spec, self.weights, self.grid_of(pictures), None)
        limits = np.full(len(pictures), max(limit, options.min_length))
        return search(pen, options, limits, barred=barred)

    def nats(self, pictures: Pixels, numbers: Sequence[int]) -> Floats:
        """-log p of a caption's tokens, its end among them, for each of pictures [B, H, W, C]: [B, K]."""
        pen = Pen(self.spec, self.weights, self.grid_of(pictures), None)
        found, last = np.zeros((len(pictures), len(numbers) + 1)), END
        for step, number in enumerate((*numbers, END)):
            logs = distribution(pen.step(np.full((len(pictures), 1), last)), None, 0)
            found[:, step], last = -logs[:, 0, number], number
        return found

    def _made(self, found: Hypothesis) -> Caption:
        known, grid = self.target.vocabulary.pieces, self.spec.encoder.grid
        return Caption(
            self.target.decode(found.tokens),
            found.log_probability,
            found.score,
            tuple(known[number].decode("utf-8", "replace") for number in (*found.tokens, END)),
            found.tokens,
            None if found.attention is None else found.attention.reshape(-1, *grid),
        )

    def stream(self, snapshot: bytes | None = None) -> NoReturn:
        """Not for this task. Raises: ConfigError: always, with what to do instead."""
        raise ConfigError(tr("a captioner looks at whole pictures, not step by step: give predict() the pictures"))
