"""Music that a model writes: chords in its range, a melody kept, all notes of a step at once, and MIDI of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.spec import NetworkSpec
from tidegate.core.errors import ConfigError
from tidegate.core.optional import require
from tidegate.core.translate import tr
from tidegate.prepare.notes import FIRST, PITCHES, STEP, Chords, chords_of, roll_of, sounding, text_of
from tidegate.prepare.vocabulary import END
from tidegate.runtime.language.sampling import LOW, Sampling
from tidegate.runtime.language.written import Writing, Written
from tidegate.runtime.limits import check_room
from tidegate.runtime.network.network import run_network
from tidegate.runtime.network.recurrent import Loaded
from tidegate.runtime.network.steps import Steps

TICKS = 480  # of a quarter note
VELOCITY = 80
BOUNDS = {"low": (0, PITCHES - 1), "high": (0, PITCHES - 1), "most": (1, PITCHES), "rate": (1e-3, 1e5)}


def is_music(found: Any) -> bool:
    """Whether an artifact says what music needs."""
    if not isinstance(found, Mapping) or set(found) != set(BOUNDS):
        return False
    return all(
        isinstance(found[name], (int, float)) and low <= found[name] <= high for name, (low, high) in BOUNDS.items()
    )


class ChordRule:
    """Which token may come next in a piece: notes of a step fall, within the range and number that training had.

    Args:
        music: of the model. size: V. prompt: tokens of the beginning. streams: S. length: steps at most that are added.
        melody: the highest note of each step that is added, None for a step without; no end before its end.
        ends: whether the model may end a piece itself.
    """

    def __init__(
        self,
        music: Mapping[str, float],
        size: int,
        prompt: Sequence[int],
        streams: int,
        length: int,
        melody: Sequence[int | None],
        ends: bool,
    ) -> None:
        self.length, self.melody, self.most = length, melody, int(music["most"])
        pitches = np.arange(PITCHES)
        inside = (pitches >= music["low"]) & (pitches <= music["high"])
        self.table = np.full((PITCHES + 1, size), LOW, np.float32)  # by the last note of this step, 128 for none
        self.table[:, STEP] = 0
        if ends and not melody:
            self.table[PITCHES, END] = 0
        for last in range(PITCHES + 1):
            self.table[last, FIRST : FIRST + PITCHES][inside & (pitches < last)] = 0
        self.last, self.notes = np.full(streams, PITCHES), np.zeros(streams, np.int64)
        self.steps = np.zeros(streams, np.int64)
        for token in prompt:
            self._take(slice(None), int(token), counts=False)

    def mask(self) -> NDArray[np.float32]:
        """[S, V], what is added to the scores: 0 or very low."""
        found = self.table[np.where(self.notes >= self.most, 0, self.last)]
        for stream in np.flatnonzero(self.last == PITCHES).tolist() if self.melody else ():
            note = self.melody[self.steps[stream]] if self.steps[stream] < len(self.melody) else None
            if note is not None:
                found[stream] = LOW
                found[stream, FIRST + note] = 0
        return found

    def take(self, stream: int, token: int) -> bool:
        """Note that a stream wrote a token; whether its piece is as long as it may be."""
        self._take(stream, token, counts=True)
        return bool(self.steps[stream] >= self.length)

    def _take(self, which: Any, token: int, *, counts: bool) -> None:
        if token >= FIRST:
            self.last[which] = token - FIRST
            self.notes[which] += 1
        else:
            self.last[which], self.notes[which] = PITCHES, 0
            self.steps[which] += counts and token == STEP


def check_melody(melody: Any, music: Mapping[str, float] | None) -> tuple[int | None, ...]:
    """The highest note of each step, None for a step without.

    Args:
        melody: such a list, or a text or steps of music, whose highest notes are taken. music: of the model.

    Raises:
        ConfigError: the model is of no music, or a note lies outside its range. DataError: it is no music.
    """
    if melody is None or len(melody) == 0:
        return ()
    if music is None:
        raise ConfigError(tr("a melody is for a model of music: fit with tokens='notes' or 'frames'"))
    if isinstance(melody, str):
        melody = chords_of(melody)
    if any(isinstance(note, (list, tuple)) for note in melody):
        melody = [max(chord) if chord else None for chord in chords_of(text_of(melody, "melody"))]
    for place, note in enumerate(melody, 1):
        if note is not None and (not isinstance(note, (int, np.integer)) or not music["low"] <= note <= music["high"]):
            message = (
                "melody, step {place}: {note!r} is no note from {music} to {music2}, the range of the training part: "
                "transpose it"
            )
            raise ConfigError(tr(message, place=place, note=note, music=music["low"], music2=music["high"]))
    return tuple(None if note is None else int(note) for note in melody)


class Frames(Writing):
    """Pieces whose notes are drawn all at once in each step, side by side; as `Generation`.

    Args:
        spec, weights, music: of a model of frames. prompt: text of the beginning. length: steps that are added.
        count: S, how many pieces. sampling: temperature and seed. melody: as of `ChordRule`.

    Raises:
        ConfigError: an option that cannot be. DataError: a prompt that is no music.
    """

    def __init__(
        self,
        spec: NetworkSpec,
        weights: Loaded,
        music: Mapping[str, float],
        prompt: str = "",
        *,
        length: int,
        count: int = 1,
        sampling: Sampling | None = None,
        melody: Sequence[int | None] = (),
    ) -> None:
        self.sampling, self.melody, self.length = sampling or Sampling(), melody, length
        if not self.sampling.plain:
            raise ConfigError(
                tr("notes of a step are drawn each on its own: of the options only temperature and seed act")
            )
        check_room(4 * count * 2 * spec.encoder.num_layers * spec.encoder.hidden_size + 8 * count * length, "pieces")
        self.most = int(music["most"])
        pitches = np.arange(PITCHES)
        self.outside = (pitches < music["low"]) | (pitches > music["high"])
        self.begun = chords_of(prompt)
        self.prompt = f"{prompt} " if prompt else ""
        self.stream = Steps(spec, weights, count)
        before = np.concatenate([np.zeros((1, PITCHES), np.float32), roll_of(self.begun)])
        if len(before) > 1:
            found = run_network(spec, weights, before[None, :-1], state=[])
            for place, level in enumerate(found.state or []):
                for own, part in zip(self.stream._state, level, strict=True):
                    own[place] = part
        self.frame = np.repeat(before[-1:], count, axis=0)
        self.draws = [np.random.default_rng([self.sampling.seed, stream]) for stream in range(count)]
        self.chords: list[Chords] = [[] for _ in range(count)]
        self.nats = np.zeros(count)

    def __iter__(self) -> Iterator[list[str]]:
        """What each piece grows by at every step."""
        for step in range(self.length):
            scores = self.stream.step(self.frame).astype(np.float64)
            self.frame = self._draw(scores, self.melody[step] if step < len(self.melody) else None)
            chance = np.logaddexp(0, np.where(self.frame > 0, -scores, scores))
            self.nats += chance.sum(axis=1)
            new = [tuple(np.flatnonzero(row)[::-1].tolist()) for row in self.frame]
            for own, chord in zip(self.chords, new, strict=True):
                own.append(chord)
            yield [text_of([chord]) + " " for chord in new]

    def _draw(self, scores: NDArray[np.float64], note: int | None) -> NDArray[np.float32]:
        heat = self.sampling.temperature
        scores = np.where(self.outside, -np.inf, scores)
        if note is not None:
            scores[:, note + 1 :], scores[:, note] = -np.inf, np.inf
        with np.errstate(over="ignore"):
            chance = 1 / (1 + np.exp(-scores / heat)) if heat else (scores > 0) * 1.0
        drawn = np.stack([own.random(PITCHES) for own in self.draws]) < chance
        for place in np.flatnonzero(drawn.sum(axis=1) > self.most):  # the likeliest of too many notes stay
            drawn[place] &= scores[place] >= np.sort(scores[place][drawn[place]])[-self.most]
        return drawn.astype(np.float32)

    def written(self) -> list[Written]:
        """The pieces as they are now; `tokens` are steps."""
        found = []
        for chords, nats in zip(self.chords, self.nats.tolist(), strict=True):
            text = self.prompt + text_of(chords)
            found.append(Written(text, len(self.prompt), len(chords), nats / max(len(chords), 1), "length"))
        return found


def midi_bytes(text: str, rate: float, steps: int) -> bytes:
    """A piece as a MIDI file; steps that follow one another with a note are one note.

    Args:
        text: of the piece. rate: steps a second. steps: in a quarter note.

    Raises:
        MissingExtraError: symusic is not installed. DataError: it is no music.
    """
    symusic: Any = require("symusic", extra="music", purpose="read and write MIDI files")
    score, track = symusic.Score(TICKS), symusic.Track("tidegate", 0, False)
    score.tempos.append(symusic.Tempo(0, qpm=60 * rate / steps))
    for pitch, first, count in sounding(chords_of(text)):
        track.notes.append(symusic.Note(first * TICKS // steps, count * TICKS // steps, pitch, VELOCITY))
    score.tracks.append(track)
    return bytes(score.dumps_midi())
