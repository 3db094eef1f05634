"""Training on synthetic series: the same batches from the same seed, and a run that goes on where it was cut off."""

import argparse
from pathlib import Path

import numpy as np
import pytest
import torch
from pretrain import generate

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    """`pretrain/` on the path, as when its scripts are run."""
    monkeypatch.syspath_prepend(str(ROOT / "pretrain"))


def test_a_seed_makes_the_same_series_and_another_seed_others() -> None:
    one, again, other = (generate.make(seed, 16, 64).y for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any(axis=1).all()
    assert np.isfinite(one).all()


def test_every_prior_is_in_the_mixture() -> None:
    assert generate.SHARES.sum() == pytest.approx(1.0)
    made = generate.make(0, 600, 200)
    count = (made.seasons > 1).sum(1)
    assert {0, 1, 2} == set(count.tolist())
    assert 0.01 < ((made.y == 0).mean(1) > 0.3).mean() < 0.2  # intermittent demand


def test_a_run_that_was_cut_off_ends_with_the_same_weights(scripts: None, tmp_path: Path) -> None:
    import batches

    import train

    def run(folder: str, stops: tuple[int, ...]) -> train.Training:
        for stop in stops:
            own = argparse.Namespace(out=tmp_path / folder, rate=2e-3, seed=0, hidden=16, steps=4)
            own.out.mkdir(exist_ok=True)
            training = train.Training(own)
            while training.step < stop:
                training.advance(batches.make(training.step))
            training.save()
        return training

    whole, cut = run("whole", (3,)), run("cut", (1, 3))
    for (name, one), other in zip(whole.net.named_parameters(), cut.net.parameters(), strict=True):
        assert torch.equal(one, other), name
    for one, other in zip(whole.mean, cut.mean, strict=True):
        assert torch.equal(one, other)


def test_examples_hold_what_came_and_are_finite(scripts: None) -> None:
    import batches

    for seed in range(3):
        made = batches.make(seed)
        for array in (made.x, made.z, made.candidates, made.target):
            assert np.isfinite(array).all()
        assert made.x.shape[1] > made.patch.max()
        assert (made.candidates.shape[:2], made.candidates.shape[3]) == (made.target.shape[:2], made.target.shape[2])
        best = np.abs(made.candidates - made.target[:, :, None]).mean((0, 1, 3)).min()
        assert best < np.abs(made.target).mean() * 1.5
