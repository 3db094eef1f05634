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
from tidegate.prepare.augment import AugmentOptions
from tidegate.tasks.forecast.examples import WindowBatches, taught
from tidegate.train.label_losses import softened


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    monkeypatch.setattr("tidegate.runtime.network.timing.SECONDS", 0.02)
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
    with pytest.raises(ConfigError, match="at most 1"):
        distill(forecaster(), share=2.0)


def test_the_loss_of_a_student_is_that_of_the_paper():
    logits, said = torch.tensor([[1.0, -2.0, 0.5]]), torch.tensor([[0.2, 0.1, 3.0]])
    p, q = (np.exp(part.numpy()[0] / 2) / np.exp(part.numpy()[0] / 2).sum() for part in (said, logits))
    expected = 0.7 * 5 + 0.3 * 4 * (p * np.log(p / q)).sum()
    assert float(softened(torch.tensor(5.0), logits, said, 0.3)) == pytest.approx(expected, rel=1e-5)


def test_a_student_of_classes(tmp_path):
    found = distill(classifier(), hidden_size=3, out=tmp_path / "ways")
    assert [form.name for form in found.forms] == ["teacher", "student", "student alone"]
    assert found.forms[1].parameters < found.forms[0].parameters
    assert "best baseline" in str(found)
    weights = [tg.load(tmp_path / name).model_.weights for name in ("ways", "ways-alone")]
    assert any(not np.array_equal(weight, weights[1][name]) for name, weight in weights[0].items())


def test_a_student_of_tokens(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("\n".join("abcab cab abc" for _ in range(60)))
    model = tg.LanguageModel(max_epochs=1, window=16, hidden_size=8, num_layers=1)
    model.fit(text, out=tmp_path / "writer", progress=False)
    told = distill(tmp_path / "writer", share=0.9)
    assert told.metric == "nats_per_token"
    assert told.forms[1].score != told.forms[2].score
    seen = [n for n, form in enumerate(told.forms) if np.isfinite(form.score)]
    assert seen == [0, 1, 2]
