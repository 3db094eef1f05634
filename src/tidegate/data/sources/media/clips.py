"""Clips as sequences of frames: arrays, folders of pictures, videos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, ReadError, SchemaError
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.sources.build import check_ids, listed, pack
from tidegate.data.sources.folder import files_below, name_all
from tidegate.data.sources.media.images import IMAGES, VIDEOS, decode
from tidegate.data.sources.media.rows import usable
from tidegate.prepare.pictures import shrink
from tidegate.prepare.sequence.fitted import pixel_names


def read_clip_arrays(
    data: Any, *, frame: tuple[int, int] | None, colour: bool | None, lengths: Any = None, **rest: Any
) -> Sequences:
    """Clips of arrays.

    Args:
        data: list of uint8 [T, H, W] or [T, H, W, 3]; or one array [n, T, H, W(, 3)]; or with `lengths` [N, H, W(, 3)],
            all clips one after another.
        frame: (height, width) to bring each picture to; None leaves it as it is, if all agree.
        colour: whether to keep colours; None keeps what there is.
        lengths: [n] pictures of each clip.
        rest: ids, labels, tag, label_names, groups, rate.

    Raises:
        SchemaError: another shape or kind.
    """
    if lengths is not None:
        counts = np.asarray(lengths)
        if counts.ndim != 1 or counts.dtype.kind not in "iu" or int(counts.sum()) != len(data):
            raise SchemaError(
                tr("lengths should be whole numbers that add up to the {count} pictures", count=len(data))
            )
        data = np.split(np.asarray(data), np.cumsum(counts)[:-1])
    clips = [np.asarray(clip) for clip in data]
    names = check_ids(rest.get("ids"), len(clips))
    odd = [i for i, clip in enumerate(clips) if clip.dtype != np.uint8 or clip.ndim not in (3, 4)]
    if odd:
        clip = clips[odd[0]]
        message = "clip {name!r} has shape {shape} of {dtype}; expected uint8 [T, H, W] or [T, H, W, 3]"
        raise SchemaError(tr(message, name=names[odd[0]], shape=clip.shape, dtype=clip.dtype))
    sizes = {clip.shape[1:3] for clip in clips}
    if frame is None and len(sizes) > 1:
        message = "clips have pictures of different sizes ({sizes}); pass frame=(height, width)"
        raise SchemaError(tr(message, sizes=listed(sorted(sizes), 4)))
    size = frame if frame is not None else (int(clips[0].shape[1]), int(clips[0].shape[2]))
    if colour is None:
        colour = any(clip.ndim == 4 and clip.shape[3] >= 3 for clip in clips)
    return _packed([shrink(clip, size, colour) for clip in clips], size, colour, **rest)


def _packed(clips: Sequence[NDArray[np.uint8]], size: tuple[int, int], colour: bool, **rest: Any) -> Sequences:
    shape = (size[0], size[1], 3 if colour else 1)
    flat = [clip.reshape(len(clip), -1) for clip in clips]
    return pack(flat, channels=pixel_names(shape), frame=shape, **rest)


def read_clip_files(
    data: Path,
    *,
    pattern: str | None = None,
    frame: tuple[int, int] | None = None,
    colour: bool | None = None,
    every: int = 1,
    broken: str = "error",
) -> Sequences:
    """Clips of a folder.

    Args:
        data: folder with a folder of pictures for each clip (in the order of their names), or with videos; the name of
            the sub-folder below it is the label. Or one video.
        pattern: regular expression with groups named label and group, for labels and groups out of names.
        frame: (height, width); None takes 32 by 32.
        colour: whether to keep colours; None takes grey.
        every: takes each first of so many frames.
        broken: whether clips that cannot be read are an error or left out with a note.

    Raises:
        ReadError: no clips, or broken ones.
        MissingExtraError: the `av` library is not installed.
    """
    size, colours = frame or (32, 32), bool(colour)
    if isinstance(every, bool) or not isinstance(every, int) or every < 1:
        raise ConfigError(tr("every={every!r} must be a whole number, at least 1", every=every))
    root = data if data.is_dir() else data.parent
    clips = {path: [path] for path in (files_below(data, VIDEOS) if data.is_dir() else [data])}
    for picture in files_below(data, IMAGES) if data.is_dir() else []:
        clips.setdefault(picture.parent, []).append(picture)
    if not clips:
        message = "{data} holds neither videos ({videos} ...) nor folders of pictures"
        raise ReadError(tr(message, data=data, videos=", ".join(VIDEOS[:4])))
    paths, notes = sorted(clips), list[Note]()
    read = [_clip(clips[path], size, colours, every) for path in paths]
    kept, found = usable(paths, [path.relative_to(root).as_posix() for path in paths], read, broken, tr("clips"), notes)
    named = name_all(root.parent if root in clips else root, kept, pattern)
    notes = [*named.notes, *notes]
    speeds = {speed for _, speed in found}
    rate = speeds.pop() if len(speeds) == 1 else None
    made = [clip for clip, _ in found]
    return _packed(made, size, colours, ids=named.ids, labels=named.labels, groups=named.groups, rate=rate, notes=notes)


def _clip(
    files: list[Path], size: tuple[int, int], colour: bool, every: int
) -> tuple[NDArray[np.uint8], float | None] | str:
    """The frames of a clip and how many a second, or what is wrong with it."""
    name, pictures = "", []
    try:
        if len(files) == 1 and files[0].suffix.lower() not in IMAGES:
            return decode(files[0], size, colour, every)
        for file in sorted(files)[::every]:
            name = f"{file.name}: "
            pictures.append(decode(file, size, colour)[0][:1])
    except ReadError as error:
        return f"{name}{error}"
    return np.concatenate(pictures), None
