"""What the user may choose about preparation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from tidegate.core.errors import ArtifactError, ConfigError

Fill = Literal["ffill", "bfill", "linear", "seasonal", "none"]
Scale = Literal["standard", "minmax", "robust", "none"]
ScaleBy = Literal["series", "shared"]
TargetTransform = Literal["none", "log1p", "difference"]
CalendarFeature = Literal["minute", "hour", "day_of_week", "day_of_month", "day_of_year", "month", "season"]

CALENDAR_FEATURES: tuple[str, ...] = get_args(CalendarFeature)
MOST_STEPS = 10_000_000
_CHOICES: dict[str, tuple[str, ...]] = {
    "fill": get_args(Fill),
    "scale": get_args(Scale),
    "scale_by": get_args(ScaleBy),
    "target_transform": get_args(TargetTransform),
}


@dataclass(frozen=True)
class PrepareOptions:
    """How a table becomes what a network reads.

    Attributes:
        fill: what stands for a missing input. `ffill` repeats the last value, `bfill` takes the next one and
            `linear` lies between both (each only once the next value is past), `seasonal` takes the value one
            season ago; `none` refuses missing inputs.
        mask: a 0/1 input "was missing" per column; None adds it where the training part has gaps.
        scale: `standard` (mean 0, deviation 1), `minmax` (0 to 1), `robust` (median and interquartile range).
        scale_by: statistics per `series`, or `shared` by all; None takes those per series where there are several.
        target_transform: what the network predicts: the target, `log1p` of it, or its `difference` from
            `difference_lag` steps before.
        difference_lag: steps; 24 on hourly rows is the difference from yesterday.
        keep_level: with `difference`, the target itself stays as a further input.
        calendar: features as sine and cosine; None chooses from step and length, () takes none.
        holidays: country, or country-subdivision, of the `holidays` library ("US", "AU-VIC", "TW").
        season: steps of one season for `fill="seasonal"`; None takes the shortest that the calendar suggests.
    """

    fill: Fill = "ffill"
    mask: bool | None = None
    scale: Scale = "standard"
    scale_by: ScaleBy | None = None
    target_transform: TargetTransform = "none"
    difference_lag: int = 1
    keep_level: bool = True
    calendar: tuple[str, ...] | None = None
    holidays: str | None = None
    season: int | None = None

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value not in choices and not (name == "scale_by" and value is None):
                raise ConfigError(f"{name}={value!r} is unknown; choose one of {', '.join(choices)}")
        if self.mask is not None and not isinstance(self.mask, bool):
            raise ConfigError(f"mask={self.mask!r} is not True, False or None")
        if not isinstance(self.keep_level, bool):
            raise ConfigError(f"keep_level={self.keep_level!r} is not True or False")
        _check_count("difference_lag", self.difference_lag, 1)
        if self.season is not None:
            _check_count("season", self.season, 2)
        self._check_calendar()
        if self.holidays is not None and (not isinstance(self.holidays, str) or not self.holidays):
            raise ConfigError(f"holidays={self.holidays!r} is not a country code such as 'US', 'AU-VIC' or 'TW'")

    def _check_calendar(self) -> None:
        if self.calendar is None:
            return
        given: object = self.calendar
        if not isinstance(given, (tuple, list)):
            raise ConfigError(f"calendar={self.calendar!r} is not a tuple of features; give for instance ('hour',)")
        object.__setattr__(self, "calendar", tuple(self.calendar))
        for name in self.calendar:
            if name not in CALENDAR_FEATURES:
                raise ConfigError(f"calendar feature {name!r} is unknown; choose from {', '.join(CALENDAR_FEATURES)}")
        if len(set(self.calendar)) != len(self.calendar):
            raise ConfigError(f"calendar={self.calendar!r} names a feature twice; name each once")

    def to_json(self) -> dict[str, Any]:
        """All options as JSON values."""
        state = asdict(self)
        state["calendar"] = None if self.calendar is None else list(self.calendar)
        return state

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> PrepareOptions:
        """Read what `to_json` wrote.

        Raises:
            ArtifactError: a key is missing or unknown, or a value has the wrong type or is out of range.
        """
        names = {item.name for item in fields(cls)}
        if not isinstance(state, Mapping) or set(state) != names:
            raise ArtifactError(f"preparation: the options should be an object with exactly the keys {sorted(names)}")
        values = dict(state)
        if values["calendar"] is not None:
            if not isinstance(values["calendar"], list):
                raise ArtifactError("preparation: options.calendar should be a list or null")
            values["calendar"] = tuple(values["calendar"])
        try:
            return cls(**values)
        except (ConfigError, TypeError) as error:
            raise ArtifactError(f"preparation: options: {error}") from error


def _check_count(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MOST_STEPS:
        raise ConfigError(f"{name}={value!r} should be a whole number of steps from {least} to {MOST_STEPS}")
