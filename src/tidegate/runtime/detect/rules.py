"""How a detector decides, as numbers that are saved with it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tidegate.core.errors import ArtifactError

METHODS = ("forecast", "reconstruction")


@dataclass(frozen=True)
class Rules:
    """How errors become alarms.

    Attributes:
        method: "forecast" or "reconstruction".
        threshold: the p at or below which a step alarms.
        budget: false alarms a week (1,000 rows without a clock) that the user allowed one stream.
        short: steps that a run of errors is averaged over.
        refractory: quiet steps after which an alarm is a new event.
        warm_up: steps at a stream's start that are not scored.
        memory: errors that a stream remembers; 0 keeps those of the training part for ever.
        tail: index of the tail beyond the largest error.
        gap: missing steps after which a stream warms up again.
    """

    method: str
    threshold: float
    budget: float = 1.0
    short: int = 10
    refractory: int = 60
    warm_up: int = 32
    memory: int = 8_000
    tail: float = 8.0
    gap: int = 32

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Rules:
        """What `to_json` wrote.

        Raises:
            ArtifactError: anything missing, extra, of the wrong type or out of bounds.
        """
        try:
            whole = {name: _whole(state[name]) for name in ("short", "refractory", "warm_up", "memory", "gap")}
            real = {name: float(state[name]) for name in ("threshold", "budget", "tail")}
            found = cls(str(state["method"]), **real, **whole)  # type: ignore[arg-type]
            if set(state) != set(asdict(found)):
                raise ValueError(f"it has {sorted(state)}")
            if (
                found.method not in METHODS
                or not 0 < found.threshold < 1
                or not 0 < found.tail < math.inf
                or not found.budget > 0
            ):
                raise ValueError("an unknown method, or a threshold or tail out of bounds")
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"model.json: decoding: {error}") from error
        return found


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise ValueError(f"expected a whole number, got {value!r}")
    return value
