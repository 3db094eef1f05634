"""Checks of models of texts and of a transcriber: vocabulary, what was learned by heart, what is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from tidegate.diagnose.checks.curve import curve_of
from tidegate.diagnose.evidence import LanguageEvidence, SpeechEvidence, TokenEvidence, WritingEvidence, WrittenEvidence
from tidegate.diagnose.finding import Finding, Severity
from tidegate.evaluate.text.metrics import pieces

SELDOM, RARE = 5, 0.3  # occurrences of a token that teach little, and the share of such tokens that is too large
UNKNOWN = 0.03  # share of unknown tokens
APART, GRAVE = 0.3, 1.0  # validation loss above training loss, as a share
COPIED, LOOPING = 0.2, 0.1  # shares of what was written
SHOWN = 200  # characters of a copy
SHORT, LONG = 0.7, 1.5  # length of what is written over that of references
SAME = 0.1  # share of one answer to different inputs, above what references have
FREE, KNOWN = 3.0, 1.5  # loss after its own tokens over that after true ones; nats a token below which it knows much


def vocabulary(case: TokenEvidence) -> list[Finding]:
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


def overfitting(case: TokenEvidence) -> list[Finding]:
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


def lengths(case: WrittenEvidence) -> list[Finding]:
    """What it writes is much shorter or longer than what people wrote."""
    own, true = (float(np.mean([len(pieces(text)) for text in texts])) for texts in (case.written, case.references))
    ratio = own / max(true, 1e-9)
    if SHORT <= ratio <= LONG:
        return []
    return [Finding("writing_short" if ratio < SHORT else "writing_long", "warning", {"own": own, "true": true})]


def same(case: WrittenEvidence) -> list[Finding]:
    """It writes the same for different inputs."""
    (text, count), usual = _commonest(case.written), _commonest(case.references)[1] / len(case.references)
    share = count / len(case.written)
    if count < 3 or share <= SAME + usual:
        return []
    severity: Severity = "critical" if share > 0.5 else "warning"
    evidence = {"same": share, "ordinary": usual, "text": " ".join(text.split())[:SHOWN], "texts": len(case.written)}
    return [Finding("same_answers", severity, evidence, {"max_epochs": 2 * len(case.history)})]


def _commonest(texts: Sequence[str]) -> tuple[str, int]:
    return Counter(texts).most_common(1)[0]


def loops(case: WritingEvidence) -> list[Finding]:
    """It repeats words right after one another, far more than people do."""
    own, usual = (
        float(np.mean([_repeated(pieces(text)) for text in texts])) for texts in (case.written, case.references)
    )
    if own <= LOOPING + 3 * usual:
        return []
    return [Finding("writing_loops", "warning", {"looping": own, "ordinary": usual})]


def _repeated(words: Sequence[str]) -> float:
    """The share of words that stand in a pair of words which the text had before."""
    pairs = list(pairwise(words))
    return 1 - len(set(pairs)) / len(pairs) if pairs else 0.0


def exposure(case: WritingEvidence) -> list[Finding]:
    """It foresees tokens well after true ones and badly after its own."""
    forced = case.losses["validation"]
    if not np.isfinite(case.free) or forced > KNOWN or case.free <= FREE * forced:
        return []
    evidence = {"free": case.free, "forced": forced, "times": case.free / forced}
    remedy = {"training.teacher_forcing": 1.0, "training.forcing_schedule": "inverse_sigmoid"}
    return [Finding("exposure", "info", evidence, remedy)]


SILENT, RATES_APART, RATES_GRAVE = 0.5, 0.15, 0.4
USUAL_RATE = 4e-3


def only_blanks(case: SpeechEvidence) -> list[Finding]:
    """Most training recordings come out empty: CTC has learned to say nothing, which is where it begins."""
    if case.empty <= SILENT:
        return []
    epochs = len(case.history)
    remedy = {"max_epochs": 3 * epochs, "learning_rate": max(float(case.config["learning_rate"]), USUAL_RATE)}
    return [Finding("only_blanks", "critical", {"empty": case.empty, "blank": case.blank, "epochs": epochs}, remedy)]


def speech_overfitting(case: SpeechEvidence) -> list[Finding]:
    """Training recordings are written down much better than validation recordings."""
    train, validation = case.rates["train"], case.rates["validation"]
    if validation - train <= RATES_APART:
        return []
    severity: Severity = "critical" if validation - train > RATES_GRAVE else "warning"
    evidence = {"wrong": train, "held": validation, "seconds": case.seconds}
    dropout = float(case.config["dropout"])
    remedy = {"dropout": 0.5 if dropout < 0.5 else 0.6, "augment.step_mask": 0.3, "augment.channel_mask": 0.4}
    return [Finding("speech_overfitting", severity, evidence, remedy, curve_of(case.history))]
