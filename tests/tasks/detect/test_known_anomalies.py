"""Channels and labels of a detector's data, where nobody names them."""

import numpy as np
import pytest

import tidegate as tg
from tidegate.core.errors import ConfigError, SchemaError


def recorded(words=None):
    """Rows of two channels that nobody names, the last of which are labelled."""
    rng = np.random.default_rng(0)
    known = np.arange(400) >= 390
    label = known.astype(float) if words is None else np.where(known, *words).astype(object)
    stamps = np.datetime64("2024-01-01T00:00", "us") + np.arange(400) * np.timedelta64(10, "m")
    values = {"heat": rng.normal(size=400) + 20 * known, "load": rng.normal(size=400), "where": ["hall"] * 400}
    return {"timestamp": stamps, **values, "attack" if words else "is_anomaly": label}


@pytest.mark.parametrize("words", [None, ("yes", "no"), ("neptune", "normal"), ("異常", "正常")])
def test_channels_and_label_are_recognised(words, tmp_path):
    data = recorded(words)
    model = tg.AnomalyDetector(window=8, hidden_size=4, max_epochs=1, seed=0)
    model.fit(data, out=tmp_path / "run")
    assert model.detector_.preparation.channels == ("heat", "load")
    assert model.fitted_.labelled.tolist() == [i >= 390 for i in range(400)]
    assert next(note for note in model.fitted_.table.notes if note.kind == "roles")
    again = tg.open_run(tmp_path / "run", data)
    assert again.fitted_.labelled.sum() == 10
    assert str(model.evaluate(data)).splitlines()[0] == str(model.evaluate()).splitlines()[0]


def test_words_none_of_which_is_normal_are_refused():
    with pytest.raises(SchemaError, match="none of which says that a row is normal"):
        tg.AnomalyDetector(window=8).fit(recorded(("a", "b")))


def commanded(rows=600, late=500):
    """A reading that follows a switch, whose commands nobody names; another command is first given late."""
    rng = np.random.default_rng(1)
    switch, rare = (rng.random(rows) < 0.1).astype(float), np.zeros(rows)
    rare[late::7] = 1.0
    return {"time": np.arange(rows), "y": 4 * switch + 0.3 * rng.normal(size=rows), "switch": switch, "rare": rare}


def test_columns_of_zeros_and_ones_are_read_and_not_watched(tmp_path):
    data = commanded()
    model = tg.AnomalyDetector(window=8, hidden_size=4, max_epochs=2, seed=0).fit(data, out=tmp_path / "run")
    own = model.detector_.preparation
    assert (own.channels, own.known) == (("y",), ("switch", "rare"))
    note = next(note for note in model.notes_ if note.kind == "commands")
    assert note.values == {"count": 2, "names": "switch, rare"}
    again = tg.open_run(tmp_path / "run", data)
    np.testing.assert_array_equal(again.fitted_.walked.p_value, model.fitted_.walked.p_value)
    # A command that never came in the training part moves nothing when it comes; one that did, does.
    expected = {}
    for name in ("switch", "rare"):
        changed = {**data, name: 1 - data[name]}
        expected[name] = np.array(model.predict(changed)["expected"])[20:]
    before = np.array(model.predict(data)["expected"])[20:]
    np.testing.assert_array_equal(expected["rare"], before)
    assert np.abs(expected["switch"] - before).max() > 0.01


def test_named_channels_are_watched_whatever_they_hold():
    how = {"window": 8, "hidden_size": 4, "max_epochs": 1, "seed": 0}
    named = tg.AnomalyDetector(**how).fit(commanded(), time="time", target=["y", "switch", "rare"])
    assert named.detector_.preparation.channels == ("y", "switch", "rare")
    switches = {name: values for name, values in commanded().items() if name != "y"}
    assert tg.AnomalyDetector(**how).fit(switches).detector_.preparation.channels == ("switch", "rare")
    rebuilt = tg.AnomalyDetector(method="reconstruction", **how).fit(commanded())
    assert rebuilt.detector_.preparation.channels == ("y", "switch", "rare")


def test_switches_that_are_watched_do_not_hide_what_is_rare_in_a_reading(tmp_path):
    """Each group is held against its own past: a jump of the reading alarms, however often switches turn."""
    data, rng = commanded(1500, 1200), np.random.default_rng(2)
    for number in range(6):
        data[f"relay{number}"] = (rng.random(1500) < 0.004 * (number + 1)).astype(float)
    data["y"][[1300, 1400]] += 6
    channels = [name for name in data if name != "time"]
    how = {"time": "time", "target": channels, "out": tmp_path / "run", "overwrite": True}
    p = {}
    for groups in (None, {"plant": ["y"]}, "auto"):
        model = tg.AnomalyDetector(window=8, hidden_size=4, max_epochs=3, seed=0, alarms={"groups": groups})
        p[str(groups)] = np.array(model.fit(data, **how).predict(part="all")["p_value"])[[1300, 1400]]
    assert p["auto"].max() < 0.005
    assert (p["auto"] < p["None"] / 5).all()
    np.testing.assert_array_equal(p["auto"], p["{'plant': ['y']}"])  # the rest are a group of their own
    assert model.detector_.rules.groups == {"readings": ("y",), "switches": tuple(channels[1:])}
    frame = model.predict(data)
    assert [name for name in frame.columns if name.startswith("p_value:")] == ["p_value:readings", "p_value:switches"]
    loaded = tg.load(tmp_path / "run" / "model")
    np.testing.assert_array_equal(np.array(loaded.predict(data)["p_value"]), np.array(frame["p_value"]))
    stream, rows = loaded.stream(streams=1), np.stack([data[name] for name in channels], axis=1)
    found = [stream.update(rows[t : t + 1]).p_value[0] for t in range(1500)]
    np.testing.assert_array_equal(found, np.array(frame["p_value"]))


def test_groups_that_cannot_be_are_refused():
    for groups in ({"a": ["y", "nothing"]}, {"a": ["y"], "b": ["y"]}):
        model = tg.AnomalyDetector(window=8, max_epochs=1, alarms={"groups": groups})
        with pytest.raises(ConfigError, match="is no channel, or is named twice"):
            model.fit(commanded(), time="time", target=["y", "switch"])
    with pytest.raises(ConfigError, match="groups"):
        tg.AnomalyDetector(alarms={"groups": "rest"}).fit(commanded(), time="time", target="y")
