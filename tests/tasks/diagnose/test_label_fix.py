"""A planted illness is mended where its remedy helps; what does not help on the validation part is not kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tidegate as tg
from tests.tasks.label import data
from tidegate.diagnose.checks import curve
from tidegate.diagnose.examine import Tried, measure_flow
from tidegate.diagnose.fix import fix
from tidegate.diagnose.measure import spread
from tidegate.prepare.sequence.prepared import whole
from tidegate.runtime.label.decode import outputs
from tidegate.train.run import TorchRun

QUICK: dict[str, Any] = {
    "hidden_size": 16,
    "max_epochs": 25,
    "training": {"patience": 0},
    "batch_size": 16,
    "network": {"branch": ()},
}


def test_a_rate_a_hundred_times_too_low_is_mended() -> None:
    model = tg.Classifier(**QUICK, learning_rate=2e-5).fit(data.reviews(), progress=False)
    assert model.diagnose().top.id == "learning_rate_low"
    fixed = fix(model, tries=1)
    assert fixed.changes == {"learning_rate": 2e-3}
    before, after = (part["test"].overall["model"][fixed.criterion] for part in (fixed.before, fixed.after))
    assert after > before + 0.2
    assert fixed.after["test"].overall["model"] == fixed.model.evaluate().overall["model"]
    assert fixed.model.learning_rate == 2e-3
    own = replace(model.check().training, learning_rate=2e-3)
    assert fixed.model.check().training == own
    assert any(note.kind == "refit" for note in fixed.model.notes_)  # at last it was trained on both parts, as before
    assert model.learning_rate == 2e-5
    text = fixed.table("en")
    assert "validation accuracy" in text
    assert text.count("bag of words with logistic regression") == 2  # beside both parts
    assert "驗證集的" in fixed.table("zh_TW")


def test_gradients_by_lag_are_those_of_the_ends_of_sequences_of_any_length() -> None:
    """Each sequence alone, by torch: its newest step is lag 1 whatever the padding; means are over those that reach."""
    model = tg.Classifier(**{**QUICK, "max_epochs": 1}).fit(data.waves(40), progress=False)
    answers, opened = model.evidence()
    assert opened.sample == {"train": len(answers.train), "validation": len(answers.validation)}
    flow = measure_flow(opened)
    assert flow is not None
    places = spread(opened.origins["train"], 64)
    past, lengths, target, ones = opened.batch(places)
    assert len(set(lengths.tolist())) > 1
    with torch.no_grad():
        together = float(opened.loss(opened.network, (past, lengths, target, ones)))
        each = [float(opened.loss(opened.network, one)) for one in _apart(past, lengths, target, ones)]
    assert together == pytest.approx(np.mean(each), rel=1e-5)
    squares, reach = np.zeros(past.shape[1]), np.zeros(past.shape[1])
    for one in _apart(past, lengths, target, ones):
        entry = one[0].clone().requires_grad_(True)
        (opened.loss(opened.network, (entry, *one[1:])) / len(past)).backward()
        assert entry.grad is not None
        own = entry.grad[0].square().sum(dim=1).flip(0).numpy()
        squares[: len(own)] += own
        reach[: len(own)] += 1
    kept = reach > 0
    np.testing.assert_allclose(flow.by_lag[kept], np.sqrt(squares * len(past) / np.maximum(reach, 1))[kept], rtol=1e-3)


def _apart(past: Any, lengths: Any, *rest: Any) -> list[tuple[Any, ...]]:
    return [
        (past[row : row + 1, : int(lengths[row])], lengths[row : row + 1], *(part[row : row + 1] for part in rest))
        for row in range(len(past))
    ]


def test_a_gradient_that_vanishes_is_seen_where_even_the_training_part_is_unknown() -> None:
    """A forget gate held shut passes nothing on, and the answer is told by the first steps."""
    model = tg.Classifier(**{**QUICK, "max_epochs": 1}, bidirectional=False).fit(data.waves(60), progress=False)
    opened = model.evidence()[1]
    rnn = next(part for part in opened.network.modules() if isinstance(part, torch.nn.RNNBase))
    with torch.no_grad():
        for name, weight in rnn.named_parameters():
            if "bias" in name:
                weight[rnn.hidden_size : 2 * rnn.hidden_size] = -20.0
            if "weight_hh" in name:
                weight.zero_()
    found = curve.vanishing(replace(opened, unlearned=True), Tried(opened))
    assert [item.id for item in found] == ["vanishing_gradients"]
    assert found[0].remedy == {"network.pooling": "attention"}
    assert "would still explain" not in found[0].text("en")
    assert curve.vanishing(replace(opened, unlearned=False), Tried(opened)) == []


def test_the_network_that_chose_the_epochs_is_kept_in_the_run(tmp_path: Path) -> None:
    """Trials on the side judge on the validation part, which the network trained on both parts has seen."""
    model = tg.Classifier(**{**QUICK, "max_epochs": 2}).fit(
        data.waves(40), progress=False, out=tmp_path / "run", source={"data": "waves.csv"}
    )
    assert any(note.kind == "refit" for note in model.notes_)
    chosen = model.fitted_.held_out
    assert chosen is not model.fitted_
    found = outputs(TorchRun(chosen.network).sequences, chosen.prepared, whole(chosen.prepared.starts,
                    chosen.parts.validation), per_step=False)  # fmt: skip
    np.testing.assert_array_equal(found, chosen.seen["validation"][0])
    kept = tg.load(tmp_path / "run" / "selected")
    for name, weight in chosen.weights.items():
        np.testing.assert_array_equal(kept.model_.weights[name], weight)


def test_too_few_units_for_an_estimate_are_mended() -> None:
    model = tg.Regressor(
        **{
            **QUICK,
            "hidden_size": 1,
            "max_epochs": 100,
            "learning_rate": 5e-2,
            "training": {"patience": 0, "refit": False},
        }
    )
    model = model.fit(data.reviews_that_count(), progress=False)
    found = model.diagnose().find("few_units")
    assert found is not None
    fixed = model.fix(tries=2)
    assert fixed.changes["hidden_size"] == 64
    assert fixed.criterion == "rmse"
    assert fixed.trials[0].after < 0.9 * fixed.trials[0].before


def test_a_rare_class_that_is_missed_is_fixed_first() -> None:
    whole = data.waves(300)
    keep = np.flatnonzero((whole.labels == "slow") | (np.arange(300) % 16 == 1))
    options = {
        **QUICK,
        "max_epochs": 14,
        "learning_rate": 5e-3,
        "training": {"patience": 0, "label_smoothing": 0.0, "refit": False},
    }
    model = tg.Classifier(**options).fit(whole.take(keep), progress=False)
    fixed = fix(model, tries=2)
    assert fixed.criterion == "f1_macro"
    first = fixed.trials[0]
    assert (dict(first.finding.remedy), first.kept) == ({"class_weight": "balanced"}, True)
    before, after = (part["test"].per_class["fast"]["recall"] for part in (fixed.before, fixed.after))
    assert before == 0
    assert after > 0.5
    state = fixed.to_json()
    assert [trial["kept"] for trial in state["trials"]] == [trial.kept for trial in fixed.trials]
    assert json.loads(json.dumps(state, default=str))["changes"]["class_weight"] == "balanced"


def test_a_remedy_that_does_not_help_is_not_kept() -> None:
    """Labels that have nothing to do with the sequences: more units help nobody."""
    noise = data.waves(90)
    labels = np.random.default_rng(5).permutation(noise.labels)
    model = tg.Classifier(**{**QUICK, "hidden_size": 2, "max_epochs": 3, "training": {"patience": 0, "refit": False}})
    model = model.fit(data.make_again(noise, labels), progress=False)
    said: list[str] = []
    fixed = fix(model, tries=2, report=said.append)
    assert fixed.trials
    assert len(said) == len(fixed.trials)
    assert [trial.kept for trial in fixed.trials] == [False] * len(fixed.trials)
    assert fixed.model is model
    assert not fixed.improved
    assert fixed.before is fixed.after or fixed.before == fixed.after
    assert "not kept" in str(fixed)


def test_one_answer_more_is_no_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a validation part of a dozen a single answer that changes sides is chance."""
    from tidegate.tasks.diagnose import label_fix

    model = tg.Classifier(**{**QUICK, "hidden_size": 2, "max_epochs": 1, "training": {"patience": 0, "refit": False}})
    model = model.fit(data.waves(80), progress=False)
    right = iter([6, 7, 8])
    count = len(model.fitted_.parts.validation)

    class Scored:
        criterion, methods = "accuracy", ("model",)

        def __init__(self) -> None:
            self.overall = {"model": {"accuracy": next(right) / count}}

    monkeypatch.setattr(label_fix, "evaluate_seen", lambda *given: Scored())
    monkeypatch.setattr(
        label_fix.LabelTrainee, "retrained", lambda self, _: label_fix.LabelTrainee(self.model, self.first)
    )
    monkeypatch.setattr(label_fix, "evaluate_part", lambda *given: type("EvaluatedForecasts", (), {"evaluation": None}))
    fixed = fix(model, tries=1)
    assert [trial.kept for trial in fixed.trials] == [False]


def test_the_validation_part_is_scored_by_a_network_that_had_not_seen_it() -> None:
    from tidegate.tasks.label.evaluate import evaluate_seen

    whole = data.waves(60)
    labels = np.random.default_rng(1).permutation(whole.labels)  # nothing to learn but by heart
    model = tg.Classifier(
        **{**QUICK, "learning_rate": 1e-2, "max_epochs": 60, "training": {"patience": 0, "refit": True}}
    )
    model = model.fit(data.make_again(whole, labels), progress=False)
    answers = model.fitted_.seen["validation"]
    own = float(np.mean(answers[0].argmax(axis=1) == answers[1]))
    beside: dict[str, Any] = {}
    assert evaluate_seen(model, beside).overall["model"]["accuracy"] == pytest.approx(own)
    assert "majority" in beside
    assert model.evaluate(part="validation").overall["model"]["accuracy"] >= own


def test_groups_on_both_sides_are_left_to_the_user() -> None:
    whole = data.waves(80)
    leaky = replace(whole, groups=np.arange(80) // 4)
    model = tg.Classifier(**{**QUICK, "max_epochs": 2, "training": {"patience": 0, "refit": False}}).fit(
        leaky, by="stratified", progress=False
    )
    assert [item.id for item in fix(model, tries=0).skipped] == ["group_leak"]
