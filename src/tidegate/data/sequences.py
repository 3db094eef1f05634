"""`read_sequences`: from arrays, tables, texts, sound, frames or joints to sequences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from os import PathLike
from pathlib import Path
from typing import Any, get_args

import numpy as np

from tidegate.core.errors import ConfigError, DataError, ReadError, SchemaError
from tidegate.core.sequences import Sequences
from tidegate.core.translate import tr
from tidegate.data.cells.columns import OPTIONS as WAYS
from tidegate.data.cells.columns import Source, options_of
from tidegate.data.files.dialect import suffix_of
from tidegate.data.read import open_source
from tidegate.data.schema import Columns, Names
from tidegate.data.sources import archive, arrays, table, texts
from tidegate.data.sources.arrays import is_store, read_store
from tidegate.data.sources.media import clips, joints, sound
from tidegate.data.sources.roles import OPTIONS, Kind, kind_of, recognised
from tidegate.data.sources.whole import read_whole

__all__ = ["OPTIONS", "Kind", "read_sequences"]


def read_sequences(
    data: Any,
    *,
    label: Names = None,
    id: str | None = None,
    time: str | None = None,
    features: Names = None,
    group: str | None = None,
    text: str | None = None,
    kind: Kind | None = None,
    tag: bool = False,
    pattern: str | None = None,
    **more: Any,
) -> Sequences:
    """Read sequences, with their labels and groups.

    Args:
        data: an array [n, C, T] or [n, T]; a list of arrays [T, C]; texts; lists of tokens; a long table (path of a
            CSV, Parquet or JSON-lines file; a pandas, polars or pyarrow frame; a dict of columns); a .ts, .arff or
            .npz file; a folder of sound files, pictures or videos.
        label: column of the label; several for several numbers or labels at once.
        id: column that says which sequence a row belongs to. time: column that orders the steps of a sequence.
        features: columns to learn from; all others if None.
        group: column of what a sequence came from, such as a patient, never on both sides of a split.
        text: column that holds a text.
        kind: what the data are: `table`, `archive`, `text`, `tokens`, `sound`, `frames` or `joints`; found out if None.
        tag: each step has a label of its own.
        pattern: regular expression for the names of files, with groups named label and group.
        more: what this kind takes beside (see `OPTIONS`), among it
            labels, groups, ids: one for each of the sequences, where data are arrays, texts or lists (`labels` of
                steps with `tag`); lengths: steps of each sequence of one array; channels: their names;
                steps_first: whether an array is [n, T, C];
            columns: names of the columns of a file without a header line; encoding, delimiter, decimal, thousands,
                date_format, skip_rows, na, units, repair: as `read` takes them;
            broken: "skip" leaves unreadable files out; rate, mels, window, hop: of sound; frame=(height, width),
                colour, every: of pictures; joints, root, normalise, velocities: of skeletons.

    Returns:
        The sequences; their notes say what was recognised, left out and repaired.

    Raises:
        ReadError, SchemaError, TimeError, DataError, ConfigError: with the place, what was expected, and the fix.
        MissingExtraError: sound, pictures or Parquet without the library for them.

    >>> table = {"run": ["a", "a", "b"], "heat": [1.0, 2.0, 5.0], "fault": ["no", "no", "yes"]}
    >>> found = read_sequences(table, id="run", label="fault")
    >>> found.ids, found.lengths.tolist(), found.channels, found.labels.tolist()
    (('a', 'b'), [2, 1], ('heat',), ['no', 'yes'])
    >>> read_sequences(["a dull plot", "great"], labels=["bad", "good"]).texts[1]
    'great'
    """
    if isinstance(data, Sequences):
        return data
    if kind is not None and kind not in get_args(Kind):
        raise ConfigError(
            tr("kind={kind!r} is unknown; choose one of {names}", kind=kind, names=", ".join(get_args(Kind)))
        )
    given: dict[str, Any] = {"label": label, "id": id, "time": time, "features": features, "group": group, "text": text}
    given |= {"pattern": pattern, **more}
    given = {name: value for name, value in given.items() if value is not None} | ({"tag": True} if tag else {})
    data = Path(data).expanduser() if isinstance(data, (str, PathLike)) else plain_arrays(data)
    if hasattr(given.get("labels"), "__array__") and not hasattr(given["labels"], "__len__"):
        given["labels"] = np.asarray(given["labels"])
    known = {name for names in OPTIONS.values() for name in names}
    unknown = sorted(set(given) - known)
    if unknown:
        message = "option {unknown!r} is unknown; read_sequences takes {names}"
        raise ConfigError(tr(message, unknown=unknown[0], names=", ".join(sorted(known))))
    if is_store(data):
        data, given = read_store(data, given)
    found: Kind = kind or kind_of(data, given)
    odd = sorted(set(given) - set(OPTIONS[found]))
    if odd:
        message = (
            "{odd}= says nothing about {found}, which these data were taken for; it takes {names}. To have them read "
            "otherwise, pass kind="
        )
        raise ConfigError(tr(message, odd=odd[0], found=found, names=", ".join(OPTIONS[found])))
    return _READERS[found](data, given)


def plain_arrays(data: Any) -> Any:
    """Arrays of other libraries as numpy's; frames and all else as they are.

    Raises:
        DataError: a sparse matrix.
    """
    if type(data).__module__.startswith("scipy.sparse"):
        raise DataError(tr("the data are a sparse matrix, which holds no sequences: give its .toarray()"))
    framed = any(hasattr(data, name) for name in ("columns", "column_names", "__dataframe__"))
    if isinstance(data, np.ndarray) or framed or not hasattr(data, "__array__"):
        return data
    found = np.asarray(data)
    return found if found.ndim > 1 else data


def _arrays(data: Any, given: dict[str, Any]) -> Sequences:
    if isinstance(data, np.ndarray) and data.dtype.kind != "O":
        return arrays.read_array(data, **given)
    if "lengths" in given:
        raise ConfigError(tr("lengths= goes with one array of all sequences, not with a list"))
    return arrays.read_list(list(data), **given)


def _source(data: Any, given: dict[str, Any]) -> Source:
    """Columns of a table, and the options that say how it is written taken out of `given`."""
    return open_source(data, options_of(**{name: given.pop(name, None) for name in WAYS}))


def _table(data: Any, given: dict[str, Any]) -> Sequences:
    try:
        source = _source(data, given)
        found, notes = recognised(source, given)
        source.notes.extend(notes)
        if "text" in found:
            return texts.read_text_table(source, **{**given, **found})
        own = {**given, **found}
        named = Columns(**{field.name: own.pop(field.name) for field in fields(Columns) if field.name in own})
        if own.get("rows") or "cells" in own:
            return read_whole(source, named, **own)
        return table.read_table(source, named, **own)
    except (ReadError, SchemaError) as error:
        lines = isinstance(data, Path) and suffix_of(data) not in (".csv", ".tsv", ".parquet")
        if not lines:
            raise
        message = "{error}. If each line is a label and then a text, pass kind='text' (--kind text)"
        raise type(error)(tr(message, error=error)) from error


def _archive(data: Any, given: dict[str, Any]) -> Sequences:
    if not isinstance(data, Path):
        raise ConfigError(tr("kind='archive' reads a file; give its path"))
    return archive.read_archive(data, **given)


def _texts(data: Any, given: dict[str, Any]) -> Sequences:
    if isinstance(data, Path) and data.is_dir():
        return texts.read_text_folder(data, given.get("pattern"), given.get("encoding"))
    if isinstance(data, Path) and "text" not in given:
        return texts.read_labelled_lines(data, given.get("encoding"))
    if isinstance(data, (list, tuple, np.ndarray)) or getattr(data, "ndim", 2) == 1:
        wrong = sorted(set(given) & {"text", "label", "id", "group"})
        if wrong:
            raise ConfigError(
                tr("{wrong}= names a column, but the data are texts; pass labels=, ids= or groups=", wrong=wrong[0])
            )
        return texts.read_texts(data, **given)
    if "text" not in given:
        raise ConfigError(tr("texts of a table need text=, the column that holds them"))
    wrong = sorted(set(given) & {"labels", "groups", "ids"})
    if wrong:
        raise ConfigError(
            tr("{wrong}= goes with a list of texts; name columns with label=, group= or id=", wrong=wrong[0])
        )
    return texts.read_text_table(_source(data, given), **given)


def _sound(data: Any, given: dict[str, Any]) -> Sequences:
    if isinstance(data, Path):
        return sound.read_sounds(data if data.is_dir() else [data], **given)
    return sound.read_sounds([Path(item) for item in data], **given)


def _frames(data: Any, given: dict[str, Any]) -> Sequences:
    fields = ("pattern", "frame", "colour", "every", "broken")
    taken = fields if isinstance(data, Path) else ("frame", "colour", "labels", "groups", "ids", "lengths", "rate")
    wrong = sorted(set(given) - set(taken))
    if wrong:
        message = "{wrong}= does not go with {text} of pictures"
        raise ConfigError(tr(message, wrong=wrong[0], text="files" if isinstance(data, Path) else "arrays"))
    frame = given.get("frame")
    if frame is not None and not (
        isinstance(frame, (tuple, list))
        and len(frame) == 2
        and all(isinstance(n, int) and 1 <= n <= 4096 for n in frame)
    ):
        raise ConfigError(tr("frame={frame!r} must be (height, width), from 1 to 4096", frame=frame))
    given = {**given, "frame": None if frame is None else (frame[0], frame[1])}
    if isinstance(data, Path):
        return clips.read_clip_files(data, **given)
    return clips.read_clip_arrays(data, **{"colour": None, **given})


_READERS: dict[Kind, Callable[[Any, dict[str, Any]], Sequences]] = {
    "arrays": _arrays,
    "table": _table,
    "archive": _archive,
    "text": _texts,
    "tokens": lambda data, given: arrays.read_tokens(data, **given),
    "sound": _sound,
    "frames": _frames,
    "joints": lambda data, given: joints.read_joints(data, **given),
}
