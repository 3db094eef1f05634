"""Checks of a training's history alone, whatever was trained."""

from __future__ import annotations

import numpy as np

from tidegate.diagnose import figures
from tidegate.diagnose.finding import Finding, Severity
from tidegate.train.history import History

JUMP = 1.5  # a validation loss over the lowest before it
JUMPS = 0.15  # share of the epochs with such a jump
WASTED = 0.5  # share of the epochs after the best one
WASTED_EPOCHS = 10


def unstable(history: History, rate: float, clip: float) -> list[Finding]:
    """The validation loss jumps, or training stopped being finite.

    Args:
        history: of the training. rate: its learning rate. clip: of the gradient's norm, 0 for none.
    """
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


def wasted(history: History) -> list[Finding]:
    """Training went on long after its best epoch."""
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
