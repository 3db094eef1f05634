"""Metrics of written texts beside references: each a sum over texts and a score of sums, so that it can be resampled.

Shape letters: N texts, J numbers that a metric counts in each.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.optional import require
from tidegate.prepare.sequence.tokens import UNSPACED

Floats = NDArray[np.float64]
Reference = str | tuple[str, ...]  # what people wrote: one text, or several of which any is right
PURPOSE = "score what was written"
LONGEST_RUN, SIGMA = 4, 6.0  # of CIDEr-D
_PIECES = re.compile(rf"[{UNSPACED}]|(?:(?![{UNSPACED}])\w)+|[^\w\s]")
_UNSPACED = re.compile(f"[{UNSPACED}]")
_WORDS = re.compile(rf"[{UNSPACED}]|[a-z0-9]+")


@dataclass(frozen=True)
class TextMetric:
    """A metric of a whole set of texts.

    Attributes:
        name: its key. higher: whether more of it is better; then it is a share, 1 at most (BLEU 0.42 is shown as 42.0),
            but for CIDEr, which has 10 at most (shown as 1000).
        count: hypotheses and references, N each -> [N, J], what it counts in each text. A reference of several texts is
            taken as the metric's source says: BLEU and chrF the best of them, CIDEr their mean; others the first.
        score: [J] sums over texts -> the score.
        signature: what two scores must have in common to be compared.
    """

    name: str
    higher: bool
    count: Callable[[Sequence[str], Sequence[Reference]], Floats]
    score: Callable[[Floats], float]
    signature: str

    def __call__(self, hypotheses: Sequence[str], references: Sequence[Reference]) -> float:
        """The score of all texts together."""
        return self.score(self.count(hypotheses, references).sum(axis=0))


def bleu(*, lowercase: bool = True, tokenize: str = "13a", references: int | None = 1) -> TextMetric:
    """BLEU of up to four words in a row, with a penalty for texts that are too short, by sacrebleu.

    Args:
        lowercase: capitals do not count. tokenize: sacrebleu's `13a`, `zh` (Chinese by character), `char` or `none`.
        references: how many each text has, for the signature; None where that varies.

    Raises:
        MissingExtraError: sacrebleu is not installed.

    Source: Papineni et al. (2002), doi:10.3115/1073083.1073135; Post (2018), doi:10.18653/v1/W18-6319.
    """
    library = require("sacrebleu.metrics", extra="text", purpose=PURPOSE)
    return _sacred("bleu", library.BLEU(lowercase=lowercase, tokenize=tokenize), references=references)


def bleu_tokenised() -> TextMetric:
    """BLEU of lower-cased texts cut into words and marks (Chinese into characters), as papers before sacrebleu gave it.

    Raises:
        MissingExtraError: sacrebleu is not installed.
    """
    library = require("sacrebleu.metrics", extra="text", purpose=PURPOSE)
    made = library.BLEU(lowercase=False, tokenize="none", force=True)
    return _sacred("bleu_tokenised", made, lambda text: " ".join(pieces(text)))


def chrf(*, references: int | None = 1) -> TextMetric:
    """chrF: F score (recall twice as heavy) of up to six characters in a row, by sacrebleu.

    Args:
        references: as of `bleu`.

    Raises:
        MissingExtraError: sacrebleu is not installed.

    Source: Popovic (2015), doi:10.18653/v1/W15-3049.
    """
    library = require("sacrebleu.metrics", extra="text", purpose=PURPOSE)
    return _sacred("chrf", library.CHRF(), references=references)


def _sacred(name: str, library: Any, change: Callable[[str], str] = str, *, references: int | None = 1) -> TextMetric:
    streams = [["a", "a"], ["a", None]] if references is None else [["a", "a"]] * references
    library.corpus_score(["a", "a"], streams)  # tells the signature how many references there are

    def count(hypotheses: Sequence[str], references: Sequence[Reference]) -> Floats:
        every = [several(own) for own in references]
        most = max(map(len, every), default=1)
        streams = [[change(own[place]) if place < len(own) else None for own in every] for place in range(most)]
        found = library._extract_corpus_statistics([change(text) for text in hypotheses], streams)
        return np.array(found, np.float64).reshape(len(hypotheses), -1)

    def score(sums: Floats) -> float:
        return float(library._compute_score_from_stats([int(one) for one in sums]).score) / 100

    return TextMetric(name, True, count, score, str(library.get_signature()))


def cider() -> TextMetric:
    """CIDEr-D: how much of what is telling in a reference a text has, by the tf-idf of up to four words in a row.

        s_n = exp(-(|h| - |r|)^2 / 72) sum_g min(h_g, r_g) r_g / (||h|| ||r||)        CIDEr-D = 10 mean_n s_n

    h_g and r_g are counts of g times log(N / things one of whose references has g), N the things that are scored; |h|
    are words (of Chinese and the like characters), without marks. Of several references the mean counts. A perfect text
    has 10 where all its words are rare.

    Source: Vedantam, Zitnick and Parikh (2015), arXiv:1411.5726.
    """

    def count(hypotheses: Sequence[str], references: Sequence[Reference]) -> Floats:
        others = [[_runs(text) for text in several(own)] for own in references]
        known = Counter(run for each in others for run in {run for runs in each for run in runs})
        total = math.log(max(len(references), 1))
        found = [
            (np.mean([_consensus(own, other, known, total) for other in each]), 1.0)
            for own, each in zip(map(_runs, hypotheses), others, strict=True)
        ]
        return np.array(found, np.float64).reshape(-1, 2)

    return TextMetric("cider", True, count, _mean, f"CIDEr-D|n{LONGEST_RUN}|sigma{SIGMA:g}|idf:references|words")


def _runs(text: str) -> Counter[tuple[str, ...]]:
    """How often each run of one to four words is in a text."""
    words = [piece for piece in pieces(text) if piece.isalnum()]
    return Counter(
        tuple(words[first : first + size])
        for size in range(1, LONGEST_RUN + 1)
        for first in range(len(words) - size + 1)
    )


def _consensus(own: Counter[Any], other: Counter[Any], known: Counter[Any], total: float) -> float:
    """CIDEr-D of one text."""
    lengths = [sum(times for run, times in runs.items() if len(run) == 1) for runs in (own, other)]
    score = 0.0
    for size in range(1, LONGEST_RUN + 1):
        h, r = (
            {run: times * (total - math.log(max(1, known[run]))) for run, times in runs.items() if len(run) == size}
            for runs in (own, other)
        )
        norm = math.sqrt(sum(x * x for x in h.values()) * sum(x * x for x in r.values()))
        if norm:
            score += sum(min(h[run], weight) * weight for run, weight in r.items() if run in h) / norm
    return 10 * score / LONGEST_RUN * math.exp(-((lengths[0] - lengths[1]) ** 2) / (2 * SIGMA**2))


def rouge_l() -> TextMetric:
    """ROUGE-L: mean F score of the longest common subsequence of stems (Chinese: characters), by rouge-score.

    Raises:
        MissingExtraError: rouge-score is not installed.

    Source: Lin (2004), https://aclanthology.org/W04-1013.
    """
    library = require("rouge_score.rouge_scorer", extra="text", purpose=PURPOSE)
    words = require("rouge_score.tokenizers", extra="text", purpose=PURPOSE).DefaultTokenizer(use_stemmer=True)
    scorer = library.RougeScorer(["rougeL"], tokenizer=_Words(words))

    def count(hypotheses: Sequence[str], references: Sequence[Reference]) -> Floats:
        pairs = zip(map(first_of, references), hypotheses, strict=True)
        return np.array([[scorer.score(*pair)["rougeL"].fmeasure, 1.0] for pair in pairs]).reshape(-1, 2)

    return TextMetric("rouge_l", True, count, _mean, "rouge-score|rougeL|f|stemmer")


def wer() -> TextMetric:
    """Word error rate: words that are wrong, missing or too many, over the words of the references, by jiwer.

    Raises:
        MissingExtraError: jiwer is not installed.
    """
    return _edits("wer", "process_words")


def cer() -> TextMetric:
    """The same of characters.

    Raises:
        MissingExtraError: jiwer is not installed.
    """
    return _edits("cer", "process_characters")


def _edits(name: str, process: str) -> TextMetric:
    library = require("jiwer", extra="audio", purpose=PURPOSE)

    def count(hypotheses: Sequence[str], references: Sequence[Reference]) -> Floats:
        found = []
        for own, other in zip(hypotheses, map(first_of, references), strict=True):
            made = getattr(library, process)(other, own)
            wrong = made.substitutions + made.deletions + made.insertions
            found.append((wrong, made.substitutions + made.deletions + made.hits))
        return np.array(found, np.float64).reshape(-1, 2)

    return TextMetric(name, False, count, _mean, f"jiwer|{process}")


def same() -> TextMetric:
    """The share of texts that are what the reference is, but for blanks around them."""

    def count(hypotheses: Sequence[str], references: Sequence[Reference]) -> Floats:
        pairs = zip(hypotheses, map(first_of, references), strict=True)
        return np.array([[float(own.strip() == other.strip()), 1.0] for own, other in pairs]).reshape(-1, 2)

    return TextMetric("same", True, count, _mean, "exact|stripped")


def several(reference: Reference) -> tuple[str, ...]:
    """All texts of a reference."""
    return (reference,) if isinstance(reference, str) else reference


def first_of(reference: Reference) -> str:
    """A reference's first text."""
    return several(reference)[0]


def _mean(sums: Floats) -> float:
    return float(sums[0] / max(sums[1], 1.0))


class _Words:
    """rouge-score's own stems, and characters of scripts without blanks."""

    def __init__(self, words: Any) -> None:
        self.words = words

    def tokenize(self, text: str) -> list[str]:
        if _UNSPACED.search(text):
            return _WORDS.findall(text.lower())
        found: list[str] = self.words.tokenize(text)
        return found


def pieces(text: str) -> list[str]:
    """Words, marks, and characters of scripts without blanks, in lower case."""
    return _PIECES.findall(text.lower())
