"""A fitted translator opened for examination."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch

from tidegate.diagnose.evidence import WritingEvidence
from tidegate.prepare.vocabulary import PADDING, SPECIAL, UNKNOWN
from tidegate.tasks.diagnose.trainee import verdicts
from tidegate.tasks.translate.fit import Pairs, WritingLoss
from tidegate.tasks.write.divide import Budget
from tidegate.tasks.write.evaluate import references_of
from tidegate.train.isolation import plain_torch

TEXTS = 200  # pairs of a part that are looked at
AT_ONCE = 3_000  # tokens


@plain_torch()
def make_evidence(model: Any) -> tuple[WritingEvidence, ...]:
    """What it gives the tokens of its parts and what it writes, for `tidegate.diagnose`."""
    fitted = model.fitted_
    looked = {name: _some(fitted.pairs[name]) for name in ("train", "validation")}
    held = fitted.sequences.take(_spread(fitted.parts.validation))
    targets = np.concatenate(fitted.pairs["train"].targets)
    validation = np.concatenate(fitted.pairs["validation"].targets)
    evidence = WritingEvidence(
        history=fitted.history,
        verdicts=partial(verdicts, model),
        config=model.flat_options(),
        losses={name: _loss(fitted, pairs) for name, pairs in looked.items()},
        tokens={name: int(pairs.lengths[:, 1].sum()) for name, pairs in looked.items()},
        counts=np.bincount(targets, minlength=len(fitted.target))[len(SPECIAL) : len(fitted.target)],
        unknown=float(np.mean(validation == UNKNOWN)),
        method=fitted.target.vocabulary.method,
        parameters=sum(weight.size for weight in fitted.weights.values()),
        written=tuple(model._written(held)),
        references=tuple(references_of(held)),
        free=_loss(fitted, looked["validation"], free=True),
    )
    return (evidence,)


def _spread(places: Any) -> Any:
    return places[np.unique(np.linspace(0, len(places) - 1, TEXTS).astype(np.int64))] if len(places) else places


def _some(pairs: Pairs) -> Pairs:
    """At most `TEXTS` of them, evenly spread."""
    chosen = _spread(np.arange(len(pairs))).tolist()
    sides = (pairs.sources, pairs.targets, pairs.copies)
    return Pairs(*(tuple(own[place] for place in chosen) if own else () for own in sides))


def _loss(fitted: Any, pairs: Pairs, *, free: bool = False) -> float:
    """Mean -log p of the tokens of pairs, after true tokens or after its own likeliest ones."""
    loss = WritingLoss(len(fitted.target), 0.0, None, 0)
    network, total, count = fitted.network.eval(), 0.0, 0
    with torch.no_grad():
        for places in Budget(pairs.lengths, AT_ONCE, 0).ordered():
            batch = pairs.gather(places)
            shown = torch.zeros_like(batch[2], dtype=torch.bool) if free else None
            number = int((batch[3] != PADDING).sum())
            total += float(loss(network, batch, shown)) * number
            count += number
    return total / max(count, 1)
