"""Losses of labels, held to torch's own and to formulas written out."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from tidegate.train.label_losses import ClassLoss, NumberLoss

LOGITS = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
TARGET = torch.tensor([0, 2, 1, 1, 0, 2])


def test_cross_entropy_is_torchs_with_weights_and_smoothing() -> None:
    weights = torch.tensor([0.5, 1.0, 2.0])
    torch.testing.assert_close(ClassLoss()(LOGITS, TARGET), functional.cross_entropy(LOGITS, TARGET))
    torch.testing.assert_close(
        ClassLoss(weights=weights)(LOGITS, TARGET), functional.cross_entropy(LOGITS, TARGET, weight=weights)
    )
    torch.testing.assert_close(
        ClassLoss(smoothing=0.1)(LOGITS, TARGET), functional.cross_entropy(LOGITS, TARGET, label_smoothing=0.1)
    )


def test_focal_loss_is_its_formula() -> None:
    right = np.exp(LOGITS.numpy())[np.arange(6), TARGET] / np.exp(LOGITS.numpy()).sum(axis=1)
    expected = np.mean((1 - right) ** 2 * -np.log(right))
    assert np.isclose(float(ClassLoss("focal")(LOGITS, TARGET)), expected, rtol=1e-5)


def test_several_labels_are_as_many_questions() -> None:
    target = torch.nn.functional.one_hot(TARGET, 3).float()
    torch.testing.assert_close(
        ClassLoss(multiple=True)(LOGITS, target), functional.binary_cross_entropy_with_logits(LOGITS, target)
    )


def test_steps_beyond_the_end_do_not_count() -> None:
    logits, target = LOGITS.reshape(2, 3, 3), TARGET.reshape(2, 3)
    valid = torch.tensor([[True, True, False], [True, False, False]])
    torch.testing.assert_close(
        ClassLoss()(logits, target, valid), functional.cross_entropy(LOGITS[[0, 1, 3]], TARGET[[0, 1, 3]])
    )
    values, truth = torch.tensor([[[1.0], [5.0]]]), torch.tensor([[[0.0], [0.0]]])
    assert float(NumberLoss("mse")(values, truth, torch.tensor([[True, False]]))) == 1.0
