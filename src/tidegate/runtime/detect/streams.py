"""Many streams, one step at a time: the one function that a stream, a batch of streams and a whole table run through.

Shape letters: S streams, C channels, E covariates, K = 2 kinds of error (of this step, and of the last few), I inputs,
R ring length.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tidegate.prepare.online import Clock, OnlinePreparation, scaled, squash, step_inputs, stretch
from tidegate.runtime.detect import ranks
from tidegate.runtime.detect.network import ForecastEnsemble, ForecastSteps, RebuildEnsemble, RebuildSteps
from tidegate.runtime.detect.rules import Rules, Watch, score_of, watch
from tidegate.runtime.limits import check_room
from tidegate.runtime.model import Streamed
from tidegate.runtime.state import MOST_STEPS, Expected

KINDS = 2
TOGETHER = 8_192  # streams whose windows are rebuilt in one call of the engine: enough to share among its threads
NEVER = np.iinfo(np.int64).min
LARGEST_COUNT = 1e12  # of remembered errors
LARGEST_ERROR = 2e300
LARGEST_STATE = 1e30  # of a cell, which grows by one at most at a step, and of what a network expects
LARGEST_SQUASHED = 1e3  # asinh of the largest error is below it

Array = NDArray[Any]


class Detects(Streamed[OnlinePreparation], Protocol):
    """What streams ask of a detector: see `tidegate.runtime.detect.detector.Detector`."""

    @property
    def rules(self) -> Rules: ...
    @property
    def base(self) -> NDArray[np.float64]: ...
    @property
    def counts(self) -> NDArray[np.float32]: ...
    @property
    def total(self) -> NDArray[np.float64]: ...
    @property
    def levels(self) -> NDArray[np.float64]: ...
    @property
    def ends(self) -> Mapping[str, Array]: ...
    @property
    def fingerprint(self) -> str: ...

    def streams(self, names: Sequence[str]) -> Streams: ...
    def continued(self, names: Sequence[str]) -> Streams: ...


class Scored(NamedTuple):
    """What is predicted for one step of S streams with C channels.

    Attributes:
        score: [S] 0 to 1, of the rarity. p_value: [S]; both NaN where the step was not scored. alarm: [S] bool.
        event: [S] number of the event that an alarm belongs to, from 1; 0 without an alarm.
        channel: [S] the channel least in keeping with the past, -1 where none was scored.
        expected: [S, C] the value that was forecast, or rebuilt. p_channels: [S, C].
        errors: [S, C, K] of this step, and of the last few, in units of the channel's scale.
        rarity: [S] the rank of the rarest channel before it was held against how often as rare ones came; of several
            groups the p-value.
        p_groups: [S, J] of each group of channels by itself.
    """

    score: Array
    p_value: Array
    alarm: Array
    event: Array
    channel: Array
    expected: Array
    p_channels: Array
    errors: Array
    rarity: Array
    p_groups: Array


def rarities(least: Array) -> NDArray[np.float64]:
    """[S, C] how rare each channel is: the least of its ranks, times the number of all that were looked at.

    Args:
        least: [S, C] the smallest rank of each channel's errors; NaN where it is not known.
    """
    tests = KINDS * (~np.isnan(least)).sum(axis=1, keepdims=True)
    return np.asarray(np.minimum(tests * least, 1.0))


class Streams:
    """The state of S streams, all of which advance together.

    Args:
        detector: network, preparation, rules and the errors to begin with (see `runtime.detector.Detector`).
        places: [S] row of each stream among the preparation's scales.
    """

    def __init__(self, detector: Detects, places: NDArray[np.int64]) -> None:
        self.detector, self.places = detector, places
        rules, preparation = detector.rules, detector.preparation
        count, channels = len(places), len(preparation.channels)
        each = 4 * detector.counts.size + 8 * channels * max([detector.spec.window, *preparation.lags, 16])
        check_room(count * each, f"{count} streams of {channels} channels")
        offset, scale = preparation.offset[places], preparation.scale[places]
        self.offset, self.scale = offset[:, :channels], scale[:, :channels]
        self.aside = offset[:, channels:], scale[:, channels:]
        self.split = len(preparation.observed)
        self.late = bool(preparation.known)  # what is known of a step comes with it, and its forecast waits for that
        self.forecast = rules.method == "forecast"
        self.matrix = detector.spec.encoder.cell == "mlstm"  # whose h no tanh and no mean holds within -1 to 1
        self.clock = Clock(preparation.calendar, preparation.timezone) if preparation.calendar else None
        self.network: Any
        if self.forecast:
            make = ForecastSteps if detector.spec.members == 1 else ForecastEnsemble
            self.network = make(detector.spec, detector.weights, count)
            length = max(preparation.lags, default=0)
        else:
            rebuild = RebuildSteps if detector.spec.members == 1 else RebuildEnsemble
            self.network = rebuild(detector.spec, detector.weights)
            length = detector.spec.window
        self.shares = ranks.tail_shares(rules.tail)
        self.members = rules.members(preparation.channels)
        self.turn = 0  # where in the ring the next value goes
        self.state: dict[str, Array] = {
            "value": np.zeros((count, channels), np.float32),
            "expected": np.full((count, channels), np.nan, np.float32),
            "short": np.zeros((count, channels)),
            "ring": np.full((length, count, channels), np.nan, np.float32),
            "age": np.zeros(count, np.int64),
            "missing": np.zeros((count, channels), np.int64),
            "counts": np.repeat(detector.counts[None], count, axis=0),
            "total": np.repeat(detector.total[None], count, axis=0),
            "levels": np.repeat(detector.levels[None], count, axis=0),
            "on": np.zeros(count, bool),
            "quiet": np.full(count, rules.refractory, np.int64),
            "event": np.zeros(count, np.int64),
            "time": np.full(count, NEVER, np.int64),
        }
        if self.aside[0].shape[1]:
            self.state["aside"] = np.zeros(self.aside[0].shape, np.float32)
        if self.late:
            self.state["before"] = np.zeros((count, channels), np.float32)

    def __len__(self) -> int:
        return len(self.places)

    def step(self, values: Array, now: NDArray[np.int64] | None = None, learn: Array | None = None) -> Scored:
        """Score one value of every stream, then take it in.

        Args:
            values: [S, C + E] float64, channels, then observed and known covariates; NaN where missing.
            now: [S] microseconds of these values; needed where the network reads the clock.
            learn: [S] bool, streams whose errors are remembered; None means all.
        """
        state, rules = self.state, self.detector.rules
        values, aside = values[:, : self.offset.shape[1]], self._aside(values[:, self.offset.shape[1] :])
        if self.late:
            self._foretell(aside, now)
        seen = ~np.isnan(values)
        squashed = squash(values, self.offset, self.scale)
        # The forecast of this value was made a step ago; a rebuilt window must hold the value that it is compared with.
        if not self.forecast:
            self._rebuild(np.where(seen, squashed, state["value"]))
        # Before the recurrence has seen enough, or after a gap that it has forgotten over, an error says nothing.
        ready = state["age"] >= rules.warm_up
        known = seen & ~np.isnan(state["expected"]) & (state["missing"] < max(rules.gap, 1)) & ready[:, None]
        errors = self._errors(values, known)
        position = ranks.bin_position(errors, self.detector.base)
        p_kinds = ranks.p_values(state["counts"], state["total"], position, self.shares, rules.tail)
        rarity, least = self._rarities(np.where(known, p_kinds.min(axis=2), np.nan))
        scored = self._decide(rarity, least, errors)
        # Remembered only after it was ranked: a value held against itself would never be the rarest.
        if rules.memory:
            remembered = known if learn is None else known & learn[:, None]
            ranks.count_errors(state["counts"], state["total"], position, remembered, rules.memory)
            counted = np.stack([remembered[:, own].any(axis=1) for own in self.members], axis=1)
            seen_levels = state["levels"].reshape(-1, ranks.COUNT)  # a view
            ranks.count_levels(seen_levels, least.ravel(), counted.ravel(), rules.memory)
        self._take_in(squashed, seen, now, aside)
        return scored

    def _aside(self, covariates: Array) -> Array:
        """[S, E] squashed covariates; a missing one stays as it was."""
        if not covariates.shape[1]:
            return covariates.astype(np.float32)
        found = squash(covariates, *self.aside)
        return np.where(np.isnan(found), self.state["aside"], found)

    def _foretell(self, aside: Array, now: NDArray[np.int64] | None) -> None:
        """Forecast the value of this step, once what is known of it has come."""
        state, clock = self.state, None if self.clock is None else self.clock(np.asarray(now))
        covariates = [state["aside"][:, : self.split], aside[:, self.split :]]
        inputs = step_inputs(state["value"], state["before"], self._ahead(0), clock, covariates)
        fresh = state["age"] == 0
        expected = self.network(inputs, state["value"])
        state["expected"] = np.where(fresh[:, None], np.float32(np.nan), expected)
        if fresh.any():
            self.network.forget(fresh)

    def _errors(self, values: Array, known: Array) -> Array:
        """[S, C, K]: of this step, and their running mean; zero where unknown, which is not counted."""
        state = self.state
        forecast = stretch(state["expected"])
        error = np.where(known, np.abs(scaled(values, self.offset, self.scale) - forecast), 0.0)
        share = 1.0 / self.detector.rules.short
        state["short"] = np.where(known, state["short"] + share * (error - state["short"]), state["short"])
        run = state["short"] if self.forecast else np.where(known, state["window"], 0.0)
        return np.stack([error, run], axis=2)

    def _rarities(self, ranked: Array) -> tuple[Array, Array]:
        """[S, C] how rare each channel is within its group, and [S, J] the least of each group; NaN where unknown."""
        rarity, least = np.empty_like(ranked), np.empty((len(ranked), len(self.members)))
        for number, own in enumerate(self.members):
            rarity[:, own] = rarities(ranked[:, own])
            least[:, number] = np.where(np.isnan(rarity[:, own]), np.inf, rarity[:, own]).min(axis=1)
        return rarity, np.where(np.isinf(least), np.nan, least)

    def _decide(self, rarity: Array, least: Array, errors: Array) -> Scored:
        """Take the rarest group of channels, say how often as rare a one has come, and move the alarms on.

        Args:
            rarity: [S, C] within the group of each. least: [S, J] of each group; both NaN where unknown.
        """
        state, rules = self.state, self.detector.rules
        p_groups = ranks.calibrated(state["levels"].reshape(-1, ranks.COUNT), least.ravel()).reshape(least.shape)
        tests = (~np.isnan(least)).sum(axis=1)
        p = np.where(np.isnan(p_groups), 2.0, p_groups).min(axis=1)
        p = np.where(tests > 0, np.minimum(tests * p, 1.0), np.nan)
        factor = tests[:, None] * p_groups / np.maximum(least, ranks.TINY)
        p_channels = np.empty_like(rarity)
        for number, own in enumerate(self.members):
            p_channels[:, own] = rarity[:, own] * factor[:, number, None]
        order, rarest = (rarity, least[:, 0]) if len(self.members) == 1 else (p_channels, p)
        after = watch(Watch(state["on"], state["quiet"], state["event"]), p, rules.threshold, rules.refractory)
        state["on"], state["quiet"], state["event"] = after
        return Scored(
            score=score_of(rarest),
            p_value=p,
            alarm=after.on,
            event=np.where(after.on, after.event, 0),
            channel=np.where(tests > 0, np.where(np.isnan(order), np.inf, order).argmin(axis=1), -1),
            expected=stretch(state["expected"]) * self.scale + self.offset,
            p_channels=p_channels,
            errors=errors,
            rarity=rarest,
            p_groups=p_groups,
        )

    def _take_in(self, squashed: Array, seen: Array, now: NDArray[np.int64] | None, aside: Array) -> None:
        """Read the value: a missing one is replaced by what was expected, or the last value before that."""
        state, rules = self.state, self.detector.rules
        guess = state["expected"] if self.forecast else state["value"]
        value = np.where(seen, squashed, np.where(np.isnan(guess), state["value"], guess))
        first = (state["age"] == 0)[:, None]  # the step from an unknown value would be an input out of all scale
        before = np.where(first, value, state["value"])
        state["missing"] = np.where(seen, 0, state["missing"] + 1)
        # After a long gap in every channel the state goes on from guesses alone: begin anew, and warm up again.
        lost = state["missing"].min(axis=1) >= max(rules.gap, 1)
        state["age"] = np.where(lost, 0, state["age"] + 1)
        if self.forecast:
            if len(state["ring"]):
                state["ring"][self.turn] = value
            if self.late:
                state["before"] = before
            else:
                self._forecast_next(value, before, now, aside)
                if lost.any():
                    self.network.forget(lost)
            self._turn()
        state["value"] = value
        if "aside" in state:
            state["aside"] = aside
        if now is not None:
            state["time"] = now

    def _forecast_next(self, value: Array, before: Array, now: NDArray[np.int64] | None, aside: Array) -> None:
        clock = None
        if self.clock is not None:
            clock = self.clock(np.asarray(now) + (self.detector.preparation.step or 0))
        inputs = step_inputs(value, before, self._ahead(1), clock, [aside])
        self.state["expected"] = self.network(inputs, value)

    def _ahead(self, turned: int) -> list[Array]:
        """For each lag m, [S, C] values at t + 1 - m, once the value at t is in the ring, `turned` places ahead."""
        ring = self.state["ring"]
        return [ring[(self.turn + turned - lag) % len(ring)] for lag in self.detector.preparation.lags]

    def _turn(self) -> None:
        length = len(self.state["ring"])
        self.turn = (self.turn + 1) % length if length else 0

    def _rebuild(self, value: Array) -> None:
        """Put the value into the window and rebuild the window: what was expected now, and its mean error.

        A block of streams at a time: what the network writes on the way is [S, T, H], twice.
        """
        state = self.state
        state["ring"][self.turn] = value
        self._turn()
        count, channels = value.shape
        state["window"], state["expected"] = np.empty((count, channels)), np.empty((count, channels), np.float32)
        for first in range(0, count, TOGETHER):
            own = slice(first, first + TOGETHER)
            ring = state["ring"][:, own]
            window = np.concatenate([ring[self.turn :], ring[: self.turn]])
            window = np.ascontiguousarray(window.transpose(1, 0, 2))  # [S, T, C], oldest first
            whole = ~np.isnan(window).any(axis=(1, 2))
            rebuilt = self.network(np.nan_to_num(window))
            error = np.abs(stretch(window) - stretch(rebuilt))
            state["window"][own] = np.where(whole[:, None], error.sum(axis=1) / window.shape[1], np.nan)
            state["expected"][own] = np.where(whole[:, None], rebuilt[:, -1], np.float32(np.nan))

    def expected(self, streams: int) -> dict[str, Expected]:
        """What the state of so many streams is, by the names of `export`."""
        rules = {
            "value": (-LARGEST_SQUASHED, LARGEST_SQUASHED, False, False),
            "aside": (-LARGEST_SQUASHED, LARGEST_SQUASHED, False, False),
            "before": (-LARGEST_SQUASHED, LARGEST_SQUASHED, False, False),
            "expected": (-LARGEST_STATE, LARGEST_STATE, True, False),
            "short": (0, LARGEST_ERROR, False, False),
            "ring": (-LARGEST_SQUASHED, LARGEST_SQUASHED, True, False),
            "counts": (0, LARGEST_COUNT, False, False),
            "total": (0, LARGEST_COUNT, False, False),
            "levels": (0, LARGEST_COUNT, False, True),
            "time": (NEVER, MOST_STEPS, False, False),
            "h": (-LARGEST_STATE, LARGEST_STATE, False, False) if self.matrix else (-1, 1, False, False),
            "c": (-LARGEST_STATE, LARGEST_STATE, False, False),
        }
        found = {}
        for name, own in self.export().items():
            low, high, missing, falling = rules.get(name, (0, MOST_STEPS, False, False))
            found[name] = Expected((streams, *own.shape[1:]), own.dtype, low, high, missing, falling)
        return found

    def export(self, rows: Array | None = None) -> dict[str, Array]:
        """The state of some streams (None: all) as arrays that begin with the streams, the ring oldest first."""
        pick = slice(None) if rows is None else rows
        found = {name: values[pick] for name, values in self.state.items() if name not in ("ring", "window")}
        ring = np.roll(self.state["ring"], -self.turn, axis=0)
        found["ring"] = ring[:, pick].transpose(1, 0, 2)
        if self.forecast:
            found["h"], found["c"] = (part[:, pick].transpose(1, 0, 2) for part in (self.network.h, self.network.c))
        return {name: np.array(values, order="C") for name, values in found.items()}  # a copy, whatever the layout

    def restore(self, found: dict[str, Array]) -> None:
        """Take over what `export` gave, for the same number of streams."""
        for name in self.state:
            if name not in ("ring", "window"):
                self.state[name] = np.array(found[name], order="C")
        self.turn = 0
        self.state["ring"] = np.array(found["ring"].transpose(1, 0, 2), order="C")
        if self.forecast:
            self.network.restore(found["h"].transpose(1, 0, 2), found["c"].transpose(1, 0, 2))
