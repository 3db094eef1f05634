"""Pictures and videos as small arrays of 8-bit numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ReadError
from tidegate.core.optional import require
from tidegate.core.translate import tr
from tidegate.prepare.pictures import shrink

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".gif")
VIDEOS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".m4v", ".wmv", ".flv")


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
                raise ReadError(tr("no pictures in it"))
            stream = container.streams.video[0]
            speed = float(stream.average_rate) / every if stream.average_rate else None
            frames = [shrink(frame[None], size, colour) for frame in _frames(container, stream, every)]
    except library.FFmpegError as error:
        raise ReadError(tr("not readable ({strerror})", strerror=error.strerror)) from None
    if not frames:
        raise ReadError(tr("no pictures in it"))
    return np.concatenate(frames), speed


def _frames(container: Any, stream: Any, every: int) -> Iterator[NDArray[np.uint8]]:
    for number, frame in enumerate(container.decode(stream)):
        if number % every == 0:
            yield frame.to_ndarray(format="rgb24")
