"""Alarms as a person on duty meets them: each run of alarms is one event, each labelled window one thing to find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.core.errors import DataError

Array = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Watched:
    """One series that was watched. N rows, W windows.

    Attributes:
        times: [N] ascending: datetime64, or numbers.
        alarms: [N] bool.
        scores: [N] the higher, the stranger; None where there are none.
        windows: first and last time of each labelled anomaly, both inside; in order and apart from one another.
    """

    times: NDArray[Any]
    alarms: NDArray[np.bool_]
    windows: Sequence[tuple[Any, Any]] = ()
    scores: Array | None = None

    def __post_init__(self) -> None:
        count = len(self.times)
        if self.alarms.shape != (count,) or (self.scores is not None and self.scores.shape != (count,)):
            shape = None if self.scores is None else self.scores.shape
            raise DataError(f"{count} times, alarms of shape {self.alarms.shape} and scores of {shape}; expected [N]")

    @property
    def inside(self) -> NDArray[np.bool_]:
        """[N] whether a row lies in a labelled window."""
        marks = np.zeros(len(self.times) + 1, dtype=np.int64)
        for first, end in window_rows(self.times, self.windows):
            marks[first] += 1
            marks[end] -= 1
        return np.cumsum(marks[:-1]) > 0


@dataclass(frozen=True)
class EventCounts:
    """What happened on some series, ready to be added up.

    Attributes:
        windows: labelled windows, `found` of them with an alarm inside.
        events: runs of alarms, `right` of them overlapping a window; the others are false alarms.
        delays: of each found window, from its first row to its first alarm, in days where times are dates.
        waiting: rows outside the windows, and `days` they last (NaN where times are no dates).
    """

    windows: int
    found: int
    events: int
    right: int
    delays: tuple[float, ...]
    waiting: int
    days: float

    def __add__(self, other: EventCounts) -> EventCounts:
        return EventCounts(
            self.windows + other.windows,
            self.found + other.found,
            self.events + other.events,
            self.right + other.right,
            self.delays + other.delays,
            self.waiting + other.waiting,
            self.days + other.days,
        )

    def scores(self) -> dict[str, float]:
        """`precision`, `recall`, `f1` of events; `delay_mean`, `delay_median`; `false_alarms` and their rates.

        `false_per_day` and `false_per_week` count against the time outside labelled windows and are NaN where times are
        no dates; `false_per_1000` counts against rows. Precision without any alarm is NaN; so are precision, recall and
        F1 where no window is labelled, as nothing says then which alarms are false.
        """
        nothing = float("nan")
        false = self.events - self.right
        precision = self.right / self.events if self.events else 0.0
        recall = self.found / self.windows if self.windows else nothing
        both = precision + recall
        per_day = false / self.days if self.days > 0 else nothing
        return {
            "precision": precision if self.events and self.windows else nothing,
            "recall": recall,
            "f1": nothing if not self.windows else 0.0 if both == 0 else 2 * precision * recall / both,
            "delay_mean": float(np.mean(self.delays)) if self.delays else nothing,
            "delay_median": float(np.median(self.delays)) if self.delays else nothing,
            "false_alarms": float(false),
            "false_per_day": per_day,
            "false_per_week": 7 * per_day,
            "false_per_1000": 1000 * false / self.waiting if self.waiting else nothing,
        }


@dataclass(frozen=True)
class Event:
    """A run of alarms: rows [first, end), and the window it overlaps, None for a false alarm."""

    first: int
    end: int
    window: int | None = None


def window_rows(times: NDArray[Any], windows: Sequence[tuple[Any, Any]]) -> list[tuple[int, int]]:
    """Rows [first, end) of each window; windows without a row are left out.

    Raises:
        DataError: a window ends before it begins, or windows overlap or are out of order.
    """
    rows = []
    before = None
    for first, last in windows:
        begin, close = np.asarray(first, dtype=times.dtype), np.asarray(last, dtype=times.dtype)
        if close < begin or (before is not None and begin <= before):
            raise DataError(f"window {first} to {last} ends before it begins, or begins before the one before it ended")
        before = close
        pair = int(np.searchsorted(times, begin, "left")), int(np.searchsorted(times, close, "right"))
        if pair[1] > pair[0]:
            rows.append(pair)
    return rows


def runs(alarms: ArrayLike, gap: int = 0) -> list[tuple[int, int]]:
    """Runs of alarms as rows [first, end); runs with at most `gap` quiet rows between them are one.

    >>> runs([False, True, True, False, True])
    [(1, 3), (4, 5)]
    >>> runs([False, True, True, False, True], gap=1)
    [(1, 5)]
    """
    on = np.concatenate([[0], np.asarray(alarms, dtype=np.int8), [0]])
    edges = np.flatnonzero(np.diff(on))
    joined: list[tuple[int, int]] = []
    for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if joined and first - joined[-1][1] <= gap:
            joined[-1] = joined[-1][0], end
        else:
            joined.append((first, end))
    return joined


def events(watched: Watched, gap: int = 0) -> list[Event]:
    """The runs of alarms of a series, each with the first window that it overlaps."""
    windows = window_rows(watched.times, watched.windows)
    return [
        Event(first, end, next((n for n, (a, b) in enumerate(windows) if first < b and end > a), None))
        for first, end in runs(watched.alarms, gap)
    ]


def count_events(watched: Watched, gap: int = 0) -> EventCounts:
    """Windows found, false alarms and delays of one series.

    Args:
        watched: times, alarms and labelled windows.
        gap: quiet rows that do not end an event.
    """
    windows, found_events = window_rows(watched.times, watched.windows), events(watched, gap)
    delays = []
    for first, end in windows:
        hit = np.flatnonzero(watched.alarms[first:end])
        if hit.size:
            delays.append(_length(watched.times[first + int(hit[0])] - watched.times[first]))
    inside = watched.inside
    waiting = int((~inside).sum())
    days = float("nan")
    if watched.times.dtype.kind == "M" and len(watched.times) > 1:
        days = float(np.median(_length(np.diff(watched.times)))) * waiting
    right = sum(event.window is not None for event in found_events)
    return EventCounts(len(windows), len(delays), len(found_events), right, tuple(delays), waiting, days)


def window_counts(watched: Watched, gap: int = 0) -> Array:
    """[W, 4] windows, found, events and right of each window's stretch: it, and the quiet rows nearest to it.

    A series without windows is one stretch. Rows add up to `count_events`; they are drawn to see how far chance carries
    an F1.
    """
    windows = window_rows(watched.times, watched.windows)
    edges = [(last + first) // 2 for (_, last), (first, _) in pairwise(windows)]
    found = np.zeros((max(1, len(windows)), 4))
    found[: len(windows), 0] = 1.0
    for event in events(watched, gap):
        place = int(np.searchsorted(edges, event.first, "right")) if event.window is None else event.window
        found[place, 2:] += 1.0, event.window is not None
    found[: len(windows), 1] = [watched.alarms[first:end].any() for first, end in windows]
    return found


def _length(span: Any) -> Any:
    """Days of a time span, or the number that it is."""
    array = np.asarray(span)
    days = array / np.timedelta64(1, "D") if array.dtype.kind == "m" else array.astype(np.float64)
    return float(days) if days.ndim == 0 else days
