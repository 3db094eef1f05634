"""What the user may choose about preparation, of tables and of sequences."""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from tidegate.core.errors import ArtifactError, ConfigError

Fill = Literal["ffill", "bfill", "linear", "seasonal", "none"]
Scale = Literal["standard", "minmax", "robust", "none"]
ScaleBy = Literal["series", "shared"]
TargetTransform = Literal["none", "log1p", "log", "difference"]
CalendarFeature = Literal["minute", "hour", "day_of_week", "day_of_month", "day_of_year", "month", "season"]
StepFill = Literal["zero", "ffill", "mean", "none"]
Truncate = Literal["end", "start"]
Tokens = Literal["word", "char", "bpe"]

CALENDAR_FEATURES: tuple[str, ...] = get_args(CalendarFeature)
MOST_STEPS = 10_000_000
MOST_TOKENS = 1_000_000
O = TypeVar("O", bound="Options")


@dataclass(frozen=True)
class Options:
    """Options that are checked by their types when they are made, and are JSON by their fields.

    `LIMITS` holds the least and the most of each whole number, and what each other number stays below.
    """

    LIMITS: ClassVar[Mapping[str, tuple[float, float]]] = {}

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(type(self)).items():
            if get_origin(hint) is not ClassVar:
                self._check(name, hint, getattr(self, name))

    def _check(self, name: str, hint: Any, value: object) -> None:
        if get_origin(hint) in (types.UnionType, Union):
            if value is None:
                return
            hint = next(part for part in get_args(hint) if part is not type(None))
        if get_origin(hint) is Literal and value not in get_args(hint):
            raise ConfigError(f"{name}={value!r} is unknown; choose one of {', '.join(get_args(hint))}")
        if hint is bool and not isinstance(value, bool):
            raise ConfigError(f"{name}={value!r} is not True or False")
        if hint is int:
            least, most = self.LIMITS[name]
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise ConfigError(f"{name}={value!r} should be a whole number from {least} to {most}")
        if hint is float:
            least, below = self.LIMITS[name]
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value < below:
                limit = "or more" if below == math.inf else f"up to, but not, {below}"
                raise ConfigError(f"{name}={value!r} should be a number, {least} {limit}")

    def to_json(self) -> dict[str, Any]:
        """All options as JSON values."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls: type[O], state: Mapping[str, Any]) -> O:
        """Read what `to_json` wrote.

        Raises:
            ArtifactError: a key is missing or unknown, or a value has the wrong type or is out of range.
        """
        names = {item.name for item in fields(cls)}
        if not isinstance(state, Mapping) or set(state) != names:
            raise ArtifactError(f"preparation: the options should be an object with exactly the keys {sorted(names)}")
        values = {name: tuple(value) if isinstance(value, list) else value for name, value in state.items()}
        try:
            return cls(**values)
        except (ConfigError, TypeError) as error:
            raise ArtifactError(f"preparation: options: {error}") from error


@dataclass(frozen=True)
class PrepareOptions(Options):
    """How a table becomes what a network reads.

    Attributes:
        fill: what stands for a missing input. `ffill` repeats the last value, `bfill` takes the next one and
            `linear` lies between both (each only once the next value is past), `seasonal` takes the value one
            season ago; `none` refuses missing inputs.
        mask: a 0/1 input "was missing" per column; None adds it where the training part has gaps.
        scale: `standard` (mean 0, deviation 1), `minmax` (0 to 1), `robust` (median and interquartile range).
        scale_by: statistics per `series`, or `shared` by all; None takes those per series where there are several.
        target_transform: what the network predicts: the target, `log1p` of it, `log` the same with what is below 0
            taken as 0, or its `difference` from `difference_lag` steps before.
        difference_lag: steps; 24 on hourly rows is the difference from yesterday.
        keep_level: with `difference`, the target itself stays as a further input.
        calendar: features as sine and cosine; None chooses from step and length, () takes none.
        holidays: country whose holidays are known ahead, or country-subdivision, such as US, AU-VIC or TW.
        season: steps of one season for `fill="seasonal"`; None takes the shortest that the calendar suggests.
    """

    LIMITS: ClassVar = {"difference_lag": (1, MOST_STEPS), "season": (2, MOST_STEPS)}

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
        super().__post_init__()
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


@dataclass(frozen=True)
class SequenceOptions(Options):
    """How sequences become what a network reads.

    Attributes:
        scale: of each channel over all training steps: `standard` (mean 0, deviation 1), `minmax` (0 to 1), `robust`
            (median and interquartile range). Frames are 0 to 1 whatever is chosen.
        fill: what stands for a missing number. `ffill` repeats the sequence's last value (before its first one: the
            training mean), `mean` is the training mean, `zero` is 0 in the channel's own unit, `none` refuses.
        mask: a 0/1 input "was missing" per channel; None adds it where the training part has gaps.
        max_length: steps or tokens of a sequence at most; the rest is cut off.
        truncate: which end of a longer sequence is cut off.
        tokens: what a text is divided into: `word`, `char` or `bpe`. Words and punctuation marks, and each character of
            a script that is written without blanks; characters; byte-pair pieces, by the `tokenizers` library.
        vocabulary: most token ids, padding and unknown among them.
        min_count: a token seen less often in the training part is read as unknown; from 2 on, the network learns what
            to make of an unknown one.
        lowercase: whether capital letters are read as small ones.

    Raises:
        ConfigError: an option that is unknown or out of range.

    >>> SequenceOptions(tokens="char", max_length=200).truncate
    'end'
    >>> SequenceOptions(scale="log")
    Traceback (most recent call last):
    ...
    tidegate.core.errors.ConfigError: scale='log' is unknown; choose one of standard, minmax, robust, none
    """

    LIMITS: ClassVar = {"max_length": (1, MOST_STEPS), "vocabulary": (3, MOST_TOKENS), "min_count": (1, MOST_STEPS)}

    scale: Scale = "standard"
    fill: StepFill = "ffill"
    mask: bool | None = None
    max_length: int | None = None
    truncate: Truncate = "end"
    tokens: Tokens = "word"
    vocabulary: int = 20_000
    min_count: int = 2
    lowercase: bool = True
