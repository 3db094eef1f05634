"""Checks of a training's history alone, whatever was trained."""

from __future__ import annotations

import numpy as np

from tidegate.diagnose import figures
from tidegate.diagnose.evidence import Evidence
from tidegate.diagnose.finding import Finding, Severity
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
    figure = figures.line([epoch.epoch for epoch in case.history], norms.tolist(), "grad_norm")
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


def curve_of(history: History, **marks: float) -> figures.Figure | None:
    """The losses by epoch, the best one marked."""
    epochs = history.epochs
    train, validation = [epoch.train_loss for epoch in epochs], [epoch.validation_loss for epoch in epochs]
    return figures.loss_curve(train, validation, best_epoch(history), **marks)
