"""Leaks of sequences are planted and found; honest data pass, bit for bit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import tidegate as tg
from tests.tasks.label import data
from tidegate.core.errors import DataError
from tidegate.core.sequences import Sequences
from tidegate.data.partition import partition
from tidegate.evaluate.leaks.sequences import near_copies, telling_inputs
from tidegate.prepare.sequence.preparation import SequencePreparation

QUICK: dict[str, Any] = {"hidden_size": 8, "max_epochs": 4, "network": {"branch": ()}, "batch_size": 16}


def keys(audit: Any) -> list[str]:
    return [finding.key for finding in audit.findings]


def test_honest_sequences_pass_and_the_model_stays_as_it_is() -> None:
    model = tg.Classifier(**QUICK).fit(data.waves(60), progress=False)
    weights = {name: tensor.clone() for name, tensor in model.fitted_.network.state_dict().items()}
    found = model.audit()
    assert found.passed
    assert [check.perturbation for check in found.checks] == ["noise", "extremes", "missing"]
    assert found.checks[0].stages == ("the fitted preparation", "the prepared inputs", "the weights", "the answers")
    assert "with shuffled labels nothing is learned" in found.text("en")
    assert "打亂標籤" in found.text("zh_TW")
    assert all((weights[name] == now).all() for name, now in model.fitted_.network.state_dict().items())


def test_a_preparation_that_has_seen_the_test_part_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = SequencePreparation.fit

    def greedy(sequences: Sequences, index: Any, *rest: Any) -> SequencePreparation:
        return honest(sequences, np.arange(len(sequences)), *rest)

    monkeypatch.setattr(SequencePreparation, "fit", greedy)
    found = tg.Regressor(**QUICK).audit(data.means())
    assert keys(found)[0] == "moved_test"
    assert found.findings[0].stage == "the fitted preparation"
    assert "when the test sequences were replaced" in found.text("en")


def test_a_model_that_knows_the_labels_anyway_is_caught_by_shuffled_ones() -> None:
    whole = data.waves(90)

    class Cheat(tg.Classifier):
        def _fit_parts(self, sequences: Sequences, parts: Any, **how: Any) -> None:
            super()._fit_parts(replace(sequences, labels=whole.labels), parts, **how)

    model = Cheat(**{**QUICK, "max_epochs": 20, "learning_rate": 1e-2, "hidden_size": 12})
    assert "shuffled" in keys(model.audit(whole))


def test_copies_near_copies_groups_and_labels_among_the_inputs() -> None:
    honest = data.waves(60)
    again = honest.take(np.concatenate([np.arange(60), np.arange(20)]))
    again = replace(again, ids=tuple(map(str, range(80))))
    assert "copies" in keys(tg.Classifier(**QUICK).audit(again, by="random"))
    noise = np.random.default_rng(0).normal(0, 1e-3, again.values.shape)
    nudged = replace(again, values=again.values + noise.astype(again.values.dtype))
    parts = partition(nudged, validation=0.15, test=0.3, by="random", seed=0)
    near = near_copies(nudged.take(parts.train), nudged.take(parts.test))
    twins = {str(place) for place in parts.test if (place + 60 if place < 20 else place - 60) in parts.train}
    assert set(near) == {name for name in twins if int(name) < 20 or int(name) >= 60}
    train = honest.take(np.arange(40))
    assert near_copies(train, honest.take(np.arange(40, 60))) == ()
    told = np.repeat((honest.labels == np.unique(honest.labels)[0]).astype(float), honest.lengths)
    leaky = replace(honest, values=np.column_stack([honest.values, told]), channels=(*honest.channels, "fault code"))
    assert telling_inputs(leaky) == ("fault code",)
    assert telling_inputs(honest) == ()
    numbers = data.means()
    copied = np.repeat(3 * np.asarray(numbers.labels, dtype=float).ravel() + 1, numbers.lengths)
    line = replace(numbers, values=np.column_stack([numbers.values, copied]), channels=(*numbers.channels, "gauge"))
    assert telling_inputs(line) == ("gauge",)


def test_texts_are_exchanged_and_an_audit_needs_a_test_part() -> None:
    found = tg.Classifier(**QUICK).audit(data.reviews())
    assert len(found.checks) == 1
    assert "replaced by a training sequence" in found.text("en")
    with pytest.raises(DataError, match="a test part"):
        tg.Classifier(**QUICK).audit(data.waves(40), test=0)
