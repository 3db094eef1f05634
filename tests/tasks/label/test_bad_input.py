"""Bad input for classifiers and regressors is refused with the place, what was expected and the fix, or stated."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tidegate as tg
from tests.tasks.label import bad, data
from tidegate.core.errors import ConfigError, DataError, SchemaError, TidegateError

QUICK: dict[str, Any] = {"hidden_size": 4, "max_epochs": 1, "network": {"branch": ()}, "training": {"refit": False}}


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A classifier of tones, fitted on a folder."""
    folder = bad.tones(tmp_path_factory.mktemp("heard") / "tones")
    return tg.Classifier(**{**QUICK, "max_epochs": 30, "learning_rate": 0.02}).fit(folder, progress=False)


def kinds(notes: Any) -> set[str]:
    return {note.kind for note in notes}


@pytest.mark.parametrize("name", bad.CASES)
def test_a_fit_on_bad_data_is_refused(name: str, tmp_path: Path) -> None:
    make, reading, says = bad.CASES[name]
    with pytest.raises(TidegateError, match=f"(?s){says}") as caught:
        tg.Classifier(**QUICK).fit(make(tmp_path), out=tmp_path / "run", progress=False, **reading)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run" / "model").exists()


def test_some_missing_labels_are_left_out_and_said() -> None:
    whole = data.waves()
    labels = whole.labels.copy()
    labels[:3] = None
    model = tg.Classifier(**QUICK).fit(replace(whole, labels=labels), progress=False)
    assert "unlabelled" in kinds(model.notes_)
    parts = model.fitted_.parts
    assert not {0, 1, 2} & {*parts.train.tolist(), *parts.validation.tolist(), *parts.test.tolist()}


def test_a_class_of_the_test_part_alone_is_refused_before_training(tmp_path: Path) -> None:
    whole = replace(data.waves(40), labels=np.array(["a", "b"] * 19 + ["c", "c"], dtype=object))
    with pytest.raises(DataError, match="labels that the training part had not: c"):
        tg.Classifier(**QUICK).fit(whole, by="time", out=tmp_path / "run", progress=False)
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_an_unseen_label_matters_only_where_it_is_looked_at() -> None:
    model = tg.Classifier(**QUICK).fit(data.waves(), progress=False)
    fresh = data.waves(9, classes=3)
    assert len(model.predict_columns(fresh)["kind"]) == 9
    with pytest.raises(DataError, match=r"the training part had not: faster\. It had fast, slow"):
        model.evaluate(fresh)


def test_numbers_that_are_missing_or_the_same_are_refused() -> None:
    whole = data.means()
    with pytest.raises(DataError, match="the same for all sequences"):
        tg.Regressor(**QUICK).fit(replace(whole, labels=np.ones(80)), progress=False)
    with pytest.raises(DataError, match="must be numbers for a Regressor"):
        tg.Regressor(**QUICK).fit(data.waves(), progress=False)


def test_empty_texts_are_read_as_unknown_and_said() -> None:
    model = tg.Classifier(**QUICK).fit(data.reviews(), progress=False)
    assert len(model.predict(["", "a dull plot", "zzz qqq"])) == 3
    assert kinds(model.answer_notes_) == {"empty_text", "unknown"}
    unknown = next(note for note in model.answer_notes_ if note.kind == "unknown")
    assert unknown.values["texts"] == 2
    with pytest.raises(DataError, match="every text is empty"):
        model.predict(["", "  "])
    with pytest.raises(SchemaError, match="text 1 is 3"):
        model.predict(["fine", 3])


def test_other_channels_are_refused_or_said() -> None:
    generator = np.random.default_rng(0)
    two = [generator.standard_normal((9, 2)) for _ in range(30)]
    model = tg.Classifier(**QUICK).fit(two, ["a", "b"] * 15, progress=False)
    with pytest.raises(SchemaError, match="fitted on 2 channels, of which these sequences lack"):
        model.predict([item[:, :1] for item in two])
    with pytest.raises(SchemaError, match="sequence '1' has 1 channel where 2 are expected"):
        tg.Classifier(**QUICK).fit([two[0], two[1][:5, :1]], ["a", "b"])
    more = [np.concatenate([item, item[:, :1]], axis=1) for item in two]
    assert model.predict(more).tolist() == model.predict(two).tolist()
    model.predict(more)
    spare = next(note for note in model.answer_notes_ if note.kind == "spare_channels")
    assert spare.values == {"count": 1, "names": "value_2"}
    with pytest.raises(DataError, match=r"1 sequence has no steps \(0\)"):
        model.predict([two[0][:0], two[1]])
    with pytest.raises(DataError, match="fitted on numbers, these sequences are texts"):
        model.predict(["a text"])


def test_a_saved_model_hears_other_rates_as_its_own(heard: Any, tmp_path: Path) -> None:
    heard.save(tmp_path / "model")
    model = tg.load(tmp_path / "model")
    time, noise = np.arange(3000) / 16_000, 0.01 * np.random.default_rng(1).standard_normal(3000)
    bad.wav(tmp_path / "new" / "a.wav", 0.5 * np.sin(2 * np.pi * 900 * time) + noise, 16_000)
    bad.wav(tmp_path / "new" / "b.wav", 0.5 * np.sin(2 * np.pi * 300 * time) + noise, 16_000)
    assert model.predict_columns(tmp_path / "new")["label"].tolist() == ["high", "low"]
    assert "resampled" in kinds(model.answer_notes_)
    single = model.predict_columns([tmp_path / "new" / "a.wav"])
    assert single["label"].tolist() == ["high"]


def test_silent_and_short_sounds_are_answered_and_said(heard: Any, tmp_path: Path) -> None:
    bad.wav(tmp_path / "silent.wav", np.zeros(4000))
    bad.wav(tmp_path / "short.wav", np.full(50, 0.1))
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    with pytest.raises(TidegateError, match=r'broken.wav \(no WAV file\).*broken="skip"'):
        heard.predict_columns(tmp_path)
    assert len(heard.predict_columns(tmp_path, broken="skip")["label"]) == 2
    assert {"silent", "short", "broken"} <= kinds(heard.answer_notes_)


@pytest.mark.parametrize(
    ("make", "options", "names"),
    [
        (
            data.waves,
            {"preparation": {"tokens": "char", "truncate": "start"}, "training": {"stride": 2}},
            {"tokens", "stride", "truncate"},
        ),
        (data.reviews, {"preparation": {"scale": "robust"}, "augment": {"noise": 0.1}}, {"scale", "augment"}),
        (data.steps, {"network": {"pooling": "max"}}, {"pooling"}),
        (data.waves, {"cell": "gru", "network": {"encoder": "transformer"}}, {"cell"}),
        (
            data.waves,
            {"window": 5, "training": {"stride": 2}, "preparation": {"max_length": 20, "truncate": "start"}},
            set(),
        ),
    ],
)
def test_options_that_change_nothing_are_said(make: Any, options: dict[str, Any], names: set[str]) -> None:
    options = {"network": {}, **options}
    model = tg.Classifier(**{**QUICK, **options}).fit(make(), progress=False)
    said = {name for note in model.notes_ if note.kind == "ignored" for name in note.values["names"].split(", ")}
    assert said == names


def test_what_is_chosen_on_the_validation_part_is_said() -> None:
    few = tg.Classifier(**QUICK, threshold="f1").fit(data.waves(40), progress=False)
    assert "undecided" in kinds(few.notes_)
    assert few.deciding_.thresholds == ()
    many = tg.Classifier(**QUICK, threshold="f1").fit(data.waves(160), progress=False)
    assert {"threshold", "calibration"} <= kinds(many.notes_)
    said = next(note for note in many.notes_ if note.kind == "threshold")
    assert float(said.values["value"]) == pytest.approx(many.deciding_.thresholds[0], abs=1e-3)


def test_reading_options_do_not_go_with_sequences() -> None:
    with pytest.raises(ConfigError, match="give these to tidegate"):
        tg.Classifier(**QUICK).fit(data.waves(), label="fault")
    with pytest.raises(ConfigError, match="option 'lable' is unknown"):
        tg.Classifier(**QUICK).fit([np.zeros((3, 1))] * 4, lable="fault")
