"""A corpus: one long text, or many, from a file, a folder, or what the caller holds."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.core.errors import ConfigError, DataError, ReadError, SchemaError, SplitError
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.files import dialect
from tidegate.data.files.midi import is_midi, read_midi
from tidegate.prepare.notes import BAR, chords_of_roll, text_of

EACH = ("file", "line", "paragraph")
LONGEST_NAME = 255
LARGEST = 1 << 30
QUARTERS = 2.0  # quarter notes a second of music that does not say: 120 a minute
STRETCH = 64  # steps of a piece that is cut because there is no other


def read_corpus(
    data: Any, *, each: str = "file", pattern: str = "*.txt", encoding: str | None = None, steps: int = 4
) -> Sequences:
    """The texts of a corpus, in the order in which they stand; music as text (`tidegate.prepare.notes`).

    Args:
        data: a path of a text file (may be gzip), of a MIDI file or of a folder; a text of several lines; a list of
            texts, of paths, of sequences of symbols, or of pieces of music: piano rolls [T, 128 or 88], or of each step
            the list of its notes; or `Sequences` with texts.
        each: what is a text of its own: a `file` (the whole), a `line`, or a `paragraph` (what stands between empty
            lines).
        pattern: which files of a folder, those in its folders too; where none is named so, its MIDI files.
        encoding: of files; None finds out. steps: of music, in a quarter note.

    Raises:
        ReadError: a file is missing, or is not text in its encoding, with the line. DataError: there is no text.
        ConfigError: `each` is none of these. SchemaError: what is given is no text.
    """
    if each not in EACH:
        raise ConfigError(tr("each is one of {names}; got {each!r}", names=", ".join(EACH), each=each))
    if isinstance(data, Sequences):
        if data.texts is None:
            raise SchemaError(
                tr("these Sequences hold no texts: give tidegate.LanguageModel a text file or a list of texts")
            )
        return data
    notes: list[Note] = []
    rates: list[float] = []
    named = _named(data, _Reading(pattern, encoding, steps, notes, rates))
    pieces = [(name, piece) for name, text in named for piece in _divide(text, each)]
    whole = sum(len(text) for _, text in pieces)
    if not whole or not any(text.strip() for _, text in pieces):
        raise DataError(
            tr("{what} holds no text: expected at least some hundred characters to learn from", what=_what(data))
        )
    kept = [(name, text) for name, text in pieces if text.strip()]
    if len(kept) < len(pieces):
        notes.append(Note("empty_text", "{count} empty texts were left out.", {"count": len(pieces) - len(kept)}))
    several = len({name for name, _ in kept}) < len(kept)
    ids = tuple(f"{name}:{place}" if several else name for place, (name, _) in enumerate(kept, 1))
    texts = np.empty(len(kept), dtype=object)
    texts[:] = [text for _, text in kept]
    starts = np.zeros(len(kept) + 1, np.int64)
    rate = float(np.median(rates)) if rates else None
    return Sequences(ids, starts, np.empty((0, 0)), (), texts=texts, rate=rate, notes=tuple(notes))


@dataclass(frozen=True)
class _Reading:
    """How files are read, and what is found on the way: notes, and steps a second of music."""

    pattern: str
    encoding: str | None
    steps: int
    notes: list[Note]
    rates: list[float]


def _what(data: Any) -> str:
    return str(data) if isinstance(data, Path) or (isinstance(data, str) and is_path(data)) else "what was given"


def is_path(text: str) -> bool:
    """Whether a text can only be meant as the path of a file: short, and one line."""
    return "\n" not in text and 0 < len(text) <= LONGEST_NAME


def _named(data: Any, how: _Reading) -> list[tuple[str, str]]:
    """Names and texts."""
    if isinstance(data, Path) or (isinstance(data, str) and is_path(data)):
        return _files(Path(data), how)
    if isinstance(data, str):
        return [("0", _plain(data))]
    try:
        items = list(data)
    except TypeError:
        raise SchemaError(
            tr("a corpus is a path, a text or a list of texts; got {kind}", kind=type(data).__name__)
        ) from None
    found: list[tuple[str, str]] = []
    for place, item in enumerate(items):
        if isinstance(item, Path):
            found += _files(item, how)
        elif isinstance(item, str):
            found.append((str(place), _plain(item)))
        elif _is_music(item):
            chords = chords_of_roll(item, f"piece {place}") if isinstance(item, np.ndarray) else item
            found.append((str(place), text_of(chords, f"piece {place}")))
            how.rates.append(QUARTERS * how.steps)
        elif isinstance(item, (Sequence, np.ndarray)) and not isinstance(item, bytes):
            found.append((str(place), " ".join(_symbol(part, place) for part in item)))
        else:
            message = "text {place} is {item!r}, a {kind}; expected text, a path or symbols"
            raise SchemaError(tr(message, place=place, item=item, kind=type(item).__name__))
    return found


def _is_music(item: Any) -> bool:
    """Whether it is a piano roll, or of each step a list of notes."""
    if isinstance(item, np.ndarray):
        return item.ndim == 2 or (item.dtype == object and _is_music(item.tolist()))
    chords = isinstance(item, Sequence) and not isinstance(item, bytes)
    return chords and any(isinstance(part, Sequence) and not isinstance(part, (str, bytes)) for part in item)


def _symbol(part: Any, place: int) -> str:
    text = str(part)
    if not text or text.split() != [text]:
        raise SchemaError(
            tr("text {place} has the symbol {text!r}: symbols are not empty and hold no blank", place=place, text=text)
        )
    return text


def _files(path: Path, how: _Reading) -> list[tuple[str, str]]:
    if not path.is_dir():
        return [(path.name, _file(path, how))]
    files = sorted(file for file in path.rglob(how.pattern) if file.is_file())
    files = files or sorted(file for file in path.rglob("*") if file.is_file() and is_midi(file))
    if not files:
        message = "{path}: no file in it is named {pattern}; say which are meant with pattern="
        raise ReadError(tr(message, path=path, pattern=how.pattern))
    return [(str(file.relative_to(path)), _file(file, how)) for file in files if file.stat().st_size]


def _file(path: Path, how: _Reading) -> str:
    if not is_midi(path):
        return _read(path, how.encoding, how.notes)
    chords, rate = read_midi(path, how.steps)
    how.rates.append(rate)
    return text_of(chords, path.name)


def _read(path: Path, encoding: str | None, notes: list[Note]) -> str:
    try:
        with dialect.open_bytes(path) as file:
            content = file.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ReadError(tr("{path} cannot be read: {error}", path=path, error=error)) from None
    if len(content) > LARGEST:
        raise ReadError(
            tr("{path} is larger than {value} GB of text: give a part of it", path=path, value=LARGEST >> 30)
        )
    if not content:
        raise DataError(tr("{path} is empty: expected a text to learn from", path=path))
    text, found = dialect.decoded(path, content, encoding)
    if encoding is None and not found.startswith("utf"):
        message = "{name} was read as {encoding}, as its letters suggest; pass encoding= if that is wrong."
        notes.append(Note("encoding", message, {"name": path.name, "encoding": found}))
    return _plain(text)


def _plain(text: str) -> str:
    """Line ends as one character, no byte order mark."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _divide(text: str, each: str) -> list[str]:
    if each == "line":
        return text.splitlines()
    return [part.strip("\n") for part in text.split("\n\n")] if each == "paragraph" else [text]


@dataclass(frozen=True)
class TextParts:
    """The parts of a corpus, by position: what comes later is never trained on."""

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]

    def __getitem__(self, part: str) -> tuple[str, ...]:
        found: tuple[str, ...] = getattr(self, part)
        return found


def pieces_of(text: str) -> list[str]:
    """One piece of music in stretches, so that parts can be made of it."""
    bars = [part + BAR for part in text.split(BAR)[:-1]]
    return ["".join(bars[first : first + STRETCH]).strip() for first in range(0, len(bars), STRETCH)]


def divide(texts: Sequence[str], validation: float | int, test: float | int) -> TextParts:
    """Cut a corpus by position: the test part is its end, the validation part what comes before it.

    One text is cut between characters, several between texts.

    Args:
        texts: in order. validation, test: shares of the characters, or numbers of characters (of several: of texts).

    Raises:
        SplitError: a part would be empty, or nothing is left to train on.
    """
    alone = len(texts) == 1
    sizes = np.ones(len(texts[0]), np.int64) if alone else np.array([len(text) for text in texts], np.int64)
    ends = np.cumsum(sizes)
    cuts = [len(sizes)]
    for name, wanted in (("test", test), ("validation", validation)):
        if isinstance(wanted, bool) or wanted < 0 or (isinstance(wanted, float) and wanted >= 1):
            raise SplitError(
                tr("{name} is a share below 1, or a whole number; got {wanted!r}", name=name, wanted=wanted)
            )
        if isinstance(wanted, int):
            cut = cuts[-1] - wanted
        else:
            left = int(ends[cuts[-1] - 1]) - round(wanted * int(ends[-1]))
            cut = min(int(np.searchsorted(ends, left, side="left")) + 1, cuts[-1] - 1) if left > 0 else 0
            cut = cut if wanted else cuts[-1]
        if cut < 1:
            message = "{name}={wanted!r} leaves nothing to train on: there are {count} {unit}"
            raise SplitError(tr(message, name=name, wanted=wanted, count=len(sizes), unit=_unit(alone)))
        cuts.append(cut)
    whole, middle, first = cuts
    if alone:
        text = texts[0]
        return TextParts((text[:first],), _some(text[first:middle]), _some(text[middle:whole]))
    return TextParts(tuple(texts[:first]), tuple(texts[first:middle]), tuple(texts[middle:whole]))


def _unit(alone: bool) -> str:
    return "characters" if alone else "texts"


def _some(text: str) -> tuple[str, ...]:
    return (text,) if text else ()
