"""Known and observed columns of a detector: read, and not watched."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tidegate as tg
from tidegate.core.errors import ConfigError, DataError


def commanded(rows: int = 1200) -> dict[str, Any]:
    """A reading that jumps at random commands and follows another one; at three rows it jumps by itself."""
    rng = np.random.default_rng(3)
    command = (rng.random(rows) < 0.06).astype(float)
    drive = np.cumsum(rng.normal(size=rows)) * 0.3
    y = 6 * command + np.concatenate([[0.0], drive[:-1]]) + 0.2 * rng.normal(size=rows)
    y[[1000, 1060, 1120]] += 6
    time = np.datetime64("2024-01-01", "s") + np.arange(rows) * np.timedelta64(600, "s")
    return {"time": time, "y": y, "command": command, "drive": drive}


@pytest.mark.slow
def test_covariates_are_read_and_not_watched(tmp_path: Path) -> None:
    """Jumps that were commanded are expected, so that those which were not alarm."""
    table = commanded()
    how = {"time": "time", "target": "y", "progress": False}
    options = {"max_epochs": 12, "seed": 0, "alarms": {"warm_up": 30}}
    bare = tg.AnomalyDetector(**options).fit({k: table[k] for k in ("time", "y")}, **how)
    model = tg.AnomalyDetector(**options).fit(table, known=["command"], observed=["drive"], **how)
    detector = model.detector_
    assert detector.preparation.columns == ("y", "drive", "command")
    assert detector.spec.past == len(detector.preparation.input_names)
    mae = [np.nanmean(np.abs(one.fitted_.walked.expected[960:, 0] - table["y"][960:])) for one in (bare, model)]
    assert mae[1] < 0.6 * mae[0]
    p = [one.fitted_.walked.p_value for one in (bare, model)]
    jumps = [1000, 1060, 1120]
    assert p[1][jumps].max() < 0.02 < p[0][jumps].max()
    model.save(tmp_path / "m")
    loaded = tg.load(tmp_path / "m")
    found = np.array(loaded.predict(table)["p_value"])
    np.testing.assert_array_equal(found, np.array(model.predict(table)["p_value"]))
    # a stream, cut in two by a snapshot, gives the same as the whole table at once
    rows = np.stack([table[name] for name in detector.preparation.columns], axis=1)
    stream = loaded.stream(streams=1)
    got = []
    for i in range(200):
        if i == 90:
            stream = loaded.stream(stream.snapshot())
        got.append(stream.update(rows[i : i + 1], time=table["time"][i]).p_value[0])
    np.testing.assert_array_equal(got, found[:200])
    with pytest.raises(DataError, match=r"3 column\(s\)"):
        stream.update([1.0])


def test_columns_that_a_detector_cannot_read_are_refused() -> None:
    table = {"time": np.arange(300), "y": np.sin(np.arange(300) / 5), "z": np.arange(300.0), "w": np.array(["a"] * 300)}
    how = {"time": "time", "target": "y", "progress": False}
    with pytest.raises(ConfigError, match="reads no static"):
        tg.AnomalyDetector(max_epochs=1).fit(table, static=["z"], **how)
    with pytest.raises(DataError, match="column 'w' holds no numbers"):
        tg.AnomalyDetector(max_epochs=1).fit(table, known=["w"], **how)
    with pytest.raises(ConfigError, match="method='forecast'"):
        tg.AnomalyDetector(max_epochs=1, method="reconstruction").fit(table, known=["z"], **how)
