"""Values of options that are written as text: sizes of parts, and `--set name=value`."""

from __future__ import annotations

import json
from typing import Any

from tidegate.core.errors import ConfigError


def size(text: str) -> float | int | str:
    """A part's size: "0.2" a share, "500" rows, anything else a date."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def merge(options: dict[str, Any], settings: list[str]) -> None:
    """Add `name=value` settings; dotted names fill the groups.

    Raises:
        ConfigError: a setting without "=".
    """
    for setting in settings:
        name, sign, text = setting.partition("=")
        if not sign:
            raise ConfigError(f"--set takes name=value, got {setting!r}")
        try:
            value = json.loads(text)
        except ValueError:
            value = None if text in ("None", "none") else text
        group, dot, key = name.partition(".")
        if dot:
            if not isinstance(options.setdefault(group, {}), dict):
                raise ConfigError(f"--set {setting}: {group} is not a group of options, or was set whole before")
            options[group][key] = value
        else:
            options[name] = value
