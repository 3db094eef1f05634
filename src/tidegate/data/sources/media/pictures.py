"""Pictures with what is written about them: a table of paths or base64 cells, a folder, files, or arrays."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, DataError, ReadError, SchemaError
from tidegate.core.optional import require
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.sources.build import pack
from tidegate.data.sources.media import rows
from tidegate.data.sources.media.images import IMAGES
from tidegate.prepare.pictures import Pixels, fit_picture
from tidegate.prepare.sequence.fitted import pixel_names

MOST_PIXELS = 50_000_000
LARGEST_SIZE = 512
_PATHS = "picture image path file filename file_name image_path picture_path photo 圖片 圖 影像 照片 路徑 檔案 檔名"
_CAPTIONS = "caption text sentence description title label 說明 標題 描述 文字 句子"
SHORTEST_CELL = 64  # letters, from which on a cell that names no file is read as base64
_HEX, _WHOLE = 12, 65535.0


@dataclass(frozen=True)
class _Shown:
    """A picture: a path, bytes or an array; its name, where it was named, its caption and its part, or None."""

    picture: Any
    id: str
    place: str
    text: str | None
    part: str | None = None


def read_pictures(
    data: Any,
    captions: Sequence[str] | None = None,
    *,
    path: str | None = None,
    target: str | None = None,
    part: str | None = None,
    size: int = 48,
    colour: bool = True,
    broken: str = "error",
    labelled: bool = True,
) -> Sequences:
    """Pictures of one size, a step each, with the captions to write.

    Args:
        data: a table (CSV, TSV, JSONL, Parquet or a frame) with a column of paths, relative to it, or of base64 cells,
            and one or several of captions; a folder of pictures with such a table in it (`captions.*` or `metadata.*`)
            or a text file beside each; a picture file or a list of them; an array [N, H, W] or [N, H, W, C] or a list
            of arrays, of 8-bit numbers or shares from 0 to 1; or `Sequences`.
        captions: of arrays and lists, one for each.
        path, target: columns of the table; known by their usual names where nothing is said.
        part: column that says which part a picture is in (train, validation or dev, test); `part` or `split` if None.
        size: pixels of each side: pictures are brought to one size, whole, with white around those of another shape.
        colour: whether colours are kept; else grey.
        broken: `error`, or `skip` to leave out pictures that cannot be used, with a note.
        labelled: whether there must be captions.

    Returns:
        Sequences of one step each, uint8 [N, size * size * C]; labels are the captions. Where a picture occurs several
        times, groups say which rows show the same one.

    Raises:
        ReadError: a picture is missing, broken, or has more than 50 million pixels, with the row that names it.
        SchemaError: a column is missing, or an array is no picture. DataError: no captions, or an empty one.
        MissingExtraError: there are files and no pillow.
    """
    _check(size, colour, broken)
    if isinstance(data, Sequences):
        if captions is None:
            return data
        return replace(data, labels=rows.objects([_plain(own) for own in captions]), label_names=("caption",))
    notes: list[Note] = []
    shown = _given(data, captions, {"path": path, "target": target, "part": part}, notes)
    if labelled:
        message = (
            "there are no captions to learn from: give a table with a column of them (target=), a text file beside "
            "each picture, or captions= of a list"
        )
        rows.require_texts(shown, tr(message), tr("caption"))
    seen: dict[Any, Pixels | str] = {}
    found = [_once(seen, own, (size, size), colour) for own in shown]
    shown, pictures = rows.usable(shown, [own.place for own in shown], found, broken, tr("pictures"), notes)
    shape = (size, size, 3 if colour else 1)
    message = "{count} pictures were brought to {size} x {size} pixels."
    notes.append(Note("pictures", message, {"count": f"{len(pictures):,}", "size": size}))
    keys = [hashlib.sha256(picture.tobytes()).hexdigest()[:_HEX] for picture in pictures]
    made = pack(
        [picture.reshape(1, -1) for picture in pictures],
        ids=rows.different([own.id for own in shown]),
        channels=pixel_names(shape),
        frame=shape,
        groups=rows.objects(keys) if len(set(keys)) < len(keys) else None,
        notes=notes,
    )
    texts = [_plain(own.text or "") for own in shown] if all(own.text is not None for own in shown) else None
    return rows.written_for(made, "caption", texts, [own.part for own in shown])


def pixels_of(sequences: Sequences) -> Pixels:
    """[M, H, W, C] of sequences of one picture each."""
    assert sequences.frame is not None
    return np.asarray(sequences.values).reshape(-1, *sequences.frame)


def _check(size: Any, colour: Any, broken: Any) -> None:
    """Refuse options of reading that cannot work.

    Raises:
        ConfigError: one of them.
    """
    if isinstance(size, bool) or not isinstance(size, int) or not 8 <= size <= LARGEST_SIZE:
        message = "size={size} must be a whole number of pixels from 8 to {most}, such as 48"
        raise ConfigError(tr(message, size=repr(size), most=LARGEST_SIZE))
    if not isinstance(colour, bool):
        raise ConfigError(tr("colour={colour} is not True or False", colour=repr(colour)))
    if broken not in ("error", "skip"):
        raise ConfigError(tr('broken={broken} must be "error" or "skip"', broken=repr(broken)))


def _given(data: Any, captions: Any, columns: Mapping[str, str | None], notes: list[Note]) -> list[_Shown]:
    how: dict[str, Any] = {"columns": columns, "notes": notes}
    data, as_list = rows.items_of(data, IMAGES, partial(_folder, **how), partial(_table, **how))
    if not as_list:
        found: list[_Shown] = data
        return found
    if isinstance(data, np.ndarray) and data.ndim not in (3, 4):
        message = "an array of pictures is [N, H, W] or [N, H, W, C]; got {shape}"
        raise SchemaError(tr(message, shape=list(data.shape)))
    if captions is not None and len(captions) != len(data):
        message = "{count} pictures and {other} captions: give one for each"
        raise DataError(tr(message, count=len(data), other=len(captions)))
    files = [isinstance(item, (str, PathLike)) for item in data]
    return [
        _Shown(
            Path(item).expanduser() if own else item,
            Path(item).stem if own else str(place),
            Path(item).name if own else tr("picture {number}", number=place),
            None if captions is None else str(captions[place]),
        )
        for place, (item, own) in enumerate(zip(data, files, strict=True))
    ]


def _folder(root: Path, columns: Mapping[str, str | None], notes: list[Note]) -> list[_Shown]:
    """Pictures of a folder: as a table in it says, or all, each with the text file beside it."""
    table = partial(_table, root=root, columns=columns, notes=notes)
    return rows.in_folder(root, "captions", IMAGES, tr("pictures"), table, partial(_files, root))


def _files(root: Path, files: list[Path]) -> list[_Shown]:
    texts = [file.with_suffix(".txt") for file in files]
    told = any(text.is_file() for text in texts)
    found = []
    for file, text in zip(files, texts, strict=True):
        name = file.relative_to(root)
        if told and not text.is_file():
            raise ReadError(
                tr("{name} has no caption: expected {file} beside it", name=name.as_posix(), file=text.name)
            )
        words = text.read_text("utf-8", "replace") if told else None
        found.append(_Shown(file, name.with_suffix("").as_posix(), name.as_posix(), words))
    return found


def _table(data: Any, root: Path, columns: Mapping[str, str | None], notes: list[Note]) -> list[_Shown]:
    usual = {"path": _PATHS, "target": _CAPTIONS}
    found = []
    for number, (place, cells) in enumerate(rows.named_rows(data, columns, usual, tr("pictures"), notes)):
        cell = str(cells["path"]).strip()
        held = _decoded(cell)
        name = Path(cell).with_suffix("").as_posix() if held is None else str(number)
        found.append(_Shown(root / cell if held is None else held, name, place, cells["target"], cells["part"]))
    return found


def _decoded(cell: str) -> bytes | None:
    """The bytes of a base64 cell; None of one that is a path."""
    data = cell.startswith("data:image/")
    if not data and len(cell) < SHORTEST_CELL:
        return None
    try:
        return base64.b64decode(cell.partition(",")[2] if data else cell, validate=True)
    except (binascii.Error, ValueError):
        return b"" if data else None


def _once(seen: dict[Any, Pixels | str], own: _Shown, size: tuple[int, int], colour: bool) -> Pixels | str:
    """A picture of that size, or what is wrong with it; a file that several rows name is read once."""
    key = own.picture if isinstance(own.picture, Path) else None
    if key is None or key not in seen:
        try:
            seen[key] = fit_picture(open_picture(own.picture), size, colour)
        except (ReadError, SchemaError) as error:
            seen[key] = str(error)
    return seen[key]


def open_picture(picture: Any) -> NDArray[Any]:
    """The pixels of a file, of a file's bytes, or of an array, which is given back as it is.

    Of an animation the first frame; turned as a camera says; palettes become colours, what is transparent keeps its
    share, and 16-bit grey becomes 8-bit.

    Raises:
        ReadError: it is missing, broken or too large, without its path, which the caller names.
        MissingExtraError: pillow is not installed.
    """
    if not isinstance(picture, (bytes, str, PathLike)):
        return np.asarray(picture)
    library = require("PIL.Image", extra="images", purpose="read pictures")
    turned = require("PIL.ImageOps", extra="images", purpose="read pictures").exif_transpose
    source = io.BytesIO(picture) if isinstance(picture, bytes) else Path(picture)
    if isinstance(source, Path) and not source.is_file():
        raise ReadError(tr("there is no such file: {path}", path=source))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its own bound on pixels, and odd notes in files
            with library.open(source) as image:
                pixels = image.width * image.height
                if pixels > MOST_PIXELS:
                    raise ReadError(_too_large(pixels))
                return _pixels(turned(image))
    except library.DecompressionBombError:
        raise ReadError(_too_large(None)) from None
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError) as error:
        raise ReadError(tr("not readable as a picture: {error}", error=str(error) or type(error).__name__)) from None


def _too_large(pixels: int | None) -> str:
    count = tr("very many") if pixels is None else f"{pixels:,}"
    return tr("it has {count} pixels, and at most {most} are read", count=count, most=f"{MOST_PIXELS:,}")


def _pixels(image: Any) -> NDArray[Any]:
    if image.mode.startswith(("I", "F")):
        held = np.asarray(image, np.float64)
        return np.clip(held / (_WHOLE if held.max() > 255 else 255.0), 0.0, 1.0)
    clear = image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info
    return np.asarray(image.convert("RGBA" if clear else "RGB"))


def _plain(text: str) -> str:
    return " ".join(text.split())
