"""A language model's score on a text, in three ways, beside n-grams."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, DataError, NotFittedError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.evaluate.language.evaluation import FRAMES, LanguageEvaluation, evaluate_language
from tidegate.nn.network import build_network
from tidegate.prepare.vocabulary import END, UNKNOWN
from tidegate.runtime.language.ngrams import KneserNey, unigram
from tidegate.tasks.language.fit import adapted_nats, block_nats, carried_nats, join, root_squares
from tidegate.tasks.language.pieces import bernoulli_nats, by_frame, frame_nats, numbers_of
from tidegate.train.isolation import plain_torch
from tidegate.train.threads import choose_threads, threads

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]
ORDERS = {"char": (4, 5, 6, 7), "symbol": (2, 3, 4, 5), "notes": (4, 6, 8)}  # others: 2, 3, 4
SEGMENT = 20  # tokens that dynamic evaluation reads before it learns from them
RATES, DECAYS = (1e-4, 3e-4, 6e-4), (0.0, 2e-3)
TUNED_ON = 6_000  # tokens of the validation part that its rate is chosen on
WARM = 1024


@dataclass(frozen=True)
class EvaluatedTexts:
    """A part of the corpus as it was read.

    Attributes:
        evaluation: its scores. numbers: [N] tokens. nats: method -> [N].
    """

    evaluation: LanguageEvaluation
    numbers: Ints
    nats: Mapping[str, Floats]


def evaluate_part(
    model: Any, part: str, *, dynamic: bool | Mapping[str, float] = False, baselines: bool = True
) -> EvaluatedTexts:
    """Evaluate a part of the corpus that a model was fitted on; arguments as of `LanguageModel.evaluate`."""
    fitted = model.fitted_ if part == "test" else model.fitted_.held_out
    before = fitted.numbers["train"]
    if part == "test":
        before = np.concatenate([before, fitted.numbers["validation"]])
    return _evaluate(model, fitted, fitted.parts[part], fitted.numbers[part], before, dynamic, baselines)


def evaluate_texts(model: Any, texts: Sequence[str], *, dynamic: bool | Mapping[str, float] = False) -> EvaluatedTexts:
    """Evaluate texts that have nothing to do with the corpus, each after the end of another.

    A loaded model has no training text, so that neither n-grams can be counted nor anything be learned.
    """
    numbers = join(model.vocabulary_, texts)
    if dynamic and not hasattr(model, "fitted_"):
        raise NotFittedError(tr("dynamic evaluation needs the training text: open the run with tidegate.open_run(RUN)"))
    return _evaluate(model, getattr(model, "fitted_", None), texts, numbers, np.empty(0, np.int32), dynamic)


@plain_torch()
def _evaluate(
    model: Any,
    fitted: Any,
    texts: Sequence[str],
    numbers: Ints,
    before: Ints,
    dynamic: bool | Mapping[str, float],
    baselines: bool = True,
) -> EvaluatedTexts:
    own = model.model_
    if own.music is not None:
        return _evaluate_pieces(model, fitted, texts, dynamic, baselines)
    several, window = own.several, model.check().window
    if not several:  # the end before a single text is what the model begins from, and no part of it
        before, numbers = np.concatenate([before, numbers[:1]]) if not len(before) else before, numbers[1:]
    if len(numbers) < 2:
        raise DataError(tr("the text has fewer than two tokens: there is nothing to score"))
    characters = sum(map(len, texts)) + (len(texts) if several else 0)
    network = build_network(own.spec, own.weights) if fitted is None else fitted.network.eval()
    notes: list[Note] = []
    nats: dict[str, Floats] = {}
    with threads(choose_threads(32 * 8 * int(own.spec.encoder.hidden_size) ** 2)):
        nats["model"] = carried_nats(network, numbers, before, WARM)
        nats[f"model_blocks_{window}"] = block_nats(network, numbers, window)
        if dynamic and fitted is not None:
            nats["model_adapting"], how = _adapted(fitted, numbers, before, dynamic)
            message = "Dynamic evaluation learned with rate {rate} and decay {decay}, {segment} tokens at a time."
            notes.append(Note("dynamic", message, how))
    if fitted is not None and baselines:
        order = best_order(model)
        nats[f"kneser_ney_{order}"] = -np.log(n_grams(model, order, fitted.learned).probabilities(numbers, before))
        nats["unigram"] = -np.log(unigram(fitted.learned, numbers, len(fitted.vocabulary)))
    unknown = int((numbers == UNKNOWN).sum())
    return EvaluatedTexts(evaluate_language(nats, characters, unknown, tuple(notes)), numbers, nats)


def _evaluate_pieces(
    model: Any, fitted: Any, texts: Sequence[str], dynamic: bool | Mapping[str, float], baselines: bool
) -> EvaluatedTexts:
    own = model.model_
    joint = own.vocabulary.method != "frames"
    if dynamic:
        raise ConfigError(tr("dynamic evaluation reads one text on and on; pieces of music are judged each on its own"))
    pieces = numbers_of(own.vocabulary, texts)
    network = build_network(own.spec, own.weights) if fitted is None else fitted.network.eval()
    nats = {"model": np.concatenate(frame_nats(network, pieces, joint=joint))}
    if len(nats["model"]) < 2:
        raise DataError(tr("the pieces have fewer than two frames after their first: there is nothing to score"))
    if fitted is not None and baselines:
        train = numbers_of(own.vocabulary, fitted.parts.train)
        if joint:
            order = best_order(model)
            each = [_grams(n_grams(model, order, fitted.learned), piece) for piece in pieces]
            nats[f"kneser_ney_{order}"] = np.concatenate(each)
        nats["bernoulli"] = bernoulli_nats(train, pieces)
    frames = len(nats["model"])
    evaluation = evaluate_language(nats, frames, 0, criterion=FRAMES[0 if joint else 1])
    return EvaluatedTexts(evaluation, np.concatenate(pieces), nats)


def _grams(grams: KneserNey, piece: Ints) -> Floats:
    """-log p of each frame of a piece but its first."""
    return by_frame(-np.log(grams.probabilities(piece, np.array([END], np.int32))), piece)[1:]


def best_order(model: Any) -> int:
    """The length of n-grams that foresee the validation part best."""
    if not hasattr(model, "_order"):
        fitted = model.fitted_
        held, train = fitted.numbers["validation"], fitted.numbers["train"]
        losses = {}
        for order in ORDERS.get(fitted.vocabulary.method, (2, 3, 4)):
            losses[order] = -np.log(n_grams(model, order, train).probabilities(held, train)).mean()
            if losses[order] > min(losses.values()):
                break
        model._order = min(losses, key=lambda order: losses[order])
        model._grams = {key: grams for key, grams in model._grams.items() if key[0] == model._order}
    return int(model._order)


def n_grams(model: Any, order: int, numbers: Ints) -> KneserNey:
    """The n-grams of the training part, or of all that was learned, counted once."""
    known: dict[tuple[int, int], KneserNey] = model.__dict__.setdefault("_grams", {})
    key = order, len(numbers)
    if key not in known:
        known[key] = KneserNey(numbers, len(model.fitted_.vocabulary), order)
    return known[key]


def _adapted(
    fitted: Any, numbers: Ints, before: Ints, dynamic: bool | Mapping[str, float]
) -> tuple[Floats, dict[str, Any]]:
    given = {} if dynamic is True else dict(dynamic) if isinstance(dynamic, Mapping) else None
    if given is None or set(given) - {"rate", "decay", "segment"}:
        raise ConfigError(
            tr("dynamic is true, false or a mapping with rate, decay and segment; got {dynamic!r}", dynamic=dynamic)
        )
    segment = int(given.get("segment", SEGMENT))
    rates = (given["rate"],) if "rate" in given else RATES
    decays = (given["decay"],) if "decay" in given else DECAYS
    pairs = list(itertools.product(rates, decays))

    def reader(own: Any) -> Callable[..., Floats]:
        squares = root_squares(own.network, own.learned, SEGMENT)
        return lambda tokens, after, rate, decay: adapted_nats(
            copy.deepcopy(own.network), tokens, after, squares, rate=rate, decay=decay, segment=segment
        )

    if len(pairs) > 1:
        held, train, read = fitted.numbers["validation"][:TUNED_ON], fitted.numbers["train"], reader(fitted.held_out)
        pairs.sort(key=lambda pair: float(read(held, train, *pair).mean()))
    rate, decay = pairs[0]
    how = {"rate": f"{rate:g}", "decay": f"{decay:g}", "segment": segment}
    return reader(fitted)(numbers, before, rate, decay), how
