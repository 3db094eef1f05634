"""A table ready for windows: the gathers in the training loop, and the way back to the target's unit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError
from tidegate.core.table import Note, Table
from tidegate.core.translate import tr
from tidegate.prepare import scale as transform
from tidegate.prepare.table.assemble import Channels, Lookup, NumberChannel, TextChannel, assemble
from tidegate.prepare.table.fitted import FittedTable, first_time

Origins = NDArray[np.int64]
_FIRST = np.zeros(1, np.int64)


class Prepared:
    """Windows of one table, cut, filled and scaled when they are asked for.

    An origin is the row of the first forecast step. Nothing at or after it changes what `past` returns.
    An origin belongs to the series of the row before it.
    """

    def __init__(self, preparation: FittedTable, table: Table, channels: Channels) -> None:
        self.preparation = preparation
        self.table = table
        self._channels = channels
        self._transform = preparation.options.target_transform
        self._lag = preparation.options.difference_lag
        self._inputs = len(preparation.past_names)
        self._ahead = len(preparation.future_names)
        self.memory: dict[Any, Any] = {}  # what others have computed for this table and keep

    @classmethod
    def build(cls, preparation: FittedTable, table: Table) -> Prepared:
        """What `Preparation.apply` does."""
        return cls(preparation, table, assemble(preparation, table))

    @property
    def notes(self) -> tuple[Note, ...]:
        """What was found in this table beyond what fitting reported: unknown series, unseen categories."""
        return self._channels.notes

    def past(self, origins: Origins, length: int, out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Inputs before the origins.

        Args:
            origins: [B].
            length: T, rows before each origin.
            out: [B, T, I] float32 to write into; None makes a new one.

        Returns:
            [B, T, I], channels as in `Preparation.past_names`.

        Raises:
            DataError: a window leaves its series, or fill="none" and a value is missing.
        """
        origins, series = self._place(origins, length, 0)
        first = origins - length
        if out is None:
            out = np.empty((len(origins), length, self._inputs), dtype=np.float32)

        def write(channel: NumberChannel, into: NDArray[np.float32]) -> None:
            self._write_past(channel, first, origins, series, into)

        at = self._write(self._channels.columns, first, write, out)
        for channel in self._channels.masked:
            if channel.missing is not None:
                out[:, :, at] = channel.missing(first, length)
                at += 1
        return out

    def future(self, origins: Origins, steps: int, out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Known-ahead inputs at the forecast steps.

        A known covariate that is missing there is filled from its own earlier values; before forecasting
        rows that have not happened yet, `check_future` refuses such rows instead.

        Args:
            origins: [B].
            steps: K.
            out: [B, K, F] float32 to write into; None makes a new one.

        Returns:
            [B, K, F], channels as in `Preparation.future_names`.
        """
        origins, series = self._place(origins, 0, steps)
        if out is None:
            out = np.empty((len(origins), steps, self._ahead), dtype=np.float32)

        def write(channel: NumberChannel, into: NDArray[np.float32]) -> None:
            window = channel.causal(origins, steps, series)
            self._refuse_missing(channel, window, origins)
            channel.scaled(window, series, into)

        self._write(self._channels.known, origins, write, out)
        return out

    def check_future(self, origins: Origins, steps: int) -> None:
        """Refuse forecast steps whose known-ahead covariates are missing.

        Raises:
            DataError: names the column, the series and the first time.
        """
        origins, _ = self._place(origins, 0, steps)
        rows = (origins[:, None] + np.arange(steps)).reshape(-1)
        for channel in self._channels.known:
            if isinstance(channel, TextChannel):
                missing, name, needed = channel.missing[rows], channel.name, channel.complete
            else:
                missing, name = np.isnan(channel.raw.values[rows]), channel.state.name
                needed = not channel.state.empty
            if needed and missing.any():
                message = (
                    "known-ahead column {name!r} is missing at {first_time}; give its value for all {steps} forecast "
                    "steps, or declare it as observed"
                )
                raise DataError(tr(message, name=name, first_time=first_time(self.table, rows[missing]), steps=steps))

    def static(self, origins: Origins) -> NDArray[np.float32]:
        """[B, S] static covariates of each origin's series."""
        _, series = self._place(origins, 0, 0)
        return np.asarray(self._channels.statics[series])

    def target(self, origins: Origins, steps: int, dtype: Any = np.float32) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Targets as the network predicts them: transformed and scaled.

        Args:
            origins: [B].
            steps: K.
            dtype: float32 for training; float64 is inverted by `invert` without loss.

        Returns:
            [B, K, C] finite values, and [B, K, C] whether each may be trained on: it was observed and, for a
            difference, the series is long enough to have a value to subtract.
        """
        origins, series = self._place(origins, 0, steps)
        shape = (len(origins), steps, len(self._channels.targets))
        values, seen = np.empty(shape, dtype=dtype), np.empty(shape, dtype=np.bool_)
        for c, channel in enumerate(self._channels.targets):
            future = channel.raw(origins, steps).astype(np.float64)
            missing = np.isnan(future)
            usable = ~missing
            offset, scale = channel.affine(series)
            if self._transform in transform.LOGARITHMS:
                future = transform.logged(future, self._transform)
            elif self._transform == "difference":
                history = self._history(channel, origins, series)
                usable &= self._has_base(origins, series, steps)
                if np.isnan(history).any():
                    usable[:, : self._lag] &= ~np.isnan(history[:, :steps])
                    history = np.nan_to_num(history)
                future = transform.differences(future, history)
                missing = np.zeros_like(missing)
            scaled = (future - offset) / scale
            values[:, :, c] = np.where(missing, 0.0, scaled)
            seen[:, :, c] = usable
        return values, seen

    def raw_target(self, origins: Origins, steps: int) -> NDArray[np.float64]:
        """[B, K, C] targets as the table has them, NaN where missing."""
        origins, _ = self._place(origins, 0, steps)
        return np.stack([channel.raw(origins, steps) for channel in self._channels.targets], axis=2).astype(np.float64)

    def begun(self, origin: int, length: int, blank: int) -> NDArray[np.float32] | None:
        """[1, length + blank, I], inputs before an origin and, of the blank rows from there on, the calendar alone.

        `write_row` completes those, where nothing before them is missing. None where inputs look at other rows.
        """
        if self._transform == "difference":
            return None
        out = np.zeros((1, length + blank, self._inputs), dtype=np.float32)
        first = np.array([origin], dtype=np.int64)
        self.past(first, length, out[:, :length])
        at = len(self._channels.columns)
        for lookup in self._channels.calendar:
            at = _look_up(lookup, first, out[:, length:], at)
        return out

    def write_row(self, row: int, values: Mapping[str, float], inputs: NDArray[np.float32] | None = None) -> bool:
        """Write the values of a row that was blank, and before which nothing is missing, into every channel.

        Args:
            row: its place. values: by column. inputs: [1, 1, I] its own among those of `begun`.

        Returns:
            Whether they are all such as fitting measured; False, and nothing is written, for one that is missing,
            infinite, or that log1p has no value for: the table says of those where they stand.
        """
        logs = self._transform if self._transform in transform.LOGARITHMS else None
        kept = {name: np.float64(value).astype(self.table.columns[name].dtype) for name, value in values.items()}
        logged = (
            {name: transform.logged(np.atleast_1d(kept[name]), logs)[0] for name in self.preparation.target_names}
            if logs
            else {}
        )
        if not all(map(np.isfinite, (*kept.values(), *logged.values()))):
            return False
        for name, value in kept.items():
            self.table.columns[name][row] = value
        for at, channel in enumerate(self._channels.columns):
            if isinstance(channel, NumberChannel):
                name, filled = channel.state.name, channel.filled.values
                filled[row] = logged.get(name, kept[name])
                for gather, value in ((channel.last, row), (channel.missing, False)):
                    if gather is not None:
                        gather.values[row] = value
                if inputs is not None and not channel.state.empty:
                    channel.scaled(filled[None, row : row + 1].copy(), _FIRST, inputs[:, :, at])
        self.memory.clear()
        return True

    def scaled(self, values: NDArray[Any], origins: Origins) -> NDArray[np.float64]:
        """Values [B, K, C, Q] in the target's own unit as `target` gives them; not where targets are differenced."""
        origins, series = self._place(origins, 0, 0)
        result = np.empty(values.shape, dtype=np.float64)
        for c, channel in enumerate(self._channels.targets):
            offset, scale = (part[:, :, None] for part in channel.affine(series))
            own = values[:, :, c]
            if self._transform in transform.LOGARITHMS:
                own = transform.logged(np.maximum(own, 1e-6 - 1), self._transform)
            result[:, :, c] = (own - offset) / scale
        return result

    def invert(self, values: NDArray[Any], origins: Origins) -> NDArray[np.float64]:
        """From predicted values back to the target's own unit.

        Args:
            values: [B, K, C] or [B, K, C, Q], as `target` gives them. With `difference` and K above the lag,
                each quantile path is summed along itself.
            origins: [B].

        Returns:
            float64 of the same shape.

        Raises:
            DataError: the shape does not fit, or with fill="none" the history it needs is missing.
        """
        origins, series = self._place(origins, 0, 0)
        targets = self._channels.targets
        values = np.asarray(values)
        if values.ndim not in (3, 4) or values.shape[0] != len(origins) or values.shape[2] != len(targets):
            message = (
                "values to invert have shape {shape}, expected ({count}, K, {count2}) or ({count}, K, {count2}, Q)"
            )
            raise DataError(tr(message, shape=values.shape, count=len(origins), count2=len(targets)))
        result = np.empty(values.shape, dtype=np.float64)
        for c, channel in enumerate(targets):
            offset, scale = channel.affine(series)
            if values.ndim == 4:
                offset, scale = offset[:, :, None], scale[:, :, None]
            own = values[:, :, c].astype(np.float64) * scale + offset
            if self._transform in transform.LOGARITHMS:
                own = np.expm1(own)
            elif self._transform == "difference":
                history = self._history(channel, origins, series)
                self._refuse_missing(channel, history, origins - self._lag)
                own = transform.accumulate(own, history)
            result[:, :, c] = own
        return result

    def _place(self, origins: Origins, before: int, after: int) -> tuple[Origins, NDArray[np.int64]]:
        """Origins as int64 and the series they belong to; refuses windows that leave their series."""
        origins = np.asarray(origins, dtype=np.int64)
        starts = self.table.starts
        if len(starts) == 2 and len(origins) == 1:
            series, origin = _FIRST, int(origins[0])
            legal = origin - max(before, 1) >= int(starts[0]) and origin + after <= int(starts[1])
        elif len(starts) == 2:
            series = np.zeros(len(origins), dtype=np.int64)
            low, high = int(starts[0]), int(starts[1])
            legal = not len(origins) or (
                int(origins.min()) - max(before, 1) >= low and int(origins.max()) + after <= high
            )
        else:
            series = np.searchsorted(starts, origins - 1, side="right") - 1
            inside = (series >= 0) & (series < len(starts) - 1)
            legal = bool(inside.all()) and bool(
                ((origins - before >= starts[series]) & (origins + after <= starts[series + 1])).all()
            )
        if not legal:
            raise self._leaves(origins, before, after)
        return origins, series

    def _leaves(self, origins: Origins, before: int, after: int) -> DataError:
        starts = self.table.starts
        series = np.clip(np.searchsorted(starts, origins - 1, side="right") - 1, 0, len(starts) - 2)
        early, late = origins - max(before, 1) < starts[series], origins + after > starts[series + 1]
        worst = int(np.argmax(early | late))
        return DataError(
            f"the window at row {origins[worst]} needs {before} rows before and {after} from there on, but its series "
            f"{self.table.ids[int(series[worst])]!r} has only the rows {starts[series[worst]]} to "
            f"{starts[series[worst] + 1] - 1}; choose origins with enough rows on both sides, and at least one before"
        )

    def _write(
        self,
        channels: Iterable[NumberChannel | TextChannel],
        first: Origins,
        write: Callable[[NumberChannel, NDArray[np.float32]], None],
        out: NDArray[np.float32],
    ) -> int:
        """Write columns from the rows `first` on, then the calendar; returns the channel after them."""
        at = 0
        for channel in channels:
            if isinstance(channel, TextChannel):
                at = _look_up(channel.codes, first, out, at)
                continue
            if channel.state.empty:
                out[:, :, at] = 0
            else:
                write(channel, out[:, :, at])
            at += 1
        for lookup in self._channels.calendar:
            at = _look_up(lookup, first, out, at)
        return at

    def _write_past(
        self,
        channel: NumberChannel,
        first: Origins,
        origins: Origins,
        series: NDArray[np.int64],
        out: NDArray[np.float32],
    ) -> None:
        length = out.shape[1]
        window = channel.past(first, length, origins, series)
        self._refuse_missing(channel, window, first)
        if channel.state.role == "target" and self._transform == "difference":
            earlier = self._earlier(channel, first, length, origins, series)
            window = np.subtract(window, earlier, dtype=np.float64) if window.dtype != np.float64 else window - earlier
            offset, scale = channel.affine(series)
            out[...] = (window - offset) / scale
            return
        channel.scaled(window, series, out)

    def _earlier(
        self, channel: NumberChannel, first: Origins, length: int, origins: Origins, series: NDArray[np.int64]
    ) -> NDArray[Any]:
        """[B, length] values one lag before the rows from `first` on; the series' first value before it begins."""
        begin = self.table.starts[series]
        short = np.flatnonzero(first - self._lag < begin)
        shifted = np.maximum(first - self._lag, 0)
        window = channel.past(shifted, length, origins, series)
        if len(short):
            # Read from the series' first row on, then move right by as many steps as are missing.
            whole = channel.past(begin[short], length, origins[short], series[short])
            move = np.arange(length) - (begin[short] - first[short] + self._lag)[:, None]
            window[short] = np.take_along_axis(whole, np.maximum(move, 0), axis=1)
        return window

    def _history(self, channel: NumberChannel, origins: Origins, series: NDArray[np.int64]) -> NDArray[np.float64]:
        """[B, lag] target values before the origins, filled as known at them."""
        first = origins - self._lag
        begin = self.table.starts[series]
        if (first >= begin).all():
            return channel.past(first, self._lag, origins, series).astype(np.float64)
        rows = np.maximum(first[:, None] + np.arange(self._lag), begin[:, None])
        values = channel.filled.values[rows]
        if channel.last is not None:
            latest = channel.last.values[origins - 1]
            before = np.where(latest >= 0, channel.filled.values[latest], channel.start[series])
            values = np.where(rows > latest[:, None], before[:, None], values)
        return np.asarray(values, dtype=np.float64)

    def _has_base(self, origins: Origins, series: NDArray[np.int64], steps: int) -> NDArray[np.bool_]:
        """[B, K] whether the step one lag before each forecast step lies in the series."""
        rows = origins[:, None] - self._lag + np.arange(steps)
        return np.asarray(rows >= self.table.starts[series][:, None])

    def _refuse_missing(self, channel: NumberChannel, window: NDArray[Any], first: Origins) -> None:
        if self.preparation.options.fill != "none" or not np.isnan(window).any():
            return
        b, t = np.argwhere(np.isnan(window))[0]
        place = first_time(self.table, np.array([first[b] + t]))
        message = (
            "column {name!r} is missing at {place} and fill='none' refuses it; choose another fill, or windows "
            "without gaps"
        )
        raise DataError(tr(message, name=channel.state.name, place=place))


def _look_up(lookup: Lookup, first: Origins, out: NDArray[np.float32], at: int) -> int:
    """Write a lookup's channels into `out` from channel `at` on; returns the channel after them."""
    end: int = at + lookup.width
    lookup.write(first, out.shape[1], out[:, :, at:end])
    return end
