"""The scores of a language model, read in three ways that are never mixed, beside n-grams', and the verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tidegate.core.table import Note
from tidegate.core.text import spaced
from tidegate.core.translate import Language, tr
from tidegate.evaluate.evaluation import MODEL, ScoreTable
from tidegate.evaluate.significance import interval
from tidegate.evaluate.verdict import RELATIVE_TIE, WORSE, Verdict

Floats = NDArray[np.float64]
CRITERION = "bits_per_character"
FRAMES = ("joint_nats_per_frame", "independent_nats_per_frame")
STRETCHES = 100  # that the text is cut into, at most, to see how far chance carries a difference
SHORTEST = 100  # tokens of one
RESAMPLES = 2_000


@dataclass(frozen=True, kw_only=True)
class LanguageEvaluation(ScoreTable):
    """How well a model foresees a text, beside n-grams.

    Every method gives each token a probability after the tokens before it. Method "model" carries its state through the
    whole text (the perplexity of the guide, 5.1), "model_blocks_<n>" begins every n tokens from an empty context, and
    "model_adapting", where asked for, goes on learning from what it has read.

    Of music, figures are nats of a frame (what sounds in a step) but for the first of each piece: joint, where a note
    depends on those above it, or independent, the sum over pitches each on its own; one says nothing of the other.

    Attributes:
        tokens, characters: of the text; of music both count frames. unknown: tokens that the vocabulary has not.
        interval: 95 % interval of how many bits a character the model needs fewer than the best baseline; NaN without.
    """

    COLUMNS: ClassVar[tuple[str, ...]] = ("bits_per_character", "nats_per_character", "perplexity", *FRAMES)

    tokens: int
    characters: int
    unknown: int
    interval: tuple[float, float]

    def details(self, lang: Language | None = None) -> list[str]:
        """How much was read, and how the lines differ."""
        if self.criterion in FRAMES:
            message = "{frames} frames were foreseen, each after all before it in its piece: nats are -log p of one."
            return ["", spaced(tr(message, lang, frames=f"{self.tokens:,}"), lang)]
        message = "{tokens} tokens ({characters} characters) were read; perplexity is that of a token."
        read = tr(message, lang, tokens=f"{self.tokens:,}", characters=f"{self.characters:,}")
        ways = tr(
            "The model's own line carries its state through the whole text; in blocks it begins from an empty context "
            "each time. Figures of one way say nothing about the other.",
            lang,
        )
        lines = ["", spaced(read, lang), spaced(ways, lang)]
        if "model_adapting" in self.methods:
            lines.append(tr("Adapting, it goes on learning from the text that it has read (dynamic evaluation).", lang))
        if self.unknown:
            share = f"{100 * self.unknown / self.tokens:.2f}"
            message = "{share} % of the tokens are unknown to the vocabulary: one probability for all of them flatters."
            text = tr(message, lang, share=share)
            lines.append(spaced(text, lang))
        return lines


def evaluate_language(
    nats: Mapping[str, Floats], characters: int, unknown: int, notes: tuple[Note, ...] = (), criterion: str = CRITERION
) -> LanguageEvaluation:
    """Scores of methods from what each gave each token.

    Args:
        nats: method -> [N], -log p of each token; "model", its other ways ("model_..."), then the baselines.
        characters: of the text. unknown: tokens that the vocabulary has not. notes: for the reader.
        criterion: one of `FRAMES` where each of N is a frame of music.
    """
    overall = {}
    for name, own in nats.items():
        total = float(own.sum())
        if criterion in FRAMES:
            overall[name] = {criterion: total / len(own)}
            continue
        overall[name] = {
            "bits_per_character": total / math.log(2) / characters,
            "nats_per_character": total / characters,
            "perplexity": math.exp(min(total / len(own), 700)),
        }
    ways = [name for name in nats if name == MODEL or name.startswith("model_")]
    others = sorted((name for name in nats if name not in ways), key=lambda name: overall[name][criterion])
    best = others[0] if others else None
    low = high = math.nan
    if best is not None:
        scale = characters if criterion in FRAMES else characters * math.log(2)
        low, high = _interval(nats[best] - nats[MODEL], scale)
    reference = overall[best][criterion] if best is not None else math.nan
    skill = None if best is None else 1 - overall[MODEL][criterion] / reference
    return LanguageEvaluation(
        criterion=criterion,
        methods=(*ways, *others),
        overall=overall,
        best_baseline=best,
        skill=skill,
        verdict=_verdict(overall[MODEL][criterion], criterion, best, reference, (low, high), len(nats[MODEL])),
        notes=notes,
        tokens=len(nats[MODEL]),
        characters=characters,
        unknown=unknown,
        interval=(low, high),
    )


def _stretches(count: int) -> int:
    return min(STRETCHES, count // SHORTEST)


def _interval(gain: Floats, scale: float) -> tuple[float, float]:
    """95 % interval of the sum of gains [N] over `scale`, of whole stretches drawn: neighbours are alike."""
    count = _stretches(len(gain))
    if not count:
        return math.nan, math.nan
    parts = np.array([part.sum() for part in np.array_split(gain, count)])
    drawn = np.random.default_rng(0).integers(0, count, (RESAMPLES, count))
    sums = parts[drawn].sum(axis=1) / scale
    return interval(sums, count)


def _verdict(
    model: float, criterion: str, baseline: str | None, reference: float, ends: tuple[float, float], tokens: int
) -> Verdict:
    values = {"metric": criterion, "higher": False, "model": model, "count": tokens}
    if baseline is None:
        return Verdict("alone", values)
    low, high = ends
    values |= {"baseline": baseline, "reference": reference, "low": low, "high": high, "p": None}
    values |= {"units": "stretches", "unit_count": max(1, _stretches(tokens))}
    gain = reference - model
    if not math.isfinite(low):
        key = "worse" if gain <= -WORSE * reference else "few"
    elif low <= 0 <= high:
        key = "worse" if gain <= -WORSE * reference else "chance"
    elif abs(gain) < RELATIVE_TIE * reference:
        key = "tie"
    else:
        key = "beats" if gain > 0 else "loses"
    return Verdict(key, values)
