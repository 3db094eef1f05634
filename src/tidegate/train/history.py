"""What happened in every epoch."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate.core.notebook import Notebook
from tidegate.core.translate import Language, tr


@dataclass(frozen=True)
class Epoch:
    """One pass over the training windows.

    Attributes:
        epoch: from 1. steps: optimiser steps done in it.
        train_loss, validation_loss: means over their windows, in the scale the network works in.
        learning_rate: of the last step.
        grad_norm: mean norm of the whole gradient before clipping; `layer_norms` the same by layer.
        clipped: share of the steps whose gradient was clipped.
        seconds: wall time of training and validation; `train_seconds` of the training steps alone.
        best: whether the validation loss was the lowest so far.
    """

    epoch: int
    steps: int
    train_loss: float
    validation_loss: float
    learning_rate: float
    grad_norm: float
    clipped: float
    seconds: float
    train_seconds: float
    best: bool
    layer_norms: Mapping[str, float] = field(default_factory=dict)


@dataclass(repr=False)
class History(Notebook):
    """The epochs of a training, why it stopped, and which weights were kept.

    `stopped` is "patience", "max_epochs" or "diverged" ("" while it runs).
    """

    epochs: list[Epoch] = field(default_factory=list)
    stopped: str = ""

    def __len__(self) -> int:
        return len(self.epochs)

    def __iter__(self) -> Iterator[Epoch]:
        return iter(self.epochs)

    @property
    def best(self) -> Epoch | None:
        """The epoch whose weights are kept."""
        return next((epoch for epoch in reversed(self.epochs) if epoch.best), None)

    @property
    def seconds(self) -> float:
        """Wall time of all epochs."""
        return sum(epoch.seconds for epoch in self.epochs)

    def summary(self, lang: Language | None = None) -> str:
        """How many epochs there were, and which one's weights were kept."""
        if self.best is None:
            return tr("{count} epochs.", lang, count=len(self))
        kept = "{count} epochs; the weights of epoch {best} were kept, the best on the validation part."
        return tr(kept, lang, count=len(self), best=self.best.epoch)

    def __str__(self) -> str:
        return self.summary()

    def to_json(self) -> dict[str, Any]:
        return {"stopped": self.stopped, "epochs": [dict(vars(epoch)) for epoch in self.epochs]}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> History:
        return cls([Epoch(**row) for row in state["epochs"]], state["stopped"])

    def to_csv(self) -> str:
        """One line an epoch; gradient norms of the layers as `grad_norm.<layer>`."""
        rows = []
        for epoch in self.epochs:
            row = dict(vars(epoch))
            row |= {f"grad_norm.{name}": value for name, value in row.pop("layer_norms").items()}
            rows.append(row)
        out = io.StringIO()
        if rows:
            writer = csv.DictWriter(out, fieldnames=list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        return out.getvalue()
