"""A fitted model that writes texts opened for examination."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch

from tidegate.diagnose.evidence import WritingEvidence
from tidegate.prepare.vocabulary import PADDING, SPECIAL, UNKNOWN
from tidegate.tasks.diagnose.trainee import verdicts
from tidegate.tasks.write.divide import Budget
from tidegate.tasks.write.evaluate import references_of
from tidegate.tasks.write.fit import Examples, WritingLoss
from tidegate.train.isolation import plain_torch

TEXTS = 200  # examples of a part that are looked at
AT_ONCE = 3_000  # tokens


@plain_torch()
def make_evidence(model: Any) -> tuple[WritingEvidence, ...]:
    """What it gives the tokens of its parts and what it writes, for `tidegate.diagnose`."""
    fitted = model.fitted_
    looked = {name: _some(fitted.examples[name]) for name in ("train", "validation")}
    held = fitted.sequences.take(_spread(fitted.parts.validation))
    targets = np.concatenate(fitted.examples["train"].targets)
    validation = np.concatenate(fitted.examples["validation"].targets)
    evidence = WritingEvidence(
        history=fitted.history,
        verdicts=partial(verdicts, model),
        config=model.flat_options(),
        losses={name: _loss(fitted, pairs) for name, pairs in looked.items()},
        looked={name: sum(map(len, own.targets)) for name, own in looked.items()},
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


def _some(examples: Examples) -> Any:
    """At most `TEXTS` of them, evenly spread."""
    return examples.take(_spread(np.arange(len(examples))).tolist())


def _loss(fitted: Any, examples: Examples, *, free: bool = False) -> float:
    """Mean -log p of the tokens of examples, after true tokens or after its own likeliest ones."""
    loss = WritingLoss(len(fitted.target), 0.0, None, 0)
    network, total, count = fitted.network.eval(), 0.0, 0
    with torch.no_grad():
        for places in Budget(examples.costs, AT_ONCE, 0).ordered():
            batch = examples.gather(places)
            shown = torch.zeros_like(batch[2], dtype=torch.bool) if free else None
            number = int((batch[3] != PADDING).sum())
            total += float(loss(network, batch, shown)) * number
            count += number
    return total / max(count, 1)
