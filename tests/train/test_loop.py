"""The loop: what it repeats, when it stops, which weights it keeps."""

import math
from typing import Any

import pytest
import torch
from torch import nn

from tests.train.toy import OPTIONS, Judge, Sample, Script, equal, figures, fit, loss, network
from tidegate.core.errors import TrainingError
from tidegate.nn.draws import drawing
from tidegate.train.history import History
from tidegate.train.options import TrainOptions


def options(**changes: Any) -> TrainOptions:
    return TrainOptions(**{**OPTIONS, **changes})


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_loop_is_the_textbooks(precision: str) -> None:
    """Adam, clipping and a constant rate by hand end in the same weights, torch's mixed precision among it."""
    chosen = options(schedule="constant", clip=0.5, max_epochs=3, patience=0, precision=precision)
    expected = network()
    with drawing(torch.Generator().manual_seed(chosen.seed)):
        adam = torch.optim.Adam(expected.parameters(), lr=0.02, fused=True)
        for epoch in (1, 2, 3):
            expected.train()
            for batch in Sample().epoch(epoch, 0):
                adam.zero_grad()
                with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
                    found_loss = loss(expected, batch)
                found_loss.backward()
                nn.utils.clip_grad_norm_(expected.parameters(), 0.5)
                adam.step()
    found, history = fit(chosen)
    assert [epoch.best for epoch in history] == [True] * 3
    for name, tensor in expected.state_dict().items():
        torch.testing.assert_close(found[name], tensor)
    with torch.no_grad():
        assert history.epochs[-1].validation_loss == pytest.approx(Judge()(expected.eval()), rel=1e-5)


def test_the_same_seed_repeats_bit_for_bit_and_another_does_not() -> None:
    one, first = fit(options())
    two, second = fit(options())
    assert equal(one, two)
    assert figures(first) == figures(second)
    assert not equal(one, fit(options(seed=1))[0])


def test_torchs_own_random_numbers_are_left_alone() -> None:
    torch.manual_seed(5)
    state = torch.get_rng_state()
    fit(options())
    assert torch.equal(torch.get_rng_state(), state)
    weights, _ = fit(options())
    torch.manual_seed(77)
    assert equal(weights, fit(options())[0])


def test_patience_stops_and_the_best_weights_are_restored() -> None:
    script = Script([5, 3, 4, 3, 3.5, 1])
    weights, history = fit(options(max_epochs=9, patience=3), validate=script)
    assert history.stopped == "patience"
    assert [epoch.best for epoch in history] == [True, True, False, False, False]
    assert history.best is not None
    assert history.best.epoch == 2
    assert equal(weights, script.seen[1])
    assert not equal(weights, script.seen[4])


def test_an_improvement_below_min_delta_does_not_count() -> None:
    script = Script([5, 4.95, 4.91, 1])
    weights, history = fit(options(patience=2, min_delta=0.1), validate=script)
    assert [epoch.validation_loss for epoch in history] == [5, 4.95, 4.91]
    assert equal(weights, script.seen[0])


def test_without_patience_all_epochs_are_done() -> None:
    _, history = fit(options(patience=0), validate=Script([1, 2, 3, 4, 5]))
    assert (history.stopped, len(history)) == ("max_epochs", 5)


def test_an_epoch_can_be_cut() -> None:
    _, history = fit(options(steps_per_epoch=2))
    assert [epoch.steps for epoch in history] == [2] * 5
    assert [epoch.steps for epoch in fit(options(steps_per_epoch=99))[1]] == [6] * 5


def test_the_rate_follows_the_schedule() -> None:
    _, history = fit(options(schedule="step", step_epochs=2, factor=0.5, patience=0))
    assert [epoch.learning_rate for epoch in history] == pytest.approx([0.02, 0.02, 0.01, 0.01, 0.005])
    _, history = fit(options(plateau_patience=1, patience=0), validate=Script([3, 4, 4, 4, 4]))
    assert [epoch.learning_rate for epoch in history] == pytest.approx([0.02, 0.02, 0.02, 0.01, 0.01])


def test_the_average_is_what_is_validated_and_kept() -> None:
    plain, averaged = Script([5, 4, 3, 2, 1]), Script([5, 4, 3, 2, 1])
    fit(options(), validate=plain)
    weights, _ = fit(options(average=0.9), validate=averaged)
    assert equal(weights, averaged.seen[-1])
    assert not equal(plain.seen[0], averaged.seen[0])
    done = network()
    means = {name: weight.clone() for name, weight in done.state_dict().items()}
    steps: list[dict[str, torch.Tensor]] = []

    class Recorder:
        def step(self, *_: Any) -> None:
            steps.append({name: weight.clone() for name, weight in done.state_dict().items()})

        def epoch(self, _: Any) -> None:
            pass

    fit(options(max_epochs=1, average=0.9), network=done, progress=Recorder())
    for step, state in enumerate(steps, 1):
        share = min(0.9, (1 + step) / (10 + step))
        means = {name: share * means[name] + (1 - share) * state[name] for name in means}
    for name, mean in means.items():
        torch.testing.assert_close(done.state_dict()[name], mean)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_at_once_is_an_error(wrong: float) -> None:
    with pytest.raises(TrainingError, match=r"epoch 1, step 1.*learning_rate \(now 0\.02\).*clip \(now 1\)"):
        fit(options(), network=_Spoiled(wrong, after=0))


def test_a_validation_loss_that_is_no_number_at_once_is_an_error() -> None:
    with pytest.raises(TrainingError, match="learning_rate"):
        fit(options(), validate=Script([math.nan]))


def test_a_later_divergence_keeps_the_best_weights() -> None:
    script = Script([3, 2, 1, 1, 1])
    weights, history = fit(options(), network=_Spoiled(float("nan"), after=2 * 6 + 3), validate=script)
    assert (history.stopped, len(history)) == ("diverged", 2)
    assert equal(weights, script.seen[1])
    script = Script([3, 2, math.nan])
    weights, history = fit(options(), validate=script)
    assert history.stopped == "diverged"
    assert equal(weights, script.seen[1])


def test_a_huge_learning_rate_is_an_error_or_keeps_finite_weights() -> None:
    try:
        weights, history = fit(options(optimizer="sgd", learning_rate=100.0, clip=0.0, schedule="constant"))
    except TrainingError:
        return
    assert history.stopped == "diverged"
    assert all(torch.isfinite(tensor).all() for tensor in weights.values())


def test_a_history_survives_json_and_prints_as_csv() -> None:
    _, history = fit(options())
    again = History.from_json(history.to_json())
    assert figures(again) == figures(history)
    lines = history.to_csv().splitlines()
    assert len(lines) == 6
    head = lines[0].split(",")
    assert {"epoch", "train_loss", "validation_loss", "grad_norm.0", "grad_norm.2"} <= set(head)
    assert float(lines[1].split(",")[head.index("validation_loss")]) == history.epochs[0].validation_loss
    assert History().to_csv() == ""


class _Spoiled(nn.Module):
    """Gives what is no number after so many training steps."""

    def __init__(self, value: float, after: int) -> None:
        super().__init__()
        self.inner, self.value, self.left = network(), value, after

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.left -= 1
        out: torch.Tensor = self.inner(x)
        return out * self.value if self.training and self.left < 0 else out
