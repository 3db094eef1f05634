"""Checks of a transcriber: what it writes down of recordings that it has and has not learned from."""

from __future__ import annotations

from tidegate.diagnose.checks.history import curve_of
from tidegate.diagnose.evidence import SpeechEvidence
from tidegate.diagnose.finding import Finding, Severity

SILENT, APART, GRAVE = 0.5, 0.15, 0.4
USUAL_RATE = 4e-3


def only_blanks(case: SpeechEvidence) -> list[Finding]:
    """Most training recordings come out empty: CTC has learned to say nothing, which is where it begins."""
    if case.empty <= SILENT:
        return []
    epochs = len(case.history)
    remedy = {"max_epochs": 3 * epochs, "learning_rate": max(float(case.config["learning_rate"]), USUAL_RATE)}
    return [Finding("only_blanks", "critical", {"empty": case.empty, "blank": case.blank, "epochs": epochs}, remedy)]


def overfitting(case: SpeechEvidence) -> list[Finding]:
    """Training recordings are written down much better than validation recordings."""
    train, validation = case.rates["train"], case.rates["validation"]
    if validation - train <= APART:
        return []
    severity: Severity = "critical" if validation - train > GRAVE else "warning"
    evidence = {"wrong": train, "held": validation, "seconds": case.seconds}
    dropout = float(case.config["dropout"])
    remedy = {"dropout": 0.5 if dropout < 0.5 else 0.6, "augment.step_mask": 0.3, "augment.channel_mask": 0.4}
    return [Finding("speech_overfitting", severity, evidence, remedy, curve_of(case.history))]
