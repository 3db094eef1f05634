"""A student that learns from a teacher."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import tidegate as tg
from tests.deploy.shrink.runs import classifier, forecaster
from tidegate.core.errors import ConfigError
from tidegate.data.windows import windows as part_windows
from tidegate.deploy.shrink.distill import distill
from tidegate.prepare.table.augment import AugmentOptions
from tidegate.tasks.forecast.examples import WindowBatches, taught


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    monkeypatch.setattr("tidegate.deploy.shrink.measure.SECONDS", 0.02)
    monkeypatch.setattr("tidegate.deploy.shrink.forms.peak_memory", lambda folder: 1_000_000)


def test_targets_are_mixed():
    opened = tg.open_run(forecaster())
    fitted = opened.fitted_
    windows = part_windows(fitted.table, fitted.split, "train", window=opened.spec_.window, horizon=6)

    def first():
        made = WindowBatches(fitted.prepared, windows, opened.spec_, 4, 0, AugmentOptions())
        return next(iter(made.epoch(1, 0)))

    plain = first()
    with taught(opened.run_, 0.25, 0):
        mixed = first()
    said = opened.run_(*(part.numpy() for part in plain[:3])).prepared()[..., 0]
    expected = 0.75 * plain[3].numpy() + 0.25 * said
    np.testing.assert_allclose(mixed[3].numpy(), expected, rtol=1e-5, atol=1e-6)
    assert torch.equal(first()[3], plain[3])


def test_a_student(tmp_path):
    found = distill(forecaster(), hidden_size=6, out=tmp_path / "small")
    assert [form.name for form in found.forms] == ["teacher", "student", "student alone"]
    teacher, student, alone = found.forms
    assert student.parameters == alone.parameters < teacher.parameters
    assert student.score != alone.score
    assert found.notes[-1].kind == "distilled"
    assert tg.load(tmp_path / "small").spec_.encoder.hidden_size == 6
    assert len(tg.open_run(tmp_path / "small").history_)
    with pytest.raises(ConfigError, match="is a classifier"):
        distill(classifier(), out=tmp_path / "other")
    with pytest.raises(ConfigError, match="at most 1"):
        distill(forecaster(), share=2.0)
