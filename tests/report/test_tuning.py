"""The page of a search: table, a picture for each option, what the test part says; both languages."""

from pathlib import Path

import pytest

import tidegate as tg
from tests.tasks.search.test_tune import SPACE, tiny, waves
from tidegate.report.tuning import render_tuning, write_tuning

pytest.importorskip("optuna")


def test_the_folder_holds_the_leaderboard_the_best_model_and_a_page(tmp_path: Path) -> None:
    X, y = waves()
    found = tg.tune(tiny(), X, trials=3, space=SPACE, labels=y)
    page = write_tuning(tmp_path, found, title="waves").read_text("utf-8")
    assert page.count("<svg") >= 2
    for entry in found.board.entries:
        assert entry.name in page
    rows = (tmp_path / "leaderboard.csv").read_text("utf-8").splitlines()
    assert rows[0].split(",") == ["tried", "score", "seconds", "weights", "chosen", "options"]
    assert len(rows) == 5
    assert list(tg.load(tmp_path).predict(X)) == list(found.model.predict(X))
    assert "排行" in render_tuning(found, "zh_TW") or "驗證集" in render_tuning(found, "zh_TW")
