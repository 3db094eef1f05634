"""Checks of a language model: its vocabulary, what it learned by heart, and what it writes."""

from __future__ import annotations

import numpy as np

from tidegate.diagnose.checks.history import curve_of
from tidegate.diagnose.evidence import LanguageEvidence
from tidegate.diagnose.finding import Finding, Severity

SELDOM, RARE = 5, 0.3  # occurrences of a token that teach little, and the share of such tokens that is too large
UNKNOWN = 0.03  # share of unknown tokens
APART, GRAVE = 0.3, 1.0  # validation loss above training loss, as a share
COPIED, LOOPING = 0.2, 0.1  # shares of what was written
SHOWN = 200  # characters of a copy


def vocabulary(case: LanguageEvidence) -> list[Finding]:
    """Too many tokens that are hardly ever met, or too many that the vocabulary has not."""
    found: list[Finding] = []
    if case.unknown > UNKNOWN:
        remedy = {} if case.method in ("char", "symbol", "bpe") else {"tokens": "bpe", "preparation.vocabulary": None}
        found.append(Finding("vocabulary_small", "warning", {"unknown": case.unknown}, remedy))
    rare = float(np.mean(case.counts < SELDOM)) if len(case.counts) else 0.0
    few = int((case.counts >= SELDOM).sum()) + 3
    if case.method in ("word", "bpe") and rare > RARE and few >= 300:
        evidence = {"rare": rare, "size": len(case.counts), "least": SELDOM}
        found.append(Finding("vocabulary_large", "warning", evidence, {"preparation.vocabulary": few}))
    return found


def overfitting(case: LanguageEvidence) -> list[Finding]:
    """The training text is foreseen much better than the validation text."""
    train, validation = case.losses["train"], case.losses["validation"]
    apart = validation / max(train, 1e-9) - 1
    if apart <= APART:
        return []
    dropout = float(case.config.get("dropout") or 0.0)
    severity: Severity = "critical" if apart > GRAVE else "warning"
    evidence = {"train": train, "validation": validation, "apart": apart, "parameters": case.parameters}
    evidence["tokens"] = int(case.counts.sum())
    remedy = {"dropout": 0.5 if dropout < 0.5 else 0.6}
    return [Finding("text_overfitting", severity, evidence, remedy, curve_of(case.history))]


def copied(case: LanguageEvidence) -> list[Finding]:
    """Much of what it writes stands in the training text."""
    if case.copied <= COPIED:
        return []
    shown = " ".join(case.longest.split())
    shown = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}..."
    dropout = float(case.config.get("dropout") or 0.0)
    evidence = {"copied": case.copied, "stretch": case.stretch, "longest": shown}
    return [Finding("copied_text", "warning", evidence, {"dropout": 0.5 if dropout < 0.5 else 0.6})]


def repetition(case: LanguageEvidence) -> list[Finding]:
    """It writes in circles, far more than the text it learned from."""
    if case.looping <= LOOPING + 3 * case.usual:
        return []
    return [Finding("repetition", "warning", {"looping": case.looping, "ordinary": case.usual})]
