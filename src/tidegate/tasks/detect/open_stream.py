"""Streams of a detector: from a snapshot, from where the fitted table ended, or new ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tidegate.core.errors import ConfigError
from tidegate.runtime.detect.detector import Detector
from tidegate.runtime.detect.stream import Stream
from tidegate.runtime.detect.streams import Streams


def open_stream(
    detector: Detector,
    snapshot: bytes | None,
    *,
    series: str | Sequence[str] | None,
    streams: int | None,
    fresh: bool,
) -> Stream:
    """One stream or many; arguments and errors as of `AnomalyDetector.stream`."""
    given = [("snapshot", snapshot is not None), ("series", series is not None), ("streams", streams is not None)]
    named = [name for name, there in given if there]
    if len(named) > 1:
        raise ConfigError(f"{' and '.join(named)} exclude one another")
    if snapshot is not None:
        return Stream.restore(detector, snapshot)
    known = detector.preparation.series
    if streams is not None:
        if isinstance(streams, bool) or not isinstance(streams, int) or streams < 1:
            raise ConfigError(f"streams is a whole number of at least 1; got {streams!r}")
        places = np.full(streams, len(known), dtype=np.int64)
        return Stream(detector, [""] * streams, Streams(detector, places), single=False)
    names = list(known) if series is None else [series] if isinstance(series, str) else list(series)
    strangers = [name for name in names if name not in known]
    if strangers or not names:
        raise ConfigError(
            f"series {(strangers or ['']).pop(0)!r} was not fitted; it knows {', '.join(map(repr, known[:5]))}. "
            "For new streams give streams=1 (or more)"
        )
    single = isinstance(series, str) or (series is None and len(known) == 1)
    begin = detector.continued if detector.ends and not fresh else detector.streams
    return Stream(detector, names, begin(names), single=single)
