"""The search: resumable to the same leaderboard, never worse where it chooses, honest about luck."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tidegate as tg
from tidegate.core.errors import ConfigError
from tidegate.tasks.diagnose.forecast import ForecastTrainee
from tidegate.tasks.search import tune
from tidegate.tasks.search.leaderboard import Entry, Leaderboard
from tidegate.train import loop as train_loop

pytest.importorskip("optuna")


def waves(count: int = 40, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    steps = np.arange(12)
    values = np.sin(steps * np.where(labels, 1.5, 0.5)[:, None] + rng.uniform(0, 6, (count, 1)))
    return (values + rng.normal(0, 0.3, values.shape))[:, None, :], labels


def tiny() -> tg.Classifier:
    return tg.Classifier(hidden_size=4, max_epochs=2, network={"branch": ()}, training={"refit": False})


SPACE: dict[str, Any] = {"hidden_size": [4, 8], "learning_rate": (1e-3, 1e-1)}


def test_a_search_that_was_cut_off_goes_on_to_the_same_leaderboard(tmp_path: Path) -> None:
    X, y = waves()
    whole = tg.tune(tiny(), X, trials=4, space=SPACE, out=tmp_path / "whole", labels=y)
    tg.tune(tiny(), X, trials=2, space=SPACE, out=tmp_path / "cut", labels=y)
    heard: list[str] = []
    again = tg.tune(tiny(), X, trials=4, space=SPACE, out=tmp_path / "cut", labels=y, report=heard.append)

    def shown(found: tg.Tuned) -> list[tuple[str, float, Any]]:
        return [(entry.name, entry.score, dict(entry.changes)) for entry in found.board.entries]

    assert shown(again) == shown(whole)
    assert sum(line.startswith("trial") for line in heard) == 2
    weights = [found.model.fitted_.weights for found in (whole, again)]
    assert all(np.array_equal(weights[0][name], weights[1][name]) for name in weights[0])
    with pytest.raises(ConfigError, match="another model or space"):
        tg.tune(tiny(), X, trials=4, space={"hidden_size": [2, 3]}, out=tmp_path / "cut", labels=y)


def test_the_best_of_the_validation_part_is_taken_and_the_test_part_told() -> None:
    X, y = waves()
    found = tg.tune(tiny(), X, trials=3, space=SPACE, labels=y)
    scores = {entry.name: entry.score for entry in found.board.entries}
    assert len(scores) == 4
    sizes = {entry.changes.get("hidden_size", 4): entry.weights for entry in found.board.entries}
    own = {name: values.size for name, values in found.model.fitted_.weights.items()}
    assert sum(own.values()) in sizes.values()
    assert sizes.get(8, 10**9) > sizes[4] > 0
    best = max(scores.values()) if found.board.higher else min(scores.values())
    assert scores[found.board.chosen] == best
    assert found.model.evaluate(part="test").overall["model"] == found.after.overall["model"]
    assert ("luck" if found.board.chosen != "default" else "Nothing that was tried") in found.luck()
    assert found.board.ranked()[0].score == best


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({}, "no options"),
        ({"hidden": [1]}, "hidden"),
        ({"hidden_size": (8, 8)}, "low < high"),
        ({"hidden_size": 8}, "list of values"),
        ({"network.nothing": [1]}, "nothing"),
    ],
)
def test_what_cannot_be_searched_is_refused(space: dict[str, Any], said: str) -> None:
    X, y = waves()
    with pytest.raises(ConfigError, match=said):
        tg.tune(tiny(), X, labels=y, space=space)


def test_few_rows_are_scored_at_rolling_origins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two windows of a validation part choose by luck; the score is then the mean of four trainings'."""
    rng = np.random.default_rng(0)
    months = np.arange(96)
    y = 100 + months + 10 * np.sin(2 * np.pi * months / 12) + rng.normal(0, 1, 96)
    options: dict[str, Any] = {"horizon": 6, "window": 12, "hidden_size": 4, "max_epochs": 1, "pretrained": False}
    model = tg.Forecaster(**options).fit(y)
    trainee = model.trainee()
    value = trainee.value("validation")
    assert trainee.rolling
    whole = model.fitted_.table.columns[model.fitted_.table.schema.targets[0]]
    seen = int(model.fitted_.split.validation[0, 1])
    errors = []
    for first in range(seen - 24, seen, 6):
        other = tg.Forecaster(**options).fit(whole[:first], validation=7, test=0)
        errors.append(np.abs(np.asarray(other.predict()["mean"]) - whole[first : first + 6]).mean())
    assert value == pytest.approx(np.mean(errors), rel=1e-4)
    monkeypatch.setattr(ForecastTrainee, "_few", lambda _: False)
    plain = model.trainee()
    assert plain.value("validation") != pytest.approx(value)
    assert plain.rolling is None


def test_the_front_has_the_best_of_each_size_and_no_larger_one_that_is_worse() -> None:
    scores = {"a": (3.0, 10), "b": (2.0, 20), "c": (2.5, 30), "d": (1.0, 40), "e": (1.5, 40), "f": (float("nan"), 5)}
    entries = tuple(Entry(name, score, 1.0, {}, weights=size) for name, (score, size) in scores.items())
    assert [each.name for each in Leaderboard("mae", False, entries, "d").front()] == ["a", "b", "d"]
    assert [each.name for each in Leaderboard("accuracy", True, entries, "a").front()] == ["a"]
    assert "Smaller, and better than any as small: a, b" in str(Leaderboard("mae", False, entries, "d"))


def test_a_trial_behind_the_median_is_stopped_and_stays_so() -> None:
    import optuna

    search = tune._Tuning(optuna, tiny(), SPACE, None, None, True, False)
    search.higher = True  # of the score: the losses that are watched are better where they are lower
    study = search._study()
    for _ in range(tune.STARTUP):
        trial = study.ask()
        watch = search._watch(trial)
        for epoch in range(1, 7):
            watch(epoch, 1 / epoch)
        study.tell(trial, 0.9)

    class Behind:
        def retrained(self, changes: Any) -> None:
            assert train_loop._WATCH.get() is not None
            watch = train_loop._WATCH.get()
            for epoch in range(1, 7):
                watch(epoch, 0.2 if epoch == 2 else 0.9)  # its best, 0.2, is behind at the 6th epoch alone
                reached.append(epoch)

    reached: list[int] = []
    search._trial(study, Behind())
    assert reached == [1, 2, 3, 4, 5]
    entry = search._done(study)[-1]
    assert "after epoch 6" in entry.failed
    assert np.isnan(entry.score)
    for options in ({"loss": ["mse", "mae"]}, {"preparation.scale": ["standard"]}):
        assert not tune._Tuning(optuna, tiny(), options, None, None, True, False).pruning


def test_error_and_latency_have_a_front(tmp_path: Path) -> None:
    X, y = waves()
    found = tg.tune(
        tiny(), X, trials=3, space={"hidden_size": [4, 128]}, latency=True, out=tmp_path / "search", labels=y
    )
    board = found.board
    assert board.timed
    times = {entry.changes.get("hidden_size", 4): entry.latency for entry in board.entries}
    if len(times) == 2:
        assert times[128] > times[4] > 0
    front = board.front()
    assert [entry.latency for entry in front] == sorted(entry.latency for entry in front)
    assert board.chosen == board.ranked()[0].name
    assert "one answer, ms" in str(found)
    again = tg.tune(
        tiny(), X, trials=3, space={"hidden_size": [4, 128]}, latency=True, out=tmp_path / "search", labels=y
    )
    assert [entry.latency for entry in again.board.entries[1:]] == [entry.latency for entry in board.entries[1:]]
