"""Arrays [n, C, T] and [n, T], lists of arrays [T, C], and named arrays in one .npz file, as sequences."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError, ReadError, SchemaError
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.files.dialect import open_bytes
from tidegate.data.sources.build import attach, check_ids, check_lengths, pack, without_padding


def read_array(array: NDArray[Any], *, lengths: Any = None, steps_first: bool | None = None, **rest: Any) -> Sequences:
    """Sequences of one array.

    Args:
        array: [n, C, T], or [n, T] for one channel; with `steps_first` [n, T, C]; numbers.
        lengths: [n] steps of each that count; None takes all (less the missing values at the end), except for an
            array [N, C] of all sequences one after another, which lengths must divide.
        steps_first: whether steps come before channels.
        rest: ids, channels, labels, tag, label_names, groups, rate.

    Raises:
        SchemaError: another shape, or no numbers.
        DataError: a sequence without steps, an infinite value.
    """
    values = _numbers(array, "the array")
    if lengths is not None and values.ndim == 2 and int(np.sum(lengths)) == len(values):
        parts = np.split(values, np.cumsum(lengths)[:-1])
        return pack(parts, **rest)
    notes: list[Note] = []
    if values.ndim == 2:
        values = values[:, :, None]
    elif values.ndim != 3:
        message = "the array has shape {shape}; expected [n, C, T] or [n, T]: sequences, channels, steps"
        raise SchemaError(tr(message, shape=array.shape))
    elif not steps_first:
        if steps_first is None and values.shape[1] > values.shape[2]:
            message = (
                "The array was read as [n, C, T]: {channels} channels of {steps} steps. If it is [n, T, C], pass "
                "steps_first=True."
            )
            notes.append(Note("steps_first", message, {"channels": values.shape[1], "steps": values.shape[2]}))
        values = values.transpose(0, 2, 1)
    parts = list(values)
    if lengths is not None:
        parts = _shortened(parts, lengths)
    else:
        parts, found = without_padding(parts)
        notes += found
    return pack(parts, notes=notes, **rest)


def _shortened(parts: list[NDArray[Any]], lengths: Any) -> list[NDArray[Any]]:
    counts = np.asarray(lengths)
    if counts.shape != (len(parts),) or counts.dtype.kind not in "iu":
        message = "lengths have shape {shape}; expected a whole number for each of {count}"
        raise SchemaError(tr(message, shape=counts.shape, count=len(parts)))
    longest = len(parts[0]) if parts else 0
    if (counts < 0).any() or (counts > longest).any():
        raise SchemaError(tr("lengths must be from 1 to {longest}, the steps of the array", longest=longest))
    return [part[:count] for part, count in zip(parts, counts.tolist(), strict=True)]


def read_list(data: Sequence[Any], *, steps_first: bool | None = None, **rest: Any) -> Sequences:
    """Sequences of a list of arrays.

    Args:
        data: arrays [T, C], or [T] for one channel; with `steps_first=False` [C, T].
        steps_first: None finds out: [C, T] where all agree in the first number and not in the second.
        rest: ids, channels, labels, tag, label_names, groups, rate.

    Raises:
        SchemaError: another shape, no numbers, or different numbers of channels.
        DataError: a sequence without steps, an infinite value.
    """
    if not len(data):
        raise DataError(tr("the list is empty; give at least one sequence"))
    names = check_ids(rest.get("ids"), len(data))
    parts = [_numbers(item, f"sequence {name!r}") for name, item in zip(names, data, strict=True)]
    odd = [place for place, part in enumerate(parts) if part.ndim not in (1, 2)]
    if odd:
        message = "sequence {name!r} has shape {shape}; expected [T, C] or [T]"
        raise SchemaError(tr(message, name=names[odd[0]], shape=parts[odd[0]].shape))
    parts = [part if part.ndim == 2 else part[:, None] for part in parts]
    notes = []
    wide = {part.shape[0] for part in parts}
    if steps_first is None and len(wide) == 1 and len({part.shape[1] for part in parts}) > 1:
        message = "The arrays were read as [C, T], as they agree in the first number only: {channels} channels."
        notes.append(Note("steps_last", message, {"channels": wide.pop()}))
        steps_first = False
    if steps_first is False:
        parts = [part.T for part in parts]
    return pack(parts, notes=notes, **rest)


def _numbers(values: Any, what: str) -> NDArray[Any]:
    for convert in ("to_numpy", "numpy"):
        if not isinstance(values, np.ndarray) and hasattr(values, convert):
            values = getattr(values, convert)()
            break
    try:
        array = np.asarray(values)
    except ValueError:
        raise SchemaError(tr("{what} has rows of different lengths; give an array [T, C]", what=what)) from None
    if array.dtype.kind in "biu":
        return array.astype(np.float32 if array.dtype.itemsize < 4 else np.float64)
    if array.dtype in (np.float32, np.float64):
        return array
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError):
        raise SchemaError(tr("{what} holds {dtype}; expected numbers", what=what, dtype=array.dtype)) from None


def read_tokens(
    data: Sequence[Sequence[str | None]], *, name: str = "token", ids: Sequence[str] | None = None, **rest: Any
) -> Sequences:
    """Sequences of lists of tokens: a column of categories and no numbers.

    Raises:
        DataError: a sequence without tokens.
    """
    names = check_ids(ids, len(data))
    lengths = np.array([len(item) for item in data], dtype=np.int64)
    check_lengths(lengths, names)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    column = np.empty(int(starts[-1]), dtype=object)
    column[:] = [None if token is None else str(token) for item in data for token in item]
    made = Sequences(names, starts, np.empty((len(column), 0)), (), {name: column})
    return attach(made, rest.get("labels"), tag=bool(rest.get("tag")), groups=rest.get("groups"))


_ROLES: dict[str, tuple[str, ...]] = {
    "data": ("x", "x_train", "data", "values"),
    "lengths": ("lengths", "length"),
    "labels": ("y", "y_train", "labels", "label"),
    "groups": ("groups", "group"),
    "ids": ("ids", "id"),
    "joints": ("joints",),
    "channels": ("channels",),
}


def is_store(data: Any) -> bool:
    """Whether data are an .npz file or its arrays, of which one, X, holds all sequences."""
    if isinstance(data, Path):
        return data.suffix.lower() == ".npz"
    return isinstance(data, Mapping) and "X" in data and np.ndim(data["X"]) > 1


def read_store(source: Path | Mapping[str, Any], given: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The array of sequences, and the options with lengths, labels and so on out of the others.

    Args:
        source: .npz file, or its arrays: X (or x, data, values), and where there are some lengths, labels (or y),
            groups, ids, joints, channels. What is given as an option comes before what the file says; other arrays (a
            test part, say) are not used.
        given: the options.

    Raises:
        ReadError: no .npz, damaged, or with pickled objects.
        SchemaError: no array of sequences.
    """
    held = _load(source) if isinstance(source, Path) else dict(source)
    lower = {name.lower(): name for name in held}
    found: dict[str, Any] = {}
    for role, names in _ROLES.items():
        name = next((lower[name] for name in names if name in lower), None)
        if name is not None:
            found[role] = held[name]
    if "data" not in found:
        raise SchemaError(
            tr("there is no array X among {held}; name the array of sequences X", held=", ".join(held) or "none")
        )
    data = found.pop("data")
    if "joints" in found:
        found["joints"] = [str(name) for name in np.asarray(found["joints"]).tolist()]
    return data, {**found, **given}


def _load(path: Path) -> dict[str, Any]:
    open_bytes(path).close()
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as store:
            return {name: store[name] for name in store.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ReadError(
            tr("{path} is no readable .npz file of plain arrays ({error})", path=path, error=str(error)[:80])
        ) from None
