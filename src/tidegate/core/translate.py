"""Messages in English and Traditional Chinese.

English text is the key. A catalogue per area lies in `locale/zh_TW/<area>.json`; a message that a
catalogue lacks stays English, and a test holds that none is lacking.
"""

from __future__ import annotations

import json
import os
from functools import cache
from importlib.resources import files
from typing import Literal

Language = Literal["en", "zh_TW"]
LANGUAGES: tuple[Language, ...] = ("en", "zh_TW")


def language() -> Language:
    """The reader's language: `TIDEGATE_LANG`, else the locale variables, else English."""
    for variable in ("TIDEGATE_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(variable, "")
        if value:
            return parse_language(value)
    return "en"


def parse_language(value: str) -> Language:
    """`zh_TW.UTF-8`, `zh-Hant`, `zh` and the like mean Traditional Chinese; all else English."""
    return "zh_TW" if value.replace("-", "_").lower().startswith("zh") else "en"


@cache
def catalogue(code: str) -> dict[str, str]:
    """All messages of a language, English text to translation."""
    folder = files("tidegate.core") / "locale" / code
    merged: dict[str, str] = {}
    if folder.is_dir():
        for entry in sorted(folder.iterdir(), key=lambda item: item.name):
            if entry.name.endswith(".json"):
                merged.update(json.loads(entry.read_text(encoding="utf-8")))
    return merged


def tr(message: str, lang: Language | None = None, /, **values: object) -> str:
    """Translate a message and fill in its `{named}` places.

    Args:
        message: the English text, with `{named}` places in `str.format` notation.
        lang: the language; None takes the reader's.
        values: what the places are filled with.
    """
    code = lang or language()
    text = message if code == "en" else catalogue(code).get(message, message)
    return text.format(**values) if values else text
