"""Augmentation: exact where it can be stated, statistical where it cannot."""

from __future__ import annotations

import numpy as np
import pytest

from tidegate.core.errors import ConfigError
from tidegate.prepare import AugmentOptions, augment, jitter_origins


def _batch() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    past = generator.standard_normal((200, 30, 4)).astype(np.float32)
    return past, generator.standard_normal((200, 6, 1)).astype(np.float32)


def test_nothing_to_do_returns_the_batch_itself() -> None:
    past, target = _batch()
    options = AugmentOptions()
    same = augment(past, target, options, np.random.default_rng(1), noisy=(0, 1), scaled=(0,))
    assert same[0] is past
    assert same[1] is target
    assert not options.active


def test_noise_reaches_numeric_inputs_only() -> None:
    past, target = _batch()
    before = past.copy()
    options = AugmentOptions(noise=0.1)
    changed, same = augment(past, target, options, np.random.default_rng(1), noisy=(0, 2), scaled=(0,))
    noise = changed - past
    np.testing.assert_array_equal(past, before)
    np.testing.assert_array_equal(same, target)
    assert not noise[:, :, [1, 3]].any()
    assert noise[:, :, [0, 2]].std() == pytest.approx(0.1, rel=0.02)
    assert abs(noise[:, :, [0, 2]].mean()) < 0.003


def test_scaling_keeps_inputs_and_target_in_step() -> None:
    past, target = _batch()
    options = AugmentOptions(scaling=0.2)
    changed, moved = augment(past, target, options, np.random.default_rng(1), noisy=(0, 2), scaled=(0, 1))
    factor = moved / target
    np.testing.assert_allclose(factor, np.broadcast_to(factor[:, :1], factor.shape), rtol=1e-5)
    np.testing.assert_allclose(changed[:, :, :2], past[:, :, :2] * factor[:, :1], rtol=1e-5)
    np.testing.assert_array_equal(changed[:, :, 2:], past[:, :, 2:])
    assert factor[:, 0, 0].std() == pytest.approx(0.2, rel=0.15)


def test_jitter_stays_near_and_legal() -> None:
    origins = np.arange(100, 200)
    legal = np.tile([103, 190], (100, 1))
    moved = jitter_origins(origins, AugmentOptions(jitter=5), np.random.default_rng(1), legal)
    assert moved.min() >= 103
    assert moved.max() <= 190
    inner = slice(10, 80)
    assert set((moved - origins)[inner].tolist()) == set(range(-5, 6))


def test_same_generator_state_same_batch() -> None:
    past, target = _batch()
    options = AugmentOptions(noise=0.1, scaling=0.1)
    runs = [augment(past, target, options, np.random.default_rng(7), noisy=(0,), scaled=(0,)) for _ in range(2)]
    np.testing.assert_array_equal(runs[0][0], runs[1][0])
    np.testing.assert_array_equal(runs[0][1], runs[1][1])


@pytest.mark.parametrize("options", [{"noise": -1.0}, {"noise": float("nan")}, {"scaling": "x"}, {"jitter": 1.5}])
def test_options_that_cannot_work_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        AugmentOptions(**options)  # type: ignore[arg-type]
