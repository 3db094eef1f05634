"""A text that a model wrote, and any text as a terminal may be sent it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Written:
    """A text that a model wrote; printed, control characters of it are signs that can be seen.

    Attributes:
        text: the prompt and what follows it. prompt: how many characters of it were given.
        tokens: how many were written. nats: mean of -log p of these, by the model itself at temperature 1.
        stopped: `length`, `stop` (a stop string, which is left out) or `end` (the end of a text).
    """

    text: str
    prompt: int
    tokens: int
    nats: float
    stopped: str

    @property
    def new(self) -> str:
        """The text without its prompt."""
        return self.text[self.prompt :]

    def __str__(self) -> str:
        return visible(self.text)


class Writing(ABC):
    """Texts that are being written, side by side: going through it gives what each grows by."""

    @abstractmethod
    def __iter__(self) -> Iterator[list[str]]:
        """What each text grows by at every step."""

    @abstractmethod
    def written(self) -> list[Written]:
        """The texts as they are now."""

    def run(self) -> list[Written]:
        """All texts to their end, in the order of their seeds."""
        for _ in self:
            pass
        return self.written()


def visible(text: str) -> str:
    """A text as a terminal may be sent it: control characters but line ends and tabs as signs that can be seen."""
    return "".join(_sign(letter) for letter in text)


def _sign(letter: str) -> str:
    code = ord(letter)
    if letter in "\n\t" or 0x20 <= code < 0x7F:
        return letter
    if code < 0x20:
        return chr(0x2400 + code)
    turning = 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069 or code in (0x200E, 0x200F, 0x061C)
    return "\ufffd" if code < 0xA0 or turning or 0xD800 <= code < 0xE000 else letter
