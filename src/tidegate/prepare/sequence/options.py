"""What the user may choose about preparing sequences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from tidegate.core.errors import ArtifactError, ConfigError

Scale = Literal["standard", "minmax", "robust", "none"]
StepFill = Literal["zero", "ffill", "mean", "none"]
Truncate = Literal["end", "start"]
Tokens = Literal["word", "char", "bpe"]

MOST_TOKENS = 1_000_000
MOST_LENGTH = 10_000_000
_CHOICES: dict[str, tuple[str, ...]] = {
    "scale": get_args(Scale),
    "fill": get_args(StepFill),
    "truncate": get_args(Truncate),
    "tokens": get_args(Tokens),
}


@dataclass(frozen=True)
class SequenceOptions:
    """How sequences become what a network reads.

    Attributes:
        scale: of each channel over all training steps: `standard` (mean 0, deviation 1), `minmax` (0 to 1), `robust`
            (median and interquartile range). Frames are 0 to 1 whatever is chosen.
        fill: what stands for a missing number. `ffill` repeats the sequence's last value (before its first one: the
            training mean), `mean` is the training mean, `zero` is 0 in the channel's own unit, `none` refuses.
        mask: a 0/1 input "was missing" per channel; None adds it where the training part has gaps.
        max_length: most steps or tokens of a sequence; None keeps all.
        truncate: which end of a longer sequence is cut off.
        tokens: what a text is divided into. `word`: words and punctuation marks, and each character of a script that
            is written without blanks; `char`: characters; `bpe`: byte-pair pieces, by the `tokenizers` library.
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

    scale: Scale = "standard"
    fill: StepFill = "ffill"
    mask: bool | None = None
    max_length: int | None = None
    truncate: Truncate = "end"
    tokens: Tokens = "word"
    vocabulary: int = 20_000
    min_count: int = 2
    lowercase: bool = True

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value not in choices:
                raise ConfigError(f"{name}={value!r} is unknown; choose one of {', '.join(choices)}")
        if self.mask is not None and not isinstance(self.mask, bool):
            raise ConfigError(f"mask={self.mask!r} is not True, False or None")
        if not isinstance(self.lowercase, bool):
            raise ConfigError(f"lowercase={self.lowercase!r} is not True or False")
        if self.max_length is not None:
            _check_count("max_length", self.max_length, 1, MOST_LENGTH)
        _check_count("vocabulary", self.vocabulary, 3, MOST_TOKENS)
        _check_count("min_count", self.min_count, 1, MOST_LENGTH)

    def to_json(self) -> dict[str, Any]:
        """All options as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> SequenceOptions:
        """Read what `to_json` wrote.

        Raises:
            ArtifactError: a key is missing or unknown, or a value has the wrong type or is out of range.
        """
        names = {item.name for item in fields(cls)}
        if not isinstance(state, Mapping) or set(state) != names:
            raise ArtifactError(f"preparation: the options should be an object with exactly the keys {sorted(names)}")
        try:
            return cls(**state)
        except (ConfigError, TypeError) as error:
            raise ArtifactError(f"preparation: options: {error}") from error


def _check_count(name: str, value: object, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ConfigError(f"{name}={value!r} should be a whole number from {least} to {most}")
