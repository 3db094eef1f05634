"""Columns as the gathers read them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.prepare.table.columns import NumberState

_MOST_VIEWS = 16


def windows(values: NDArray[Any], length: int) -> NDArray[Any]:
    """[N - length + 1, length] view of a column [N]; row r is the window that begins at r."""
    step = values.strides[0]
    shape = (max(len(values) - length + 1, 0), length)
    return np.lib.stride_tricks.as_strided(values, shape, (step, step), writeable=False)


class Gather:
    """Cuts windows out of one column; remembers its window views, which cost more to make than to use."""

    __slots__ = ("_views", "values")

    def __init__(self, values: NDArray[Any]) -> None:
        self.values = values
        self._views: dict[int, NDArray[Any]] = {}

    def __call__(self, first: NDArray[np.int64], length: int) -> NDArray[Any]:
        """[B, length] copies of the windows that begin at rows `first` [B]."""
        view = self._views.get(length)
        if view is None:
            if len(self._views) >= _MOST_VIEWS:
                self._views.clear()
            view = self._views[length] = windows(self.values, length)
        return np.asarray(view[first])

    def __getstate__(self) -> NDArray[Any]:
        return self.values

    def __setstate__(self, values: NDArray[Any]) -> None:
        self.values = values
        self._views = {}


@dataclass(frozen=True)
class NumberChannel:
    """A numeric column of one table.

    Attributes:
        state: what was fitted.
        raw: [N] gather of the table's own column.
        filled: [N] gather of the column without gaps and, for log1p, transformed; `raw` itself where nothing
            is to be done.
        last: [N] latest observed row, where the fill looks ahead; None where filled values hold at any origin.
        start: [G] what stands before the first observation of a series, as `filled` has it.
        offset, scale: [G], or [1] where shared; in the dtype of `filled`.
        exact_offset, exact_scale: the same in float64.
        missing: [N] gather of 0/1, where there is a mask.
    """

    state: NumberState
    raw: Gather
    filled: Gather
    last: Gather | None
    start: NDArray[Any]
    exact_offset: NDArray[np.float64]
    exact_scale: NDArray[np.float64]
    missing: Gather | None
    offset: NDArray[Any] = field(init=False)
    scale: NDArray[Any] = field(init=False)
    plain: bool = field(init=False)

    def __post_init__(self) -> None:
        dtype = self.filled.values.dtype
        object.__setattr__(self, "offset", self.exact_offset.astype(dtype))
        object.__setattr__(self, "scale", self.exact_scale.astype(dtype))
        object.__setattr__(self, "plain", bool((self.offset == 0).all() and (self.scale == 1).all()))

    def past(
        self, first: NDArray[np.int64], length: int, origins: NDArray[np.int64], series: NDArray[np.int64]
    ) -> NDArray[Any]:
        """[B, length] filled values of the rows from `first` on, all before their origin, as known at it."""
        window = self.filled(first, length)
        if self.last is not None:
            latest = self.last.values[origins - 1]
            open_gap = np.flatnonzero(latest < origins - 1)
            if len(open_gap):
                self._close(window, first, open_gap, latest[open_gap], series[open_gap])
        return window

    def _close(
        self,
        window: NDArray[Any],
        first: NDArray[np.int64],
        chosen: NDArray[np.int64],
        latest: NDArray[Any],
        series: NDArray[np.int64],
    ) -> None:
        """Where the gap reaches the origin, the value after it is not known yet: repeat the one before it."""
        rows = first[chosen, None] + np.arange(window.shape[1])
        value = np.where(latest >= 0, self.filled.values[latest], self.start[series])
        window[chosen] = np.where(rows > latest[:, None], value[:, None], window[chosen])

    def causal(self, first: NDArray[np.int64], length: int, series: NDArray[np.int64]) -> NDArray[Any]:
        """[B, length] filled values, each from its own row and those before it."""
        window = self.filled(first, length)
        if self.last is not None:
            latest = self.last(first, length)
            rows = first[:, None] + np.arange(length)
            before = np.where(latest >= 0, self.filled.values[latest], self.start[series][:, None])
            window = np.where(latest < rows, before, window)
        return window

    def scaled(self, window: NDArray[Any], series: NDArray[np.int64], out: NDArray[np.float32]) -> None:
        """Write (window - offset) / scale into `out` [B, length]; `window` is overwritten."""
        if self.plain:
            out[...] = window
            return
        offset, scale = self.offset, self.scale
        if len(offset) > 1:
            offset, scale = offset[series, None], scale[series, None]
        np.subtract(window, offset, out=window)
        np.divide(window, scale, out=out, casting="same_kind")

    def affine(self, series: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """[B, 1] (or [1, 1] where shared) offset and scale in float64."""
        if len(self.exact_offset) > 1:
            return self.exact_offset[series, None], self.exact_scale[series, None]
        return self.exact_offset[:, None], self.exact_scale[:, None]


class Lookup:
    """Channels that depend on a small whole number per row: a row of a table for each.

    The table is kept as columns of two channels (one complex number each) and, where their count is odd, one
    of a single channel: two are then moved at the price of one.
    """

    __slots__ = ("_parts", "index", "width")

    def __init__(self, index: NDArray[Any], table: NDArray[np.float32]) -> None:
        self.index = Gather(index)
        self.width = table.shape[1]
        self._parts: list[NDArray[Any]] = [
            np.ascontiguousarray(table[:, c : c + 2]).view(np.complex64)[:, 0] for c in range(0, self.width - 1, 2)
        ]
        if self.width % 2:
            self._parts.append(np.ascontiguousarray(table[:, -1]))

    def write(self, first: NDArray[np.int64], length: int, out: NDArray[np.float32]) -> None:
        """Write the channels of the rows from `first` on into `out` [B, length, width]."""
        index = self.index(first, length).astype(np.intp)
        for position, part in enumerate(self._parts):
            c = 2 * position
            place = out[:, :, c : c + 2].view(np.complex64) if part.dtype == np.complex64 else out[:, :, c : c + 1]
            place[:, :, 0] = part.take(index)


@dataclass(frozen=True)
class TextChannel:
    """A text column of one table.

    Attributes:
        name: of the column.
        codes: per row its category, as a one-hot vector.
        complete: no value was missing in the training rows, so a missing one at a forecast step is an error.
        missing: [N].
    """

    name: str
    codes: Lookup
    complete: bool
    missing: NDArray[np.bool_]
