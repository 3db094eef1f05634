"""Pictures as numbers: of one size, scaled by those of the training part, and as they might have been.

Shape letters: N or B pictures, H rows, W columns, C colours (1 or 3).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.checks import Range
from tidegate.core.errors import ArtifactError, SchemaError
from tidegate.core.translate import tr
from tidegate.prepare.options import Options

Pixels = NDArray[np.uint8]
_GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601
PAPER = 255  # what is around a picture of another shape, and below one that is transparent
LEAST_DEVIATION = 1.0


@lru_cache(maxsize=32)
def _weights(old: int, new: int) -> NDArray[np.float32]:
    """[new, old] how much of each old pixel is in each new one: the share of the new pixel's width that it covers."""
    left = np.arange(new)[:, None] * (old / new)
    covered = np.minimum(left + old / new, np.arange(1, old + 1)) - np.maximum(left, np.arange(old))
    weights = np.maximum(covered, 0.0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)


def shrink(frames: Pixels, size: tuple[int, int], colour: bool) -> Pixels:
    """Pictures of another size, each new pixel the mean of the area that it covers.

    Args:
        frames: [T, H, W] grey or [T, H, W, 3] colour.
        size: (height, width).
        colour: whether the answer has colours; grey is 0.299 red + 0.587 green + 0.114 blue.

    Returns:
        uint8 [T, height, width, 1 or 3].

    Raises:
        SchemaError: another shape, or no 8-bit numbers.
    """
    if frames.dtype != np.uint8 or frames.ndim not in (3, 4) or (frames.ndim == 4 and frames.shape[3] not in (1, 3, 4)):
        message = "frames have shape {shape} of {dtype}; expected uint8 [T, H, W] or [T, H, W, 3]"
        raise SchemaError(tr(message, shape=frames.shape, dtype=frames.dtype))
    held: NDArray[Any] = frames[..., None] if frames.ndim == 3 else frames[..., :3] if frames.shape[3] == 4 else frames
    if held.shape[3] == 3 and not colour:
        held = (held @ _GREY)[..., None]
    elif held.shape[3] == 1 and colour:
        held = np.repeat(held, 3, axis=3)
    if held.shape[1:3] != size:
        rows = np.einsum("ah,thwc->tawc", _weights(held.shape[1], size[0]), held, optimize=True)
        held = np.einsum("bw,tawc->tabc", _weights(held.shape[2], size[1]), rows, optimize=True)
    if held.dtype != np.uint8:
        held = np.clip(np.rint(held), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(held)


def fit_picture(picture: NDArray[Any], size: tuple[int, int], colour: bool) -> Pixels:
    """A picture whole within another size, its sides in proportion, white paper around it.

    Args:
        picture: [h, w], or [h, w, 1, 3 or 4]: 8-bit numbers, or shares from 0 to 1; the fourth says how much covers the
            paper. size: (H, W). colour: whether the answer has colours.

    Returns:
        uint8 [H, W, 1 or 3].

    Raises:
        SchemaError: another shape, or other numbers.

    >>> fit_picture(np.zeros((2, 4), np.uint8), (4, 4), False)[:, 0, 0].tolist()
    [255, 0, 0, 255]
    """
    held = np.asarray(picture)
    if held.dtype == np.bool_ or (held.dtype.kind == "f" and held.size and held.min() >= 0 and held.max() <= 1):
        held = np.rint(held * 255.0).astype(np.uint8)
    if (
        held.dtype != np.uint8
        or held.ndim not in (2, 3)
        or not held.size
        or held.shape[2:] not in ((), (1,), (3,), (4,))
    ):
        message = (
            "a picture has shape {shape} of {dtype}; expected uint8 [H, W] or [H, W, 1, 3 or 4], or numbers from 0 to 1"
        )
        raise SchemaError(tr(message, shape=held.shape, dtype=held.dtype))
    if held.ndim == 3 and held.shape[2] == 4:
        share = held[..., 3:].astype(np.float32) / 255
        held = np.rint(share * held[..., :3] + (1 - share) * PAPER).astype(np.uint8)
    ratio = min(size[0] / held.shape[0], size[1] / held.shape[1])
    high, wide = (max(1, round(side * ratio)) for side in held.shape[:2])
    found = np.full((*size, 3 if colour else 1), PAPER, np.uint8)
    top, left = (size[0] - high) // 2, (size[1] - wide) // 2
    found[top : top + high, left : left + wide] = shrink(held[None], (high, wide), colour)[0]
    return found


@dataclass(frozen=True)
class PictureAugment(Options):
    """How training pictures vary from epoch to epoch; zeros leave them as they are.

    Attributes:
        shift: largest shift, as a share of a side. scale: largest change of size, as a share. turn: largest angle, in
            degrees. colour: largest change of the strength of each colour, as a share.
        flip: mirror every other one; off, as left and right may matter.
    """

    shift: Annotated[float, Range(0, 0.9, below=True)] = 0.08
    scale: Annotated[float, Range(0, 0.9, below=True)] = 0.1
    turn: Annotated[float, Range(0, 180, below=True)] = 8.0
    colour: Annotated[float, Range(0, 0.9, below=True)] = 0.1
    flip: bool = False


def vary_pictures(pictures: Pixels, options: PictureAugment, generator: np.random.Generator) -> NDArray[np.float32]:
    """Pictures as they might have been, [B, H, W, C] in their own unit, what was beyond an edge as the edge is.

    Args:
        pictures: [B, H, W, C]. options: what is done. generator: the source of chance.
    """
    batch, high, wide, _ = pictures.shape

    def draw(most: float, *shape: int) -> NDArray[np.float32]:
        return generator.uniform(-most, most, (batch, *shape)).astype(np.float32)

    angle, grow = np.radians(draw(options.turn)), 1 + draw(options.scale)
    down, across = draw(options.shift) * high, draw(options.shift) * wide
    mirror = np.where(generator.uniform(size=batch) < 0.5 * options.flip, np.float32(-1), np.float32(1))
    y = (np.arange(high, dtype=np.float32) - (high - 1) / 2)[None, :, None]
    x = (np.arange(wide, dtype=np.float32) - (wide - 1) / 2)[None, None, :] * mirror[:, None, None]
    sin, cos = (part[:, None, None] / grow[:, None, None] for part in (np.sin(angle), np.cos(angle)))
    rows = cos * y + sin * x + (high - 1) / 2 - down[:, None, None]
    columns = cos * x - sin * y + (wide - 1) / 2 - across[:, None, None]
    found = _sampled(pictures, rows.clip(0, high - 1), columns.clip(0, wide - 1))
    return found * (1 + draw(options.colour, 1, 1, pictures.shape[3]))


def _sampled(pictures: Pixels, rows: NDArray[np.float32], columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pictures [B, H, W, C] between their pixels, at places [B, H, W]."""
    most = pictures.shape[1] - 1, pictures.shape[2] - 1
    top, left = (part.astype(np.int64) for part in (rows, columns))
    low, right = np.minimum(top + 1, most[0]), np.minimum(left + 1, most[1])
    down, across = (rows - top)[..., None], (columns - left)[..., None]
    each = np.arange(len(pictures))[:, None, None]
    upper = pictures[each, top, left] * (1 - across) + pictures[each, top, right] * across
    lower = pictures[each, low, left] * (1 - across) + pictures[each, low, right] * across
    return np.asarray(upper * (1 - down) + lower * down, np.float32)


@dataclass(frozen=True)
class PicturePreparation:
    """How pictures become numbers.

    Attributes:
        height, width, colours: H, W, C. mean, scale: [C] of the training part's pixels.
    """

    height: int
    width: int
    colours: int
    mean: tuple[float, ...]
    scale: tuple[float, ...]

    @classmethod
    def fit(cls, pictures: Pixels) -> PicturePreparation:
        """That of training pictures [N, H, W, C]."""
        colours = pictures.shape[3]
        flat = pictures.reshape(-1, colours)
        means = flat.mean(axis=0, dtype=np.float64)
        squares = np.array([np.square(flat[:, place], dtype=np.float64).mean() for place in range(colours)])
        spread = np.sqrt(np.maximum(squares - means**2, LEAST_DEVIATION))
        high, wide = pictures.shape[1:3]
        return cls(high, wide, colours, tuple(means.tolist()), tuple(spread.tolist()))

    @property
    def shape(self) -> tuple[int, int, int]:
        """H, W, C."""
        return self.height, self.width, self.colours

    def fitted(self, picture: NDArray[Any]) -> Pixels:
        """A picture of any size as the model reads it; errors as of `fit_picture`."""
        return fit_picture(picture, (self.height, self.width), self.colours == 3)

    def scaled(self, pictures: NDArray[Any]) -> NDArray[np.float32]:
        """[B, H, W, C] as [B, H, W * C], (x - mean) / scale."""
        mean, scale = (np.array(part, np.float32) for part in (self.mean, self.scale))
        return ((pictures.astype(np.float32) - mean) / scale).reshape(len(pictures), self.height, -1)

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"mean": list(self.mean), "scale": list(self.scale)}

    @classmethod
    def from_json(cls, state: Any) -> PicturePreparation:
        """What `to_json` wrote.

        Raises:
            ArtifactError: it is none.
        """
        try:
            fields = {name: state[name] for name in cls.__dataclass_fields__} if isinstance(state, Mapping) else {}
            sizes = [fields[name] for name in ("height", "width", "colours")]
            numbers = [float(value) for name in ("mean", "scale") for value in fields[name]]
            fits = len(state) == len(fields) and all(type(size) is int and 0 < size <= 4096 for size in sizes)
            fits = fits and sizes[2] in (1, 3) and len(fields["mean"]) == len(fields["scale"]) == sizes[2]
            if not fits or not all(map(math.isfinite, numbers)) or min(numbers[sizes[2] :]) <= 0:
                raise ValueError
            high, wide, colours = sizes
            return cls(high, wide, colours, tuple(numbers[:colours]), tuple(numbers[colours:]))
        except (KeyError, TypeError, ValueError):
            message = (
                "preparation.json: pictures have height, width, colours (1 or 3), and mean and scale of each colour"
            )
            raise ArtifactError(message) from None
