"""The verdict in big plain words: an icon, a word and a sentence, not colour alone."""

from __future__ import annotations

from typing import Any, Literal

from tidegate.core.translate import Language, tr
from tidegate.report.page.markup import Markup, coded, el, shape

Standing = Literal["better", "same", "worse", "doubt"]

_ICONS = {
    "better": "M13 25.5l8 8 15-18",
    "same": "M12 19c4-4 8-4 12 0s8 4 12 0M12 30c4-4 8-4 12 0s8 4 12 0",
    "worse": "M15 15l18 18M33 15l-18 18",
    "doubt": "M24 12v15M24 34.5v.5",
}
_WORDS = {
    "beats": "Better than every baseline",
    "ahead": "Better than every baseline",
    "untested": "Lower error than every baseline, but not yet tested",
    "tie": "No better than the best baseline",
    "level": "No better than the best baseline",
    "chance": "No better than the best baseline",
    "loses": "Worse than the best baseline",
    "behind": "Worse than the best baseline",
    "worse": "Worse than the best baseline",
    "exact": "Worse than the best baseline",
    "perfect": "As good as can be, and so is the best baseline",
    "missing": "Not every baseline could be computed",
    "few": "Too little was tested to tell",
    "alone": "Nothing to compare with",
    "unlabelled": "No labels to judge the alarms by",
    "doubt": "Too good to be true",
}
_WORSE: Standing = "worse"
_TONES: dict[str, Standing] = {
    "beats": "better",
    "ahead": "better",
    **dict.fromkeys(("loses", "behind", "worse", "exact"), _WORSE),
}


def verdict_of(found: Any, lang: Language, text: str | None = None) -> Markup:
    """The banner of an evaluation, with `text` or its own; a result that cannot be true is bad news."""
    told = getattr(found, "verdict", found)
    key = "doubt" if getattr(told, "warnings", ()) else told.key
    return banner(key, found.summary(lang) if text is None else text, lang)


def banner(key: str, text: str, lang: Language) -> Markup:
    """A verdict by its key, as icon, word and `text`."""
    tone = "doubt" if key == "doubt" else _TONES.get(key, "same")
    icon = shape(
        "svg",
        shape("circle", cx=24, cy=24, r=22),
        shape("path", d=_ICONS[tone]),
        viewBox="0 0 48 48",
        width=48,
        height=48,
        aria_hidden="true",
    )
    body = el("div", el("h2", tr(_WORDS[key], lang) if key in _WORDS else key), el("p", coded(text)))
    return el("section", icon, body, class_=f"verdict {tone}", aria_label=tr("Verdict", lang))
