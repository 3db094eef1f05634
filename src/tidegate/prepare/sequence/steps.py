"""Numbers and categories at the steps of sequences: measured on training steps, then filled and scaled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.prepare.options import SequenceOptions
from tidegate.prepare.table import encode

MOST_CATEGORIES = 64
_PIECE = 1 << 15


@dataclass(frozen=True)
class ChannelState:
    """A channel of numbers: input = (value - offset) / scale.

    Attributes:
        name: the channel.
        offset, scale: of the training steps; scale is 1 where the channel does not change.
        mean: of the training steps, in the channel's own unit.
        mask: whether an input says where a value was missing.
        missing: training steps without a value.
        empty: whether no training step has a value; the channel is then read as 0.
    """

    name: str
    offset: float
    scale: float
    mean: float
    mask: bool
    missing: int
    empty: bool


@dataclass(frozen=True)
class CategoryState:
    """A column of categories, one input each; what is none of them has 0 in all."""

    name: str
    categories: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"{self.name}={category}" for category in self.categories)


def shown(names: Sequence[str], most: int = 8) -> str:
    """Some names for a message."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def place_of(sequences: Sequences, step: int) -> str:
    """Which sequence a step belongs to, for messages: `sequence 'a', step 3`."""
    at = int(np.searchsorted(sequences.starts, step, side="right")) - 1
    return f"sequence {sequences.ids[at]!r}, step {step - int(sequences.starts[at])}"


def fit_channels(
    sequences: Sequences, steps: NDArray[np.int64], options: SequenceOptions
) -> tuple[tuple[ChannelState, ...], list[Note]]:
    """Measure every channel at the training steps.

    Args:
        sequences: values [N, C].
        steps: [n] row numbers of the training steps; nothing else is read.
        options: how to scale and fill.

    Raises:
        DataError: an infinite value, or missing ones with fill="none".
    """
    count, total, low, high = _extent(sequences, steps)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        mean = total / count
    offset, scale = _spread(sequences, steps, options.scale, (count, mean, low, high))
    empty = count == 0
    with np.errstate(invalid="ignore"):
        least = 10 * np.finfo(np.float64).eps * np.maximum(np.abs(low), np.abs(high))
        flat = ~empty & (high - low <= least)
    narrow = ~empty & ~flat & (scale == 0)
    if options.scale != "none":
        scale = np.where(flat | narrow, 1.0, scale)
    offset, scale, mean = np.where(empty, 0, offset), np.where(empty, 1, scale), np.where(empty, 0, mean)
    sound = np.isfinite(offset) & np.isfinite(scale) & np.isfinite(mean)
    if not sound.all():
        name = sequences.channels[int(np.argmin(sound))]
        raise DataError(
            tr("values of channel {name!r} are too large to be measured in float64; use a larger unit", name=name)
        )
    missing = len(steps) - count
    if options.fill == "none" and (missing > 0).any():
        raise _missing(sequences, steps, int(np.argmax(missing > 0)))
    mask = np.full(len(empty), options.mask) if options.mask is not None else (missing > 0) & ~empty
    states = tuple(
        ChannelState(name, float(a), float(b), float(c), bool(d), int(e), bool(f))
        for name, a, b, c, d, e, f in zip(sequences.channels, offset, scale, mean, mask, missing, empty, strict=True)
    )
    notes = _notes(states, flat if options.scale != "none" else flat & False, narrow, len(steps), options.fill)
    return states, notes


def _extent(sequences: Sequences, steps: NDArray[np.int64]) -> tuple[NDArray[Any], ...]:
    """Count, sum, least and greatest value of each channel."""
    width = len(sequences.channels)
    count, total = np.zeros(width, dtype=np.int64), np.zeros(width)
    low, high = np.full(width, np.inf), np.full(width, -np.inf)
    for first in range(0, len(steps), _PIECE):
        where = steps[first : first + _PIECE]
        block = sequences.values[where].astype(np.float64)
        if np.isinf(block).any():
            row, channel = np.argwhere(np.isinf(block))[0]
            raise _infinite(sequences, int(where[row]), int(channel))
        count += (~np.isnan(block)).sum(axis=0)
        with np.errstate(over="ignore"):
            total += np.nansum(block, axis=0)
        low, high = np.fmin(low, np.fmin.reduce(block)), np.fmax(high, np.fmax.reduce(block))
    return count, total, low, high


def _spread(
    sequences: Sequences, steps: NDArray[np.int64], method: str, extent: tuple[NDArray[Any], ...]
) -> tuple[NDArray[Any], NDArray[Any]]:
    count, mean, low, high = extent
    if method == "none":
        return np.zeros(len(count)), np.ones(len(count))
    if method == "minmax":
        with np.errstate(invalid="ignore", over="ignore"):
            return low, high - low
    if method == "robust":
        quartile = np.zeros((len(count), 3))
        for channel in np.flatnonzero(count):
            values = sequences.values[steps, channel].astype(np.float64)
            quartile[channel] = np.percentile(values[~np.isnan(values)], (25, 50, 75))
        return quartile[:, 1], quartile[:, 2] - quartile[:, 0]
    square = np.zeros(len(count))
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        for first in range(0, len(steps), _PIECE):
            square += np.nansum((sequences.values[steps[first : first + _PIECE]] - mean) ** 2, axis=0)
        return mean, np.sqrt(square / count)


def _notes(
    states: tuple[ChannelState, ...], flat: NDArray[Any], narrow: NDArray[Any], steps: int, fill: str
) -> list[Note]:
    notes = []
    constant = [state.name for state, same in zip(states, flat, strict=True) if same]
    if constant:
        message = "Channels that do not change in the training part, whose scale is 1: {columns}."
        notes.append(Note("constant", message, {"columns": shown(constant)}))
    if narrow.any():
        message = "Channels whose middle half does not change in the training part, and whose scale is 1: {columns}."
        names = [state.name for state, same in zip(states, narrow, strict=True) if same]
        notes.append(Note("constant", message, {"columns": shown(names)}))
    empty = [state.name for state in states if state.empty]
    if empty:
        message = "Channels without a value in the training part, which are read as 0: {columns}."
        notes.append(Note("empty", message, {"columns": shown(empty)}))
    gaps = [state for state in states if state.missing and not state.empty]
    if gaps:
        message = "{count} of {total} training values are missing, in {columns}; filled by {fill}."
        count = sum(state.missing for state in gaps)
        where = shown([state.name for state in gaps])
        values = {"count": count, "total": steps * len(states), "columns": where, "fill": fill}
        notes.append(Note("fill", message, values))
    return notes


def apply_channels(
    sequences: Sequences, steps: NDArray[np.int64] | slice, starts: NDArray[np.int64], plan: ChannelPlan
) -> tuple[NDArray[np.float32], list[Note]]:
    """Fill and scale.

    Args:
        sequences: values [N, C], channels in any order.
        steps: [n] row numbers to take.
        starts: [M + 1] where each sequence begins among them.
        plan: the fitted channels, and the width of the answer.

    Returns:
        float32 [n, width]: channels, then room for categories, then masks; and what was found.

    Raises:
        DataError: an infinite value, or a missing one where fill is "none".
    """
    states, columns = plan.states, plan.columns
    total, wide = int(starts[-1]), len(states)
    out = np.zeros((total, plan.width), dtype=np.float32)
    offset = np.array([state.offset for state in states])
    scale = np.array([state.scale for state in states])
    holes = np.zeros(wide, dtype=bool)
    straight = columns == list(range(sequences.values.shape[1]))
    for first in range(0, total, _PIECE):
        end = min(first + _PIECE, total)
        block = sequences.values[first:end] if isinstance(steps, slice) else sequences.values[steps[first:end]]
        block = block if straight else block[:, columns]
        with np.errstate(over="ignore"):
            out[first:end, :wide] = (block - offset) / scale
        made = out[first:end, :wide]
        if not np.isfinite(made).all():
            if np.isinf(made).any():
                row, channel = np.argwhere(np.isinf(made))[0]
                step = first + int(row) if isinstance(steps, slice) else int(steps[first + row])
                raise _infinite(sequences, step, columns[int(channel)])
            holes |= np.isnan(made).any(axis=0)
    notes: list[Note] = []
    for channel in np.flatnonzero(holes).tolist():
        if plan.fill == "none":
            rows = np.arange(total) if isinstance(steps, slice) else steps
            raise _missing(sequences, rows, columns[channel])
        _fill(out, channel, starts, states[channel], plan)
    surprised = [states[c].name for c in np.flatnonzero(holes) if not states[c].missing and not states[c].mask]
    if surprised:
        message = "Values are missing in channels that had none missing in training: {columns}; filled by {fill}."
        notes.append(Note("fill", message, {"columns": shown(surprised), "fill": plan.fill}))
    for channel, state in enumerate(states):
        if state.empty:
            out[:, channel] = 0
    return out, notes


@dataclass(frozen=True)
class ChannelPlan:
    """Where the fitted channels are among those given, and where their inputs go."""

    states: tuple[ChannelState, ...]
    columns: list[int]
    width: int
    fill: str


def _fill(
    out: NDArray[np.float32], channel: int, starts: NDArray[np.int64], state: ChannelState, plan: ChannelPlan
) -> None:
    values = out[:, channel]
    gaps = np.isnan(values)
    center = np.float32((state.mean - state.offset) / state.scale)
    if plan.fill == "zero":
        values[gaps] = np.float32((0.0 - state.offset) / state.scale)
    elif plan.fill == "ffill":
        begins = np.repeat(starts[:-1], np.diff(starts))
        last = np.maximum.accumulate(np.where(gaps, -1, np.arange(len(values))))
        values[:] = np.where(last >= begins, values[np.maximum(last, 0)], center)
    else:
        values[gaps] = center
    masked = [state.name for state in plan.states if state.mask]
    if state.mask:
        out[:, plan.width - len(masked) + masked.index(state.name)] = gaps


def _infinite(sequences: Sequences, step: int, channel: int) -> DataError:
    name, value = sequences.channels[channel], float(sequences.values[step, channel])
    what = "the value is infinite" if np.isinf(value) else f"{value:g} is too large beside the training values"
    return DataError(f"{place_of(sequences, step)}, channel {name!r}: {what}; correct it or make it missing (NaN)")


def _missing(sequences: Sequences, steps: NDArray[np.int64], channel: int) -> DataError:
    step = int(steps[np.argmax(np.isnan(sequences.values[steps, channel]))])
    name = sequences.channels[channel]
    return DataError(
        f"{place_of(sequences, step)}, channel {name!r}: the value is missing and fill='none'; choose "
        "fill='ffill', 'mean' or 'zero'"
    )


def fit_categories(
    sequences: Sequences, steps: NDArray[np.int64], names: Sequence[str]
) -> tuple[tuple[CategoryState, ...], list[Note]]:
    """Choose the categories of each column that get an input of their own."""
    states, notes = [], []
    for name in names:
        categories, left, gaps = encode.choose_categories(sequences.categories[name][steps].tolist(), MOST_CATEGORIES)
        states.append(CategoryState(name, categories))
        if left:
            message = "{column}: the {kept} most frequent categories are kept, {count} rarer ones are read as none"
            notes.append(Note("categories", message, {"column": name, "kept": len(categories), "count": left}))
        if gaps:
            message = "{column}: {count} training values are missing; read as no category"
            notes.append(Note("fill", message, {"column": name, "count": gaps}))
    return tuple(states), notes


def apply_category(values: NDArray[Any], state: CategoryState, out: NDArray[np.float32], first: int) -> list[Note]:
    """Write a column as one-hot inputs from column `first` of `out` on; unseen categories are noted."""
    codes = encode.encode(values, state.categories)
    known = codes < len(state.categories)
    rows = np.flatnonzero(known)
    out[rows, first + codes[rows].astype(np.int64)] = 1
    others = [value for value in values[~known].tolist() if value is not None]
    if not others:
        return []
    message = "{column}: {count} values are of categories that got no input (first: {first}); read as none"
    return [Note("unseen", message, {"column": state.name, "count": len(others), "first": str(others[0])[:100]})]
