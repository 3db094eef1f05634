"""What was said: a text, and its words with their times."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Word:
    """A word of a transcript: where it lies in the sound, in seconds, and the mean probability of its symbols there."""

    text: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True)
class Transcript:
    """What was said.

    Attributes:
        text: all of it. words: one after another, with times and confidences. seconds: of the sound.
    """

    text: str
    words: tuple[Word, ...]
    seconds: float

    @property
    def confidence(self) -> float:
        """Of its least sure word; 0 where there is none."""
        return min((word.confidence for word in self.words), default=0.0)

    def __str__(self) -> str:
        return self.text
