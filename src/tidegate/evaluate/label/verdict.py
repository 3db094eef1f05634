"""The verdict on labels and numbers: whether the model is worth having, and what its score hides."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate.core.names import method_name, metric_name
from tidegate.core.text import joined, number, probability, share, spaced
from tidegate.core.translate import Language, tr
from tidegate.evaluate.forecast.verdict import skill_of

TIE = 0.005  # a difference in a share smaller than this, either way, is no difference worth having
RELATIVE_TIE = 0.01  # the same for errors, as a share of the baseline's
FEW = 30  # things below which chance cannot be told from skill unless it is glaring
FEW_GROUPS = 5  # groups below which resampling them says nothing
COPIES = 0.01  # share of test things with a copy in the training part from which on they matter
LEVEL = 0.05

_HIGHER = {
    "beats": "The model beats the best baseline, {baseline}: its {metric} of {model} is {points} points above "
    "{reference} (95 % interval of the difference: {low} to {high} points{test}).",
    "tie": "The model is no better than the best baseline, {baseline}: {metric} {model} against {reference}, "
    "a difference of less than half a point. Use the baseline.",
    "chance": "The model is no better than the best baseline, {baseline}, by more than chance: {metric} {model} "
    "against {reference} (95 % interval of the difference: {low} to {high} points{test}).",
    "loses": "The model does not beat the best baseline, {baseline}: its {metric} of {model} is {points} points below "
    "{reference}. Use the baseline until the model is better.",
    "few": "Too little was tested to tell the model from the best baseline, {baseline}: {metric} {model} against "
    "{reference} on {units} (95 % interval of the difference: {low} to {high} points).",
}
_LOWER = {
    "beats": "The model beats the best baseline, {baseline}: its {metric} of {model} is {percent} % lower than "
    "{reference} (95 % interval of the difference: {low} to {high}).",
    "tie": "The model is no better than the best baseline, {baseline}: {metric} {model} against {reference}, "
    "a difference of less than 1 %. Use the baseline.",
    "chance": "The model is no better than the best baseline, {baseline}, by more than chance: {metric} {model} "
    "against {reference} (95 % interval of the difference: {low} to {high}).",
    "loses": "The model does not beat the best baseline, {baseline}: its {metric} of {model} is {percent} % higher "
    "than {reference}. Use the baseline until the model is better.",
    "few": "Too little was tested to tell the model from the best baseline, {baseline}: {metric} {model} against "
    "{reference} on {units} (95 % interval of the difference: {low} to {high}).",
}
_ALONE = "There is no baseline to compare with: the model's {metric} is {model}."
_TEST = "; McNemar's test, p {p}"
_WARNINGS = {
    "copies": "Not to be believed as it is: {copies} of {sequences} test sequences have an exact copy in the training "
    "part. Remove them, or split so that copies stay together.",
    "groups": "Not to be believed as it is: {shared} of {sequences} test sequences come from a group (engine, speaker, "
    "patient, host) that the training part has seen. Split by group.",
}
_REMARKS = {
    "imbalance": "Accuracy hides how rare classes fare: always saying “{common}” would be right {share} % of the time, "
    "and the model finds {recall} % of “{rare}”.",
    "never": "It never said “{never}”, which {times} of the {count} are.",
}
_UNITS = {
    "things": "{count} test sequences",
    "groups": "{count} groups of test sequences",
    "steps": "{count} test sequences of steps",
}


@dataclass(frozen=True)
class LabelVerdict:
    """What to think of a classifier, a tagger or a regressor.

    Attributes:
        key: `beats`, `tie`, `chance` (no more than chance), `loses`, `few` (too few to tell), or `alone` (no baseline).
        higher: whether the metric is better when it is higher.
        values: what the sentences are filled with: metric, model, baseline, reference, low, high (of the difference,
            above 0 where the model is better), p of McNemar's test or None, and what warnings and remarks need.
        warnings: `copies` (test sequences that training has seen), `groups` (whose group it has seen).
        remarks: `imbalance`, `never`: what the score hides.
    """

    key: str
    higher: bool = True
    values: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def beats(self) -> bool:
        """Whether the model is better than every baseline by more than chance."""
        return self.key == "beats"

    def text(self, lang: Language | None = None) -> str:
        """The sentence, then warnings and remarks, in English or 繁體中文; None takes the reader's language."""
        sentence = _ALONE if self.key == "alone" else (_HIGHER if self.higher else _LOWER)[self.key]
        filled = self._filled(lang)
        parts = [tr(sentence, lang, **filled)]
        parts += [tr(_WARNINGS[name], lang, **filled) for name in self.warnings]
        parts += [tr(_REMARKS[name], lang, **filled) for name in self.remarks]
        return spaced(joined(parts, lang), lang)

    def __str__(self) -> str:
        return self.text()

    def _filled(self, lang: Language | None) -> dict[str, str]:
        given = self.values
        model, reference = float(given["model"]), float(given.get("reference", math.nan))
        scale = 100.0 if self.higher else 1.0
        shown = {name: number(scale * given.get(name, math.nan)) for name in ("low", "high")}
        if self.higher:
            shown = {name: f"{100 * given.get(name, math.nan):+.1f}" for name in ("low", "high")}
        p = given.get("p")
        units = given.get("units", "things")
        return {
            **{name: str(value) for name, value in given.items()},
            "baseline": method_name(str(given.get("baseline", "")), lang),
            "metric": metric_name(str(given["metric"]), lang),
            "model": share(model) if self.higher else number(model),
            "reference": share(reference) if self.higher else number(reference),
            "points": f"{100 * abs(model - reference):.1f}",
            "percent": f"{100 * abs(skill_of(model, reference)):.1f}" if math.isfinite(reference) else "-",
            "test": "" if p is None else tr(_TEST, lang, p=probability(p)),
            "units": tr(_UNITS[units], lang, count=given.get("unit_count", "")),
            **shown,
        }

    def to_json(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "higher": self.higher,
            "values": dict(self.values),
            "warnings": list(self.warnings),
            "remarks": list(self.remarks),
        }

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> LabelVerdict:
        return cls(
            str(state["key"]),
            bool(state["higher"]),
            dict(state["values"]),
            tuple(state["warnings"]),
            tuple(state["remarks"]),
        )


@dataclass(frozen=True)
class Comparison:
    """The model beside the best baseline, ready for a verdict.

    Attributes:
        metric, higher: what is compared. model, baseline, reference: its values and the baseline's name.
        low, high: interval of how much better the model is (of model - reference where higher is better, of
            reference - model where lower is).
        units: "things", "groups" or "steps" were drawn, `count` of them.
        p: of McNemar's test, None where it does not apply.
    """

    metric: str
    higher: bool
    model: float
    baseline: str | None
    reference: float
    low: float
    high: float
    units: str
    count: int
    p: float | None = None

    @property
    def gain(self) -> float:
        """How much better the model is, in the metric's own unit."""
        return self.model - self.reference if self.higher else self.reference - self.model


def decide(
    found: Comparison,
    *,
    things: int,
    sequences: int,
    copies: int = 0,
    shared: int = 0,
    remarks: tuple[str, ...] = (),
    extra: Mapping[str, Any] | None = None,
) -> LabelVerdict:
    """The verdict on a comparison.

    Args:
        found: the model beside the best baseline.
        things: how many labels or numbers were judged, of how many `sequences`.
        copies: of these sequences, how many the training part has an exact copy of.
        shared: of these sequences, how many belong to a group that the training part has seen.
        remarks: keys of what else must be said; `extra` fills them.
    """
    values: dict[str, Any] = {"metric": found.metric, "model": found.model, "count": things, "sequences": sequences}
    values |= dict(extra or {})
    warnings = []
    if copies > COPIES * sequences:
        warnings.append("copies")
        values["copies"] = copies
    if shared > 0:
        warnings.append("groups")
        values["shared"] = shared
    if found.baseline is None:
        return LabelVerdict("alone", found.higher, values, tuple(warnings), remarks)
    values |= {
        "baseline": found.baseline,
        "reference": found.reference,
        "low": found.low,
        "high": found.high,
        "units": found.units,
        "unit_count": found.count,
        "p": found.p,
    }
    return LabelVerdict(_key(found), found.higher, values, tuple(warnings), remarks)


def _key(found: Comparison) -> str:
    limit = TIE if found.higher else RELATIVE_TIE * abs(found.reference)
    few = found.count < (FEW if found.units == "things" else FEW_GROUPS)
    clear = math.isfinite(found.low) and (found.low > 0 or found.high < 0)
    if found.p is not None and found.p >= LEVEL:
        clear = False
    if few and (found.units != "things" or not clear):
        return "few"
    if abs(found.gain) < limit:
        return "tie"
    if not clear:
        return "chance"
    return "beats" if found.gain > 0 else "loses"
