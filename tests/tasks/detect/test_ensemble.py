"""Several networks in one detector: what is expected is the mean of theirs, alone, streamed and taken up again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tidegate as tg
from tidegate.core.errors import ConfigError
from tidegate.nn.network import every_step
from tidegate.prepare.online import stretch
from tidegate.runtime.model import load
from tidegate.tasks.detect.examples import prepare_rows

OPTIONS: dict[str, Any] = {"max_epochs": 2, "hidden_size": 4, "window": 24, "training": {"steps_per_epoch": 8}}


def values() -> np.ndarray:
    rng = np.random.default_rng(0)
    return 10 + 3 * np.sin(np.arange(500) * 2 * np.pi / 24) + 0.2 * rng.normal(size=500)


@pytest.fixture(scope="module", params=["forecast", "reconstruction"])
def detector(request: pytest.FixtureRequest) -> tg.AnomalyDetector:
    model = tg.AnomalyDetector(**OPTIONS, method=request.param, ensemble_size=2)
    return model.fit(values(), progress=False)


def test_members_differ_and_the_first_is_the_network_alone(detector: tg.AnomalyDetector) -> None:
    alone = tg.AnomalyDetector(**OPTIONS, method=detector.method).fit(values(), progress=False)
    first, second = (member.state_dict() for member in detector.fitted_.network.members)
    for name, weight in alone.fitted_.network.state_dict().items():
        assert torch.equal(first[name], weight)
    assert any(not torch.equal(first[name], second[name]) for name in first)
    assert len(detector.fitted_.histories) == 2


def test_what_is_expected_is_the_mean_of_the_members(detector: tg.AnomalyDetector) -> None:
    table, own = detector.fitted_.table, detector.detector_.preparation
    rows = prepare_rows(table, own, None)
    if detector.method == "reconstruction":
        windows = rows.squashed[np.arange(5)[:, None] * 30 + np.arange(24)]
        past = torch.from_numpy(windows)
        with torch.no_grad():
            output = detector.fitted_.network.eval()(past, past.new_zeros(5, 24, 0), past.new_zeros(5, 0)).values
        rebuilt = detector.detector_.streams(["0"]).network(windows)
        np.testing.assert_allclose(rebuilt, output[..., 0].flip(1).numpy(), rtol=1e-4, atol=1e-5)
        return
    with torch.no_grad():
        each = [
            every_step(member.eval(), torch.from_numpy(rows.inputs[None]))[0].numpy()
            for member in detector.fitted_.network.members
        ]
    assert np.abs(each[0] - each[1]).max() > 1e-3
    walked = detector.detector_.predict(table)
    mean = stretch(np.mean(each, axis=0)) * own.scale[0] + own.offset[0]
    np.testing.assert_allclose(walked.expected[1:], mean[:-1], rtol=1e-4, atol=1e-4)


def test_a_loaded_ensemble_streams_and_goes_on(detector: tg.AnomalyDetector, tmp_path: Path) -> None:
    detector.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    series = values()
    whole = loaded.predict(detector.fitted_.table)
    np.testing.assert_array_equal(whole.p_value, detector.detector_.predict(detector.fitted_.table).p_value)
    stream = loaded.stream(fresh=True)
    said = [stream.update(float(value)).p_value for value in series[:300]]
    again = loaded.stream(stream.snapshot(), fresh=True)
    said += [again.update(float(value)).p_value for value in series[300:]]
    np.testing.assert_array_equal(np.array(said, dtype=float), whole.p_value)


def test_an_ensemble_is_diagnosed_and_its_size_checked(detector: tg.AnomalyDetector) -> None:
    assert detector.diagnose().sample["train"] > 0
    with pytest.raises(ConfigError, match="ensemble_size"):
        tg.AnomalyDetector(ensemble_size=0).check()
