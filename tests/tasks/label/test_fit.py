"""Classifiers and regressors learn what can be learned, repeat bit for bit, and answer alike without torch."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

import tidegate as tg
from tests.tasks.label import data
from tidegate.core.errors import ArtifactError, ConfigError, DataError
from tidegate.prepare.sequence.targets import ClassLabels
from tidegate.runtime.label.decode import Deciding, choose, probabilities
from tidegate.tasks.label.classifier import decide_classes

QUICK: dict[str, Any] = {
    "hidden_size": 12,
    "max_epochs": 30,
    "training": {"patience": 0},
    "batch_size": 16,
    "learning_rate": 1e-2,
}
PLAIN: dict[str, Any] = {**QUICK, "network": {"branch": ()}, "training": {"patience": 0, "refit": False}}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"cell": "gru", "network": {"pooling": "attention"}},
        {"network": {"encoder": "transformer", "conv_channels": (8,)}},
    ],
)
def test_a_classifier_learns_frequencies(options: dict[str, Any]) -> None:
    model = tg.Classifier(**{**QUICK, **options}).fit(data.waves(90, classes=3), progress=False)
    assert model.score(data.waves(60, classes=3, seed=9)) > 0.85  # one in three by chance
    assert model.classes_.tolist() == ["fast", "faster", "slow"]
    chances = model.predict_proba(data.waves(60, classes=3, seed=9))
    np.testing.assert_allclose(chances.sum(axis=1), 1)


def test_a_running_sum_is_tagged_step_by_step() -> None:
    model = tg.Classifier(**{**PLAIN, "max_epochs": 60}).fit(data.steps(), progress=False)
    fresh = data.steps(seed=5)
    assert model.score(fresh) > 0.95
    frame = model.predict_columns(fresh)
    assert len(frame["kind"]) == len(fresh.values)
    assert frame["step"][: fresh.lengths[0]].tolist() == list(range(fresh.lengths[0]))


def test_a_regressor_estimates_in_the_labels_own_unit() -> None:
    model = tg.Regressor(**PLAIN).fit(data.means(), progress=False)
    fresh = data.means(seed=5)
    found = model.predict_columns(fresh)["level"]
    assert np.abs(found - fresh.labels).mean() < 4  # the levels spread over 40
    assert model.score(fresh) > 0.85


def test_intervals_around_estimates_are_the_errors_of_the_validation_part(tmp_path: Path) -> None:
    model = tg.Regressor(**PLAIN).fit(data.means(), progress=False)
    fitted = model.fitted_
    held = fitted.sequences.take(fitted.parts.validation)
    errors = np.sort(np.abs(model.predict_columns(held)["level"] - held.labels))
    half = errors[int(np.ceil(0.8 * (len(errors) + 1))) - 1]  # the weights are those that made the errors
    found = model.intervals(level=80)
    assert (found.high["split"] - found.low["split"]) == pytest.approx(2 * half, rel=1e-5)
    inside = (found.low["split"] <= found.actual) & (found.actual <= found.high["split"])
    assert found.coverage("split") == inside.mean() == model.evaluate().coverage[0.8]
    assert set(found.columns()) == {"id", "actual:level", "level", "low:level", "high:level"}
    loaded = tg.load(model.save(tmp_path / "model"))
    frame = loaded.predict(data.means(seed=5), level=[50, 80])
    assert frame["high80:level"].to_numpy() - frame["level"].to_numpy() == pytest.approx(half, rel=1e-5)
    with pytest.raises(ConfigError, match="validation sequences"):
        loaded.predict(data.means(seed=5), level=99.9)


def test_windows_of_one_sequence_count_once_for_an_interval() -> None:
    model = tg.Regressor(**{**PLAIN, "bidirectional": False, "max_epochs": 2}, window=10).fit(
        data.engines(), progress=False
    )
    held = model.fitted_.parts.validation
    assert model.margins_.count == len(held) < len(model.margins_.errors)


def test_windows_slide_in_training_and_end_at_the_end_in_answers() -> None:
    model = tg.Regressor(**{**PLAIN, "bidirectional": False}, window=10).fit(data.engines(), progress=False)
    assert len(model.fitted_.prepared.values) == len(data.engines().values)  # views, no copies
    fresh = data.engines(seed=3)
    parts = np.split(fresh.values, fresh.starts[1:-1])
    left = np.arange(24) % 16
    cut = [part[: len(part) - back] for part, back in zip(parts, left, strict=True)]
    shorter = data.make(cut, np.minimum(left, 12).astype(float), names=("left",))
    assert np.abs(model.predict_columns(shorter)["left"] - shorter.labels).mean() < 2
    assert model.evaluate(shorter).overall["model"]["mae"] < 2


def test_text_and_several_labels_at_once() -> None:
    model = tg.Classifier(**PLAIN).fit(data.reviews(), progress=False)
    assert model.predict(["the cast was lovely", "a dull plot"]).tolist() == ["good", "bad"]
    both = data.waves(60)
    slow = both.labels == "slow"
    several = replace(
        both, labels=np.stack([slow, both.values[both.starts[:-1], 1] > 9], axis=1), label_names=("s", "n")
    )
    told = tg.Classifier(**QUICK, threshold="f1").fit(several, progress=False)
    assert (told.predict(several)[:, 0] == slow).mean() > 0.9 if isinstance(told.predict(several), np.ndarray) else True
    assert set(told.predict_columns(several)["s"].tolist()) == {0, 1}


@pytest.mark.parametrize("place", [0, 1])
def test_a_budget_of_false_alarms_is_spent_and_kept(place: int) -> None:
    chance = np.random.default_rng(0)
    actual = chance.integers(0, 2, 400)
    logits = np.stack([np.zeros(400), actual + chance.normal(size=400)], axis=1).astype(np.float32)
    labels = ClassLabels.fit(np.array(["no", "yes"], dtype=object), ("said",))
    budget = {("no", "yes")[place]: 0.05}
    chosen = decide_classes(logits, actual, labels, Deciding(), budget, calibrate=True, notes=[])
    said = choose(probabilities(logits, labels, chosen), labels, chosen)
    own = actual == place
    assert (said[own] != place).sum() == int(0.05 * own.sum())


def test_the_same_seed_gives_the_same_bits() -> None:
    first, again, other = (tg.Classifier(**QUICK, seed=seed).fit(data.waves(), progress=False) for seed in (3, 3, 4))
    fresh = data.waves(seed=7)
    assert (first.outputs(fresh) == again.outputs(fresh)).all()
    assert (first.outputs(fresh) != other.outputs(fresh)).any()


def test_padding_does_not_change_an_answer() -> None:
    model = tg.Classifier(**QUICK).fit(data.waves(), progress=False)
    fresh = data.waves(seed=7)
    alone = np.concatenate([model.outputs(fresh.take(np.array([place]))) for place in range(len(fresh))])
    np.testing.assert_allclose(model.outputs(fresh), alone, atol=1e-5)


@pytest.mark.parametrize("kind", ["waves", "steps", "reviews", "means"])
def test_a_saved_model_answers_alike_without_torch(kind: str, tmp_path: Path) -> None:
    sequences = getattr(data, kind)()
    task = tg.Regressor if kind == "means" else tg.Classifier
    model = task(**{**QUICK, "max_epochs": 2}).fit(sequences, progress=False)
    model.save(tmp_path / "model")
    loaded = tg.load(tmp_path / "model")
    assert type(loaded) is task
    assert loaded.get_params()["hidden_size"] == 12
    np.testing.assert_allclose(loaded.outputs(sequences), model.outputs(sequences), atol=1e-5)
    code = (
        "import sys\nfrom tests.tasks.label import data\nimport tidegate as tg\n"
        f"model = tg.load({str(tmp_path / 'model')!r})\nmodel.predict_columns(data.{kind}())\n"
        "assert not {'torch', 'polars', 'pandas', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])


def test_a_changed_label_or_network_is_refused(tmp_path: Path) -> None:
    model = tg.Classifier(**{**QUICK, "max_epochs": 1}).fit(data.waves(), progress=False)
    model.save(tmp_path / "model")
    place = tmp_path / "model" / "preparation.json"
    place.write_text(place.read_text().replace("slow", "fast"))
    with pytest.raises(ArtifactError, match="sha256"):
        tg.load(tmp_path / "model")


def test_few_sequences_are_trained_on_again_with_the_validation_part() -> None:
    model = tg.Classifier(**{**QUICK, "max_epochs": 4}).fit(data.waves(), progress=False)
    assert any(note.kind == "refit" for note in model.notes_)
    alone = tg.Classifier(**{**QUICK, "max_epochs": 4, "training": {"patience": 0, "refit": False}}).fit(
        data.waves(), progress=False
    )
    assert not any(note.kind == "refit" for note in alone.notes_)
    assert (model.outputs(data.waves()) != alone.outputs(data.waves())).any()


def test_the_test_part_is_not_looked_at() -> None:
    whole = data.waves()
    model = tg.Classifier(**{**QUICK, "max_epochs": 3}).fit(whole, progress=False)
    values = whole.values.copy()
    for place in model.fitted_.parts.test:
        values[whole.starts[place] : whole.starts[place + 1]] = 1e6
    spoiled = tg.Classifier(**{**QUICK, "max_epochs": 3}).fit(replace(whole, values=values), progress=False)
    fresh = data.waves(seed=7)
    assert (model.outputs(fresh) == spoiled.outputs(fresh)).all()


def test_a_stopped_training_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    whole = tg.Classifier(
        **{**PLAIN, "max_epochs": 6, "training": {"patience": 0, "refit": False, "schedule": "constant"}}
    ).fit(data.waves(), progress=False)

    class StopError(Exception):
        pass

    from tidegate.train import loop

    close, count = loop._Run._close_epoch, [0]

    def stop(self: Any, begin: float) -> None:
        close(self, begin)
        count[0] += 1
        if count[0] == 3:
            raise StopError

    loop._Run._close_epoch = stop  # type: ignore[method-assign]
    model = tg.Classifier(
        **{**PLAIN, "max_epochs": 6, "training": {"patience": 0, "refit": False, "schedule": "constant"}}
    )
    try:
        with pytest.raises(StopError):
            model.fit(data.waves(), out=tmp_path / "run", progress=False)
    finally:
        loop._Run._close_epoch = close  # type: ignore[method-assign]
    model.fit(data.waves(), out=tmp_path / "run", resume=True, progress=False)
    fresh = data.waves(seed=7)
    assert (model.outputs(fresh) == whole.outputs(fresh)).all()


def test_scikit_learn_conventions_hold() -> None:
    model = tg.Classifier(hidden_size=7, network={"embed": 9})
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert repr(model) == "Classifier(hidden_size=7, network={'embed': 9})"
    arrays = np.split(data.waves().values, data.waves().starts[1:-1])
    fitted = tg.Classifier(**{**QUICK, "max_epochs": 2}).fit(arrays, data.waves().labels, progress=False)
    assert fitted.predict(arrays).shape == (60,)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "mse"}, "loss is one of"),
        ({"network": {"pooling": "sum"}}, "pooling is one of"),
        ({"threshold": "f1"}, "for two classes"),
        ({"threshold": {"slow": 0.1, "fast": 0.1}}, "one class and its share"),
        ({"class_weight": {"slow": 1.0}}, "one weight for each of"),
        ({"network": {"branch": (8,)}}, "give as many"),
        ({"network": {"encoder": "transformer"}, "bidirectional": True}, "has no direction"),
        ({"hidden_size": 0}, "hidden_size is a whole number"),
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        tg.Classifier(**{**QUICK, "max_epochs": 1, **options}).fit(data.waves(90, classes=3), progress=False)


def test_labels_that_cannot_work_are_refused() -> None:
    whole = data.waves()
    with pytest.raises(DataError, match="no labels to learn from"):
        tg.Classifier().fit(replace(whole, labels=None), progress=False)
    with pytest.raises(DataError, match="one class only"):
        tg.Classifier().fit(replace(whole, labels=np.array(["slow"] * 60, dtype=object)), progress=False)
    model = tg.Classifier(**{**QUICK, "max_epochs": 1}).fit(whole, progress=False)
    other = data.waves(6, classes=3)
    with pytest.raises(DataError, match="the training part had not: faster"):
        model.score(other)
    with pytest.raises(DataError, match="must be numbers for a Regressor"):
        tg.Regressor().fit(whole, progress=False)


def test_a_number_at_each_step_is_judged_beside_baselines_and_diagnosed() -> None:
    model = tg.Regressor(**{**PLAIN, "bidirectional": False, "max_epochs": 4}).fit(data.engines(), progress=False)
    found = model.evaluate()
    assert {"mean", "median", "ridge_step"} < set(found.overall)
    assert found.units == ("groups", len(model.fitted_.parts.test))  # steps of one engine are drawn together
    assert model.diagnose().sample["validation"] > 0


def test_every_window_is_scored_where_steps_have_labels() -> None:
    """The last steps of series that run until they fail are all 0 steps from their end."""
    model = tg.Regressor(**{**PLAIN, "bidirectional": False, "max_epochs": 2}, window=10).fit(
        data.engines(), progress=False
    )
    fresh = data.engines(seed=3)
    found = model.evaluate(fresh)
    ends = [np.arange(a + 10, b + 1) for a, b in zip(fresh.starts[:-1], fresh.starts[1:], strict=True)]
    rows = np.concatenate(ends)
    windows = data.make([fresh.values[row - 10 : row] for row in rows], fresh.labels[rows - 1], names=("left",))
    said = model.predict_columns(windows)["left"]
    assert found.overall["model"]["mae"] == pytest.approx(np.abs(said - fresh.labels[rows - 1]).mean(), rel=1e-4)
    assert not [note for note in found.notes if note.kind == "constant"]
    test = model.fitted_.sequences.take(model.fitted_.parts.test)
    assert len(model.intervals(level=50).actual) == (test.lengths - 9).sum()
