"""Putting sequences together, and refusing what cannot be one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError, SchemaError
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.sources import labels as of

_PIECE = 1 << 18


def listed(names: Sequence[Any], most: int = 8) -> str:
    """Some names for a message."""
    return ", ".join(map(str, names[:most])) + (f" and {len(names) - most} more" if len(names) > most else "")


def channel_names(width: int) -> tuple[str, ...]:
    """Names of channels without one: "value", or "value_0" and so on, as tables of arrays have them."""
    return ("value",) if width == 1 else tuple(f"value_{place}" for place in range(width))


def pack(
    parts: Sequence[NDArray[Any]],
    *,
    ids: Sequence[str] | None = None,
    channels: Sequence[str] | None = None,
    labels: Any = None,
    tag: bool = False,
    label_names: Sequence[str] = (),
    groups: Any = None,
    frame: tuple[int, int, int] | None = None,
    rate: float | None = None,
    notes: Sequence[Note] = (),
) -> Sequences:
    """Sequences out of one array [T, C] each.

    Raises:
        DataError: a sequence without steps, an infinite value.
        SchemaError: different numbers of channels, labels or groups.
    """
    if not len(parts):
        raise DataError(tr("there are no sequences; give at least one"))
    names = check_ids(ids, len(parts))
    widths = [part.shape[1] for part in parts]
    usual = widths[0] if channels is None else len(channels)
    odd = [place for place, width in enumerate(widths) if width != usual]
    if odd:
        message = (
            "sequence {name!r} has {width} channels where {usual} are expected ({count} such sequences); give all "
            "sequences the same channels"
        )
        raise SchemaError(tr(message, name=names[odd[0]], width=widths[odd[0]], usual=usual, count=len(odd)))
    channels = tuple(channels) if channels is not None else channel_names(usual)
    if len(set(channels)) != len(channels):
        raise SchemaError(tr("channel names repeat: {names}; give every channel its own name", names=listed(channels)))
    lengths = np.array([len(part) for part in parts], dtype=np.int64)
    check_lengths(lengths, names)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    values = parts[0] if len(parts) == 1 else np.concatenate(parts)
    made = Sequences(names, starts, values, channels, frame=frame, rate=rate, notes=tuple(notes))
    check_values(made)
    return attach(made, labels, tag=tag, names=label_names, groups=groups)


def attach(
    sequences: Sequences, labels: Any, *, tag: bool = False, names: Sequence[str] = (), groups: Any = None
) -> Sequences:
    """The sequences with labels and groups.

    Args:
        sequences: M of them.
        labels: one a sequence, a row of several a sequence, a series [K, D] of numbers a sequence, or with `tag` one a
            step ([N], or a list of [T]).
        tag: whether labels belong to steps.
        names: of what the labels hold.
        groups: one a sequence, or None.

    Raises:
        SchemaError: their number or shape does not fit.
    """
    from dataclasses import replace

    held: NDArray[Any] | None = None
    steps = 0
    if labels is not None:
        held = _per_step(labels, sequences) if tag else of.tidy(labels)
        if held.ndim == 3 and not tag and held.size:
            steps, quantities = held.shape[1:]
            names = [f"{name}_{step}" for step in range(1, steps + 1) for name in _quantities(names, quantities)]
            held = held.reshape(len(held), -1)
        count, what = (int(sequences.starts[-1]), "steps") if tag else (len(sequences), "sequences")
        if held.ndim not in (1, 2) or len(held) != count:
            message = "labels have shape {shape}; expected one for each of the {count} {what}"
            raise SchemaError(tr(message, shape=held.shape, count=count, what=what))
        if held.ndim == 2:
            held = of.several(list(held.T), names or [f"label_{place}" for place in range(held.shape[1])])
    width = 1 if held is None or held.ndim == 1 else held.shape[1]
    default = ("label",) if width == 1 else tuple(f"label_{place}" for place in range(width))
    if names and len(names) != width:
        raise SchemaError(
            tr("{count} label names for {width} labels; give one for each", count=len(names), width=width)
        )
    return replace(
        sequences,
        labels=held,
        label_names=() if held is None else tuple(names) or default,
        per_step=tag and held is not None,
        label_steps=steps,
        groups=None if groups is None else of.groups(groups, len(sequences)),
    )


def _quantities(names: Sequence[str], count: int) -> Sequence[str]:
    """Names of the quantities of series."""
    if names and len(names) != count:
        raise SchemaError(
            tr("{count} label names for {width} labels; give one for each", count=len(names), width=count)
        )
    return names or (["label"] if count == 1 else [f"label_{place}" for place in range(count)])


def _per_step(labels: Any, sequences: Sequences) -> NDArray[Any]:
    held = list(labels)
    if held and all(isinstance(item, (list, tuple, np.ndarray)) for item in held):
        lengths = [len(item) for item in held]
        if lengths != sequences.lengths.tolist():
            if len(held) != len(sequences):
                message = "labels of {count} sequences are given for {count2} sequences"
                raise SchemaError(tr(message, count=len(held), count2=len(sequences)))
            wrong = next(i for i, length in enumerate(lengths) if length != sequences.lengths[i])
            message = "sequence {name!r} has {length} steps and {length2} labels; with tag=True give one label a step"
            raise SchemaError(
                tr(message, name=sequences.ids[wrong], length=sequences.lengths[wrong], length2=lengths[wrong])
            )
        held = [label for item in held for label in (item.tolist() if isinstance(item, np.ndarray) else item)]
    return of.tidy(held)


def check_ids(ids: Sequence[Any] | None, count: int) -> tuple[str, ...]:
    """Names of the sequences: as given, else "0", "1", ...

    Raises:
        SchemaError: another number of them, or a name twice.
    """
    if ids is None:
        return tuple(map(str, range(count)))
    names = tuple(map(str, ids))
    if len(names) != count:
        raise SchemaError(tr("{count} ids for {count2} sequences; give one for each", count=len(names), count2=count))
    if len(set(names)) != count:
        seen: set[str] = set()
        doubled = next(name for name in names if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise SchemaError(tr("id {doubled!r} names several sequences; give every sequence its own", doubled=doubled))
    return names


def check_lengths(lengths: NDArray[np.int64], names: Sequence[str]) -> None:
    """Refuse sequences without steps.

    Raises:
        DataError: naming them.
    """
    empty = [names[place] for place in np.flatnonzero(lengths == 0).tolist()]
    if empty:
        message = "{count} sequences have no steps ({names}); leave them out, or give their steps"
        raise DataError(tr(message, count=len(empty), names=listed(empty)))


def check_values(sequences: Sequences) -> None:
    """Refuse infinite values.

    Raises:
        DataError: naming the first place.
    """
    if sequences.values.dtype.kind != "f":
        return
    for first in range(0, len(sequences.values), _PIECE):
        bad = np.isinf(sequences.values[first : first + _PIECE])
        if bad.any():
            row, channel = np.argwhere(bad)[0]
            step = first + int(row)
            at = int(np.searchsorted(sequences.starts, step, side="right")) - 1
            raise DataError(
                tr(
                    "sequence {name!r}, step {value}, channel {channel!r}: the value is infinite; correct it "
                    "or make it missing (NaN)",
                    name=sequences.ids[at],
                    value=step - int(sequences.starts[at]),
                    channel=sequences.channels[channel],
                )
            )


def without_padding(parts: list[NDArray[Any]]) -> tuple[list[NDArray[Any]], list[Note]]:
    """The sequences [T, C] without the steps at their end at which every channel is missing.

    The archive pads shorter sequences so. A sequence that is missing throughout is left as it is.
    """
    cut = 0
    kept = []
    for part in parts:
        if part.dtype.kind != "f" or not len(part) or not np.isnan(part[-1]).all():
            kept.append(part)
            continue
        held = np.flatnonzero(~np.isnan(part).all(axis=1))
        end = int(held[-1]) + 1 if len(held) else len(part)
        cut += end < len(part)
        kept.append(part[:end])
    if not cut:
        return kept, []
    message = "{count} sequences end in missing values, which were taken for padding and left out."
    return kept, [Note("padding", message, {"count": cut})]
