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
from tidegate.data.files import dialect

EACH = ("file", "line", "paragraph")
LONGEST_NAME = 255
LARGEST = 1 << 30


def read_corpus(data: Any, *, each: str = "file", pattern: str = "*.txt", encoding: str | None = None) -> Sequences:
    """The texts of a corpus, in the order in which they stand.

    Args:
        data: a path of a text file (may be gzip) or of a folder; a text of several lines; a list of texts, of paths, or
            of sequences of symbols; or `Sequences` with texts.
        each: what is a text of its own: a `file` (the whole), a `line`, or a `paragraph` (what stands between empty
            lines).
        pattern: which files of a folder, those in its folders too. encoding: of files; None finds out.

    Raises:
        ReadError: a file is missing, or is not text in its encoding, with the line. DataError: there is no text.
        ConfigError: `each` is none of these. SchemaError: what is given is no text.
    """
    if each not in EACH:
        raise ConfigError(f"each is one of {', '.join(EACH)}; got {each!r}")
    if isinstance(data, Sequences):
        if data.texts is None:
            raise SchemaError(
                "these Sequences hold no texts: give tidegate.LanguageModel a text file or a list of texts"
            )
        return data
    notes: list[Note] = []
    named = _named(data, pattern, encoding, notes)
    pieces = [(name, piece) for name, text in named for piece in _divide(text, each)]
    whole = sum(len(text) for _, text in pieces)
    if not whole or not any(text.strip() for _, text in pieces):
        raise DataError(f"{_what(data)} holds no text: expected at least some hundred characters to learn from")
    kept = [(name, text) for name, text in pieces if text.strip()]
    if len(kept) < len(pieces):
        notes.append(Note("empty_text", "{count} empty texts were left out.", {"count": len(pieces) - len(kept)}))
    several = len({name for name, _ in kept}) < len(kept)
    ids = tuple(f"{name}:{place}" if several else name for place, (name, _) in enumerate(kept, 1))
    texts = np.empty(len(kept), dtype=object)
    texts[:] = [text for _, text in kept]
    starts = np.zeros(len(kept) + 1, np.int64)
    return Sequences(ids, starts, np.empty((0, 0)), (), texts=texts, notes=tuple(notes))


def _what(data: Any) -> str:
    return str(data) if isinstance(data, Path) or (isinstance(data, str) and is_path(data)) else "what was given"


def is_path(text: str) -> bool:
    """Whether a text can only be meant as the path of a file: short, and one line."""
    return "\n" not in text and 0 < len(text) <= LONGEST_NAME


def _named(data: Any, pattern: str, encoding: str | None, notes: list[Note]) -> list[tuple[str, str]]:
    """Names and texts."""
    if isinstance(data, Path) or (isinstance(data, str) and is_path(data)):
        return _files(Path(data), pattern, encoding, notes)
    if isinstance(data, str):
        return [("0", _plain(data))]
    try:
        items = list(data)
    except TypeError:
        raise SchemaError(f"a corpus is a path, a text or a list of texts; got {type(data).__name__}") from None
    found: list[tuple[str, str]] = []
    for place, item in enumerate(items):
        if isinstance(item, Path):
            found += _files(item, pattern, encoding, notes)
        elif isinstance(item, str):
            found.append((str(place), _plain(item)))
        elif isinstance(item, (Sequence, np.ndarray)) and not isinstance(item, bytes):
            found.append((str(place), " ".join(_symbol(part, place) for part in item)))
        else:
            raise SchemaError(f"text {place} is {item!r}, a {type(item).__name__}; expected text, a path or symbols")
    return found


def _symbol(part: Any, place: int) -> str:
    text = str(part)
    if not text or text.split() != [text]:
        raise SchemaError(f"text {place} has the symbol {text!r}: symbols are not empty and hold no blank")
    return text


def _files(path: Path, pattern: str, encoding: str | None, notes: list[Note]) -> list[tuple[str, str]]:
    if not path.is_dir():
        return [(path.name, _read(path, encoding, notes))]
    files = sorted(file for file in path.rglob(pattern) if file.is_file())
    if not files:
        raise ReadError(f"{path}: no file in it is named {pattern}; say which are meant with pattern=")
    return [(str(file.relative_to(path)), _read(file, encoding, notes)) for file in files if file.stat().st_size]


def _read(path: Path, encoding: str | None, notes: list[Note]) -> str:
    try:
        with dialect.open_bytes(path) as file:
            content = file.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ReadError(f"{path} cannot be read: {error}") from None
    if len(content) > LARGEST:
        raise ReadError(f"{path} is larger than {LARGEST >> 30} GB of text: give a part of it")
    if not content:
        raise DataError(f"{path} is empty: expected a text to learn from")
    found = dialect.encoding_of(path, content[: 1 << 18], encoding)
    try:
        text = content.decode(found)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ReadError(
            f"{path}, line {line}: byte {content[error.start]:#04x} is no {found} text; pass its encoding= (--encoding)"
        ) from None
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
            raise SplitError(f"{name} is a share below 1, or a whole number; got {wanted!r}")
        if isinstance(wanted, int):
            cut = cuts[-1] - wanted
        else:
            left = int(ends[cuts[-1] - 1]) - round(wanted * int(ends[-1]))
            cut = min(int(np.searchsorted(ends, left, side="left")) + 1, cuts[-1] - 1) if left > 0 else 0
            cut = cut if wanted else cuts[-1]
        if cut < 1:
            raise SplitError(f"{name}={wanted!r} leaves nothing to train on: there are {len(sizes)} " + _unit(alone))
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
