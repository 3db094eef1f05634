"""A stream that a user holds: values in one at a time, verdicts out, snapshots without pickle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate.core.checks import whole
from tidegate.core.errors import ArtifactError, ConfigError, DataError, TimeError
from tidegate.core.translate import tr
from tidegate.runtime.clock import microseconds
from tidegate.runtime.detect.streams import NEVER, Detects, Streams
from tidegate.runtime.state import check_state, measured, pack, unpack

Array = NDArray[Any]


class Detection(NamedTuple):
    """What a stream predicts for a value. One number each for a single stream, arrays [S] for many.

    Attributes:
        score: 0 to 1, 0.5 where the rarity is 1/1000. p_value: how often steps as rare have come; both NaN where the
            value was not scored: while the stream warms up, where it is missing, and at the first one after a long gap.
        alarm: whether the alarm is on. event: its number in this stream, from 1; 0 without an alarm.
        channel: the channel least in keeping with the past, from 0; -1 where the value was not scored.
        expected: the value that was forecast, or rebuilt ([C] or [S, C] for several channels).
    """

    score: Any
    p_value: Any
    alarm: Any
    event: Any
    channel: Any
    expected: Any


class DetectStream:
    """One stream, or many that advance together; made by `AnomalyDetector.stream`.

    Args:
        detector: the trained detector. names: of the streams. streams: their state.
        single: whether values and verdicts are numbers instead of arrays.
    """

    def __init__(self, detector: Detects, names: Sequence[str], streams: Streams, *, single: bool) -> None:
        self.detector, self.names, self.streams, self.single = detector, tuple(names), streams, single
        self.step = detector.preparation.step
        self.channels = len(detector.preparation.channels)
        self.columns = detector.preparation.columns

    def __len__(self) -> int:
        return len(self.names)

    def update(self, values: Any, time: Any = None) -> Detection:
        """Score the next value of every stream, and take it in.

        Missing values (NaN) are not scored; the network goes on with what it expected in their place. After as many of
        them as a window has steps, the stream warms up again. Steps that `time` shows to be missing count alike.

        Args:
            values: a number, or [C] for several channels; for many streams [S] or [S, C]. Of a detector with covariates
                [C + E], the channels, then observed and known covariates (`columns` names them), as they are now.
            time: of this value, the same for all streams; None means one step after the last.

        Raises:
            DataError: a value is infinite or no number, or there are more or fewer of them than streams and channels.
            TimeError: the time is not after the last one, or is no time.
            ConfigError: the network reads the clock, and the first value has no time.
        """
        values = self._values(values)
        now, skipped = self._time(time)
        for missed in skipped:
            self.streams.step(np.full_like(values, np.nan), missed)
        scored = self.streams.step(values, now)
        expected = scored.expected[:, 0] if self.channels == 1 else scored.expected
        found = Detection(scored.score, scored.p_value, scored.alarm, scored.event, scored.channel, expected)
        if not self.single:
            return found
        score, p_value, alarm, event, channel = (part[0].item() for part in found[:5])
        own = expected[0].item() if self.channels == 1 else expected[0]
        return Detection(score, p_value, alarm, event, channel, own)

    def snapshot(self) -> bytes:
        """The state as bytes; `AnomalyDetector.stream(snapshot)` goes on from there."""
        about = {"names": list(self.names), "single": self.single}
        return pack(self.detector.fingerprint, about, self.streams.export())

    def restore(self, snapshot: bytes) -> None:
        about, arrays = unpack(snapshot, self.detector.fingerprint)
        names = about.get("names")
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise ArtifactError(tr("the snapshot does not name its streams"))
        check_state(arrays, self.detector.streams([""]).expected(len(names)), "snapshot")
        streams = self.detector.streams(names)
        streams.restore(arrays)
        self.names, self.single, self.streams = tuple(names), bool(about.get("single")), streams

    def _values(self, value: Any) -> NDArray[np.float64]:
        """[S, C + E] of whatever shape is natural."""
        values = measured(value, self.columns if len(self.columns) > 1 else ())
        count, channels = len(self), len(self.columns)
        shapes: set[tuple[int, ...]] = {(count, channels)}
        if channels == 1:
            shapes.add((count,))
        if self.single:
            shapes |= {(channels,), ()} if channels == 1 else {(channels,)}
        if values.shape not in shapes:
            message = "values have shape {given}; {count} stream(s) of {channels} column(s) take {shapes}"
            expected = tr(" or ").join(str(list(shape)) for shape in sorted(shapes))
            raise DataError(tr(message, given=list(values.shape), count=count, channels=channels, shapes=expected))
        return values.reshape(count, channels)

    def _time(self, time: Any) -> tuple[Array | None, list[Array]]:
        """Microseconds of the value, [S], and of the steps before it that are missing."""
        last: Array = self.streams.state["time"]
        if self.step is None:
            self._check_order(time)
            return None, []
        known = bool((last != NEVER).all())
        if time is None:
            if not known and self.detector.preparation.calendar:
                raise ConfigError(
                    tr("this detector reads the clock: give the time of the first value, update(value, time=...)")
                )
            return (last + self.step if known else None), []
        now = np.full(len(self), microseconds(time, self.detector.preparation.timezone), np.int64)
        if not known:
            return now, []
        if (now <= last).any():
            late = int(np.argmax(now <= last))
            given, before = np.datetime64(int(now[late]), "us"), np.datetime64(int(last[late]), "us")
            message = "time goes backwards: {time} is not after {last}; give values in order, each time once"
            raise TimeError(tr(message, time=given, last=before))
        steps = np.maximum(np.round((now - last) / self.step).astype(np.int64), 1)
        if (steps != steps[0]).any():
            message = "the streams were last updated at different times; open a stream of its own for each: {call}"
            raise TimeError(tr(message, call="stream(series='...')"))
        longest = max(self.detector.rules.gap, self.streams.state["ring"].shape[0]) + 1
        missing = min(int(steps[0]) - 1, longest)
        return now, [now - self.step * k for k in range(missing, 0, -1)]

    def _check_order(self, time: Any) -> None:
        """Rows are only counted: times serve to keep their order."""
        if time is None:
            return
        now = time if isinstance(time, (int, np.integer)) else microseconds(time, None)
        last = self.streams.state["time"]
        if (np.int64(now) <= last).any():
            message = "time goes backwards: {time} is not after the last; give values in order, each time once"
            raise TimeError(tr(message, time=time))
        self.streams.state["time"] = np.full(len(self), now, np.int64)


def open_stream(
    detector: Detects,
    snapshot: bytes | None,
    *,
    series: str | Sequence[str] | None = None,
    streams: int | None = None,
    fresh: bool = False,
) -> DetectStream:
    """One stream or many; arguments and errors as of `AnomalyDetector.stream`."""
    given = [("snapshot", snapshot is not None), ("series", series is not None), ("streams", streams is not None)]
    named = [name for name, there in given if there]
    if len(named) > 1:
        raise ConfigError(tr("{names} exclude one another", names=", ".join(named)))
    if snapshot is not None:
        found = DetectStream(detector, [""], detector.streams([""]), single=True)
        found.restore(snapshot)
        return found
    known = detector.preparation.series
    if streams is not None:
        whole("streams", streams, 1)
        places = np.full(streams, len(known), dtype=np.int64)
        return DetectStream(detector, [""] * streams, Streams(detector, places), single=False)
    names = list(known) if series is None else [series] if isinstance(series, str) else list(series)
    strangers = [name for name in names if name not in known]
    if strangers or not names:
        message = "series {name} was not fitted; it knows {known}. For new streams give streams=1 (or more)"
        known_names = ", ".join(map(repr, known[:5]))
        raise ConfigError(tr(message, name=repr((strangers or [""]).pop(0)), known=known_names))
    single = isinstance(series, str) or (series is None and len(known) == 1)
    begin = detector.continued if detector.ends and not fresh else detector.streams
    return DetectStream(detector, names, begin(names), single=single)
