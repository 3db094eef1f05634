"""From recordings with texts to a trained transcriber, and to the way that its scores become texts."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.partition import Partition
from tidegate.evaluate.text.metrics import cer, wer
from tidegate.prepare.sequence.speech import SpeechPreparation, fit_speech
from tidegate.prepare.vocabulary import Vocabulary
from tidegate.runtime.network.recurrent import Loaded
from tidegate.runtime.transcribe.ctc import Decoder
from tidegate.runtime.transcribe.model import Decoding, SpeechModel
from tidegate.tasks.fit import Fitted, Problem, Trainer
from tidegate.tasks.transcribe.examples import Recordings, SpeechBatches, ctc_loss, needed, validation_of
from tidegate.tasks.transcribe.options import DecodingOptions, SpeechChoices, build_spec, fill_budget
from tidegate.train.isolation import plain_torch
from tidegate.train.progress import NO_PROGRESS, Progress

FEWEST = 4
OFTEN, MOST_WORDS = 8, 500  # how often every word must be heard to be a symbol of its own, and how many such there are
TUNED_ON = 150  # validation recordings that decoding is chosen on
WEIGHTS, BONUSES, BEAM = (0.2, 0.4, 0.7, 1.0), (0.0, 0.5, 1.0), 16


@dataclass(frozen=True)
class SpeechFitted(Fitted):
    """A trained transcriber and what it was trained with.

    Attributes:
        sequences, parts: what it was fitted on. preparation, vocabulary: of features and texts. decoding: as chosen.
        options: of the training, as filled in. choices: all of them.
    """

    sequences: Sequences
    parts: Partition
    preparation: SpeechPreparation
    vocabulary: Vocabulary
    decoding: Decoding
    choices: SpeechChoices

    @property
    def model(self) -> SpeechModel:
        """As the runtime has it."""
        texts = tuple(texts_of(self.sequences, self.parts.train))
        return SpeechModel(self.spec, Loaded(self.weights), self.preparation, self.vocabulary, self.decoding, texts)


@plain_torch()
def fit_speech_model(
    sequences: Sequences, parts: Partition, choices: SpeechChoices, *, reading: Any, progress: Progress = NO_PROGRESS
) -> SpeechFitted:
    """Prepare, train, and choose how scores become texts.

    Args:
        sequences: log-mel features with texts. parts: of them; the test part is not looked at. choices: the options.
        reading: rate, window and hop of the features. progress: as of `Trainer`.

    Raises:
        DataError: too few recordings, or texts too long for them.
    """
    notes = [*sequences.notes, *parts.notes]
    if sequences.labels is None or len(parts.train) < FEWEST or len(parts.validation) < 1:
        count = 0 if sequences.labels is None else len(parts.train)
        message = "{count} recordings with texts to train on and {held} to choose by: give at least {least} and 1"
        raise DataError(tr(message, count=count, held=len(parts.validation), least=FEWEST))
    texts = texts_of(sequences, parts.train)
    method, note = symbols_of(texts, choices.preparation.tokens)
    vocabulary, _ = Vocabulary.fit(texts, method, min_count=1)  # type: ignore[arg-type]
    notes.append(note)
    trained_on = np.concatenate([sequences.values[a:b] for a, b in _bounds(sequences, parts.train)])
    preparation = fit_speech(trained_on, choices.preparation, running=not choices.bidirectional, **reading)
    train = recordings_of(sequences, parts.train, preparation, vocabulary, notes, what="training")
    held = recordings_of(sequences, parts.validation, preparation, vocabulary, notes, what="validation")
    options = fill_budget(choices, -(-2 * len(train) // (choices.augment.join + 1)), notes)
    spec = build_spec(choices, preparation.inputs, len(vocabulary))
    hidden = choices.recurrent.hidden_size
    digest = hashlib.sha256(repr((sequences.ids, texts, parts.train.tolist())).encode())
    digest.update(np.ascontiguousarray(sequences.values).view(np.uint8).data)
    trainer = Trainer(
        options,
        work=options.batch_size * 4 * hidden * (hidden + max(hidden, preparation.inputs)),
        fingerprint=[str(choices), digest.hexdigest()],
        progress=progress,
    )
    problem = Problem(
        spec,
        lambda given: SpeechBatches(train, given, choices.augment),
        ctc_loss,
        validation_of(held, choices.augment.join, options.batch_size),
    )
    trained = trainer.train(problem)
    fitted = SpeechFitted(
        **trained.left(notes),
        sequences=sequences,
        parts=parts,
        preparation=preparation,
        vocabulary=vocabulary,
        decoding=Decoding(),
        choices=replace(choices, training=options),
    )
    decoding, chosen = choose_decoding(fitted.model, held, choices)
    return replace(fitted, decoding=decoding, notes=(*notes, chosen))


def texts_of(sequences: Sequences, index: NDArray[np.int64]) -> list[str]:
    """Texts of some recordings."""
    return [str(text) for text in np.asarray(sequences.labels)[index].tolist()]


def _bounds(sequences: Sequences, index: NDArray[np.int64]) -> list[tuple[int, int]]:
    return [(int(sequences.starts[place]), int(sequences.starts[place + 1])) for place in index.tolist()]


def symbols_of(texts: Sequence[str], wish: str | None) -> tuple[str, Note]:
    """What a symbol is: a character, or a word where every word of the training texts is heard often."""
    counts = Counter(word for text in texts for word in text.split())
    least = min(counts.values(), default=0)
    words = wish == "word" or (wish is None and least >= OFTEN and len(counts) <= MOST_WORDS)
    values = {"count": len(counts), "least": least}
    if words:
        message = "Its symbols are the {count} words of the training texts, each heard at least {least} times."
        return "symbol", Note("symbols", message, values)
    values = {"count": len({letter for text in texts for letter in text}), "words": len(counts)}
    message = "Its symbols are the {count} characters of the training texts, which have {words} different words."
    return "char", Note("symbols", message, values)


def recordings_of(
    sequences: Sequences,
    index: NDArray[np.int64],
    preparation: SpeechPreparation,
    vocabulary: Vocabulary,
    notes: list[Note],
    *,
    what: str,
) -> Recordings:
    """A part's recordings, but for those whose text is too long for them.

    Raises:
        DataError: none is left.
    """
    texts = [vocabulary.encode(text) for text in texts_of(sequences, index)]
    features = [preparation.scaled(np.asarray(sequences.values[a:b], np.float32)) for a, b in _bounds(sequences, index)]
    fits = [needed(text) <= -(-len(own) // preparation.stack) for own, text in zip(features, texts, strict=True)]
    if not all(fits):
        count, first = fits.count(False), sequences.ids[int(index[fits.index(False)])]
        message = (
            "{count} of {total} {part} recordings are too short for their texts at {step} ms a step (first: {first}) "
            "and were left out; a smaller `stack` has more steps."
        )
        step = f"{1000 * preparation.seconds:g}"
        values = {"count": count, "total": len(fits), "part": what, "first": first, "step": step}
        if count == len(fits):
            raise DataError(tr(message, **values))
        notes.append(Note("too_short", message, values))
    kept = [place for place, fit in enumerate(fits) if fit]
    speakers = None if sequences.groups is None else [sequences.groups[index[place]] for place in kept]
    blank = int(vocabulary.encode(" ")[0]) if vocabulary.method == "char" else None
    return Recordings(preparation, [features[p] for p in kept], [texts[p] for p in kept], speakers, blank)


def choose_decoding(model: SpeechModel, held: Recordings, choices: SpeechChoices) -> tuple[Decoding, Note]:
    """The decoding with the lowest word error rate on validation recordings, then character error rate.

    Args:
        model: trained. held: validation recordings, joined as those of the training are. choices: what the user said.
    """
    groups = held.groups(choices.augment.join, np.random.default_rng(0))[:TUNED_ON]
    shares = model.listen([held.heard(group, None, None) for group in groups])
    texts = [model.vocabulary.decode(held.text(group)) for group in groups]
    scores: dict[Decoding, tuple[float, float]] = {}
    for own in candidates(choices.decoding, words=model.words):
        make = model.decoder(decoding=own)
        found = [_read(model, make(), part) for part in shares]
        scores[own] = (wer()(found, texts), cer()(found, texts))
    best = min(scores, key=lambda own: scores[own])
    message = (
        "Decoding chosen among {ways} on {count} validation recordings: beam {beam}, language {language} (weight "
        "{weight}, bonus {bonus}), word error rate {wer} %; {plain} % by the first way."
    )
    rate, plain = (f"{100 * own[0]:.1f}" for own in (scores[best], next(iter(scores.values()))))
    values = {name: getattr(best, name) for name in ("beam", "language", "weight", "bonus")}
    return best, Note(
        "decoding", message, {"ways": len(scores), "count": len(texts), **values, "wer": rate, "plain": plain}
    )


def _read(model: SpeechModel, decoder: Decoder, shares: Any) -> str:
    decoder.push(shares)
    return " ".join(model.vocabulary.decode(decoder.best()).split())


def candidates(wish: DecodingOptions, *, words: bool) -> list[Decoding]:
    """Ways of decoding that a wish leaves open, the plainest first."""
    every: tuple[Literal["none", "symbol", "word"], ...] = ("none", "symbol") if words else ("none", "symbol", "word")
    found = []
    for language in (wish.language,) if wish.language else every:
        if language == "none":
            found.append(Decoding(beam=wish.beam or 1, order=wish.order, boost=wish.boost))
            continue
        weights = WEIGHTS if wish.weight is None else (wish.weight,)
        bonuses = BONUSES if wish.bonus is None else (wish.bonus,)
        for weight, bonus in itertools.product(weights, bonuses):
            found.append(Decoding(wish.beam or BEAM, language, wish.order, weight, bonus, wish.boost))
    return list(dict.fromkeys(found))
