"""A fitted language model opened for examination, or trained again with other options."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tidegate.diagnose.evidence import LanguageEvidence, Training
from tidegate.nn.network import build_network
from tidegate.prepare.vocabulary import SPECIAL, UNKNOWN
from tidegate.runtime.language.copies import CHORDS, LENGTH, copied, looping
from tidegate.runtime.language.sampling import Sampling
from tidegate.runtime.language.written import visible
from tidegate.tasks.diagnose.trainee import verdicts
from tidegate.tasks.language.fit import carried_nats
from tidegate.tasks.language.pieces import frame_nats, numbers_of, roll_of_tokens
from tidegate.train.isolation import plain_torch

LOOKED_AT = 20_000  # tokens of a part
TEXTS, TOKENS = 6, 500  # that are written
PIECES = 80  # of a part of music
USUAL_RATE = 4e-3


@plain_torch()
def make_evidence(model: Any) -> tuple[LanguageEvidence, Training]:
    """What it predicts of its corpus and what it writes, and its training, for `tidegate.diagnose`."""
    fitted = model.fitted_.held_out
    train, held = fitted.numbers["train"], fitted.numbers["validation"]
    counts = np.bincount(train, minlength=len(fitted.vocabulary))[len(SPECIAL) :]
    if fitted.music is None:
        looked = {"train": train[-min(len(held), LOOKED_AT, len(train) // 2) :], "validation": held[:LOOKED_AT]}
        before = {"train": train[: -len(looked["train"])], "validation": train}
        losses = {name: float(carried_nats(fitted.network, own, before[name]).mean()) for name, own in looked.items()}
        tokens = {name: len(own) for name, own in looked.items()}
    else:
        each = {name: _frames(model, name) for name in ("train", "validation")}
        losses, tokens = {name: own.mean() for name, own in each.items()}, {n: len(own) for n, own in each.items()}
        counts = counts[counts > 0]
    length = LENGTH if fitted.music is None else CHORDS
    written = [own.new for own in model.generation(length=TOKENS, count=TEXTS, sampling=Sampling()).run()]
    text = "\n".join(model.fitted_.texts)
    copies = copied(written, text, length)
    evidence = LanguageEvidence(
        history=fitted.history,
        verdicts=partial(verdicts, model),
        config=model.flat_options() | {"dropout": fitted.advice.dropout},
        losses=losses,
        looked=tokens,
        counts=counts,
        unknown=float(np.mean(held == UNKNOWN)),
        method=fitted.vocabulary.method,
        written=tuple(written),
        copied=copies.share,
        stretch=copies.length,
        longest=visible(copies.longest),
        looping=looping("".join(written)),
        usual=looping(text[:50_000]),
        parameters=sum(weight.size for weight in fitted.weights.values()),
    )
    return evidence, _training(model)


def _frames(model: Any, part: str) -> Any:
    """[N] -log p of frames of some pieces of a part."""
    fitted = model.fitted_.held_out
    texts = fitted.parts[part][-PIECES:] if part == "train" else fitted.parts[part][:PIECES]
    pieces = numbers_of(fitted.vocabulary, texts)
    return np.concatenate(frame_nats(fitted.network, pieces, joint=fitted.vocabulary.method != "frames"))


def _training(model: Any) -> Training:
    """Blocks of T tokens or frames, each from an empty context."""
    fitted, window = model.fitted_.held_out, model.fitted_.window
    train, held = fitted.numbers["train"], fitted.numbers["validation"]
    joint = fitted.vocabulary.method != "frames"
    if not joint:
        train, held = roll_of_tokens(train), roll_of_tokens(held)
    whole = torch.from_numpy(np.concatenate([train, held]))
    whole, length = whole.long() if joint else whole, min(window, len(held) - 1)
    span = torch.arange(length + 1)

    def batch(places: Any) -> tuple[Tensor, ...]:
        rows = whole[torch.from_numpy(np.asarray(places, np.int64))[:, None] + span]
        return rows[:, :-1], rows[:, 1:], torch.ones(rows[:, 1:].shape[:2], dtype=torch.bool)

    def loss(network: nn.Module, given: tuple[Tensor, ...]) -> Tensor:
        tokens, ahead, _ = given
        if not joint:
            scores = network(tokens).values[:, :, 0]
            return functional.binary_cross_entropy_with_logits(scores, ahead) * ahead.shape[2]
        return functional.cross_entropy(network(tokens).values.flatten(0, 2), ahead.flatten())

    choices, spec = model.check(), fitted.spec
    options = replace(choices.training, batch_size=fitted.advice.batch_size, max_epochs=fitted.advice.epochs)
    return Training(
        history=fitted.history,
        config=model.flat_options() | {"dropout": fitted.advice.dropout},
        network=fitted.network,
        batch=batch,
        loss=loss,
        origins={
            "train": np.arange(0, len(train) - length, length),
            "validation": np.arange(len(train), len(whole) - length, length),
        },
        window=length,
        fresh=lambda: build_network(spec),
        options=options,
        usual_rate=USUAL_RATE,
    )
