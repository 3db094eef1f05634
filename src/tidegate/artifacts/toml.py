"""Write plain values as TOML, and read what was written."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any


def dumps(state: Mapping[str, Any]) -> str:
    """TOML text of a mapping of values, lists and mappings; entries that are None are left out."""
    return "\n".join(_lines(state, ())) + "\n"


def _lines(state: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    plain = {key: value for key, value in state.items() if not isinstance(value, Mapping) and value is not None}
    nested = {key: value for key, value in state.items() if isinstance(value, Mapping)}
    lines = []
    if path and (plain or not nested):
        lines = ["", "[" + ".".join(map(_key, path)) + "]"]
    lines += [f"{_key(key)} = {_value(value)}" for key, value in plain.items()]
    for key, value in nested.items():
        lines += _lines(value, (*path, key))
    return lines


def _key(name: str) -> str:
    plain = name and all(letter.isascii() and (letter.isalnum() or letter in "_-") for letter in name)
    return name if plain else _text(name)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(item) for item in value if item is not None) + "]"
    return _text(str(value))


def loads(text: str) -> dict[str, Any]:
    """The mapping that `dumps` wrote (Python 3.10 has no reader of its own).

    Raises:
        ValueError: a line that `dumps` does not write.
    """
    state: dict[str, Any] = {}
    place = state
    for line in text.splitlines():
        if line.startswith("["):
            place = state
            for name in _NAMES.findall(line.strip()[1:-1]):
                place = place.setdefault(_name(name), {})
        elif line.strip():
            match = _PAIR.fullmatch(line)
            if match is None:
                raise ValueError(f"not a line of name = value: {line!r}")
            place[_name(match[1])] = json.loads(match[2])
    return state


_NAMES = re.compile(r'"(?:[^"\\]|\\.)*"|[^."]+')
_PAIR = re.compile(r'("(?:[^"\\]|\\.)*"|[^=" ]+) = (.*)')


def _name(text: str) -> str:
    return str(json.loads(text)) if text.startswith('"') else text
