"""AnomalyDetector: from a table to alarms, with labels and without, saved and loaded."""

import functools
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import tidegate as tg
from tidegate.core.errors import ArtifactError, ConfigError, DataError, NotFittedError, SchemaError, SplitError
from tidegate.core.frequency import Frequency

QUICK: dict[str, Any] = {"window": 24, "hidden_size": 8, "max_epochs": 4, "training": {"steps_per_epoch": 15}}
ROWS = 900
SPIKES = {760: 25.0, 840: 40.0}


def hours(count: int, first: str = "2026-01-01") -> np.ndarray:
    return np.datetime64(first, "us") + np.arange(count) * np.timedelta64(1, "h")


def load(count: int = ROWS, seed: int = 0) -> np.ndarray:
    draw = np.random.default_rng(seed)
    return 50 + 10 * np.sin(2 * np.pi * np.arange(count) / 24) + draw.normal(0, 1, count)


def watched() -> dict[str, np.ndarray]:
    values = load()
    values[list(SPIKES)] += list(SPIKES.values())
    return {"time": hours(ROWS), "load": values}


def labelled() -> dict[str, np.ndarray]:
    table = watched()
    table["load"][[300, 301, 620]] += 25
    label = np.zeros(ROWS)
    label[[300, 301, 620, *SPIKES]] = 1
    return {**table, "anomaly": label}


def pair(seed: int = 0) -> dict[str, np.ndarray]:
    """Two machines of two channels; the second channel of the second machine breaks near the end."""
    draw = np.random.default_rng(seed)
    n = 400
    cpu, disk = (load(2 * n, seed + k) for k in (1, 2))
    disk = disk * 1000 + draw.normal(0, 100, 2 * n)
    disk[2 * n - 30 : 2 * n - 20] = 0
    return {
        "time": np.concatenate([hours(n), hours(n)]),
        "host": np.repeat(np.array(["a", "b"], dtype=object), n),
        "cpu": cpu,
        "disk": disk,
    }


@functools.cache
def fitted(method: str = "forecast") -> tg.AnomalyDetector:
    shorter = {"window": 12, "hidden_size": 12, "max_epochs": 8} if method == "reconstruction" else {}
    return tg.AnomalyDetector(method=method, **{**QUICK, **shorter}).fit(watched(), time="time", target="load")


@functools.cache
def fitted_pair() -> tg.AnomalyDetector:
    return tg.AnomalyDetector(**QUICK).fit(pair(), time="time", target=["cpu", "disk"], series="host")


@pytest.mark.parametrize("method", ["forecast", "reconstruction"])
def test_planted_anomalies_are_found_without_labels_and_little_else(method: str) -> None:
    model = fitted(method)
    found = model.predict()
    assert list(found.columns) == ["time", "score", "p_value", "alarm", "event", "expected"]
    assert len(found) == 180
    on = set(found.filter(pl.col("alarm"))["time"].to_list())
    assert {hours(ROWS)[row].item() for row in SPIKES} <= on
    events = model.events()
    assert 2 <= len(events) <= 4
    assert events["start"].to_list()[0] in on


def test_events_say_when_how_bad_and_what_was_expected() -> None:
    event = fitted().events().row(0, named=True)
    assert event["start"] <= event["peak"] <= event["end"]
    assert event["start"] == hours(ROWS)[760].item()
    assert event["value"] == pytest.approx(watched()["load"][760])
    assert abs(event["expected"] - (event["value"] - 25)) < 8
    assert 0 < event["p_value"] <= fitted().detector_.rules.threshold
    assert event["rows"] >= event["alarms"] >= 1


def test_the_channel_and_the_series_to_blame_are_named() -> None:
    events = fitted_pair().events()
    worst = events.sort("p_value").row(0, named=True)
    assert worst["host"] == "b"
    assert worst["channels"].split(", ")[0] == "disk"
    found = fitted_pair().predict()
    assert list(found.columns)[:2] == ["host", "time"]
    assert {"channel", "expected:cpu", "expected:disk"} <= set(found.columns)
    assert len(found) == 2 * 80


@pytest.mark.parametrize("method", ["forecast", "reconstruction"])
def test_a_loaded_model_gives_the_same_bits(method: str, tmp_path: Path) -> None:
    model = fitted(method)
    model.save(tmp_path / "model")
    loaded = tg.load(tmp_path / "model")
    assert isinstance(loaded, tg.AnomalyDetector)
    new = {"time": hours(200, "2026-06-01"), "load": load(200, seed=9)}
    for name in ("score", "p_value", "alarm", "event", "expected"):
        ours, theirs = (np.asarray(one.predict(new)[name], float) for one in (model, loaded))
        np.testing.assert_array_equal(ours, theirs)
    streams = [one.stream() for one in (model, loaded)]
    for value in load(50, seed=4):
        first, second = (stream.update(value) for stream in streams)
        assert first == second
    assert streams[0].snapshot() == streams[1].snapshot()
    assert loaded.stream(streams[0].snapshot()).update(50.0) == streams[1].update(50.0)


def test_a_stream_goes_on_after_the_table(tmp_path: Path) -> None:
    table = watched()
    model = tg.AnomalyDetector(**QUICK).fit(table, time="time", target="load", test=0)
    new = load(40, seed=3)
    stream = model.stream()
    assert stream.update(new[0]).p_value > 0  # judged at once: there is nothing to warm up
    fresh = model.stream(fresh=True)
    assert np.isnan(fresh.update(new[0], time="2026-05-01").p_value)
    model.save(tmp_path / "bare", context=False)
    bare = tg.load(tmp_path / "bare").stream()
    assert np.isnan(bare.update(new[0], time="2026-05-01").p_value)


def test_many_streams_take_one_array() -> None:
    model = fitted()
    stream = model.stream(streams=1000)
    verdict = stream.update(np.full(1000, 50.0), time="2026-03-01")
    for value in load(30):
        verdict = stream.update(np.full(1000, value))
    assert verdict.score.shape == (1000,)
    assert np.unique(verdict.p_value).size == 1


def test_labels_choose_the_threshold_on_validation_and_are_not_learned_from() -> None:
    model = tg.AnomalyDetector(**QUICK).fit(labelled(), time="time", target="load", label="anomaly", validation=0.15)
    kinds = {note.kind: note for note in model.notes_}
    assert kinds["labelled"].values["count"] == 26  # windows of 24 rows and the one after, about rows 300 and 301
    assert kinds["threshold"].values["f1"] == pytest.approx(1)
    found = model.evaluate()
    assert found.methods["model"]["windows"] == 2
    assert found.methods["model"]["found"] == 2
    assert found.methods["model"]["recall"] == 1
    assert "It found 2 of 2 labelled windows" in found.verdict
    assert set(found.methods) == {"model", "windowed_gaussian", "seasonal_residual"}


def test_the_label_of_the_test_part_changes_nothing_but_the_scores() -> None:
    table, other = labelled(), labelled()
    other["anomaly"][720:] = 0
    other["anomaly"][800:810] = 1
    first, second = (
        tg.AnomalyDetector(**QUICK).fit(one, time="time", target="load", label="anomaly", validation=0.15)
        for one in (table, other)
    )
    np.testing.assert_array_equal(first.predict()["p_value"], second.predict()["p_value"])
    assert first.detector_.rules == second.detector_.rules


def test_the_test_part_is_not_learned_from() -> None:
    table = watched()
    changed = {**table, "load": np.where(np.arange(ROWS) >= 720, -1000.0, table["load"])}
    first, second = (tg.AnomalyDetector(**QUICK).fit(one, time="time", target="load") for one in (table, changed))
    for name, tensor in first.detector_.weights.items():
        np.testing.assert_array_equal(tensor, second.detector_.weights[name])
    np.testing.assert_array_equal(first.detector_.counts, second.detector_.counts)
    np.testing.assert_array_equal(first.detector_.preparation.scale, second.detector_.preparation.scale)


def test_a_larger_budget_gives_more_alarms() -> None:
    small, large = (
        tg.AnomalyDetector(**QUICK, alarms={"alarms_per_day": rate}).fit(watched(), time="time", target="load")
        for rate in (0.02, 2.0)
    )
    assert small.detector_.rules.threshold == pytest.approx(0.02 / 24)
    assert large.predict()["alarm"].sum() > small.predict()["alarm"].sum()


def test_without_labels_alarms_stand_beside_the_budget() -> None:
    found = fitted().evaluate()
    assert found.methods["model"]["windows"] == 0
    assert found.rate == pytest.approx(found.methods["model"]["events"] * 168 / 180)
    text = str(found)
    assert "windowed Gaussian" in text
    assert "budget of 1 false alarm a week" in text
    assert "p <= 0.01" in text
    assert 0 < found.calibration[0.1] < 0.3
    back = type(found).from_json(found.to_json())
    assert back.to_json() == found.to_json()
    assert str(back) == text


def test_rows_without_a_clock_are_counted_by_the_thousand() -> None:
    model = tg.AnomalyDetector(**QUICK).fit(load(), time=False)
    assert model.detector_.rules.threshold == pytest.approx(1e-3)
    assert "1,000 rows" in model.evaluate().verdict
    stream = model.stream()
    assert not np.isnan(stream.update(50.0).p_value)


def test_a_channel_that_never_changes_alarms_when_it_does() -> None:
    values = np.full(400, 45.0)
    values[380] = 46.0
    model = tg.AnomalyDetector(**QUICK).fit({"time": hours(400), "load": values}, time="time", target="load")
    found = model.predict()
    assert found.filter(pl.col("alarm"))["time"].to_list()[0] == hours(400)[380].item()


def test_gaps_in_the_rows_are_reported_and_not_judged() -> None:
    table = watched()
    keep = np.ones(ROWS, bool)
    keep[800:803] = False
    model = fitted()
    found = model.predict({name: values[keep] for name, values in table.items()})
    assert len(found) == ROWS
    blank = found.filter(pl.col("p_value").is_nan())["time"].to_list()
    assert [stamp for stamp in blank if stamp > hours(ROWS)[16].item()] == hours(ROWS)[800:803].tolist()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"method": "magic"}, "method is one of 'forecast', 'reconstruction'"),
        ({"alarms_per_week": 0}, "alarms_per_week is a number above 0"),
        ({"alarms_per_week": 100}, "more than every tenth"),
        ({"alarms": {"adapt": 5}}, "adapt is True or False or a whole number of at least 100"),
        ({"preparation": {"calendar": ["year"]}}, "calendar is one of"),
        ({"network": {"lags": 24}}, "lags is a list"),
        ({"window": 1}, "window is a whole number of at least 2"),
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, Any], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        tg.AnomalyDetector(**{**QUICK, **options}).fit(watched(), time="time", target="load")


@pytest.mark.parametrize(
    ("change", "how", "error", "match"),
    [
        ({"anomaly": np.full(ROWS, 2.0)}, {"label": "anomaly"}, SchemaError, "holds 2; write 1"),
        ({"anomaly": np.ones(ROWS)}, {"label": "anomaly"}, DataError, "touches a labelled row"),
        ({"anomaly": np.array(["maybe"] * ROWS)}, {"label": "anomaly"}, SchemaError, "none of which says"),
        ({}, {"label": "load"}, SchemaError, "a column has one role"),
        ({"load": np.full(ROWS, np.nan)}, {}, DataError, "holds no numbers"),
        ({"load": np.where(np.arange(ROWS) == 5, np.inf, 1.0)}, {}, DataError, "infinite"),
        ({}, {"validation": 0}, ConfigError, "validation=0"),
        ({}, {"test": 0.99}, SplitError, "no window fits"),
    ],
)
def test_bad_input_is_refused(change: dict[str, Any], how: dict[str, Any], error: Any, match: str) -> None:
    with pytest.raises(error, match=match):
        tg.AnomalyDetector(**QUICK).fit({**watched(), **change}, time="time", target="load", **how)


def test_a_time_column_with_the_name_of_a_result_is_refused() -> None:
    table = {"score": hours(ROWS), "load": load()}
    with pytest.raises(SchemaError, match="'score', as is a column of the alarms"):
        tg.AnomalyDetector(**QUICK).fit(table, time="score", target="load")


def test_what_a_loaded_model_cannot_do_is_said(tmp_path: Path) -> None:
    fitted().save(tmp_path / "model")
    loaded = tg.load(tmp_path / "model")
    for call in (loaded.predict, loaded.events, loaded.evaluate):
        with pytest.raises(NotFittedError, match="give"):
            call()
    with pytest.raises(NotFittedError, match="call fit"):
        tg.AnomalyDetector().predict()
    with pytest.raises(ArtifactError, match="task is 'detector'"):
        tg.Forecaster.load(tmp_path / "model")


def test_streams_of_unknown_series_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"series 'c' was not fitted; it knows 'a', 'b'"):
        fitted_pair().stream(series="c")
    with pytest.raises(ConfigError, match="exclude one another"):
        fitted_pair().stream(series="a", streams=3)
    assert len(fitted_pair().stream()) == 2
    verdict = fitted_pair().stream(series="a").update([50.0, 50_000.0])
    assert verdict.expected.shape == (2,)


def test_the_same_seed_gives_the_same_bits() -> None:
    again = tg.AnomalyDetector(**QUICK).fit(watched(), time="time", target="load")
    np.testing.assert_array_equal(again.predict()["p_value"], fitted().predict()["p_value"])


def test_a_damaged_detector_is_refused(tmp_path: Path) -> None:
    import json

    from tidegate.artifacts.artifact import read_artifact, write_artifact

    fitted().save(tmp_path / "model")
    artifact = read_artifact(tmp_path / "model")
    state = json.loads((tmp_path / "model" / "model.json").read_text())
    record = {name: state[name] for name in state if name not in ("files", "format_version")}

    def rewritten(context: dict[str, Any] | None = None, **changes: Any) -> None:
        write_artifact(
            tmp_path / "model",
            weights=artifact.weights,
            preparation=artifact.preparation,
            context=dict(artifact.context) if context is None else context,
            record={**record, **changes},
        )
        tg.load(tmp_path / "model")

    rewritten()
    with pytest.raises(ArtifactError, match="decoding"):
        rewritten(decoding={**record["decoding"], "threshold": 7.0})
    with pytest.raises(ArtifactError, match=r"arrays are \['counts'"):
        rewritten({name: values for name, values in artifact.context.items() if name != "base"})
    with pytest.raises(ArtifactError, match=r"end\.age|arrays are"):
        rewritten({name: values for name, values in artifact.context.items() if name != "end.age"})
    with pytest.raises(ArtifactError, match="not one that a detector"):
        rewritten(decoding={**record["decoding"], "method": "reconstruction"})


def test_detection_runs_without_torch_or_a_dataframe_library(tmp_path: Path) -> None:
    fitted().save(tmp_path / "model")
    expected = fitted().predict({"time": hours(60), "load": load(60)})["p_value"].to_list()
    code = f"""
import sys
for name in ("torch", "polars", "pandas", "pyarrow", "scipy", "sklearn"):
    sys.modules[name] = None
import numpy as np
import tidegate as tg
model = tg.load({str(tmp_path / "model")!r})
time = np.datetime64("2026-01-01", "us") + np.arange(60) * np.timedelta64(1, "h")
values = {load(60).tolist()!r}
found = model.predict({{"time": time, "load": np.array(values)}})
stream = model.stream(fresh=True)
p = [stream.update(value, time=stamp).p_value for value, stamp in zip(values, time)]
print([list(found["p_value"]), p])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    batch, stream = eval(done.stdout.replace("np.float64", "float").replace("nan", "float('nan')"))
    np.testing.assert_array_equal(batch, expected)
    np.testing.assert_array_equal(stream, expected)


def test_a_report_is_given_every_series_with_its_events_and_labels() -> None:
    from tidegate.tasks.detect.view import view

    model = fitted()
    (own,) = view(model)
    found = model.predict()
    np.testing.assert_array_equal(own.scores, found["score"])
    np.testing.assert_array_equal(own.walked.table.columns["load"][own.rows], watched()["load"][-180:])
    starts = [own.walked.table.time[own.rows][first].item() for first, _ in own.events]
    assert starts == model.events()["start"].to_list()
    assert own.windows is None
    (new,) = view(model, labelled(), label="anomaly")
    assert new.windows == ((300, 302), (620, 621), (760, 761), (840, 841))
    assert [one.walked.table.ids[one.number] for one in view(fitted_pair())] == ["a", "b"]


def test_an_error_twice_as_large_as_all_before_alarms_with_many_channels_or_it_is_told_that_it_cannot() -> None:
    rng = np.random.default_rng(0)
    columns = {f"s{i}": (rng.random(1500) < 0.02).astype(float) for i in range(8)}
    table = {"time": np.arange(1500), "y": rng.normal(size=1500), **columns}
    how = {"time": "time", "target": ["y", *columns], "progress": False}

    def model(budget: float) -> tg.AnomalyDetector:
        return tg.AnomalyDetector(max_epochs=1, alarms_per_week=budget, alarms={"warm_up": 20}).fit(table, **how)

    one = model(1.0)  # of a thousand rows
    assert not [note for note in one.notes_ if note.kind == "reach"]
    detector, stream = one.detector_, one.stream()
    largest = np.nanmax(one.fitted_.walked.errors[:, 0, 0])
    far = np.sinh(stream.streams.state["expected"][0, 0]) + 2 * largest
    found = stream.update([far * detector.preparation.scale[0, 0] + detector.preparation.offset[0, 0], *([0.0] * 8)])
    assert found.alarm
    assert found.channel == 0
    seldom = model(1e-4)
    (note,) = [note for note in seldom.notes_ if note.kind == "reach"]
    assert note.values["threshold"] == pytest.approx(1e-7)
    assert 1e-7 < note.values["p"] < 1e-3
    assert note.values["budget"] == pytest.approx(1e3 * note.values["p"])


@pytest.mark.parametrize(("step", "budget"), [((1, "D"), 0.07), ((1, "h"), 1.0), ((7, "D"), 0.01)])
def test_the_usual_budget_fits_the_step(step, budget):
    """One alarm a week, and of days or weeks one in a hundred rows: 1 a week of daily rows would be every seventh."""
    options = tg.AnomalyDetector().check()
    assert options.rules(Frequency(*step), True).budget == pytest.approx(budget)
    assert options.rules(Frequency(*step), True).threshold <= 0.01 + 1e-12
    assert options.rules(Frequency(*step), False).threshold == 1e-3
