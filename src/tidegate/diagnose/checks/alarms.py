"""Checks of a detector: its training part, its p-values on both sides, and its alarms against the budget."""

from __future__ import annotations

import math

import numpy as np

from tidegate.diagnose import finding
from tidegate.diagnose.checks.data import FAR, OUTSIDE, SUFFERS, moved
from tidegate.diagnose.evidence import AlarmEvidence
from tidegate.diagnose.finding import Finding, Severity
from tidegate.diagnose.measure import NOTHING

CHANCE = 0.001  # probability below which a count of events is none of chance
FEWEST = 3  # events
MANY = 3.0  # events over those that are allowed
LEVELS = (0.1, 0.01)  # p-values that are held against how often they come
SMALL, LARGE = 2.0, 0.5  # share of p-values up to a level, over the level
SEEN = 20  # rows that should be at or below a level before too few of them mean anything
RANKED = 0.1  # errors beyond the threshold that the calibration should hold, below which a tail is guessed
LOSES = 0.10  # error above that of the best simple method
LATER = ("validation", "test")
ADAPT = {"alarms.adapt": True}


def dirty(case: AlarmEvidence) -> list[Finding]:
    """Far more events in the training part than the budget allows: anomalies were learned, or the process changed."""
    found = _beyond(case, "train")
    if found is None:
        return []
    return [Finding("dirty_training", "warning", found, {}, _events(case))]


def budget(case: AlarmEvidence) -> list[Finding]:
    """Far more events after the training part than the budget allows."""
    found = [evidence for evidence in (_beyond(case, part) for part in LATER) if evidence is not None]
    if not found:
        return []
    worst = max(found, key=lambda evidence: evidence["times"])
    return [Finding("many_alarms", "warning", worst, ADAPT, _events(case))]


def _beyond(case: AlarmEvidence, part: str) -> dict[str, float | str] | None:
    """Events of a part where chance does not explain so many; None where it does."""
    rows, seen = len(case.judged(part)), case.alarms(part)
    allowed = rows * case.budget
    if seen < FEWEST or seen <= MANY * allowed or chance(seen, allowed) > CHANCE:
        return None
    return {"part": part, "events": seen, "allowed": allowed, "rows": rows, "times": seen / max(allowed, 1e-9)}


def chance(count: int, mean: float) -> float:
    """Probability of so many rare events or more.

        P(N >= count) = 1 - sum over n < count of exp(-mean) mean^n / n!

    >>> round(chance(3, 1.0), 4)
    0.0803
    """
    terms = (math.exp(-mean + n * math.log(max(mean, 1e-300)) - math.lgamma(n + 1)) for n in range(count))
    return max(0.0, 1.0 - sum(terms))


def _events(case: AlarmEvidence) -> finding.Figure | None:
    return finding.bars([(part, 1_000 * case.alarms(part) / count) for part, count in case.sample.items()])


def calibration(case: AlarmEvidence) -> list[Finding]:
    """p-values that come more often, or more rarely, than they say."""
    p = np.concatenate([case.p_values[case.judged(part)] for part in LATER])
    shares = {level: float(np.mean(p <= level)) for level in LEVELS} if len(p) else {}
    figure = finding.bars([(f"p ≤ {level:g}", 100 * share) for level, share in shares.items()])
    held = {level: share for level, share in shares.items() if len(p) * level >= SEEN}
    for level, share in held.items():
        evidence = {"level": level, "share": share, "rows": len(p), "times": share / level}
        if share > SMALL * level:
            return [Finding("p_values_small", "warning", evidence, ADAPT, figure)]
    level, share = max(held.items(), default=(0.0, 0.0))
    if not held or share >= LARGE * level:
        return []
    return [Finding("p_values_large", "info", {"level": level, "share": share, "rows": len(p)}, {}, figure)]


def few(case: AlarmEvidence) -> list[Finding]:
    """So few errors were measured that none of them is as rare as an alarm."""
    rows = sum(case.sample.get(part, 0) for part in ("train", "validation"))
    beyond = rows * case.threshold
    if beyond >= 1:
        return []
    severity: Severity = "warning" if beyond < RANKED else "info"
    evidence = {"rows": rows, "threshold": case.threshold, "needed": math.ceil(1 / case.threshold)}
    return [Finding("few_errors", severity, evidence)]


def drift(case: AlarmEvidence) -> list[Finding]:
    """Later values lie elsewhere than those of the training part."""
    found: list[tuple[float, float, str, int]] = [(0.0, 0.0, "", 0)]
    for place in range(len(case.channels)):
        own = _known(case, "train", place)
        later = {part: _known(case, part, place) for part in LATER}
        found += [(*moved(own, held), part, place) for part, held in later.items() if len(own) and len(held) >= 5]
    shift, outside, part, place = max(found, key=lambda item: item[0] + FAR / OUTSIDE * item[1])
    if shift < FAR and outside < OUTSIDE:
        return []
    here, there = case.errors("train"), case.errors(part)
    grown, harder = (there[name] / max(here[name], 1e-12) for name in ("model", "repeat_last"))
    gap = grown / max(harder, 1e-12)
    severity: Severity = "warning" if gap > SUFFERS else "info"
    evidence = {"column": case.channels[place], "part": part, "shift": shift, "outside": outside, "gap": gap}
    figure = finding.histograms({"train": _known(case, "train", place), part: _known(case, part, place)})
    return [Finding("alarm_drift", severity, evidence, ADAPT, figure)]


def _known(case: AlarmEvidence, part: str, place: int) -> np.ndarray:
    """A channel's ordinary values in a part."""
    rows = case.rows(part)
    values = case.values[rows[~case.labelled[rows]], place]
    return np.asarray(values[~np.isnan(values)])


def underfitting(case: AlarmEvidence) -> list[Finding]:
    """What is expected lies farther from what comes than what a simple method would say."""
    errors = case.errors("validation")
    error = errors.pop("model")
    name = min(errors, key=lambda each: errors[each])
    if not error > (1 + LOSES) * errors[name] or errors[name] < NOTHING:  # a stream that stands still
        return []
    units = int(case.config.get("hidden_size", 16))
    evidence = {"error": error, "baseline": name, "baseline_error": errors[name]}
    evidence |= {"worse": error / errors[name] - 1, "hidden_size": units}
    named: list[tuple[finding.Name, float]] = [(("method", {"name": "model"}), error)]
    named += [(("method", {"name": each}), value) for each, value in errors.items()]
    remedy = {"hidden_size": max(units, min(64, 2 * units))}
    return [Finding("alarm_underfitting", "warning", evidence, remedy, finding.bars(named))]
