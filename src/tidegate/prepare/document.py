"""The written form of a preparation, `preparation.json`: every key, type and number is checked before it is used."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, ClassVar, TypeVar

from tidegate.core.errors import ArtifactError
from tidegate.core.table import Note

FORMAT = 1
Item = TypeVar("Item")
W = TypeVar("W", bound="Written")
MAX_ITEMS = 5_000_000
MAX_TEXT = 10_000


def wrong(place: str, expected: str) -> ArtifactError:
    """The error for a value that is not what it should be."""
    return ArtifactError(f"preparation: {place} should be {expected}; the file is damaged or was edited")


def record(value: object, place: str, keys: Sequence[str]) -> Mapping[str, Any]:
    """An object with exactly these keys."""
    if not isinstance(value, dict):
        raise wrong(place, "an object")
    if set(value) != set(keys):
        extra, lacking = sorted(map(str, set(value) - set(keys))), sorted(set(keys) - set(value))
        raise wrong(place, f"an object with the keys {sorted(keys)} (unknown: {extra}, missing: {lacking})")
    return value


def number(value: object, place: str) -> float:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise wrong(place, "a number")
    try:
        result = float(value)
    except OverflowError:
        result = math.inf
    if not math.isfinite(result):
        raise wrong(place, "a finite number")
    return result


def positive(value: object, place: str) -> float:
    """A finite number above zero."""
    result = number(value, place)
    if result <= 0:
        raise wrong(place, "a number above 0")
    return result


def whole(value: object, place: str) -> int:
    """A whole number from 0 to 2**53."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 2**53:
        raise wrong(place, "a whole number, 0 or more")
    return value


def flag(value: object, place: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise wrong(place, "true or false")
    return value


def text(value: object, place: str) -> str:
    """Text of bounded length."""
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise wrong(place, f"text of at most {MAX_TEXT} characters")
    return value


def choice(value: object, place: str, choices: Sequence[str]) -> str:
    """One of a few words."""
    if not isinstance(value, str) or value not in choices:
        raise wrong(place, f"one of {', '.join(choices)}")
    return value


def items(value: object, place: str, read: Callable[[object, str], Item], most: int = MAX_ITEMS) -> tuple[Item, ...]:
    """A list of bounded length, each entry read by `read`."""
    if not isinstance(value, list) or len(value) > most:
        raise wrong(place, f"a list of at most {most} entries")
    return tuple(read(entry, f"{place}[{position}]") for position, entry in enumerate(value))


def optional(value: object, place: str, read: Callable[[object, str], Item]) -> Item | None:
    """Null, or what `read` reads."""
    return None if value is None else read(value, place)


def document(value: object, keys: Sequence[str]) -> Mapping[str, Any]:
    """A whole document: an object of the format that this version reads, with exactly these keys beside it.

    Raises:
        ArtifactError: it is anything else.
    """
    if isinstance(value, dict) and isinstance(value.get("format"), int) and value["format"] > FORMAT:
        raise ArtifactError(
            f"preparation: format {value['format']} is newer than this version reads ({FORMAT}); upgrade tidegate"
        )
    found = record(value, "the document", ("format", *keys))
    if isinstance(found["format"], bool) or found["format"] != FORMAT:
        raise wrong("format", str(FORMAT))
    return found


def distinct(values: Sequence[object], place: str) -> None:
    """Refuse a list that repeats an entry."""
    if len(set(values)) != len(values):
        raise wrong(place, "without repetition")


def plain_fields(item: Any) -> dict[str, Any]:
    """The fields of a dataclass as JSON values: tuples and arrays as lists."""
    values = ((field.name, getattr(item, field.name)) for field in fields(item))
    return {
        name: value.tolist() if hasattr(value, "tolist") else list(value) if isinstance(value, tuple) else value
        for name, value in values
    }


def write_note(note: Note) -> dict[str, Any]:
    """A note as JSON values."""
    return {"kind": note.kind, "message": note.message, "values": dict(note.values)}


def read_note(value: object, place: str) -> Note:
    """Read what `write_note` wrote.

    Raises:
        ArtifactError: it is anything else.
    """
    found = record(value, place, ("kind", "message", "values"))
    values = found["values"]
    if not isinstance(values, dict) or len(values) > 20:
        raise wrong(f"{place}.values", "an object of at most 20 entries")
    entries: dict[str, Any] = {}
    for key, entry in values.items():
        entries[key] = (text if isinstance(entry, str) else whole)(entry, f"{place}.values.{key}")
    return Note(text(found["kind"], f"{place}.kind"), text(found["message"], f"{place}.message"), entries)


class Written:
    """What is saved as a document: `FORM` is the module that writes and reads it."""

    FORM: ClassVar[Any]

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON values; numbers survive exactly."""
        found: dict[str, Any] = self.FORM.write(self)
        return found

    @classmethod
    def from_json(cls: type[W], value: object) -> W:
        """Read what `to_json` wrote.

        Raises:
            ArtifactError: anything is missing, unknown, of the wrong type, not finite, or of a newer format.
        """
        return cls(**vars(cls.FORM.read(value)))
