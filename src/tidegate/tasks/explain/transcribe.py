"""Which moments and which pitches a word of a transcript rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, DataError
from tidegate.core.notebook import Notebook
from tidegate.core.sequences import Sequences
from tidegate.core.text import aligned
from tidegate.core.translate import Language, tr
from tidegate.runtime.transcribe.ctc import align, log_shares

if TYPE_CHECKING:
    import torch

HIDDEN = 0.1  # share of the cells that the check silences
DRAWS, SHOWN = 10, 6


@dataclass(frozen=True, repr=False)
class Saliency(Notebook):
    """What a word rests on.

    Attributes:
        id: of the recording. text: its transcript. word: the one that is explained. start, end: seconds of it.
        values: [T, M] gradient times input of its log p, by step of `hop` seconds and band. bands: [M] names.
        lost: how much log p its symbols lose, each on average, without the tenth of the cells that count most.
        chance: the same of cells drawn at random around it, a mean of ten draws.
    """

    id: str
    text: str
    word: str
    start: float
    end: float
    hop: float
    values: NDArray[np.float64]
    bands: tuple[str, ...]
    lost: float
    chance: float

    @property
    def holds(self) -> bool:
        """Whether silencing what counts most hurts more than silencing anything."""
        return self.lost > self.chance

    def rows(self) -> list[list[str]]:
        """The moments that count most: when, how much of all, and the strongest band there."""
        parts = np.abs(self.values)
        moments = parts.sum(axis=1) / max(float(parts.sum()), 1e-12)
        best = np.argsort(-moments, kind="stable")[:SHOWN]
        found = []
        for place in sorted(best.tolist()):
            band = self.bands[int(parts[place].argmax())]
            found.append([f"{place * self.hop:.2f}", f"{100 * moments[place]:.1f}", band])
        return found

    def check(self, lang: Language | None = None) -> str:
        """What silencing does, in words."""
        message = (
            "With the tenth of the cells that count most silenced, log p of its symbols falls by {lost} each on "
            "average; with as many around it drawn at random, by {chance}."
        )
        return tr(message, lang, lost=f"{self.lost:.2f}", chance=f"{self.chance:.2f}")

    def about(self, lang: Language | None = None) -> str:
        """What is explained, in words."""
        message = "Recording {id}, “{text}”: the word “{word}” lies at {start} to {end} s."
        values = {"id": self.id, "text": self.text, "word": self.word}
        return tr(message, lang, **values, start=f"{self.start:.2f}", end=f"{self.end:.2f}")

    def table(self, lang: Language | None = None) -> str:
        """The moments that count most, and the check."""
        head = [tr("second", lang), tr("share %", lang), tr("strongest band", lang)]
        return "\n".join([self.about(lang), "", *aligned([head, *self.rows()]), "", self.check(lang)])

    def __str__(self) -> str:
        return self.table()

    def to_json(self) -> dict[str, Any]:
        """Plain values for machines."""
        return {name: list(own) if isinstance(own, tuple) else own for name, own in vars(self).items()} | {
            "values": self.values.tolist()
        }


def explain_word(model: Any, sequences: Sequences, at: int | str, word: int) -> Saliency:
    """Arguments and errors as of `Transcriber.explain`.

    Source: Shrikumar, Greenside, Shcherbina and Kundaje (2016), arXiv:1605.01713, for gradient times input.
    """
    place = sequences.ids.index(at) if isinstance(at, str) and at in sequences.ids else at
    if not isinstance(place, int) or isinstance(place, bool) or not -len(sequences) <= place < len(sequences):
        raise DataError(tr("there is no recording {at}: give its id, or its place below {count}", at=repr(at),
                           count=len(sequences)))  # fmt: skip
    own, one = model.model_, sequences.take(np.array([place % len(sequences)]))
    found = own.predict(one)[0]
    if not found.words:
        raise DataError(tr("nothing was heard in {id}: there is no word to explain", id=one.ids[0]))
    if isinstance(word, bool) or not isinstance(word, int) or not 0 <= word < len(found.words):
        message = "word is the place of one of {count} words, from 0; got {word}"
        raise ConfigError(tr(message, count=len(found.words), word=repr(word)))
    import torch

    from tidegate.nn.network import build_network
    from tidegate.train.isolation import plain_torch

    features = torch.from_numpy(own.preparation.apply(np.asarray(one.values, np.float32)))
    network = build_network(own.spec, own.weights)
    steps, symbols = _steps_of(own, one, word)

    def score(inputs: torch.Tensor) -> torch.Tensor:
        shares = network(inputs[None]).values[0, :, 0].log_softmax(dim=1)
        mean: torch.Tensor = shares[steps, symbols].sum() / len(set(steps.tolist()))
        return mean

    with plain_torch():
        inputs = features.clone().requires_grad_()
        gradient = torch.autograd.grad(score(inputs), inputs)[0]
        values = (gradient * features).double().numpy()
        with torch.no_grad():
            before = float(score(features))
            lost, chance = _silenced(values, features, lambda changed: before - float(score(changed)))
    stack, mels = own.preparation.stack, own.preparation.mels
    cells = values.reshape(len(values) * stack, mels)
    said = found.words[word]
    hop = own.preparation.hop
    return Saliency(
        one.ids[0], found.text, said.text, said.start, said.end, hop, cells, tuple(one.channels), lost, chance
    )


def _steps_of(own: Any, one: Sequences, word: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Steps at which a word's symbols lie in the likeliest alignment of the transcript, and these symbols."""
    import torch

    shares = own.shares(one)[0]
    decoder = own.decoder()()
    decoder.push(shares)
    text = decoder.best()
    first, last, _ = align(log_shares(shares), text)
    words, number, chosen = own.words, 0, []
    for place, symbol in enumerate(text):
        blank = not words and own.vocabulary.decode([symbol]) == " "
        if number == word and not blank:
            chosen.append(place)
        number += int(words or (blank and place > 0))
    pairs = [(step, text[place]) for place in chosen for step in range(int(first[place]), int(last[place]) + 1)]
    return tuple(torch.tensor(column) for column in zip(*pairs, strict=True))  # type: ignore[return-value]


def _silenced(values: NDArray[np.float64], features: torch.Tensor, loss: Any) -> tuple[float, float]:
    """What is lost without the cells that count most, and without others as near to what counts, drawn at random."""
    import torch

    flat = np.abs(values).ravel()
    count = max(1, int(HIDDEN * len(flat)))
    order = np.argsort(-flat, kind="stable")

    def without(places: NDArray[np.int64]) -> float:
        changed = features.clone().view(-1)
        changed[torch.from_numpy(places.copy())] = 0.0
        return float(loss(changed.view_as(features)))

    moments = np.abs(values).sum(axis=1)
    near = np.flatnonzero(np.repeat(moments >= np.quantile(moments, 0.5), values.shape[1]))
    rng = np.random.default_rng(0)
    drawn = [without(rng.choice(near, min(count, len(near)), replace=False)) for _ in range(DRAWS)]
    return without(order[:count]), float(np.mean(drawn))
