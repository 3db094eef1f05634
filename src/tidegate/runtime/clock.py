"""Times as a user gives them to a stream."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from tidegate.core.errors import TimeError
from tidegate.core.translate import tr


def microseconds(time: Any, zone: str | None) -> int:
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
            raise ValueError(tr("a number is no time of day"))
        stamp = np.datetime64(moment, "us")
        if np.isnat(stamp):
            raise ValueError(tr("it is missing"))
    except (TypeError, ValueError, OverflowError) as error:
        message = "time={time} is no time: give a datetime, or text such as '2026-01-31 06:00' ({error})"
        raise TimeError(tr(message, time=repr(time), error=error)) from error
    return int(stamp.astype(np.int64))
