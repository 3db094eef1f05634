"""A model that is fitted again takes the old one's place where it is better, and only there."""

from pathlib import Path

import numpy as np
import pytest

from tests.tasks.forecast.models import quick, write_csv
from tidegate.core.errors import ArtifactError, DataError
from tidegate.data.read import read
from tidegate.deploy.drift.retrain import joined, retrain
from tidegate.deploy.publish import publish
from tidegate.deploy.store import Store

HOURS = np.datetime64("2024-01-01T00:00") + np.arange(900).astype("timedelta64[h]")
CUT = 500


def series(after: float) -> np.ndarray:
    """A daily wave that has another form, and another level, from CUT on."""
    steps = np.arange(len(HOURS))
    wave = np.sin(steps * np.pi / 12) * np.where(steps < CUT, 1, after) + np.where(steps < CUT, 0, after - 1)
    return np.round(10 + wave + 0.1 * np.random.default_rng(0).normal(size=len(HOURS)), 3)


def test_a_model_whose_data_changed_is_replaced_and_one_whose_data_did_not_is_not(tmp_path: Path) -> None:
    store = Store(tmp_path / "models")
    for name, after in (("other", -1.0), ("same", 1.0)):
        y = series(after)
        old = write_csv(tmp_path / f"{name}.csv", {"time": HOURS[:CUT], "y": y[:CUT]})
        new = write_csv(tmp_path / f"{name}-new.csv", {"time": HOURS[CUT + 3 :], "y": y[CUT + 3 :]})
        model = quick(max_epochs=4)
        model.fit(old, time="time", target="y", out=tmp_path / name, progress=False)
        first = publish(tmp_path / name, store, name)
        store.promote(name, first.id)
        found = retrain(tmp_path / name, new, store=store)
        now = store.promoted(name)
        assert now is not None
        assert found.better == (after < 0)
        assert (now.id == first.id) == (after > 0)
        if after < 0:
            assert now.record.parent == first.id
            assert now.record.number == 2
            assert found.new < found.old
            assert "is in use now" in found.text()
        else:
            assert len(store.versions(name)) == 1
            assert "stays in use" in found.text()
    with pytest.raises(DataError, match="later than those of the training"):
        retrain(tmp_path / "same", tmp_path / "same.csv", overwrite=True)
    with pytest.raises(ArtifactError, match="does not say where its data are"):
        retrain(tmp_path / "other-retrained", tmp_path / "other-new.csv")


def test_rows_are_joined_on_the_grid_as_if_they_had_been_read_together() -> None:
    names, n = np.array(["a", "b"]), 40
    columns = {"time": np.tile(HOURS[:n], 2), "id": np.repeat(names, n), "y": np.arange(2.0 * n)}
    whole = read(columns, time="time", target="y", series="id")
    early = np.tile(np.arange(n) < 25, 2)
    late = np.tile(np.arange(n) >= 20, 2)
    parts = [
        read({name: values[rows] for name, values in columns.items()}, time="time", target="y", series="id")
        for rows in (early, late)
    ]
    found = joined(*parts)
    assert np.array_equal(found.time, whole.time)
    assert np.array_equal(found.starts, whole.starts)
    assert np.array_equal(found.columns["y"], whole.columns["y"])
    later = read({"time": HOURS[28:n], "y": np.arange(28.0, n)}, time="time", target="y")
    gap = joined(read({"time": HOURS[:25], "y": np.arange(25.0)}, time="time", target="y"), later)
    assert np.array_equal(gap.time, HOURS[:n].astype("datetime64[us]"))
    assert np.isnan(gap.columns["y"][25:28]).all()
    odd = read({"time": HOURS[28:n] + np.timedelta64(30, "m"), "y": np.arange(28.0, n)}, time="time", target="y")
    with pytest.raises(DataError, match="not on the grid"):
        joined(read({"time": HOURS[:25], "y": np.arange(25.0)}, time="time", target="y"), odd)
