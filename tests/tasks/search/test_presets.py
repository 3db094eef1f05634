"""Presets and time limits: what is tried, what is taken, and that the time is up in time."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tidegate as tg
from tests.tasks.search.test_tune import waves
from tidegate.core import limit
from tidegate.core.errors import ConfigError
from tidegate.tasks.search import presets


def months(count: int = 72) -> np.ndarray:
    steps = np.arange(count)
    noise = np.random.default_rng(0).normal(0, 1, count)
    found: np.ndarray = 50 + 0.2 * steps + 10 * np.sin(2 * np.pi * steps / 12) + noise
    return found


TINY: dict[str, Any] = {"horizon": 3, "window": 12, "max_epochs": 1, "pretrained": False}


def test_medium_trains_members_where_data_are_few(tmp_path: Path) -> None:
    model = tg.Forecaster(**TINY, hidden_size=4, preset="medium").fit(months(), out=tmp_path / "run")
    assert [entry.name for entry in model.search_.entries] == ["default", "ensemble"]
    assert model.preset is None
    assert model.hidden_size == 4
    assert model.ensemble_size == (3 if model.search_.chosen == "ensemble" else 1)
    assert (tmp_path / "run" / "leaderboard.json").is_file()
    loaded = tg.load(tmp_path / "run")
    assert np.allclose(loaded.predict()["mean"], model.predict()["mean"])


def test_medium_tries_the_pretrained_forecaster_where_data_are_few() -> None:
    given = tg.Forecaster(horizon=3, window=12, hidden_size=4, max_epochs=1)
    model = given.variant({"preset": "medium"}).fit(months(300), progress=False)
    names = [entry.name for entry in model.search_.entries]
    assert names[:3] == ["default", "pretrained", "fine-tuned"]
    if model.search_.chosen in ("pretrained", "fine-tuned"):  # of which there are no members
        assert "ensemble" not in names
    scores = {entry.name: entry.score for entry in model.search_.entries}
    if model.search_.chosen != "default":
        assert scores[model.search_.chosen] < scores["default"]
    blocks = given.variant({"network.block": 1}).fit(months(60), progress=False)
    assert not list(presets.further(blocks, "medium"))


@pytest.mark.parametrize(("apart", "chosen"), [(1, "default"), (2, "default"), (4, "other"), (None, "other")])
def test_few_windows_that_do_not_overlap_choose_little(apart: int | None, chosen: str) -> None:
    """20 % better: taken from 1 / (n + 2) on, a third, a quarter, a sixth; half a percent where nothing overlaps."""
    search = presets._Search(tg.Forecaster(), "medium")
    for name, error in (("default", 1.0), ("other", 0.8)):
        model = SimpleNamespace(fitted_=SimpleNamespace(weights={}))
        trainee = SimpleNamespace(model=model, higher=False, independent=apart, value=lambda part, error=error: error)
        search._note(name, trainee, 0.0, {})
    assert search.chosen == chosen


def test_the_evidence_of_a_forecasters_score_is_counted() -> None:
    trainee = tg.Forecaster(**TINY, hidden_size=4).fit(months(), progress=False).trainee()
    rows = int(np.diff(trainee.model.fitted_.split.validation).sum())
    assert trainee.independent == rows // 3
    trainee.value("validation")
    assert trainee.rolling
    assert trainee.independent == 4


def test_fast_is_smaller_but_for_what_the_user_said() -> None:
    model = tg.Forecaster(**TINY, preset="fast").fit(months())
    assert (model.hidden_size, model.num_layers) == (32, 1)
    model = tg.Forecaster(**TINY, hidden_size=5, preset="fast").fit(months())
    assert (model.hidden_size, model.num_layers) == (5, 1)
    assert not any(note.kind == "refit" for note in model.notes_)


def test_best_takes_what_the_validation_part_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    proposals = [("worse", {"max_epochs": 1, "learning_rate": 1e-9}), ("better", {"learning_rate": 3e-2})]
    monkeypatch.setattr(presets, "further", lambda *_: iter([*proposals, ("broken", {"network.block": 7})]))
    X, y = waves()
    given = tg.Classifier(hidden_size=8, network={"branch": ()}, training={"refit": False}, preset="best")
    given.set_params(max_epochs=None, training={"refit": False, "effort": 0.1})
    model = given.fit(X, y)
    board = model.search_
    assert [entry.name for entry in board.entries] == ["default", "worse", "better", "broken", "ensemble"]
    assert board.entries[3].failed
    ranked = [entry.score for entry in board.ranked() if np.isfinite(entry.score)]
    assert ranked == sorted(ranked, reverse=board.higher)
    assert board.chosen != "worse"


def test_a_time_limit_ends_a_training_that_would_take_minutes() -> None:
    rng = np.random.default_rng(0)
    y = np.sin(np.arange(20_000) / 4) + rng.normal(0, 0.1, 20_000)
    options: dict[str, Any] = {"window": 48, "hidden_size": 8, "max_epochs": 500, "pretrained": False}
    model = tg.Forecaster(horizon=24, time_limit=3, **options, network={"normalise": None, "anchor": 0}).fit(y)
    assert model.history_.stopped == "time"
    assert len(model.history_) < 250
    assert model.time_limit is None
    assert limit.left() == np.inf


@pytest.mark.parametrize("given", [{"preset": "slow"}, {"time_limit": 0}, {"time_limit": True}, {"time_limit": "60"}])
def test_what_is_no_preset_or_limit_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(given))):
        tg.Forecaster(**given).fit(months())
