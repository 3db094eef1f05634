"""What the user may choose about preparation, of tables and of sequences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Annotated, Any, Literal, TypeVar, get_args

from tidegate.core.checks import Checked, Range
from tidegate.core.errors import ArtifactError, ConfigError
from tidegate.core.translate import tr

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
class Options(Checked):
    """Options that are checked by their types, and are JSON by their fields."""

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

    fill: Fill = "ffill"
    mask: bool | None = None
    scale: Scale = "standard"
    scale_by: ScaleBy | None = None
    target_transform: TargetTransform = "none"
    difference_lag: Annotated[int, Range(1, MOST_STEPS)] = 1
    keep_level: bool = True
    calendar: tuple[str, ...] | None = None
    holidays: str | None = None
    season: Annotated[int, Range(2, MOST_STEPS)] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_calendar()
        if self.holidays is not None and (not isinstance(self.holidays, str) or not self.holidays):
            raise ConfigError(
                tr("holidays={holidays!r} is not a country code such as 'US', 'AU-VIC' or 'TW'", holidays=self.holidays)
            )

    def _check_calendar(self) -> None:
        if self.calendar is None:
            return
        given: object = self.calendar
        if not isinstance(given, (tuple, list)):
            message = "calendar={calendar!r} is not a tuple of features; give for instance ('hour',)"
            raise ConfigError(tr(message, calendar=self.calendar))
        object.__setattr__(self, "calendar", tuple(self.calendar))
        for name in self.calendar:
            if name not in CALENDAR_FEATURES:
                message = "calendar feature {name!r} is unknown; choose from {calendar_features}"
                raise ConfigError(tr(message, name=name, calendar_features=", ".join(CALENDAR_FEATURES)))
        if len(set(self.calendar)) != len(self.calendar):
            raise ConfigError(tr("calendar={calendar!r} names a feature twice; name each once", calendar=self.calendar))


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
        conditions: channels of few levels that tell an operating condition, under each of which all other channels are
            measured by themselves; "auto" finds them where they explain nearly all that most channels do.

    Raises:
        ConfigError: an option that is unknown or out of range.

    >>> SequenceOptions(tokens="char", max_length=200).truncate
    'end'
    >>> SequenceOptions(scale="log")
    Traceback (most recent call last):
    ...
    tidegate.core.errors.ConfigError: scale is one of 'standard', 'minmax', 'robust', 'none'; got 'log'
    """

    scale: Scale = "standard"
    fill: StepFill = "ffill"
    mask: bool | None = None
    max_length: Annotated[int, Range(1, MOST_STEPS)] | None = None
    truncate: Truncate = "end"
    tokens: Tokens = "word"
    vocabulary: Annotated[int, Range(3, MOST_TOKENS)] = 20_000
    min_count: Annotated[int, Range(1, MOST_STEPS)] = 2
    lowercase: bool = True
    conditions: tuple[str, ...] | Literal["auto"] | None = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        given: object = self.conditions
        if given is None or given == "auto":
            return
        if not isinstance(given, (tuple, list)) or not given or not all(isinstance(name, str) for name in given):
            raise ConfigError(tr("conditions={given!r} is neither 'auto', None nor the names of channels", given=given))
        object.__setattr__(self, "conditions", tuple(given))
