"""Music as text: of each step of a grid the notes that sound, the highest first, and a bar after them.

    72 67 64 48 / 72 67 64 48 / / 71 ...        60 is middle C (MIDI); a bar alone is a rest

A note that goes on and one that is struck again look alike. Number of a note's token: FIRST + pitch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError
from tidegate.core.translate import tr

PITCHES = 128
BAR = "/"
STEP, FIRST = 3, 4  # numbers of the bar's token and of pitch 0, after the special ones
MUSIC = ("notes", "frames")  # ways to read it: note by note, chords as one; or all notes of a step at once
TOKENS = (BAR, *map(str, range(PITCHES)))
MOST_STEPS = 1 << 20  # of a piece

Chords: TypeAlias = "list[tuple[int, ...]]"


def text_of(chords: Iterable[Iterable[Any]], name: str = "piece") -> str:
    """The text of steps, each the pitches that sound; order and repetition do not matter.

    Raises:
        DataError: something is no pitch, with its step.
    """
    parts: list[str] = []
    for place, chord in enumerate(chords, 1):
        for pitch in sorted({_pitch(note, name, place) for note in chord}, reverse=True):
            parts.append(str(pitch))
        parts.append(BAR)
    return " ".join(parts)


def _pitch(note: Any, name: str, place: int) -> int:
    try:
        pitch = int(note)
    except (TypeError, ValueError):
        pitch = -1
    if not 0 <= pitch < PITCHES or pitch != note or isinstance(note, bool):
        message = "{name}, step {place}: {note!r} is no pitch: notes are whole numbers from 0 to 127 (60: C4)"
        raise DataError(tr(message, name=name, place=place, note=note))
    return pitch


def chords_of(text: str) -> Chords:
    """The steps of a text, the highest note first.

    Raises:
        DataError: a symbol that is neither a pitch nor a bar, with its place.
    """
    found: Chords = []
    chord: list[int] = []
    for place, symbol in enumerate(text.split(), 1):
        if symbol == BAR:
            found.append(tuple(chord))
            chord = []
        elif symbol.isascii() and symbol.isdecimal() and int(symbol) < PITCHES:
            chord.append(int(symbol))
        else:
            message = (
                "symbol {place} is {symbol!r}: music is written as pitches from 0 to 127 (60: C4) and a {bar} after "
                "each step, as MIDI files, or as lists of the notes of each step"
            )
            raise DataError(tr(message, place=place, symbol=symbol[:20], bar=BAR))
    return [*found, tuple(chord)] if chord else found


def roll_of(chords: Sequence[Sequence[int]]) -> NDArray[np.float32]:
    """[T, 128] 1 where a note sounds."""
    found = np.zeros((len(chords), PITCHES), np.float32)
    for step, chord in enumerate(chords):
        found[step, list(chord)] = 1
    return found


def chords_of_roll(roll: NDArray[Any], name: str = "piece") -> Chords:
    """The steps of a piano roll [T, P], P = 128 pitches or the 88 keys of a piano from A0 (21) on.

    Raises:
        DataError: another width, or values other than 0 and 1.
    """
    first = {PITCHES: 0, 88: 21}.get(roll.shape[1] if roll.ndim == 2 else -1)
    if first is None:
        raise DataError(
            tr("{name}: a piano roll is [steps, 128] or [steps, 88]; got {shape}", name=name, shape=list(roll.shape))
        )
    values = np.asarray(roll, np.float64)
    if not np.isin(values, (0, 1)).all():
        raise DataError(tr("{name}: a piano roll holds 0 and 1 (velocity > 0 as 1)", name=name))
    return [tuple((np.flatnonzero(row)[::-1] + first).tolist()) for row in values]


def sounding(chords: Sequence[Sequence[int]]) -> list[tuple[int, int, int]]:
    """Notes as (pitch, first step, steps), one for all steps that follow one another with it."""
    found, begun = [], dict[int, int]()
    for step, chord in enumerate([*chords, ()]):
        for pitch in [pitch for pitch in begun if pitch not in chord]:
            first = begun.pop(pitch)
            found.append((pitch, first, step - first))
        for pitch in chord:
            begun.setdefault(pitch, step)
    return sorted(found, key=lambda note: (note[1], -note[0]))
