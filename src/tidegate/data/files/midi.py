"""MIDI files as steps of a grid, through symusic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tidegate.core.errors import ConfigError, DataError, ReadError
from tidegate.core.optional import require
from tidegate.core.translate import tr
from tidegate.prepare.notes import MOST_STEPS, PITCHES, Chords

SUFFIXES = (".mid", ".midi")


def is_midi(path: Path) -> bool:
    """Whether a file is named as a MIDI file."""
    return path.suffix.lower() in SUFFIXES


def read_midi(path: Path, steps: int) -> tuple[Chords, float]:
    """Notes of each step of a MIDI file, and how many steps its first tempo makes a second.

    Drums are left out; a note sounds from the step nearest to its beginning, for at least one.

    Args:
        path: the file. steps: of a quarter note.

    Raises:
        ReadError: it is no MIDI file. DataError: it has no note. ConfigError: steps below 1.
        MissingExtraError: symusic is not installed.
    """
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= 96:
        raise ConfigError(tr("steps, of a quarter note, is a whole number from 1 to 96; got {steps!r}", steps=steps))
    symusic: Any = require("symusic", extra="music", purpose="read and write MIDI files")
    try:
        content = path.read_bytes()
        score = symusic.Score.from_midi(content)
    except OSError as error:
        raise ReadError(tr("{path} cannot be read: {value}", path=path, value=error.strerror or error)) from None
    except Exception as error:  # symusic raises what its reader meets
        message = "{path} is no MIDI file: {text}"
        raise ReadError(tr(message, path=path, text=str(error).splitlines()[0] if str(error) else "damaged")) from None
    notes = [note for track in score.tracks if not track.is_drum for note in track.notes]
    if not notes or score.ticks_per_quarter < 1:
        raise DataError(tr("{path} holds no note of a pitch (drums are left out)", path=path))
    grid = score.ticks_per_quarter / steps
    ends = [max(round((note.time + note.duration) / grid), round(note.time / grid) + 1) for note in notes]
    sounding = sum(end - round(note.time / grid) for note, end in zip(notes, ends, strict=True))
    if max(ends) > MOST_STEPS or sounding > PITCHES * MOST_STEPS // 8 or min(note.time for note in notes) < 0:
        message = "{path} has {ends:,} steps: at most {most_steps:,}; its times may be damaged"
        raise DataError(tr(message, path=path, ends=max(ends), most_steps=MOST_STEPS))
    chords: list[set[int]] = [set() for _ in range(max(ends))]
    for note, end in zip(notes, ends, strict=True):
        for step in range(round(note.time / grid), end):
            chords[step].add(int(note.pitch))
    first = next((step for step, chord in enumerate(chords) if chord), 0)
    tempo = float(score.tempos[0].qpm) if len(score.tempos) else 120.0
    rate = tempo * steps / 60 if 1 <= tempo <= 1000 else 2.0 * steps
    return [tuple(sorted(chord, reverse=True)) for chord in chords[first:]], rate
