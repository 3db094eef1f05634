"""Checks of a training: its history alone, its learning curve, and what flows through the recurrence."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tidegate.diagnose import finding
from tidegate.diagnose.evidence import Case, Evidence, Network, Training
from tidegate.diagnose.examine import Examined, Flowing, Tried
from tidegate.diagnose.finding import Finding, Severity
from tidegate.diagnose.measure import NOTHING, STEPS
from tidegate.train.history import History

JUMP = 1.5  # a validation loss over the lowest before it
JUMPS = 0.15  # share of the epochs with such a jump
WASTED = 0.5  # share of the epochs after the best one
WASTED_EPOCHS = 10
LARGE = 10.0  # mean gradient norm over `clip`, or over 1 without clipping
HUGE = 100.0
ALWAYS = 0.9  # share of the steps that were clipped


def _options(case: Evidence) -> tuple[float, float]:
    """Learning rate and clipping bound of the training, 0 for none."""
    return float(case.config.get("learning_rate", 2e-3)), float(case.config.get("clip", 1.0))


def exploding(case: Evidence) -> list[Finding]:
    """Gradients far above the clipping bound, most of the time."""
    rate, clip = _options(case)
    norms = np.array([epoch.grad_norm for epoch in case.history])
    clipped = float(np.mean([epoch.clipped for epoch in case.history])) if len(norms) else 0.0
    bound = clip or 1.0
    largest = float(norms.max() / bound) if len(norms) else 0.0
    typical = float(np.median(norms) / bound) if len(norms) else 0.0
    if not (typical > LARGE or (largest > HUGE and clip == 0)):
        return []
    if clip and clipped < ALWAYS:
        return []
    evidence = {"typical": typical * bound, "largest": largest * bound, "clip": clip, "clipped": clipped}
    figure = finding.line([epoch.epoch for epoch in case.history], norms.tolist(), "grad_norm")
    if figure is not None and clip:
        figure["levels"] = [clip]
    grave = largest > HUGE and clip == 0
    remedy = {"training.clip": min(bound, 1.0), "learning_rate": third(rate) if clip else min(2e-3, rate)}
    return [Finding("exploding_gradients", "critical" if grave else "warning", evidence, remedy, figure)]


def unstable(case: Evidence) -> list[Finding]:
    """The validation loss jumps, or training stopped being finite."""
    history, (rate, clip) = case.history, _options(case)
    losses = np.array([epoch.validation_loss for epoch in history])
    if history.stopped == "diverged":
        jumps, worst = 1.0, float("inf")
    elif len(losses) < 4:
        return []
    else:
        lowest = np.minimum.accumulate(losses)[:-1]
        ratio = losses[1:] / np.maximum(losses[:-1], 1e-12)
        jumps = float(np.mean((losses[1:] > JUMP * lowest) & (ratio > JUMP / 1.1)))
        worst = float(ratio.max())
    if jumps < JUMPS:
        return []
    remedy = {"learning_rate": third(rate), "training.clip": min(clip or 1.0, 0.5)}
    evidence = {"jumps": jumps, "worst": worst, "epochs": len(losses)}
    severity: Severity = "critical" if history.stopped == "diverged" else "warning"
    return [Finding("unstable_loss", severity, evidence, remedy, curve_of(history))]


def wasted(case: Evidence) -> list[Finding]:
    """Training went on long after its best epoch."""
    history = case.history
    epochs, best = history.epochs, best_epoch(history)
    after = len(epochs) - best
    if after < WASTED_EPOCHS or after <= WASTED * len(epochs):
        return []
    seconds = sum(epoch.seconds for epoch in epochs[best:])
    evidence = {"best_epoch": best, "epochs": len(epochs), "seconds": seconds, "share": after / len(epochs)}
    return [Finding("wasted_epochs", "info", evidence, {"training.patience": max(5, best // 2)}, curve_of(history))]


def best_epoch(history: History) -> int:
    """The epoch of the lowest validation loss, from 1; 1 where none is a number."""
    losses = np.array([epoch.validation_loss for epoch in history])
    return int(np.nanargmin(losses)) + 1 if np.isfinite(losses).any() else 1


def third(rate: float) -> float:
    """A third of a rate, to two digits."""
    return float(f"{rate / 3:.2g}")


def curve_of(history: History, **marks: float) -> finding.Figure | None:
    """The losses by epoch, the best one marked."""
    epochs = history.epochs
    train, validation = [epoch.train_loss for epoch in epochs], [epoch.validation_loss for epoch in epochs]
    return finding.loss_curve(train, validation, best_epoch(history), **marks)


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
    bars: list[tuple[finding.Name, float]] = [(("trained", {"rate": own, "steps": examined.steps}), probes.trained)]
    bars += [(("probe", {"rate": r, "steps": n}), value) for r, (value, n) in sorted(tried.items())]
    severity: Severity = "critical" if gain > GRAVE else "warning"
    return [Finding(id, severity, evidence, {"learning_rate": remedy}, finding.bars(bars))]


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


def errors_of(examined: Examined) -> finding.Figure | None:
    """The criterion of every method on the validation part, best first."""
    found = examined.evaluation
    named = sorted((found.overall[name][found.criterion], name) for name in found.methods)
    return finding.bars([(("method", {"name": name}), value) for value, name in named])


VANISHED = 1e-3  # gradient at the oldest lags over that at the newest
LAYER = 1e-3  # gradient of the lowest layer over that of the highest
LONG = 24  # recurrent steps below which nothing has far to go
DEAD = 0.5
ATTEND: Mapping[str, object] = {"network.pooling": "attention"}
UNUSED = 0.05  # share of the residuals' variance that old lags still explain


def vanishing(case: Network, examined: Flowing) -> list[Finding]:
    """The loss hardly depends on old steps, although old values would explain what is left, or little was learned."""
    flow = examined.flow
    if flow is None or float(flow.by_layer.max()) < NOTHING:
        return []
    found = flow.by_layer / max(float(flow.by_layer.max()), 1e-30)
    layers = float(found.min()) if len(found) > 1 else 1.0
    steps = len(flow.by_lag)
    part = max(1, steps // 4)
    newest = float(flow.by_lag[:part].mean())
    ratio = float(flow.by_lag[-part:].mean()) / max(newest, 1e-30)
    evidence = {"ratio": ratio, "steps": steps, "layer_ratio": layers}
    figure = finding.line([flow.steps * (at + 1) for at in range(steps)], flow.by_lag.tolist(), "grad_norm")
    severity: Severity = "info" if isinstance(examined, Examined) and examined.settled else "warning"
    if layers < LAYER:
        return [Finding("vanishing_gradients", severity, evidence, {"num_layers": 1}, figure)]
    if steps < LONG or ratio > VANISHED:
        return []
    reach = int(np.searchsorted(np.cumsum(flow.by_lag) / max(flow.by_lag.sum(), 1e-30), 0.99) + 1) * flow.steps
    evidence |= {"reach": reach}
    if not isinstance(examined, Examined):
        return [Finding("vanishing_gradients", severity, evidence, ATTEND, figure)] if case.unlearned else []
    unused = examined.measures.unused(min(reach + 1, case.window), case.window)
    if not unused > UNUSED:
        return []
    long = case.window >= 2 * LONG
    remedy: Mapping[str, object] = {"network.segment": divisor(case.window, 12)} if long else ATTEND
    return [Finding("vanishing_gradients", severity, evidence | {"unused": unused}, remedy, figure)]


def gates(case: Network, examined: Flowing) -> list[Finding]:
    """Gates stuck open or shut, units that never move; of no weight where a training without it ends no lower."""
    flow = examined.flow
    if flow is None or (flow.saturated < SATURATED and flow.dead < DEAD):
        return []
    evidence = {"saturated": flow.saturated, "dead": flow.dead}
    remedy = {"learning_rate": third(float(case.config.get("learning_rate", 2e-3)))}
    edges = np.linspace(0, 1, len(flow.gates) + 1).tolist()
    figure = {"kind": "histogram", "edges": edges, "shares": {"gates": (100 * flow.gates).tolist()}}
    harmless = False
    if isinstance(case, Training) and isinstance(examined, Tried) and driven(case, examined):
        _, reached = examined.rival(min(case.usual_rate, case.options.learning_rate))
        harmless = reached >= (1 - RIVAL) * examined.probes.trained
    return [Finding("saturated_gates", "info" if harmless else "warning", evidence, remedy, figure)]


def divisor(window: int, most: int) -> int:
    """The largest divisor of the window up to `most`."""
    return max(size for size in range(1, most + 1) if window % size == 0)
