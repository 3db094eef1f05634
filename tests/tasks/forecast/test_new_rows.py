"""Rows that come later are scored against the baselines of the run's own training part."""

from pathlib import Path

import numpy as np
import pytest

import tidegate as tg
from tidegate.core.errors import ArtifactError


def _write(path: Path, time: np.ndarray, values: np.ndarray) -> Path:
    lines = [f"{t},{value:.4f}" for t, value in zip(time, values, strict=True)]
    path.write_text("\n".join(["time,load", *lines]) + "\n")
    return path


@pytest.mark.parametrize("dated", [True, False])
def test_the_test_part_as_a_file_gets_the_verdict_of_the_run(tmp_path: Path, dated: bool) -> None:
    rng = np.random.default_rng(0)
    steps = np.arange(900)
    values = 10 + 3 * np.sin(2 * np.pi * steps / 7) + rng.normal(0, 1, 900)
    time = np.datetime64("2021-01-01") + steps if dated else steps
    whole = _write(tmp_path / "all.csv", time, values)
    model = tg.Forecaster(
        horizon=5, window=14, hidden_size=4, num_layers=1, max_epochs=1, network={"normalise": None}, pretrained=False
    )
    model.fit(str(whole), time="time", target="load", test=200, out=tmp_path / "run")
    stored = model.evaluate()
    rows = _write(tmp_path / "last.csv", time[-200:], values[-200:])
    found = tg.load(tmp_path / "run").evaluate(str(rows))
    assert found.verdict.key == stored.verdict.key == "loses"
    assert set(found.methods) == set(stored.methods)
    best = [found.overall[method or ""]["mae"] for method in (stored.best_baseline, found.best_baseline)]
    assert best[0] == pytest.approx(best[1], rel=0.02)  # several constants of the season are nearly alike
    assert found.season == stored.season == 7
    # Windows of the file begin a window later; those that both have are the same to the last bit.
    assert found.origins == 200 - 14 - 5 + 1
    for name in ("model", "ridge", "median", "seasonal_median_7", "theta"):
        assert found.overall[name]["mae"] == pytest.approx(stored.overall[name]["mae"], rel=0.05)
    same = model.evaluate(str(rows))
    assert same.verdict.key == found.verdict.key
    for name in set(found.methods) - {"model"}:  # numpy's network rounds otherwise than torch's
        assert same.overall[name] == found.overall[name]
    # A model without its run knows no ridge regression: there is no verdict.
    model.save(tmp_path / "bare")
    bare = tg.load(tmp_path / "bare").evaluate(str(rows))
    assert bare.verdict.key == "missing"
    assert "ridge" in bare.summary("en")
    (tmp_path / "run" / "baselines.safetensors").write_bytes(b"no tensors")
    with pytest.raises(ArtifactError, match="baselines"):
        tg.load(tmp_path / "run")
