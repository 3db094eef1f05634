"""A stream that a user holds: values in one at a time, verdicts out, snapshots without pickle."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from tidegate.core.errors import ArtifactError, ConfigError, DataError, TimeError
from tidegate.runtime.detect.detector import Detector, check_state
from tidegate.runtime.detect.streams import NEVER, Streams

FORMAT = 1
ABOUT = "about"

Array = NDArray[Any]


class Verdict(NamedTuple):
    """What a stream says of a value. One number each for a single stream, arrays [S] for many.

    Attributes:
        score: 0 to 1, 0.5 where the rarity is 1/1000. p_value: how often steps as rare have come; both NaN where the
            value was not judged: while the stream warms up, where it is missing, and at the first one after a long gap.
        alarm: whether the alarm is on. event: its number in this stream, from 1; 0 without an alarm.
        channel: the channel least in keeping with the past, from 0; -1 where the value was not judged.
        expected: the value that was forecast, or rebuilt ([C] or [S, C] for several channels).
    """

    score: Any
    p_value: Any
    alarm: Any
    event: Any
    channel: Any
    expected: Any


class Stream:
    """One stream, or many that advance together; made by `AnomalyDetector.stream`.

    Args:
        detector: the trained detector. names: of the streams. streams: their state.
        single: whether values and verdicts are numbers instead of arrays.
    """

    def __init__(self, detector: Detector, names: Sequence[str], streams: Streams, *, single: bool) -> None:
        self.detector, self.names, self.streams, self.single = detector, tuple(names), streams, single
        self.step = detector.preparation.step
        self.channels = len(detector.preparation.channels)

    def __len__(self) -> int:
        return len(self.names)

    def update(self, value: Any, time: Any = None) -> Verdict:
        """Judge the next value of every stream, and take it in.

        Missing values (NaN) are not judged; the network goes on with what it expected in their place. After as many of
        them as a window has steps, the stream warms up again. Steps that `time` shows to be missing count alike.

        Args:
            value: a number, or [C] for several channels; for many streams [S] or [S, C].
            time: of this value, the same for all streams; None means one step after the last.

        Raises:
            DataError: a value is infinite or no number, or there are more or fewer of them than streams and channels.
            TimeError: the time is not after the last one, or is no time.
            ConfigError: the network reads the clock, and the first value has no time.
        """
        values = self._values(value)
        now, skipped = self._time(time)
        for missed in skipped:
            self.streams.step(np.full_like(values, np.nan), missed)
        judged = self.streams.step(values, now)
        expected = judged.expected[:, 0] if self.channels == 1 else judged.expected
        found = Verdict(judged.score, judged.p_value, judged.alarm, judged.event, judged.channel, expected)
        if not self.single:
            return found
        score, p_value, alarm, event, channel = (part[0].item() for part in found[:5])
        own = expected[0].item() if self.channels == 1 else expected[0]
        return Verdict(score, p_value, alarm, event, channel, own)

    def snapshot(self) -> bytes:
        """The state as bytes in the safetensors format; `AnomalyDetector.stream(snapshot=...)` goes on from there."""
        about = {
            "format": FORMAT,
            "detector": self.detector.fingerprint,
            "names": list(self.names),
            "single": self.single,
        }
        arrays = {**self.streams.export(), ABOUT: np.frombuffer(json.dumps(about).encode(), np.uint8)}
        found: bytes = save_tensors(arrays)
        return found

    @classmethod
    def restore(cls, detector: Detector, snapshot: bytes) -> Stream:
        """A stream as `snapshot` left it.

        Raises:
            ArtifactError: it is damaged, of a newer format, or of another detector.
        """
        try:
            arrays = dict(load_tensors(bytes(snapshot)))
            about = json.loads(arrays.pop(ABOUT).tobytes())
            version, made_by, single = about["format"], about["detector"], bool(about["single"])
            names = [str(name) for name in about["names"]]
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"the snapshot cannot be read: {error}; take it with stream.snapshot()") from error
        if version != FORMAT:
            raise ArtifactError(f"the snapshot has format {version}; this version reads {FORMAT}")
        if made_by != detector.fingerprint:
            raise ArtifactError(
                "the snapshot was taken from a stream of another detector (weights or options differ); load that one, "
                "or begin a new stream"
            )
        check_state(detector, arrays, len(names), "snapshot")
        streams = detector.streams(names)
        streams.restore(arrays)
        return cls(detector, names, streams, single=single)

    def _values(self, value: Any) -> NDArray[np.float64]:
        """[S, C] of whatever shape is natural."""
        try:
            values = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(f"a stream takes numbers, got {value!r}; give NaN where a value is missing") from error
        count, channels = len(self), self.channels
        shapes: set[tuple[int, ...]] = {(count, channels)}
        if channels == 1:
            shapes.add((count,))
        if self.single:
            shapes |= {(channels,), ()} if channels == 1 else {(channels,)}
        if values.shape not in shapes:
            raise DataError(
                f"values have shape {list(values.shape)}; {count} stream(s) of {channels} channel(s) take "
                f"{' or '.join(str(list(shape)) for shape in sorted(shapes))}"
            )
        values = values.reshape(count, channels)
        if np.isinf(values).any():
            row, channel = np.argwhere(np.isinf(values))[0]
            name = f" of stream {self.names[row]!r}" if self.names[row] else ""
            raise DataError(
                f"channel {self.detector.preparation.channels[channel]!r}{name} is infinite; give NaN if it is unknown"
            )
        return values

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
                    "this detector reads the clock: give the time of the first value, update(value, time=...)"
                )
            return (last + self.step if known else None), []
        now = np.full(len(self), _microseconds(time, self.detector.preparation.timezone), np.int64)
        if not known:
            return now, []
        if (now <= last).any():
            late = int(np.argmax(now <= last))
            raise TimeError(
                f"time goes backwards: {np.datetime64(int(now[late]), 'us')} is not after "
                f"{np.datetime64(int(last[late]), 'us')}; give values in order, each time once"
            )
        steps = np.maximum(np.round((now - last) / self.step).astype(np.int64), 1)
        if (steps != steps[0]).any():
            raise TimeError(
                "the streams were last updated at different times; open a stream of its own for each: "
                "stream(series='...')"
            )
        longest = max(self.detector.rules.gap, self.streams.state["ring"].shape[0]) + 1
        missing = min(int(steps[0]) - 1, longest)
        return now, [now - self.step * k for k in range(missing, 0, -1)]

    def _check_order(self, time: Any) -> None:
        """Rows are only counted: times serve to keep their order."""
        if time is None:
            return
        now = time if isinstance(time, (int, np.integer)) else _microseconds(time, None)
        last = self.streams.state["time"]
        if (np.int64(now) <= last).any():
            raise TimeError(f"time goes backwards: {time} is not after the last; give values in order, each time once")
        self.streams.state["time"] = np.full(len(self), now, np.int64)


def _microseconds(time: Any, zone: str | None) -> int:
    """A time as microseconds since 1970, UTC where there is a zone; clock times without a zone are in `zone`.

    Raises:
        TimeError: it is no time.
    """
    try:
        moment = datetime.fromisoformat(time) if isinstance(time, str) else time
        if isinstance(moment, datetime):
            if moment.tzinfo is None and zone is not None:
                moment = moment.replace(tzinfo=ZoneInfo(zone))
            if moment.tzinfo is not None:
                moment = moment.astimezone(timezone.utc if zone is not None else None).replace(tzinfo=None)
        if isinstance(moment, (bool, int, float, np.number)):
            raise ValueError("a number is no time of day")
        stamp = np.datetime64(moment, "us")
        if np.isnat(stamp):
            raise ValueError("it is missing")
    except (TypeError, ValueError) as error:
        raise TimeError(
            f"time={time!r} is no time: give a datetime, or text such as '2026-01-31 06:00' ({error})"
        ) from error
    return int(stamp.astype(np.int64))
