"""Where a translator looked for each token, and what deleting a token of the source does to what it wrote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, DataError
from tidegate.core.notebook import Notebook
from tidegate.core.optional import available
from tidegate.core.text import aligned, joined
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
        saliency: [S] gradient of log p of the text by each source token's vector, times the vector; None without torch.
    """

    found: Translation
    attention: NDArray[np.float32] | None
    lost: Floats
    saliency: Floats | None = None

    @property
    def importance(self) -> Floats:
        """[S] nats of the whole text that go with each token of the source (its end is never deleted: 0)."""
        return np.asarray(self.lost.sum(axis=0))

    def tested(self, by: str) -> tuple[float, float]:
        """The deletion test of `attention` or `saliency`: what one token costs that it says most about, and least.

        Returns:
            Mean nats of the text that go with one of the third that it gives most, and of the third that it gives
            least; NaN where there is none.
        """
        given = None if self.attention is None else self.attention.sum(axis=0)
        given = given if by == "attention" else None if self.saliency is None else np.abs(self.saliency)
        if given is None:
            return float("nan"), float("nan")
        order = np.argsort(-given[:-1], kind="stable")
        third = max(1, len(order) // THIRD)
        most, least = (float(self.importance[part].mean()) for part in (order[:third], order[-third:]))
        return most, least

    def rows(self) -> list[list[str]]:
        """Token by token of the source: its attention, its saliency, and what its deletion costs."""
        none = np.full(len(self.importance), np.nan)
        shares = none if self.attention is None else self.attention.sum(axis=0)
        held = zip(
            self.found.source_tokens,
            shares,
            none if self.saliency is None else self.saliency,
            self.importance,
            strict=True,
        )
        return [[repr(visible(own)), f"{a:.2f}", f"{b:+.2f}", f"{c:+.2f}"] for own, a, b, c in held if own]

    def head(self, lang: Language | None = None) -> list[str]:
        """What the columns of `rows` are."""
        names = (tr("attention", lang), tr("saliency", lang), tr("nats lost without it", lang))
        return [tr("source", lang), *names]

    def table(self, lang: Language | None = None) -> str:
        """The text, what it rests on, and the check."""
        return "\n".join(
            [visible(self.found.text), "", *aligned([self.head(lang), *self.rows()]), "", self.check(lang)]
        )

    def check(self, lang: Language | None = None) -> str:
        """The deletion tests in words."""
        message = (
            "Deleting a token that {by} says most about costs {more} nats of the text, one that it says least about "
            "{less}."
        )
        said = []
        for by in ("attention", "saliency"):
            more, less = self.tested(by)
            if np.isfinite(more):
                said.append(tr(message, lang, by=tr(by, lang), more=f"{more:.2f}", less=f"{less:.2f}"))
        return joined(said, lang)

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
            "saliency": None if self.saliency is None else self.saliency.tolist(),
        }


def explain_translation(model: TranslationModel, text: str, **how: Any) -> Alignment:
    """What the best text for a source rests on; needs no torch but for the saliency.

    Args:
        model: the translator. text: the source. how: options of the search.

    Raises:
        DataError: the source is empty. ConfigError: it is too long to be looked at token by token.
    """
    pieces = model.source.cut(text)
    if not pieces:
        raise DataError(tr("the source is empty: there is nothing to explain"))
    if len(pieces) > LONGEST:
        message = "the source has {count} tokens; one of at most {longest} can be explained"
        raise ConfigError(tr(message, count=len(pieces), longest=LONGEST))
    found = model.translate([text], **how)[0][0]
    whole = _nats(model, pieces, pieces, found.numbers)
    lost = np.zeros((len(whole), len(pieces) + 1))
    for place in range(len(pieces)):
        lost[:, place] = _nats(model, [*pieces[:place], *pieces[place + 1 :]], pieces, found.numbers) - whole
    saliency = _saliency(model, pieces, found.numbers) if available("torch") else None
    return Alignment(found, found.attention, lost, saliency)


def _saliency(model: TranslationModel, pieces: list[str], numbers: tuple[int, ...]) -> Floats:
    """[S] how much log p of a text would change with each source token's vector, to the first order."""
    import torch

    from tidegate.nn.network import build_network

    network: Any = build_network(model.spec, model.weights)
    vectors: list[Any] = []
    network.layers[0].embedding.register_forward_hook(lambda layer, inputs, output: vectors.append(output))
    known = [number if number < len(model.target) else UNKNOWN for number in numbers]
    source = torch.from_numpy(model.source.encode(pieces)[None])
    output = network(source, None, None, torch.tensor([[END, *known]]), None, torch.tensor([source.shape[1]]))
    logs = torch.log_softmax(output.values[0, :, 0], dim=1)
    total = logs[torch.arange(len(known) + 1), torch.tensor([*known, END])].sum()
    (gradient,) = torch.autograd.grad(total, vectors[0])
    return np.asarray((gradient * vectors[0]).sum(dim=2)[0].detach().numpy(), np.float64)


def _nats(model: TranslationModel, pieces: list[str], given: list[str], numbers: tuple[int, ...]) -> Floats:
    """[K] -log p of tokens that were written for a source `given`, its end among them, from other pieces of it."""
    tokens = model.source.encode(pieces)[None]
    sequence, lengths = read_source(model.spec, model.weights, tokens, np.array([tokens.shape[1]]))
    pen = Pen(model.spec, model.weights, sequence, lengths)
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
