"""Cross-validation: every sequence is tested once, as scikit-learn's folds would have it, and nothing leaks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import GroupKFold, StratifiedKFold

import tidegate as tg
from tests.tasks.label import bad, data
from tidegate.cli.main import main
from tidegate.core.errors import ConfigError, SplitError
from tidegate.data.folds import deal_folds
from tidegate.tasks.label.evaluate import evaluate_part

QUICK: dict[str, Any] = {"hidden_size": 4, "max_epochs": 2, "network": {"branch": ()}}


def labelled(labels: Any, groups: Any = None) -> tg.Sequences:
    """Sequences of one step."""
    parts = [np.zeros((1, 1))] * len(labels)
    made = data.make(parts, np.asarray(labels))
    return replace(made, groups=None if groups is None else np.asarray(groups, dtype=object))


def counts(codes: np.ndarray, place: np.ndarray, folds: int) -> np.ndarray:
    return np.array([np.bincount(codes[place == fold], minlength=codes.max() + 1) for fold in range(folds)])


@pytest.mark.parametrize("folds", [2, 5, 7])
def test_classes_are_dealt_as_evenly_as_scikit_learn_deals_them(folds: int) -> None:
    codes = np.random.default_rng(0).choice(3, 101, p=[0.6, 0.3, 0.1])
    place, by, _ = deal_folds(labelled(codes), folds)
    assert by == "stratified"
    own = counts(codes, place, folds)
    theirs = np.zeros(101, dtype=int)
    for fold, (_, test) in enumerate(StratifiedKFold(folds).split(codes, codes)):
        theirs[test] = fold
    assert own.sum() == 101
    np.testing.assert_array_equal(np.sort(own, axis=0), np.sort(counts(codes, theirs, folds), axis=0))
    assert np.ptp(own.sum(axis=1)) <= 1
    again, _, _ = deal_folds(labelled(codes), folds)
    other, _, _ = deal_folds(labelled(codes), folds, seed=1)
    assert (again == place).all()
    assert (other != place).any()


def test_groups_stay_whole_and_folds_even() -> None:
    generator = np.random.default_rng(1)
    groups = generator.choice(17, 200, p=generator.dirichlet(np.full(17, 2.0)))
    classes = (groups + generator.integers(0, 2, 200)) % 2
    place, by, _ = deal_folds(labelled(classes, [f"p{group}" for group in groups]), 4)
    assert by == "grouped"
    assert all(len(set(place[groups == group])) == 1 for group in np.unique(groups))
    theirs = [len(test) for _, test in GroupKFold(4).split(classes, classes, groups)]
    assert np.ptp(np.bincount(place, minlength=4)) <= np.ptp(theirs) + 12  # labels are balanced as well
    share = [classes[place == fold].mean() for fold in range(4)]
    assert np.ptp(share) < 0.25
    alone, _, _ = deal_folds(labelled(np.arange(6) % 2, list("abcdef")), 6)
    assert sorted(alone) == list(range(6))


def test_numbers_are_spread_over_their_range() -> None:
    values = np.random.default_rng(2).standard_normal(100)
    place, by, _ = deal_folds(labelled(values), 5)
    assert by == "stratified"
    ranks = values.argsort().argsort()
    for fold in range(5):
        assert (np.bincount(ranks[place == fold] // 5, minlength=20) == 1).all()


def test_every_fold_is_learned_from_the_others_alone() -> None:
    whole = data.waves(45)
    model = tg.Classifier(**QUICK)
    found = tg.cross_validate(model, whole, folds=3, progress=False)
    assert not hasattr(model, "fitted_")
    place, _, _ = deal_folds(whole, 3)
    assert found.sizes == tuple(np.bincount(place).tolist())
    values = whole.values.copy()
    for sequence in np.flatnonzero(place == 1):
        values[whole.starts[sequence] : whole.starts[sequence + 1]] *= 1e3
    spoiled = tg.cross_validate(model, replace(whole, values=values), folds=3, progress=False)
    own, other = found.per_fold["model"]["log_loss"], spoiled.per_fold["model"]["log_loss"]
    assert own[0] != other[0]
    # the fold's own part changes neither preparation nor weights: its answers to clean sequences are the same
    rest = np.flatnonzero(place != 1)
    inner = tg.partition(whole.take(rest), validation=0.15, test=0, by="stratified")
    parts = tg.Partition(rest[inner.train], rest[inner.validation], np.flatnonzero(place == 1), "stratified")
    one, two = tg.Classifier(**QUICK), tg.Classifier(**QUICK)
    one._fit_parts(whole, parts)
    two._fit_parts(replace(whole, values=values), parts)
    assert (one.outputs(whole) == two.outputs(whole)).all()
    assert evaluate_part(one, "test").evaluation.overall["model"]["log_loss"] == own[1]


def test_the_table_is_the_mean_of_the_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    found = tg.Regressor(**QUICK).cross_validate(data.means(40), folds=4, progress=False)
    frame = found.columns()
    assert list(frame) == ["fold", "method", "metric", "value"]
    chosen = (frame["method"] == "model") & (frame["metric"] == "rmse")
    values = frame["value"][chosen]
    assert frame["fold"][chosen].tolist() == [1, 2, 3, 4]
    assert found.mean() == pytest.approx(np.mean(values))
    assert found.deviation() == pytest.approx(np.std(values, ddof=1))
    assert not found.higher
    best = found.methods[1]
    assert found.mean(best) == min(found.mean(name) for name in found.methods[1:])
    pairs = zip(values, found.per_fold[best]["rmse"], strict=True)
    assert found.wins(best) == sum(own < other for own, other in pairs)
    assert f"{found.wins(best)} of 4" in str(found)
    assert found.frame().shape == (len(frame["fold"]), 4)
    json.dumps(found.to_json(), allow_nan=False)
    monkeypatch.setenv("TIDEGATE_LANG", "zh_TW")
    assert "在 4 折中，模型的 RMSE 為" in str(found)


@pytest.mark.parametrize(
    ("how", "error", "says"),
    [
        ({"folds": 1}, ConfigError, "folds=1 must be a whole number, 2 or more"),
        ({"folds": 40}, SplitError, "30 members, fewer than the 40 folds"),
        ({"folds": 99}, SplitError, "60 sequences cannot be divided into 99 folds"),
        ({"by": "time"}, ConfigError, "use fit\\(by='time'\\)"),
        ({"by": "grouped"}, ConfigError, "needs groups"),
        ({"by": "fold"}, ConfigError, "by='fold' is unknown"),
        ({"validation": 0}, ConfigError, "validation=0"),
    ],
)
def test_folds_that_cannot_be_are_refused(how: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        tg.cross_validate(tg.Classifier(**QUICK), data.waves(), progress=False, **how)
    with pytest.raises(SplitError, match="2 groups cannot be divided into 5 folds"):
        deal_folds(labelled(np.arange(20) % 2, ["a", "b"] * 10), 5)


def test_the_command_writes_every_fold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = bad.table(tmp_path / "runs.csv", bad.runs())
    words = ["crossval", str(path), "--id", "run", "--time", "step", "--label", "fault", "--group", "machine"]
    words += ["--features", "speed", "--folds", "3", "--hidden-size", "4", "--max-epochs", "1", "--quiet"]
    assert main([*words, "--out", str(tmp_path / "folds.csv")]) == 0
    assert "Over 3 folds the model's accuracy is" in capsys.readouterr().out
    lines = (tmp_path / "folds.csv").read_text("utf-8").splitlines()
    assert lines[0] == "fold,method,metric,value"
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["by"] == "grouped"
    assert sum(found["sizes"]) == 40
    second = next(line for line in lines if line.startswith("2,model,accuracy,"))
    assert float(second.split(",")[3]) == pytest.approx(found["per_fold"]["model"]["accuracy"][1])


def test_a_cross_validation_that_was_cut_off_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, how = data.means(24), {"folds": 3, "progress": False}
    expected = tg.cross_validate(tg.Regressor(**QUICK), whole, **how)
    original, trained = tg.Regressor._fit_parts, []

    def killed(self: Any, *args: Any, **given: Any) -> None:
        trained.append(1)
        if len(trained) == 2:
            raise KeyboardInterrupt
        original(self, *args, **given)

    monkeypatch.setattr(tg.Regressor, "_fit_parts", killed)
    with pytest.raises(KeyboardInterrupt):
        tg.cross_validate(tg.Regressor(**QUICK), whole, out=tmp_path, **how)
    again = tg.cross_validate(tg.Regressor(**QUICK), whole, out=tmp_path, **how)
    assert len(trained) == 1 + 1 + 2
    assert again.to_json() == expected.to_json() == json.loads((tmp_path / "scores.json").read_text("utf-8"))
    with pytest.raises(ConfigError, match="another model"):
        tg.cross_validate(tg.Regressor(**{**QUICK, "seed": 1}), whole, out=tmp_path, **how)
