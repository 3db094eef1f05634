"""Where a translator looked for each token, and what deleting a token of the source does to what it wrote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, DataError
from tidegate.core.notebook import Notebook
from tidegate.core.text import aligned
from tidegate.core.translate import Language, tr
from tidegate.prepare.vocabulary import END, UNKNOWN
from tidegate.runtime.language.written import visible
from tidegate.runtime.network.network import read_source
from tidegate.runtime.network.write import Pen, distribution
from tidegate.runtime.translate.model import Translation, TranslationModel

Floats = NDArray[np.float64]
LONGEST = 200  # tokens of a source that is explained
THIRD = 3
MOST = 100.0  # nats of a token that cannot be written any more


@dataclass(frozen=True, repr=False)
class Alignment(Notebook):
    """What one text that was written rests on. S tokens of the source, K that were written, the end among them.

    Attributes:
        found: the text. attention: [K, S] where each token looked; None without attention.
        lost: [K, S] nats that each token loses where a token of the source is deleted; its sums say what matters.
        looked_at, others: mean nats of the text that go where a third of the source's tokens is deleted one at a time:
            those that attention looked at most, and those that it looked at least.
    """

    found: Translation
    attention: NDArray[np.float32] | None
    lost: Floats
    looked_at: float
    others: float

    @property
    def importance(self) -> Floats:
        """[S] nats of the whole text that go with each token of the source (its end is never deleted: 0)."""
        return np.asarray(self.lost.sum(axis=0))

    @property
    def faithful(self) -> bool:
        """Whether what attention looked at matters more than what it did not."""
        return self.attention is None or self.looked_at > self.others

    def rows(self) -> list[list[str]]:
        """Token by token of the source: how much attention it got, and what its deletion costs."""
        shares = np.full(len(self.importance), np.nan) if self.attention is None else self.attention.sum(axis=0)
        held = zip(self.found.source_tokens, shares, self.importance, strict=True)
        return [[repr(visible(token)), f"{share:.2f}", f"{lost:+.2f}"] for token, share, lost in held if token]

    def table(self, lang: Language | None = None) -> str:
        """The text, what it rests on, and the check."""
        head = [tr("source", lang), tr("attention", lang), tr("nats lost without it", lang)]
        return "\n".join([visible(self.found.text), "", *aligned([head, *self.rows()]), "", self.check(lang)])

    def check(self, lang: Language | None = None) -> str:
        """The deletion test in words."""
        message = (
            "Deleting a token that attention looked at much costs {more} nats of the text, one that it looked at "
            "little {less}."
        )
        return tr(message, lang, more=f"{self.looked_at:.2f}", less=f"{self.others:.2f}")

    def __str__(self) -> str:
        return self.table()

    def to_json(self) -> dict[str, Any]:
        """Plain values for machines."""
        return {
            "source": self.found.source,
            "text": self.found.text,
            "source_tokens": list(self.found.source_tokens),
            "tokens": list(self.found.tokens),
            "attention": None if self.attention is None else self.attention.tolist(),
            "lost": self.lost.tolist(),
            "looked_at": self.looked_at,
            "others": self.others,
        }


def explain_translation(model: TranslationModel, text: str, **how: Any) -> Alignment:
    """What the best text for a source rests on; needs no torch.

    Args:
        model: the translator. text: the source. how: options of the search.

    Raises:
        DataError: the source is empty. ConfigError: it is too long to be looked at token by token.
    """
    pieces = model.source.cut(text)
    if not pieces:
        raise DataError("the source is empty: there is nothing to explain")
    if len(pieces) > LONGEST:
        raise ConfigError(f"the source has {len(pieces)} tokens; one of at most {LONGEST} can be explained")
    found = model.translate([text], **how)[0][0]
    whole = _nats(model, pieces, pieces, found.numbers)
    lost = np.zeros((len(whole), len(pieces) + 1))
    for place in range(len(pieces)):
        lost[:, place] = _nats(model, [*pieces[:place], *pieces[place + 1 :]], pieces, found.numbers) - whole
    looked_at = others = float("nan")
    if found.attention is not None:
        order = np.argsort(-found.attention[:, :-1].sum(axis=0), kind="stable")
        third = max(1, len(order) // THIRD)
        looked_at, others = (float(lost.sum(axis=0)[part].mean()) for part in (order[:third], order[-third:]))
    return Alignment(found, found.attention, lost, looked_at, others)


def _nats(model: TranslationModel, pieces: list[str], given: list[str], numbers: tuple[int, ...]) -> Floats:
    """[K] -log p of tokens that were written for a source `given`, its end among them, from other pieces of it."""
    tokens = model.source.encode(pieces)[None]
    sequence, lengths = read_source(model.spec, model.weights, tokens, np.array([tokens.shape[1]]))
    pen = Pen(model.spec, model.weights, sequence, lengths, 1)
    copies, extra = None, 0
    if model.copying:
        known = model.target.copies(given)[1]
        places = {word: len(model.target) + place for place, word in enumerate(known)}
        own = [places.get(piece, model.target.vocabulary.numbers.get(piece, -1)) for piece in pieces]
        copies, extra = np.array([[*own, -1]]), len(known)
    nats, last = [], END
    for number in (*numbers, END):
        logs = distribution(pen.step(np.array([[last if last < len(model.target) else UNKNOWN]])), copies, extra)
        nats.append(-float(logs[0, 0, number]))
        last = number
    return np.clip(np.array(nats, np.float64), 0.0, MOST)
