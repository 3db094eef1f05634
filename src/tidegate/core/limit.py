"""How long something may take: a moment that everything inside it can ask for."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_END: ContextVar[float] = ContextVar("tidegate_end", default=math.inf)
STARTED = time.monotonic()  # about when the process began


def left() -> float:
    """Seconds until the moment that was set; infinite where none was."""
    return _END.get() - time.monotonic()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Set the moment: `seconds` from now, or earlier where an outer one ends before."""
    token = _END.set(min(_END.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _END.reset(token)
