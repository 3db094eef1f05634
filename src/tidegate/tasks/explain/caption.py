"""Where a captioner looked for each token, and what covering those places does to the token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.notebook import Notebook
from tidegate.core.text import aligned
from tidegate.core.translate import Language, tr
from tidegate.prepare.pictures import Pixels
from tidegate.runtime.caption.model import Caption, CaptionModel
from tidegate.runtime.language.written import visible

Floats = NDArray[np.float64]
COVERED = 4  # one in so many places of the grid is covered
DRAWS = 12  # coverings of places at random


@dataclass(frozen=True, repr=False)
class Looks(Notebook):
    """What one caption rests on. K tokens, the end among them, R random coverings.

    Attributes:
        id: of the picture. picture: [H, W, C] as the model reads it. found: the caption.
        lost: [K] nats that each token loses where the places it looked at most (a quarter of the grid) are painted over
            in the mean colour; None without attention. others: [K, R] where as many places drawn at random are.
    """

    id: str
    picture: Pixels
    found: Caption
    lost: Floats | None
    others: Floats

    def rows(self) -> list[list[str]]:
        """Token by token: where it looked most (row and column of the grid), and what the coverings cost."""
        found = []
        for place, token in enumerate(self.found.tokens):
            where = ""
            if self.found.attention is not None:
                own = self.found.attention[place]
                row, column = np.unravel_index(int(own.argmax()), own.shape)
                where = f"{row + 1}, {column + 1}"
            lost = "" if self.lost is None else f"{self.lost[place]:+.2f}"
            found.append(
                [repr(visible(token).strip()) if token else "∎", where, lost, f"{self.others[place].mean():+.2f}"]
            )
        return found

    def head(self, lang: Language | None = None) -> list[str]:
        """What the columns of `rows` are."""
        names = (tr("looked at (row, column)", lang), tr("nats lost without it", lang))
        return [tr("token", lang), *names, tr("nats lost without other places", lang)]

    def check(self, lang: Language | None = None) -> str:
        """The covering test in words: the tokens' mean, and of how many it costs more than the mean of others."""
        if self.lost is None:
            return tr("The network has no attention: it looks at the whole picture at once.", lang)
        kept = max(1, len(self.lost) - 1)  # the end counts where nothing else was written
        own, others = self.lost[:kept], self.others[:kept].mean(axis=1)
        message = (
            "Covering the quarter of the picture that a token looked at most costs it {more} nats on average, a "
            "quarter drawn at random {less}; it costs more for {count} of {total} tokens."
        )
        counts = {"count": int((own > others).sum()), "total": len(own)}
        more, less = (float(part.mean()) if len(part) else 0.0 for part in (own, others))
        return tr(message, lang, more=f"{more:.2f}", less=f"{less:.2f}", **counts)

    def table(self, lang: Language | None = None) -> str:
        """The caption, what it rests on, and the check."""
        return "\n".join(
            [visible(self.found.text), "", *aligned([self.head(lang), *self.rows()]), "", self.check(lang)]
        )

    def __str__(self) -> str:
        return self.table()

    def to_json(self) -> dict[str, Any]:
        """Plain values for machines."""
        attention = self.found.attention
        return {
            "id": self.id,
            "text": self.found.text,
            "tokens": list(self.found.tokens),
            "attention": None if attention is None else attention.tolist(),
            "lost": None if self.lost is None else self.lost.tolist(),
            "others": self.others.tolist(),
        }


def explain_caption(model: CaptionModel, picture: Pixels, name: str) -> Looks:
    """What the best caption of a picture rests on; needs no torch.

    Args:
        model: the captioner. picture: [H, W, C] as the model reads it. name: of it.
    """
    found = model.caption([picture])[0][0]
    high, wide = model.spec.encoder.grid
    places = max(1, high * wide // COVERED)
    chance = np.random.default_rng(0)
    shown = [] if found.attention is None else [own.argsort(axis=None)[::-1][:places] for own in found.attention]
    drawn = [chance.choice(high * wide, places, replace=False) for _ in range(DRAWS)]
    pictures = [picture, *(_covered(model, picture, own) for own in [*shown, *drawn])]
    nats = model.nats(np.stack(pictures), found.numbers)
    steps = np.arange(nats.shape[1])
    lost = nats[1 + steps, steps] - nats[0] if shown else None
    return Looks(name, picture, found, lost, (nats[1 + len(shown) :] - nats[0]).T)


def _covered(model: CaptionModel, picture: Pixels, places: NDArray[np.int64]) -> Pixels:
    """A picture with places of the grid painted over in the mean colour of the training."""
    high, wide = model.spec.encoder.grid
    found: Pixels = picture.copy()
    down, across = picture.shape[0] / high, picture.shape[1] / wide
    for place in places.tolist():
        row, column = divmod(place, wide)
        rows, columns = (slice(round(n * side), round((n + 1) * side)) for n, side in ((row, down), (column, across)))
        found[rows, columns] = np.rint(model.source.mean)
    return found
