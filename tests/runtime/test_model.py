"""One model for every task: loaded, it predicts as its estimator did, and its streams say what whole tables say."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tidegate as tg
from tidegate.core.errors import ArtifactError, ConfigError, DataError, SchemaError, TidegateError, TimeError
from tidegate.data import read
from tidegate.runtime import Model, Stream, load
from tidegate.runtime.forecast.stream import SPARE
from tidegate.runtime.limits import VARIABLE

ROWS = 160
HOURS = np.datetime64("2024-01-01T00:00") + np.arange(ROWS + 40).astype("timedelta64[h]")
LOAD = 50 + 10 * np.sin(np.arange(ROWS + 40) * np.pi / 12) + np.random.default_rng(0).normal(size=ROWS + 40)
TABLE = {"time": HOURS[:ROWS], "load": LOAD[:ROWS]}
SEQUENCES = [np.random.default_rng(k).normal(size=(5 + k % 4, 2)) + k % 2 for k in range(30)]
LABELS = ["a", "b"] * 15
ONE_WAY: dict[str, Any] = {
    "hidden_size": 4,
    "max_epochs": 2,
    "bidirectional": False,
    "network": {"branch": (), "pooling": "last"},
}


def forecaster() -> Any:
    network = {"anchor": 0, "lags": (), "normalise": "last"}
    model = tg.Forecaster(horizon=4, window=12, hidden_size=4, max_epochs=1, network=network)
    return model.fit(TABLE, time="time", target="load", progress=False)


def classifier(**changes: Any) -> Any:
    return tg.Classifier(**{**ONE_WAY, **changes}).fit(SEQUENCES, LABELS, progress=False)


def tagger() -> Any:
    table = {
        "id": np.repeat([f"s{k}" for k in range(20)], 8),
        "x": np.random.default_rng(1).normal(size=160),
        "label": np.where(np.arange(160) % 3 > 0, "up", "down"),
    }
    table["x"][::7] = np.nan
    return tg.Classifier(**ONE_WAY).fit(table, id="id", label="label", tag=True, progress=False)


def regressor() -> Any:
    return tg.Regressor(**ONE_WAY, window=3).fit(SEQUENCES, np.arange(30.0) % 2, progress=False)


def detector() -> Any:
    model = tg.AnomalyDetector(window=12, hidden_size=4, max_epochs=1, alarms={"warm_up": 4})
    return model.fit(TABLE, time="time", target="load", progress=False)


MAKERS = {
    "forecaster": forecaster,
    "classifier": classifier,
    "tagger": tagger,
    "regressor": regressor,
    "detector": detector,
}


@pytest.fixture(scope="module")
def fitted() -> dict[str, Any]:
    return {name: make() for name, make in MAKERS.items()}


@pytest.fixture(scope="module")
def saved(fitted: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("models")
    return {name: model.save(place / name) for name, model in fitted.items()}


def steps_of(name: str, model: Any) -> Any:
    """Values for three updates."""
    channels = len(model.preparation.channels) if isinstance(model, Model) and hasattr(model, "labels") else 1
    rng = np.random.default_rng(5)
    return [rng.normal(size=channels) + (50 if name in ("forecaster", "detector") else 0) for _ in range(3)]


def same(left: Any, right: Any) -> bool:
    parts = left if isinstance(left, tuple) else (left.time, left.values.mean, left.values.quantiles)
    others = right if isinstance(right, tuple) else (right.time, right.values.mean, right.values.quantiles)
    numeric = [
        (np.asarray(a, np.float64), np.asarray(b, np.float64)) if np.asarray(a).dtype.kind == "f" else (a, b)
        for a, b in zip(parts, others, strict=True)
    ]
    return all(
        np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind == "f") if a is not None else b is None
        for a, b in numeric
    )


@pytest.mark.parametrize("name", MAKERS)
def test_every_task_loads_as_a_model_and_streams(name: str, fitted: dict[str, Any], saved: dict[str, Path]) -> None:
    model = load(saved[name])
    assert isinstance(model, Model)
    assert model.task == {"tagger": "classifier"}.get(name, name)
    stream, again = model.stream(), tg.load(saved[name]).stream()
    assert isinstance(stream, Stream)
    values = steps_of(name, model)
    taken = stream.snapshot()
    answers = [stream.update(value) for value in values]
    assert all(same(answer, again.update(value)) for answer, value in zip(answers, values, strict=True))
    other = fitted[name].stream()
    assert all(same(answer, other.update(value)) for answer, value in zip(answers, values, strict=True))
    stream.restore(taken)
    assert all(same(answer, stream.update(value)) for answer, value in zip(answers, values, strict=True))
    assert same(model.stream(stream.snapshot()).update(values[0]), stream.update(values[0]))


@pytest.mark.parametrize("name", MAKERS)
def test_no_bit_of_a_snapshot_may_flip(name: str, saved: dict[str, Path]) -> None:
    model = load(saved[name])
    stream = model.stream()
    for value in steps_of(name, model):
        stream.update(value)
    taken = stream.snapshot()
    for place in np.linspace(0, 8 * len(taken) - 1, 400).astype(int).tolist():
        damaged = bytearray(taken)
        damaged[place // 8] ^= 1 << place % 8
        with pytest.raises(ArtifactError, match="checksum differs"):
            stream.restore(bytes(damaged))
    for damaged_text in (b"", taken[:-1], taken[40:], taken + b"\0"):
        with pytest.raises(ArtifactError, match="cannot be read"):
            model.stream(damaged_text)
    assert stream.snapshot() == taken
    others = [key for key in MAKERS if key != name]
    for other in others:
        with pytest.raises(TidegateError, match="another model"):
            load(saved[other]).stream(taken)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("value", [10**400, np.inf, 1e308, "many", None], ids=str)
def test_a_value_that_cannot_be_changes_nothing(name: str, value: Any, saved: dict[str, Path]) -> None:
    model = load(saved[name])
    stream = model.stream()
    values = steps_of(name, model)
    stream.update(values[0])
    before = stream.snapshot()
    wide = [value] * len(values[0])
    if value is None:
        wide = [[1.0] * 9]
    with pytest.raises(DataError):
        stream.update(wide)
    assert stream.snapshot() == before


def test_a_stream_of_forecasts_is_the_forecast_of_the_longer_table(saved: dict[str, Path]) -> None:
    model: Any = load(saved["forecaster"])
    stream = model.stream()
    for row in range(ROWS, ROWS + 6):
        answer = stream.update(LOAD[row])
        table = read({"time": HOURS[: row + 1], "load": LOAD[: row + 1]}, time="time", target="load")
        whole = model.predict(table)
        assert np.array_equal(answer.time, whole.time)
        np.testing.assert_array_equal(answer.values.mean, whole.values.mean)
    skipped = stream.update({"load": LOAD[ROWS + 9]}, time=HOURS[ROWS + 9])
    gap = np.concatenate([LOAD[: ROWS + 6], [np.nan] * 3, LOAD[ROWS + 9 : ROWS + 10]])
    whole = model.predict(read({"time": HOURS[: ROWS + 10], "load": gap}, time="time", target="load", check=False))
    np.testing.assert_array_equal(skipped.values.mean, whole.values.mean)
    for time, text in ((HOURS[3], "backwards"), (HOURS[ROWS + 12] + 7, "grid"), ("soon", "no time")):
        with pytest.raises(TimeError, match=text):
            stream.update(1.0, time=time)
    with pytest.raises(SchemaError, match="'price' is not one"):
        stream.update({"price": 1.0})


@pytest.mark.parametrize(
    "changes", [{"target_transform": "log1p"}, {"target_transform": "difference"}, {"fill": "linear"}]
)
def test_rows_written_onto_a_tape_are_as_if_all_were_prepared_anew(changes: dict[str, str], tmp_path: Path) -> None:
    fitted = tg.Forecaster(horizon=4, window=12, hidden_size=4, max_epochs=1, pretrained=False, preparation=changes)
    fitted.fit(TABLE, time="time", target="load", progress=False)
    model: Any = load(fitted.save(tmp_path / "m"))
    stream, values = model.stream(), LOAD.tolist()
    hours = HOURS[0] + np.arange(len(HOURS) + SPARE).astype("timedelta64[h]")
    values = [*values[:ROWS], *np.random.default_rng(3).uniform(40, 60, len(hours) - ROWS)]
    values[ROWS + 20] = np.nan
    for row in range(ROWS, ROWS + SPARE + 30):
        if row % 9 == 0:
            with pytest.raises(DataError):
                stream.update(1e300)
        answer = stream.update(values[row], time=None if row % 2 else hours[row])
        if row % 7 == 0 or row < ROWS + 3 or abs(row - ROWS - 20) < 3:
            table = {"time": hours[: row + 1], "load": np.array(values[: row + 1])}
            whole = model.predict(read(table, time="time", target="load", check=False))
            np.testing.assert_array_equal(answer.time, whole.time)
            np.testing.assert_array_equal(answer.values.quantiles, whole.values.quantiles)
    taken = stream.snapshot()
    again = model.stream(taken)
    np.testing.assert_array_equal(again.update(50.0).values.mean, stream.update(50.0).values.mean)


def test_a_fresh_stream_of_forecasts_waits_for_its_window(saved: dict[str, Path]) -> None:
    model: Any = load(saved["forecaster"])
    stream = model.stream(fresh=True)
    with pytest.raises(TimeError, match="needs its time"):
        stream.update(1.0)
    answers = [stream.update(LOAD[row], time=HOURS[row]) for row in range(13)]
    assert [answer is None for answer in answers] == [True] * 11 + [False] * 2
    table = read({"time": HOURS[:13], "load": LOAD[:13]}, time="time", target="load", check=False)
    np.testing.assert_array_equal(answers[-1].values.mean, model.predict(table).values.mean)


def test_running_probabilities_are_those_of_the_sequence_so_far(fitted: dict[str, Any]) -> None:
    for name, changes in (
        ("last", {}),
        ("members", {"ensemble_size": 2}),
        ("window", {"window": 3, "bidirectional": True}),
    ):
        model = classifier(**changes) if changes else fitted["classifier"]
        sequence = np.array(SEQUENCES[3])
        sequence[2, 1] = sequence[4, 0] = np.nan
        stream = model.stream()
        for count, row in enumerate(sequence, 1):
            answer = stream.update(row)
            np.testing.assert_allclose(answer.values, model.predict_proba([sequence[:count]])[0], rtol=1e-5), name
            assert answer.label == model.predict([sequence[:count]])[0]


def test_tags_come_step_by_step_and_many_streams_are_each_alone(fitted: dict[str, Any]) -> None:
    model = fitted["tagger"]
    x = np.random.default_rng(2).normal(size=(3, 9))
    x[0, 4] = x[1, 0] = np.nan
    many, alone = model.stream(streams=3), [model.stream() for _ in range(3)]
    found = [many.update(column[:, None]) for column in x.T]
    for place, stream in enumerate(alone):
        answers = [stream.update({"x": value}) for value in x[place]]
        for answer, together in zip(answers, found, strict=True):
            np.testing.assert_array_equal(answer.values, together.values[place])
        table = {"id": ["s"] * 9, "x": x[place]}
        columns = model.predict_columns(table)
        np.testing.assert_allclose([a.values[0] for a in answers], columns[f"p:{model.classes_[0]}"], rtol=1e-5)
        assert [a.label for a in answers] == columns["label"].tolist()


def test_words_are_taken_in_as_they_come() -> None:
    texts = ["good film and fun", "bad film no fun"] * 15
    model = tg.Classifier(**ONE_WAY).fit(
        {"text": texts, "label": ["y", "n"] * 15}, text="text", label="label", progress=False
    )
    stream = model.stream()
    stream.update("good film")
    answer = stream.update("and fun")
    np.testing.assert_allclose(answer.values, model.predict_proba({"text": texts[:1]})[0], rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"bidirectional": True}, "bidirectional must be False"),
        ({"network": {"pooling": "attention", "branch": ()}}, "looks at all steps"),
        ({"preparation": {"max_length": 4}}, "max_length cuts"),
    ],
)
def test_a_network_that_looks_at_whole_sequences_is_no_stream(changes: dict[str, Any], text: str) -> None:
    model = tg.Classifier(**{**ONE_WAY, "max_epochs": 1, **changes}).fit(SEQUENCES, LABELS, progress=False)
    with pytest.raises(ConfigError, match=text):
        model.stream()


def test_a_prediction_above_the_limit_is_refused_before_it_begins(
    saved: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model: Any = load(saved["forecaster"])
    monkeypatch.setenv(VARIABLE, "100")
    with pytest.raises(ConfigError, match=f"would take about .* set {VARIABLE}"):
        model.predict()
    with pytest.raises(ConfigError, match="would take about"):
        tg.load(saved["classifier"]).predict(SEQUENCES)
    monkeypatch.setenv(VARIABLE, str(10**9))
    assert np.isfinite(model.predict().values.mean).all()
    with pytest.raises(ConfigError, match="streams"):
        tg.load(saved["detector"]).stream(streams=10**7)
    monkeypatch.setenv(VARIABLE, "much")
    with pytest.raises(ConfigError, match="no number of bytes"):
        model.predict()
