"""What an alarm rests on: a planted spike is found in its channel and its steps, and the surprise is the detector's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tidegate as tg
from tidegate.core.errors import ConfigError, DataError, NotFittedError
from tidegate.explain.groups import steps_of
from tidegate.report.explanation.page import render_explanation

ROWS, SPIKE = 900, 840


def pumps(seed: int = 0) -> dict[str, Any]:
    """Hourly flow with a daily wave, and heat without; the flow jumps at one row of the test part."""
    rng = np.random.default_rng(seed)
    time = np.datetime64("2024-01-01T00:00", "us") + np.arange(ROWS) * np.timedelta64(1, "h")
    flow = 10 + 3 * np.sin(np.arange(ROWS) * 2 * np.pi / 24) + 0.3 * rng.normal(size=ROWS)
    flow[SPIKE] += 6
    return {"time": time, "flow": flow, "heat": 5 + 0.3 * rng.normal(size=ROWS), "odd": np.arange(ROWS) == SPIKE}


@pytest.fixture(scope="module")
def detector() -> tg.AnomalyDetector:
    data = pumps()
    model = tg.AnomalyDetector(max_epochs=3, hidden_size=8, window=24, training={"steps_per_epoch": 20})
    return model.fit(data, time="time", target=["flow", "heat"], progress=False)


def test_the_spike_is_found_in_its_channel_and_its_last_steps(detector: tg.AnomalyDetector) -> None:
    found = detector.explain(permutations=8)
    walked = detector.fitted_.walked
    assert found.case.time == "2024-02-05 00:00"
    assert found.case.alarm
    surprise = -np.log10(walked.rarity[SPIKE])
    for each in found.attributions.values():
        assert each.prediction[0] == pytest.approx(surprise, rel=1e-3)  # the stream as it was, to single precision
        assert each.values.sum() + each.base[0] == pytest.approx(each.prediction[0], abs=1e-6)
    channels = {group.feature: value for group, value in zip(
        found.attributions["feature"].groups.all, found.attributions["feature"].values[:, 0], strict=True)}  # fmt: skip
    assert channels["flow"] > 0.9 * surprise
    assert abs(channels["heat"]) < 0.1 * surprise
    blocks = found.attributions["block"]
    last = int(np.argmax(blocks.values[:, 0]))
    assert steps_of(blocks.groups.all[last], 24) == (21, 24)
    assert blocks.values[last, 0] > 0.8 * surprise
    assert found.faithfulness["cell"].beaten > 0.9
    for lang, word in (("en", "why an alarm"), ("zh_TW", "為什麼發出警報")):
        page = render_explanation(found, lang)
        assert word in page
        assert "{" not in page.split("</style>")[1]


def test_an_ordinary_row_and_another_series_of_rows(detector: tg.AnomalyDetector, tmp_path: Path) -> None:
    calm = detector.explain(at="2024-02-03T00:00", permutations=4)
    assert not calm.case.alarm
    assert "why no alarm" in render_explanation(calm, "en")
    loaded = tg.load(detector.save(tmp_path / "model"))
    with pytest.raises(NotFittedError, match="open_run"):
        loaded.explain()
    fresh = {name: values for name, values in pumps().items() if name != "odd"}
    alone = loaded.explain(fresh, at="2024-02-05T00:00", permutations=4)
    walked = loaded.detector_.predict(detector.fitted_.table)
    assert alone.case.said["surprise"] == pytest.approx(-np.log10(walked.rarity[SPIKE]))
    with pytest.raises(DataError, match="2025"):
        detector.explain(at="2025-01-01T00:00")
    with pytest.raises(ConfigError, match="not a time"):
        detector.explain(at="noon")
    with pytest.raises(ConfigError, match="series='x'"):
        detector.explain(series="x")
    with pytest.raises(DataError, match="warming up"):
        detector.explain(at="2024-01-01T00:00")


def test_known_anomalies_are_told_and_one_channel_is_explained_by_its_steps() -> None:
    model = tg.AnomalyDetector(max_epochs=1, hidden_size=4, window=24, training={"steps_per_epoch": 10})
    data = {name: values for name, values in pumps().items() if name != "heat"}
    model.fit(data, time="time", target="flow", label="odd", progress=False)
    found = model.explain(at="2024-02-05T00:00", permutations=4)
    assert set(found.attributions) == {"feature", "block"}
    assert "labelled as an anomaly" in render_explanation(found, "en")
