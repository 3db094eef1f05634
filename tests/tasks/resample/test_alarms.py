"""A detector's backtest: each fold is what a fit up to its cutoff says of the rows after it, and totals are sums."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tidegate as tg
from tidegate.core.errors import ConfigError, SplitError
from tidegate.report.backtest import report_backtest

ROWS = 720
SPIKES = (400, 560, 660)


def make() -> tg.AnomalyDetector:
    return tg.AnomalyDetector(max_epochs=2, hidden_size=4, window=24, training={"steps_per_epoch": 10})


def meter() -> dict[str, Any]:
    """A daily wave, hourly, with labelled spikes."""
    values = 10 + 3 * np.sin(np.arange(ROWS) * 2 * np.pi / 24) + 0.2 * np.random.default_rng(0).normal(size=ROWS)
    odd = np.zeros(ROWS)
    for row in SPIKES:
        values[row : row + 2] += 8
        odd[row : row + 2] = 1
    time = np.datetime64("2024-01-01T00:00", "us") + np.arange(ROWS) * np.timedelta64(1, "h")
    return {"time": time, "flow": values, "odd": odd}


HOW: dict[str, Any] = {"time": "time", "target": "flow", "label": "odd"}


def test_a_fold_is_what_a_fit_up_to_its_cutoff_says(tmp_path: Path) -> None:
    data = meter()
    found = tg.backtest(make(), data, **HOW, folds=2, test_size=180, progress=False, out=tmp_path / "folds")
    for fold, (train, end) in zip(found.folds, ((360, 540), (540, 720)), strict=True):
        alone = make().fit(
            {name: values[:end] for name, values in data.items()},
            **HOW, validation=train // 10, test=180, progress=False,
        )  # fmt: skip
        assert fold.evaluation.to_json() == alone.evaluate().to_json()
        assert fold.events["p_value"] == pytest.approx(alone.events()["p_value"].to_list())
        assert fold.about["validation_end"] == str(data["time"][train - 1])
    total = found.total()
    assert (total["windows"], total["found"]) == (3, sum(one.methods["model"]["found"] for one in found.evaluations))
    assert total["rate"] == pytest.approx(total["events"] / 360 * 168)  # every row was judged; 168 hours a week
    assert found.rows()[-1][:4] == ["all", "", "360", f"{total['events']:.0f}"]
    assert len(found.frame) == total["events"]
    assert f"{total['found']:.0f} of 3" in found.verdict("en")
    again = tg.backtest(make(), data, **HOW, folds=2, test_size=180, progress=False, out=tmp_path / "folds")
    assert again.to_json() == found.to_json()
    page = report_backtest(tmp_path / "report.html", found, lang="zh_TW").read_text("utf-8")
    assert "截止點" in page
    assert "{" not in page.split("</style>")[1]


def test_rows_without_a_clock_or_labels_and_what_is_refused() -> None:
    found = make().backtest(meter()["flow"], folds=2, progress=False)
    assert not found.clock
    assert found.unit == 1_000
    assert "in 1,000 rows" in found.verdict("en")
    assert "Labelled" not in found.verdict("en")
    with pytest.raises(ConfigError, match="every cutoff"):
        tg.backtest(make(), meter()["flow"], stride=2)
    with pytest.raises(SplitError):
        make().backtest(meter()["flow"], folds=2, test_size=400, progress=False)
