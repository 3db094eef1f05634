"""Messages in English and Traditional Chinese.

English text is the key. A catalogue per area lies in `locale/zh_TW/<area>.json`; a message that a
catalogue lacks stays English, and a test holds that none is lacking.
"""

from __future__ import annotations

import json
import os
import re
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
    if not values:
        return text
    filled = text.format(**{name: grouped(value) if name in _COUNTS else value for name, value in values.items()})
    return agree(filled) if code == "en" else filled


# Places that hold a count; others may hold a line of a file or a year, which are written without a comma.
_COUNTS = {"all", "channels", "characters", "count", "epochs", "examples", "groups", "kept", "need", "points", "rows"}
_COUNTS |= {"sequences", "series", "steps", "texts", "tokens", "total", "units", "used", "weights", "windows"}
_NOUNS = (
    "alarms|answers|bands|bars|baselines|bits|breaks|bytes|categories|cells|channels|characters|checks|classes|clips|"
    "columns|copies|cutoffs|cycles|days|deviations|encoders|epochs|errors|events|examples|files|findings|folds|"
    "forecasts|gaps|groups|hours|images|inputs|labels|layers|levels|lines|minutes|mistakes|months|numbers|origins|"
    "passes|pieces|places|points|predictions|resamples|rows|runs|seconds|sequences|series|shuffles|stages|stamps|steps|"
    "stretches|targets|texts|threads|times|tokens|trainings|units|values|weekdays|weights|windows|words|years"
)
_BEFORE = "absent|blank|different|doubled|false|independent|labelled|missing|more|rarer|recurrent|sound|such|test|time"
_BEFORE += "|training"
_VERBS = {"were": "was", "are": "is", "have": "has", "do": "does", "hold": "holds", "end": "ends", "touch": "touches"}
_VERB = "|".join(_VERBS)
_ONE = re.compile(rf"(?<![\w.,:/=-])(?<!\d, )(1(?: (?:{_BEFORE})){{0,2}} )({_NOUNS})\b( (?:{_VERB})\b)?")
_ONE_OF = re.compile(rf"(?<![\w.,:/=-])(1 of (?:the )?[\d,]+(?: [a-z-]+){{0,2}} )({_VERB})\b")


def grouped(value: object) -> object:
    """A whole number of four digits or more as text with its thousands set apart; all else as it is."""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 1000 else value


def agree(text: str) -> str:
    """English that agrees with a count of one, where a message was written for many.

    >>> agree("Trained for 1 epochs; 1 missing values were filled, 21 rows were not, 1 of 9 rows are late.")
    'Trained for 1 epoch; 1 missing value was filled, 21 rows were not, 1 of 9 rows is late.'
    >>> agree("It never said “rare”, which 1 of the 12 are.")
    'It never said “rare”, which 1 of the 12 is.'
    """
    if "1 " not in text:
        return text
    text = _ONE.sub(lambda found: found[1] + _singular(found[2]) + _verb(found[3]), text)
    return _ONE_OF.sub(lambda found: found[1] + _VERBS[found[2]], text)


def _singular(noun: str) -> str:
    if noun == "series":
        return noun
    if noun.endswith("ies"):
        return f"{noun[:-3]}y"
    return noun[: -2 if noun.endswith(("sses", "ches")) else -1]


def _verb(verb: str | None) -> str:
    return "" if verb is None else f" {_VERBS[verb[1:]]}"
