"""Checks of the learning curve: fit too close, too loose, rate, length."""

from __future__ import annotations

import numpy as np

from tidegate.diagnose import figures
from tidegate.diagnose.checks.history import best_epoch, curve_of
from tidegate.diagnose.evidence import Case, Training
from tidegate.diagnose.examine import Examined, Tried
from tidegate.diagnose.finding import Finding, Severity
from tidegate.diagnose.probe import NOTHING, STEPS

GAP = 1.35  # error grows so much more from training to validation than a simple method's does
WIDE_GAP = 2.5
APART, SLIGHT = 1.5, 0.03  # validation loss over training loss, and a rise that confirms it
RISE = 0.10  # validation loss at the end above its lowest, as a share
STILL_FALLS = 0.97  # training loss at the end over that of the best epoch
LOSES = 0.10  # model's error above the best baseline's, as a share
LOST = 0.50
MATTERS = 0.30  # error over the target's spread below which a loss to a simple method is not grave
PROBE = 0.05  # a short training from nothing is so much better than the whole training was
RIVAL = 0.01  # the same of one that was not short: as much as a remedy must gain to be kept
GRAVE = 0.3
LOW = 0.1  # share of the usual rate up to which a rate is tried against it
HIGH = 0.005  # a rate that is not above it is not called too high
STORM = 0.02  # Adam moves every weight by about the rate in a step: at this one, gates are at their ends in a hundred
SATURATED = 0.5  # share of the gate values that are
FURTHER = 0.05  # a few more steps make the model so much better
FEW = 300  # steps: five probes
SHORT = 1_000  # steps, below which a training may just have been cut


def overfitting(case: Case, examined: Examined) -> list[Finding]:
    """The training part is forecast much better than the validation part, beyond what its difficulty explains."""
    measures, epochs = examined.measures, case.history.epochs
    gap = measures.gap("validation")
    losses = np.array([epoch.validation_loss for epoch in epochs])
    trained = np.array([epoch.train_loss for epoch in epochs])
    best = int(np.nanargmin(losses)) if len(losses) else 0
    tail = float(np.mean(losses[-3:])) if len(losses) else 0.0
    rise = tail / losses[best] - 1 if len(losses) > best + 1 else 0.0
    falls = len(losses) > best + 1 and trained[-1] < STILL_FALLS * trained[best]
    ratio = measures.loss("validation") / max(measures.loss("train"), 1e-12)
    learnt_by_heart = falls and (rise > RISE or (rise > SLIGHT and ratio > APART))
    if not (gap > GAP or learnt_by_heart):
        return []
    grave = gap > WIDE_GAP or (rise > 1.0 and falls)
    severity: Severity = "critical" if grave else "info" if examined.settled else "warning"
    units, dropout = int(case.config.get("hidden_size", 64)), float(case.config.get("dropout", 0.0))
    remedy: dict[str, object] = {"dropout": max(dropout, 0.3 if dropout < 0.25 else 0.5)}
    if (examined.parameters > 20 * examined.values or dropout >= 0.5) and units > 16:
        remedy["hidden_size"] = max(16, units // 4)
    if case.history.stopped == "max_epochs" and rise > SLIGHT and best < len(losses) - 1:
        remedy["training.patience"] = 5
    return [
        Finding(
            "overfitting",
            severity,
            {
                "gap": gap,
                "train_loss": measures.loss("train"),
                "validation_loss": measures.loss("validation"),
                "rise": max(rise, 0.0),
                "best_epoch": best + 1,
                "epochs": len(losses),
                "parameters": examined.parameters,
                "values": examined.values,
            },
            remedy,
            curve_of(case.history),
        )
    ]


def underfitting(case: Case, examined: Examined) -> list[Finding]:
    """The model loses to a simple method although both parts are forecast alike."""
    error, baseline, name = examined.against_baselines()
    if name is None or error <= (1 + LOSES) * baseline or examined.measures.gap("validation") > GAP:
        return []
    if examined.evaluation.verdict.key == "chance":
        return []
    units, layers = int(case.config.get("hidden_size", 64)), int(case.config.get("num_layers", 1))
    wider, deeper = {"hidden_size": max(64, min(256, 2 * units))}, {"num_layers": max(2, layers), "dropout": 0.0}
    remedy = wider if units < 128 else deeper
    grave = error > (1 + LOST) * baseline and examined.measures.error("validation") > MATTERS
    severity: Severity = "critical" if grave else "info" if examined.settled else "warning"
    return [
        Finding(
            "underfitting",
            severity,
            {"error": error, "baseline_error": baseline, "baseline": name, "worse": error / baseline - 1}
            | {"parameters": examined.parameters, "hidden_size": units},
            remedy,
            errors_of(examined),
        )
    ]


def learning_rate(case: Training, examined: Tried) -> list[Finding]:
    """An untrained copy, given as long a training at another rate, ends lower than this one did.

    What asks for that trial: sixty steps at a third or at three times the rate ended lower, the gates were driven to
    their ends, or the rate is a tenth of the usual one or less. The rate of the trial is the remedy.
    """
    probes, usual = examined.probes, case.usual_rate
    own = probes.rate
    better = {rate: loss for rate, loss in probes.rates.items() if loss < (1 - PROBE) * probes.trained}
    lower = [rate for rate in better if rate <= own / 3 and own > HIGH]
    # A training of a few steps that still gains is short, not slow.
    short = examined.steps < FEW and probes.further < (1 - FURTHER) * probes.trained
    higher = [rate for rate in better if rate >= 3 * own and not short]
    if lower or driven(case, examined):
        found = _tried(examined, "learning_rate_high", min(usual, own), bool(lower))
        if found:
            return found
    if higher or (own <= LOW * usual and not short):
        return _tried(examined, "learning_rate_low", max(usual, float(f"{3 * own:.2g}")), bool(higher))
    return []


def _tried(examined: Tried, id: str, rate: float, probed: bool) -> list[Finding]:
    """The finding where the copy trained at `rate` ends lower; `probed`: or a probe did and the copy was cut short."""
    probes, own, remedy = examined.probes, examined.probes.rate, rate
    steps, loss = examined.rival(rate)
    tried = {each: (value, STEPS) for each, value in probes.rates.items() if each != rate} | {rate: (loss, steps)}
    if loss >= (1 - RIVAL) * probes.trained:
        side = {each: value for each, value in probes.rates.items() if (each < own) == (rate < own)}
        if not probed or steps >= examined.steps or not side:
            return []
        rate, steps = min(side, key=lambda each: side[each]), STEPS
        loss = side[rate]
    gain = 1 - loss / probes.trained
    evidence = {"loss": probes.trained, "rate": own, "steps": examined.steps}
    evidence |= {"probe_rate": rate, "probe_loss": loss, "probe_steps": steps}
    bars: list[tuple[figures.Name, float]] = [(("trained", {"rate": own, "steps": examined.steps}), probes.trained)]
    bars += [(("probe", {"rate": r, "steps": n}), value) for r, (value, n) in sorted(tried.items())]
    severity: Severity = "critical" if gain > GRAVE else "warning"
    return [Finding(id, severity, evidence, {"learning_rate": remedy}, figures.bars(bars))]


def driven(case: Training, examined: Tried) -> bool:
    """Whether so large a rate drove the gates to their ends."""
    if case.options.learning_rate < STORM or case.options.optimizer == "sgd":
        return False
    return examined.flow is not None and examined.flow.saturated > SATURATED


def cut_short(case: Training, examined: Tried) -> list[Finding]:
    """Training stopped while it still paid."""
    epochs = case.history.epochs
    if not epochs:
        return []
    best = best_epoch(case.history)
    steps = sum(epoch.steps for epoch in epochs)
    gain = 1 - examined.probes.further / max(examined.probes.trained, 1e-12)
    after = len(epochs) - best
    lasts = case.history.stopped == "max_epochs" and steps < 3 * SHORT and after < max(2, 0.2 * best)
    if not (gain > FURTHER and lasts) or examined.probes.trained < NOTHING:
        return []
    wanted = max(20, 5 * len(epochs), -(-1_500 * len(epochs) // max(steps, 1)))
    return [
        Finding(
            "stopped_early",
            "critical" if gain > 0.5 else "warning",
            {"gain": gain, "epochs": len(epochs), "steps": steps, "best_epoch": best},
            {"max_epochs": max(min(wanted, 200), 2 * len(epochs))},
            curve_of(case.history, **({"end": len(epochs)} if len(epochs) != best else {})),
        )
    ]


def errors_of(examined: Examined) -> figures.Figure | None:
    """The criterion of every method on the validation part, best first."""
    found = examined.evaluation
    named = sorted((found.overall[name][found.criterion], name) for name in found.methods)
    return figures.bars([(("method", {"name": name}), value) for value, name in named])
