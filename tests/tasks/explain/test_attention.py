"""Where a forecaster looked: times and weights beside the network's own, before and after saving."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tidegate as tg
from tests.tasks.forecast.models import HOUR, fitted_plain, fitted_rich, hours, plain, quick, rich_future, wave


def weights_of(frame: Any) -> np.ndarray:
    return np.asarray(frame["weight"], dtype=np.float64)


def test_pooling_has_a_weight_for_each_step_of_the_window() -> None:
    model, future = fitted_rich(), rich_future()
    frame = model.attention_weights(future=future)
    assert list(frame.columns) == ["place", "time", "weight"]
    weights = weights_of(frame).reshape(2, 12)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-6)
    last = model.fitted_.table.starts[1:]
    prepared = model.fitted_.prepared
    past, static = prepared.past(last, 12), prepared.static(last)
    steps = np.zeros((2, 6, model.spec_.future), dtype=np.float32)
    np.testing.assert_allclose(weights, model.run_(past, steps, static).attention, rtol=1e-5)
    first = model.predict(future=future)["time"][0]
    assert frame["time"][11] == first - HOUR.astype(object)
    assert frame["place"].to_list() == ["north"] * 12 + ["south"] * 12


@pytest.mark.parametrize(
    ("network", "segment", "steps"),
    [({}, 1, 12), ({}, 3, 4), ({"conv_channels": [4], "conv_stride": 2, "conv_kernel": 2}, 1, 6)],
    ids=str,
)
def test_the_decoder_has_weights_for_each_step_ahead(network: Any, segment: int, steps: int, tmp_path: Path) -> None:
    model = quick(network={"attention": "general", "decoder_segment": 2, **network, "segment": segment})
    model.fit(plain(220), progress=False)
    frame = model.attention_weights()
    assert frame["ahead"].to_list() == [step for step in (2, 4, 6) for _ in range(steps)]
    np.testing.assert_allclose(weights_of(frame).reshape(3, steps).sum(axis=1), 1, rtol=1e-6)
    expected = plain(220)["time"][np.arange(220 - 12 + 12 // steps - 1, 220, 12 // steps)]
    assert [np.datetime64(time) for time in frame["time"][:steps]] == expected.tolist()
    loaded = tg.load(model.save(tmp_path / "model")).attention_weights()
    np.testing.assert_allclose(weights_of(loaded), weights_of(frame), atol=1e-6)


def test_independent_targets_look_each_for_itself() -> None:
    table = {"time": hours(220), "y": wave(220), "z": 5 * wave(220, seed=3)}
    model = quick(network={"channels": "independent", "pooling": "attention"}).fit(
        table, target=["y", "z"], progress=False
    )
    frame = model.attention_weights()
    assert frame["target"].to_list() == ["y"] * 12 + ["z"] * 12
    np.testing.assert_allclose(weights_of(frame).reshape(2, 12).sum(axis=1), 1, rtol=1e-6)


def test_a_network_without_attention_says_how_to_get_it() -> None:
    with pytest.raises(tg.TidegateError, match="pooling='attention'"):
        fitted_plain().attention_weights()
