"""Pictures and videos as small arrays of 8-bit numbers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ReadError, SchemaError
from tidegate.core.optional import require

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".gif")
VIDEOS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".m4v", ".wmv", ".flv")
_GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601


@lru_cache(maxsize=32)
def _weights(old: int, new: int) -> NDArray[np.float32]:
    """[new, old] how much of each old pixel is in each new one: the share of the new pixel's width that it covers."""
    left = np.arange(new)[:, None] * (old / new)
    covered = np.minimum(left + old / new, np.arange(1, old + 1)) - np.maximum(left, np.arange(old))
    weights = np.maximum(covered, 0.0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)


def shrink(frames: NDArray[np.uint8], size: tuple[int, int], colour: bool) -> NDArray[np.uint8]:
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
        raise SchemaError(
            f"frames have shape {frames.shape} of {frames.dtype}; expected uint8 [T, H, W] or [T, H, W, 3]"
        )
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


def _library() -> Any:
    return require("av", extra="vision", purpose="read pictures and videos")


def decode(path: Path, size: tuple[int, int], colour: bool, every: int = 1) -> tuple[NDArray[np.uint8], float | None]:
    """Frames of a video or of one picture.

    Args:
        path: the file.
        size: (height, width) to bring each frame to.
        colour: whether to keep colours.
        every: takes each first of so many frames.

    Returns:
        uint8 [T, height, width, 1 or 3], and frames a second as they were taken (None where the file does not say).

    Raises:
        ReadError: the file is broken or has no pictures; without its path, which the caller names.
        MissingExtraError: the `av` library is not installed.
    """
    library = _library()
    try:
        with library.open(str(path)) as container:
            if not container.streams.video:
                raise ReadError("no pictures in it")
            stream = container.streams.video[0]
            speed = float(stream.average_rate) / every if stream.average_rate else None
            frames = [shrink(frame[None], size, colour) for frame in _frames(container, stream, every)]
    except library.FFmpegError as error:
        raise ReadError(f"not readable ({error.strerror})") from None
    if not frames:
        raise ReadError("no pictures in it")
    return np.concatenate(frames), speed


def _frames(container: Any, stream: Any, every: int) -> Iterator[NDArray[np.uint8]]:
    for number, frame in enumerate(container.decode(stream)):
        if number % every == 0:
            yield frame.to_ndarray(format="rgb24")
