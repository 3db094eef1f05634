"""How a detector decides, as numbers that are saved with it: a budget of false alarms, hysteresis, events, a score."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ArtifactError, ConfigError
from tidegate.core.translate import tr

Method = Literal["forecast", "reconstruction"]
METHODS: tuple[Method, ...] = get_args(Method)
WEEK = 7 * 86_400_000_000
ROWS = 1_000  # rows that stand for a week where rows have no clock
HOLD = 3.0  # an alarm lasts while p is below so many times the threshold
MOST = 0.1
TWICE = 2.0  # as rare as before: clearly worse
HALF = 3.0  # score 0.5 is p = 1 / 1000

Array = NDArray[Any]


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
        groups: name -> channels whose rarities are counted together, a group apart from the others; {} for one of all.
    """

    method: str
    threshold: float
    budget: float
    short: int
    refractory: int
    warm_up: int
    memory: int
    tail: float
    gap: int
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def members(self, channels: tuple[str, ...]) -> list[NDArray[np.int64]]:
        """Where the channels of each group are among all."""
        groups = self.groups.values() or [channels]
        return [np.array([channels.index(name) for name in own], np.int64) for own in groups]

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "groups": {name: list(own) for name, own in self.groups.items()}}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Rules:
        """What `to_json` wrote.

        Raises:
            ArtifactError: anything missing, extra, of the wrong type or out of bounds.
        """
        try:
            whole = {name: _whole(state[name]) for name in ("short", "refractory", "warm_up", "memory", "gap")}
            real = {name: float(state[name]) for name in ("threshold", "budget", "tail")}
            groups = {str(name): tuple(map(str, own)) for name, own in state.get("groups", {}).items()}
            found = cls(str(state["method"]), **real, **whole, groups=groups)  # type: ignore[arg-type]
            if {"groups", *state} != set(asdict(found)):
                raise ValueError(f"it has {sorted(state)}")
            if (
                found.method not in METHODS
                or not 0 < found.threshold < 1
                or not 0 < found.tail < math.inf
                or not found.budget > 0
            ):
                raise ValueError("an unknown method, or a threshold or tail out of bounds")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"model.json: decoding: {error}") from error
        return found


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise ValueError(f"expected a whole number, got {value!r}")
    return value


def budget_threshold(per_week: float, step: int | None) -> float:
    """The p at or below which a step alarms, so that ordinary steps do so `per_week` times a week.

        threshold = alarms per week / steps per week

    A p-value is below a threshold as often as the threshold says, if what the stream does is what it did before. Alarms
    close to one another are one event, so that there are fewer events than that.

    Args:
        per_week: false alarms a week of one stream. step: microseconds between rows; None counts per 1,000 rows.

    Raises:
        ConfigError: more alarms than every tenth step.
    """
    steps = ROWS if step is None else WEEK / step
    if per_week / steps > MOST:
        unit = "1,000 rows" if step is None else "week"
        message = (
            "a budget of {budget} false alarms per {unit} is more than every tenth of its {steps} steps; give "
            "alarms_per_week= (--alarms-per-week) at most {most}, such as {such}: one false alarm in 100 rows"
        )
        most, such = f"{MOST * steps:.2g}", f"{steps / 100:.2g}"
        raise ConfigError(tr(message, budget=f"{per_week:g}", unit=unit, steps=f"{steps:g}", most=most, such=such))
    return per_week / steps


def usual_budget(step: int | None) -> float:
    """False alarms a week where nobody said: one, and of rows that are hours apart or more one in a hundred.

    Args:
        step: microseconds between rows; None counts per 1,000 rows.
    """
    return 1.0 if step is None else min(1.0, WEEK / step / 100)


def score_of(p: Array) -> NDArray[np.float64]:
    """L / (L + 3) with L = -log10 p: 0 for p = 1, one half for p = 1/1000, towards 1 as p falls; NaN stays."""
    surprise = np.abs(np.log10(np.maximum(p, 1e-300)))
    return np.asarray(surprise / (surprise + HALF))


class Watch(NamedTuple):
    """The alarm of every stream: whether it is on, steps since it last was, and events so far; each [S]."""

    on: NDArray[np.bool_]
    quiet: NDArray[np.int64]
    event: NDArray[np.int64]


def watch(before: Watch, p: Array, threshold: float, refractory: int) -> Watch:
    """The alarms after one more step.

    An alarm begins at p <= threshold and lasts while p <= 3 threshold. It opens a new event unless the last alarm was
    less than `refractory` steps ago. A step that was not scored (p NaN) is quiet.

    Args:
        before: the alarms until now. p: [S].
    """
    hot = p <= threshold
    on = hot | (before.on & (p <= min(HOLD * threshold, MOST)))
    fresh = hot & ~before.on & (before.quiet >= refractory)
    return Watch(on, np.where(on, 0, before.quiet + 1), before.event + fresh)


def rarity_of(score: Array) -> NDArray[np.float64]:
    """The rarity r that has a score: the inverse of `score_of`."""
    return np.asarray(10.0 ** -(HALF * score / np.maximum(1.0 - score, 1e-9)))


def onsets(rarity: Array, refractory: int) -> NDArray[np.bool_]:
    """[N] where a row is at least TWICE as rare as every one of the `refractory` rows before; NaN never is.

    Whatever threshold is laid on these rows, an event is counted when it first crosses it, and again only where it gets
    clearly worse.
    """
    known = np.nan_to_num(np.asarray(rarity, dtype=np.float64), nan=1.0)
    if not len(known) or refractory < 1:
        return known < 1.0
    padded = np.concatenate([np.ones(refractory), known[:-1]])
    least = np.lib.stride_tricks.sliding_window_view(padded, refractory).min(axis=1)
    return np.asarray((TWICE * known <= least) & (known < least))
