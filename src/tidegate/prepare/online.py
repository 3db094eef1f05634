"""What a detector's network reads at one step of a stream: scaled values, changes, one season ago, the clock.

The same functions prepare a whole series for training (rows in the place of streams) and a single step of a hundred
thousand streams, so that a network sees in production exactly what it was trained on.

Shape letters: S streams (or rows), C channels, G series, I inputs, F clock features, M lags.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ArtifactError
from tidegate.core.table import Table
from tidegate.prepare.document import plain_fields
from tidegate.prepare.table.calendar import clock_table, day_table, feature_names, zone_changes

Feature = Literal["minute", "hour", "day_of_week"]
FEATURES: tuple[Feature, ...] = get_args(Feature)
LARGEST = 40.0  # of a squashed value: sinh stays finite
FARTHEST = 1e300  # of a scaled one
_DAY = 86_400_000_000
_MINUTE = 60_000_000
_YEAR = 366

Array = NDArray[Any]


@dataclass(frozen=True)
class OnlinePreparation:
    """Everything that was measured on the training rows.

    Attributes:
        channels: [C] names. series: [G] names of the fitted series.
        offset, scale: [G + 1, C]; the last row is of all series together, for streams that were not fitted.
        lags: [M] seasons in steps, whose value one season before the next step is read.
        calendar: clock features of the next step, of `FEATURES`. timezone: whose clock counts.
        step: microseconds between rows, or None where rows have no clock.
        observed, known: covariates, which are read and not watched: as they are at a step, and as they will be at the
            next one. Their scales stand after those of the channels.
    """

    channels: tuple[str, ...]
    series: tuple[str, ...]
    offset: NDArray[np.float64]
    scale: NDArray[np.float64]
    lags: tuple[int, ...] = ()
    calendar: tuple[str, ...] = ()
    timezone: str | None = None
    step: int | None = None
    observed: tuple[str, ...] = ()
    known: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """[C + E] names of all that a stream is given at a step: channels, then observed and known covariates."""
        return (*self.channels, *self.observed, *self.known)

    @property
    def input_names(self) -> tuple[str, ...]:
        """[I] names, in the order of `step_inputs`."""
        own = [f"{kind}:{name}" for kind in ("value", "change") for name in self.channels]
        own += [f"lag{lag}:{name}" for lag in self.lags for name in self.channels]
        own += [f"{kind}:{name}" for kind in ("observed", "known") for name in getattr(self, kind)]
        return (*own, *feature_names(self.calendar, False))

    def place(self, name: str) -> int:
        """Row of a series among the scales; the row of all together for one that was not fitted."""
        return self.series.index(name) if name in self.series else len(self.series)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "online", **plain_fields(self)}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> OnlinePreparation:
        """What `to_json` wrote.

        Raises:
            ArtifactError: anything missing, of the wrong kind, or sizes that do not fit.
        """
        try:
            found = cls(
                channels=tuple(map(str, state["channels"])),
                series=tuple(map(str, state["series"])),
                offset=np.asarray(state["offset"], dtype=np.float64),
                scale=np.asarray(state["scale"], dtype=np.float64),
                lags=tuple(map(int, state["lags"])),
                calendar=tuple(map(str, state["calendar"])),
                timezone=state["timezone"],
                step=None if state["step"] is None else int(state["step"]),
                observed=tuple(map(str, state.get("observed", ()))),
                known=tuple(map(str, state.get("known", ()))),
            )
            shape = (len(found.series) + 1, len(found.columns))
            if found.offset.shape != shape or found.scale.shape != shape:
                raise ValueError(f"scales are {found.scale.shape}, expected {shape}")
            if not (np.isfinite(found.offset).all() and (found.scale > 0).all()):
                raise ValueError("offsets are not finite, or scales not positive")
            if any(name not in FEATURES for name in found.calendar) or any(not 0 < m < 1_000_000 for m in found.lags):
                raise ValueError("unknown clock features, or lags out of bounds")
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"preparation.json: {error}") from error
        return found


def measure_scales(table: Table, rows: NDArray[np.int64], names: Sequence[str]) -> tuple[Array, Array]:
    """Offset (median) and scale of every series, and of all together, [G + 1, C].

        scale = max(1.4826 MAD, 0.3 deviation of the values between the 1st and 99th percentile, |median| / 1000)

    A few anomalies move neither. A channel that is constant gets a thousandth of its size, so that any change shows;
    one that is zero but for rare values, 0.3 of its deviation.

    Args:
        table: the data. rows: [G, 2], the training rows; nothing else is looked at. names: [C] channels.
    """
    groups = [[table.columns[name][a:b] for a, b in rows.tolist()] for name in names]
    offset, scale = np.zeros((len(rows) + 1, len(names))), np.ones((len(rows) + 1, len(names)))
    for c, parts in enumerate(groups):
        for g, part in enumerate([*parts, np.concatenate(parts)]):
            values = part[~np.isnan(part)].astype(np.float64)
            if len(values):
                offset[g, c], scale[g, c] = robust_scale(values)
        blank = [g for g, part in enumerate(parts) if np.isnan(part).all()]
        offset[blank, c], scale[blank, c] = offset[-1, c], scale[-1, c]
    return offset, scale


def robust_scale(values: NDArray[np.float64]) -> tuple[float, float]:
    """Median and scale of values without gaps, as `measure_scales` says."""
    middle = float(np.median(values))
    deviation = float(np.median(np.abs(values - middle))) * 1.4826
    low, high = np.percentile(values, (1, 99))
    scale = max(deviation, 0.3 * float(np.std(np.clip(values, low, high))), 1e-3 * abs(middle))
    for wider in (0.3 * float(np.std(values)), 1.0):
        scale = scale if scale > 1e-300 else wider
    return middle, scale


def squash(values: Array, offset: Array, scale: Array) -> NDArray[np.float32]:
    """asinh((value - offset) / scale): linear for usual values, logarithmic for huge ones; [S, C] float32."""
    return np.arcsinh(scaled(values, offset, scale)).astype(np.float32)


def scaled(values: Array, offset: Array, scale: Array) -> Array:
    """(value - offset) / scale, [S, C]; what would be beyond 64 bits is the largest that is not."""
    return np.asarray(np.clip((values - offset) / scale, -FARTHEST, FARTHEST))


def stretch(squashed: Array) -> NDArray[np.float64]:
    """(value - offset) / scale again, [S, C] float64."""
    return np.asarray(np.sinh(np.clip(squashed.astype(np.float64), -LARGEST, LARGEST)))


def step_inputs(
    now: Array, before: Array, ahead: Sequence[Array], clock: Array | None, aside: Sequence[Array] = ()
) -> NDArray[np.float32]:
    """What the network reads at a step t to forecast step t + 1, [S, I].

    Args:
        now, before: [S, C] squashed values at t and t - 1.
        ahead: for each lag m [S, C] squashed values at t + 1 - m; NaN where the stream is younger than that.
        clock: [S, 2 x F] clock features of t + 1, or None.
        aside: squashed covariates, [S, .] observed ones at t, [S, .] known ones at t + 1.
    """
    parts = [now, now - before]
    for values in ahead:
        difference = values - now
        parts.append(np.where(np.isnan(difference), np.float32(0), difference))
    parts += aside
    if clock is not None:
        parts.append(clock)
    return np.concatenate(parts, axis=1, dtype=np.float32)


class Clock:
    """Clock features of any times, from tables.

    Args:
        features: of `FEATURES`. timezone: whose clock counts; None reads times as they are.
    """

    def __init__(self, features: Sequence[str], timezone: str | None) -> None:
        self.timezone = timezone
        self.minutes = clock_table(tuple(name for name in features if name != "day_of_week"))
        days = np.arange(7).astype("datetime64[D]")  # 1970-01-01 was a Thursday, and so is every 7th day after it
        self.days = day_table(days, ["day_of_week"], None) if "day_of_week" in features else None

    def __call__(self, time: NDArray[np.int64]) -> NDArray[np.float32]:
        """[S, 2 x F] features of times [S], microseconds since 1970 (UTC where there is a zone)."""
        local = time if self.timezone is None else time + self._shift(time)
        minutes: NDArray[np.float32] = self.minutes[local // _MINUTE % 1440]
        if self.days is None:
            return minutes
        return np.concatenate([minutes, self.days[local // _DAY % 7]], axis=1)

    def _shift(self, time: NDArray[np.int64]) -> NDArray[np.int64]:
        """[S] microseconds between UTC and the zone's clock."""
        blocks = time // (_YEAR * _DAY)
        shift = np.empty_like(time)
        for block in np.unique(blocks).tolist():
            own = blocks == block
            moments, shifts = zone_changes(str(self.timezone), block * _YEAR - 1, (block + 1) * _YEAR + 1)
            place = np.searchsorted(np.array(moments, np.int64), time[own], side="right")
            shift[own] = np.array(shifts, np.int64)[place]
        return shift


def fill_forward(values: Array) -> Array:
    """[N, C] with each gap filled by the last value before it (before the first value: by that one; else 0)."""
    filled = np.array(values, dtype=np.float32)
    for column in filled.T:
        seen = np.flatnonzero(~np.isnan(column))
        if len(seen):
            place = np.maximum(np.searchsorted(seen, np.arange(len(column)), side="right") - 1, 0)
            column[:] = column[seen[place]]
        else:
            column[:] = 0
    return filled


def series_inputs(
    preparation: OnlinePreparation, clock: Clock | None, squashed: Array, time: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Inputs of every row of one series, [N, I].

    Args:
        squashed: [N, C + E] without gaps. time: [N] microseconds of the rows; looked at where there is a clock.
    """
    channels, observed = len(preparation.channels), len(preparation.channels) + len(preparation.observed)
    squashed, aside, known = np.split(squashed, [channels, observed], axis=1)
    rows = len(squashed)
    known = np.concatenate([known[1:], known[-1:]])
    before = np.concatenate([squashed[:1], squashed[:-1]])
    ahead = []
    for lag in preparation.lags:
        values = np.full((rows, channels), np.nan, dtype=np.float32)
        values[lag - 1 :] = squashed[: max(rows - lag + 1, 0)]
        ahead.append(values)
    step = preparation.step or 0
    return step_inputs(squashed, before, ahead, None if clock is None else clock(time + step), [aside, known])
