"""The verdict: one plain sentence on whether the model is worth having."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate.core.names import method_name
from tidegate.core.text import joined, number, probability
from tidegate.core.translate import Language, tr

TIE = 0.01  # a skill smaller than this, either way, is no difference worth having
LEVEL = 0.05  # p-values below it are called significant
WALK = 0.02  # more skill than this against repeat-last, on a random walk, is not credible
TOO_GOOD = 0.9  # more skill than this against the best baseline is not credible on anything

_SENTENCES = {
    "beats": "The model beats the best baseline, {baseline}: its {metric} of {model} is {percent} % lower than "
    "{reference}, and the difference is significant (Diebold-Mariano test, p {p}).",
    "untested": "The model's {metric} of {model} is {percent} % lower than that of the best baseline, {baseline} "
    "({reference}), but there are too few windows to test whether that is more than chance.",
    "tie": "The model is no better than the best baseline, {baseline}: {metric} {model} against {reference}, "
    "a difference of less than 1 %. Use the baseline.",
    "chance": "The model is no better than the best baseline, {baseline}: {metric} {model} against {reference}, "
    "a difference that chance explains (Diebold-Mariano test, p {p}).",
    "loses": "The model does not beat the best baseline, {baseline}: its {metric} of {model} is {percent} % higher "
    "than {reference}. Use the baseline until the model is better.",
    "alone": "There is no baseline to compare with: the model's {metric} is {model}.",
}
_WARNINGS = {
    "walk": "Suspiciously good: the target moves like a random walk, of which no past value tells the next step, "
    "and yet the model is {skill} % better than repeating the last value. Look for a leak.",
    "leak": "Suspiciously good: an error {percent} % below that of the best baseline. Look for a leak, for instance "
    "a known-ahead column that is computed from the target.",
}


@dataclass(frozen=True)
class Verdict:
    """What to think of the model.

    Attributes:
        key: `beats` (better, by 1 % or more, significantly), `untested` (better, too few windows for a test), `tie`
            (within 1 %), `chance` (not significant), `loses`, or `alone` (no baseline).
        values: what the sentence is filled with: metric, model, baseline, reference, skill, p.
        warnings: `walk` (a random walk was "beaten") or `leak` (better than is credible).
    """

    key: str
    values: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def beats(self) -> bool:
        """Whether the model is better than every baseline by more than chance."""
        return self.key == "beats"

    def text(self, lang: Language | None = None) -> str:
        """The sentence, and any warning after it, in English or 繁體中文; None takes the reader's language."""
        values = {
            "baseline": method_name(str(self.values.get("baseline", "")), lang),
            "metric": str(self.values["metric"]).upper(),
            "model": number(self.values["model"]),
            "reference": number(self.values.get("reference", math.nan)),
            "percent": f"{100 * abs(self.values.get('skill') or 0.0):.1f}",
            "skill": f"{100 * (self.values.get('skill_repeat_last') or 0.0):.1f}",
            "p": "-" if self.values.get("p") is None else probability(self.values["p"]),
        }
        keys = [_SENTENCES[self.key], *(_WARNINGS[name] for name in self.warnings)]
        return joined([tr(key, lang, **values) for key in keys], lang)

    def __str__(self) -> str:
        return self.text()

    def to_json(self) -> dict[str, Any]:
        return {"key": self.key, "values": dict(self.values), "warnings": list(self.warnings)}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Verdict:
        return cls(str(state["key"]), dict(state["values"]), tuple(state["warnings"]))


def decide(
    metric: str,
    model: float,
    baseline: str | None,
    reference: float,
    p_value: float | None,
    *,
    repeat_last: float | None = None,
    random_walk: bool = False,
) -> Verdict:
    """The verdict on a model's error beside the best baseline's.

    Args:
        metric: what the errors are, "mae" or "mase".
        model: the model's error.
        baseline: name of the best baseline; None where there is none.
        reference: its error.
        p_value: of the Diebold-Mariano test between the two; None where it cannot be computed.
        repeat_last: error of repeating the last value, for the random-walk warning.
        random_walk: whether the training part moves like a random walk.
    """
    if baseline is None:
        return Verdict("alone", {"metric": metric, "model": model})
    skill = skill_of(model, reference)
    values: dict[str, Any] = {
        "metric": metric,
        "model": model,
        "baseline": baseline,
        "reference": reference,
        "skill": skill,
    }
    values["p"] = p_value
    warnings = []
    if repeat_last is not None:
        values["skill_repeat_last"] = skill_of(model, repeat_last)
        if random_walk and values["skill_repeat_last"] > WALK:
            warnings.append("walk")
    if skill > TOO_GOOD:
        warnings.append("leak")
    if abs(skill) < TIE:
        key = "tie"
    elif p_value is None:
        key = "untested" if skill > 0 else "loses"
    elif p_value >= LEVEL:
        key = "chance"
    else:
        key = "beats" if skill > 0 else "loses"
    return Verdict(key, values, tuple(warnings))


def skill_of(model: float, reference: float) -> float:
    """1 - model / reference: 0.1 is ten percent less error; negative is worse. Two perfect forecasts are equal, 0."""
    if reference > 0.0:
        return 1.0 - model / reference
    return 0.0 if model == 0.0 else -1.0
