"""The verdict: in one plain sentence, whether a model is worth having beside the best baseline, whatever its task."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate.core.names import method_name, metric_name
from tidegate.core.text import joined, number, probability, share, spaced
from tidegate.core.translate import Language, tr
from tidegate.evaluate.significance import FEW, FEWEST

LEVEL = 0.05  # p-values below it are called significant
RELATIVE_TIE = 0.01  # a difference in error below this share of the baseline's, either way, is none worth having
WORSE = 0.1  # a model this much worse is called worse, whether or not a test can be sure of it
TIMES = 3.0  # from this ratio on errors are compared as "so many times"

_SENTENCES = {
    "beats": "The model beats the best baseline, {baseline}: its {metric} of {model} is {change}{evidence}.",
    "untested": "The model's {metric} of {model} is {change}, that of the best baseline, {baseline}, but too little "
    "was tested to tell whether that is more than chance{evidence}.",
    "tie": "The model and the best baseline, {baseline}, are level: {metric} {model} against {reference}, a difference "
    "of less than {limit}. The baseline, which is simpler, does as well.",
    "perfect": "Neither the model nor the best baseline, {baseline}, makes an error ({metric} {model} for both): "
    "what was tested is too easy to tell them apart.",
    "chance": "The model is no better than the best baseline, {baseline}, as far as can be told: {metric} {model} "
    "against {reference}, and the difference is not significant{evidence}.",
    "few": "Too little was tested to tell the model from the best baseline, {baseline}: {metric} {model} against "
    "{reference}{evidence}.",
    "worse": "The model is worse than the best baseline, {baseline}: its {metric} of {model} is {change}{evidence}. "
    "Use the baseline until the model is better.",
    "loses": "The model does not beat the best baseline, {baseline}: its {metric} of {model} is {change}{evidence}. "
    "Use the baseline until the model is better.",
    "exact": "The best baseline, {baseline}, makes no error at all: there is nothing to win. The model's {metric} is "
    "{model}. Use the baseline.",
    "missing": "No verdict: baselines of the run cannot be computed here ({missing}). The model's {metric} is {model}, "
    "and that of the best baseline left, {baseline}, {reference}.",
    "alone": "There is no baseline to compare with: the model's {metric} is {model}.",
}
_CHANGES = {
    "lower": "{percent} % lower than {reference}",
    "higher": "{percent} % higher than {reference}",
    "times": "{ratio} times {reference}",
    "above": "{points} points above {reference}",
    "below": "{points} points below {reference}",
}
_EVIDENCE = {
    "forecasts": " (Diebold-Mariano test over {independent} independent forecasts, p {p})",
    "forecasts_of_many": " (Diebold-Mariano test over {independent} independent forecasts, p {p} after correction for "
    "{looks} baselines)",
    "series": " (paired test over {independent} series, p {p})",
    "series_of_many": " (paired test over {independent} series, p {p} after correction for {looks} baselines)",
    "none": " (no test: {independent} independent forecasts, where it needs {needed})",
    "alike": " (no test: the errors of the {independent} forecasts stay alike for so long that they tell as much as "
    "{effective} independent ones, where it needs {needed})",
    "too_few": " (no interval: it needs {needed})",
    "interval": " (95 % interval of the difference: {low} to {high})",
    "points": " (95 % interval of the difference: {low} to {high} points{test})",
}
_TEST = "; McNemar's test, p {p}"
_LIMITS = {True: "half a point", False: "1 %"}
_WARNINGS = {
    "walk": "Suspiciously good: the target moves like a random walk, of which no past value tells the next step, "
    "and yet the model is {skill} % better than repeating the last value. Look for a leak.",
    "leak": "Suspiciously good: an error {percent} % below that of the best baseline. Look for a leak, for instance "
    "a known-ahead column that is computed from the target.",
    "copies": "Not to be believed as it is: {copies} of {sequences} test sequences have an exact copy in the training "
    "part. Remove them, or split so that copies stay together.",
    "groups": "Not to be believed as it is: {shared} of {sequences} test sequences come from a group (engine, speaker, "
    "patient, host) that the training part has seen. Split by group.",
}
_REMARKS = {
    "imbalance": "Accuracy hides how rare classes fare: always saying “{common}” would be right {share} % of the time, "
    "and the model finds {recall} % of “{rare}”.",
    "never": "It never said “{never}”, which {times} of the {count} are.",
    "too_sure": "It is too sure of itself: its probabilities average {confidence} where {right} of its answers are "
    "right. A larger validation part, on which they are calibrated (`training.calibrate`), brings them closer.",
    "too_unsure": "It is surer than it says: its probabilities average {confidence} where {right} of its answers are "
    "right. A larger validation part, on which they are calibrated (`training.calibrate`), brings them closer; lower "
    "`training.label_smoothing` makes it surer from the start.",
}
_UNITS = {
    "things": " on {count} test sequences",
    "groups": " on {count} groups of test sequences",
    "steps": " on {count} test sequences of steps",
    "stretches": " on {count} stretches of text",
}


@dataclass(frozen=True)
class Verdict:
    """What to think of a model.

    Attributes:
        key: `beats` (better by more than chance), `untested` (better, but too little to test), `tie` (no difference
            worth having), `perfect` (neither errs), `chance` (not significant), `few` (too little to tell), `worse` (by
            a tenth or more, whether or not a test is sure), `loses` (significantly), `exact` (a baseline without
            error), `missing` (baselines that cannot be computed), or `alone` (no baseline).
        values: what the sentences are filled with: metric, higher (whether more of it is better), model, baseline,
            reference; p, independent, over, looks, needed of a test over time; low, high (of how much better the
            model is), units, unit_count, p of resampled things; and what warnings and remarks need.
        warnings: `walk` (a random walk was "beaten"), `leak` (better than is credible), `copies` (test sequences that
            training has seen), `groups` (whose group it has seen).
        remarks: `imbalance`, `never`, `too_sure`, `too_unsure`: what the score hides.
    """

    key: str
    values: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def beats(self) -> bool:
        """Whether the model is better than every baseline by more than chance."""
        return self.key == "beats"

    @property
    def higher(self) -> bool:
        """Whether the metric is better when it is higher."""
        return bool(self.values.get("higher", False))

    def text(self, lang: Language | None = None) -> str:
        """The sentence, then warnings and remarks, in English or 繁體中文; None takes the reader's language."""
        filled = self._filled(lang)
        parts = [tr(_SENTENCES[self.key], lang, **filled)]
        parts += [tr(_WARNINGS[name], lang, **filled) for name in self.warnings]
        parts += [tr(_REMARKS[name], lang, **filled) for name in self.remarks]
        return spaced(joined(parts, lang), lang)

    def __str__(self) -> str:
        return self.text()

    def _filled(self, lang: Language | None) -> dict[str, str]:
        given = self.values
        model, reference = (float(given.get(name, math.nan)) for name in ("model", "reference"))
        shown = _hundredths if given.get("hundredths") else share if self.higher else number
        lost = skill_of(model, reference)
        figures = {
            "baseline": method_name(str(given.get("baseline", "")), lang),
            "metric": metric_name(str(given["metric"]), lang),
            "model": shown(model),
            "reference": shown(reference),
            "points": f"{100 * abs(model - reference):.1f}",
            "percent": f"{100 * abs(lost):.1f}" if math.isfinite(lost) else "-",
            "ratio": f"{1 - lost:,.1f}" if math.isfinite(lost) else "-",
            "skill": f"{100 * (given.get('skill_repeat_last') or 0.0):.1f}",
            "limit": tr(_LIMITS[self.higher], lang),
            "missing": ", ".join(method_name(name, lang) for name in given.get("missing", ())),
        }
        figures["change"] = tr(_CHANGES[self._change(model, reference)], lang, **figures)
        plain = {name: str(value) for name, value in given.items() if name not in figures}
        return {**plain, **figures, "evidence": self._evidence(lang)}

    def _change(self, model: float, reference: float) -> str:
        if self.higher:
            return "above" if model > reference else "below"
        return "lower" if model <= reference else "times" if model >= TIMES * reference else "higher"

    def _evidence(self, lang: Language | None) -> str:
        """How sure the difference is, in brackets; "" where nothing says."""
        given = self.values
        p = given.get("p")
        shown = "-" if p is None else probability(float(p))
        if "low" in given:
            shares = self.higher or bool(given.get("hundredths"))
            ends = [(100.0 if shares else 1.0) * float(given[name]) for name in ("low", "high")]
            low, high = (f"{end:+.1f}" if shares else number(end) for end in ends)
            test = "" if p is None else tr(_TEST, lang, p=shown)
            count = int(given["unit_count"])
            said = self.key == "few" or count < FEW
            units = tr(_UNITS[given["units"]], lang, count=count) if said else ""
            if not all(map(math.isfinite, ends)):  # too little was tested to draw any
                return units + (tr(_EVIDENCE["too_few"], lang, needed=FEWEST) if count < FEWEST else "")
            kind = "points" if shares else "interval"
            return units + tr(_EVIDENCE[kind], lang, low=low, high=high, test=test)
        if "independent" not in given:
            return ""
        looks = int(given.get("looks", 1))
        kind = given.get("over", "") if looks == 1 else f"{given.get('over')}_of_many"
        if p is None:
            kind = "alike" if "effective" in given else "none"
        values = {name: given.get(name, "") for name in ("independent", "needed", "effective")}
        return tr(_EVIDENCE[kind], lang, p=shown, looks=looks, **values)

    def to_json(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "values": {name: list(value) if isinstance(value, tuple) else value for name, value in self.values.items()},
            "warnings": list(self.warnings),
            "remarks": list(self.remarks),
        }

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Verdict:
        values = {name: tuple(value) if isinstance(value, list) else value for name, value in state["values"].items()}
        return cls(str(state["key"]), values, tuple(state["warnings"]), tuple(state["remarks"]))


def _hundredths(value: float) -> str:
    return f"{100 * value:.1f}" if math.isfinite(value) else number(value)


def skill_of(model: float, reference: float) -> float:
    """1 - model / reference: 0.1 is ten percent less error; negative is worse. Two perfect forecasts are equal, 0.

    Beside a perfect baseline every error is infinitely worse, -inf.
    """
    if reference > 0.0:
        return 1.0 - model / reference
    if reference == 0.0:
        return 0.0 if model == 0.0 else -math.inf
    return math.nan


def skill_cell(model: float, reference: float) -> str:
    """The model's skill in percent for a table; from ten times the error on as "x 26", a dash beside no error."""
    skill = skill_of(model, reference)
    if not math.isfinite(skill):
        return "-"
    return f"x {1 - skill:,.0f}" if skill <= -9.0 else f"{100 * skill:+.1f}"
