"""New sequences need not look as those of the fit: their columns' order, kinds and labels may differ."""

from functools import cache
from typing import Any

import numpy as np
import pytest

import tidegate as tg
from tidegate.core.errors import SchemaError


def runs(count: int, seed: int) -> dict[str, np.ndarray]:
    """Recordings of two channels, half of them of machines with a fault, and how worn they are."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(10, 16, count)
    run = np.repeat(np.arange(count), lengths)
    heat = rng.normal(run % 2)
    return {
        "run": np.array([f"r{k}" for k in run], dtype=object),
        "step": np.concatenate([np.arange(k) for k in lengths]),
        "heat": heat,
        "speed": rng.normal(size=len(run)),
        "fault": np.array(["none", "belt"], dtype=object)[run % 2],
        "wear": np.where(run % 2, 3.0, 0.5) + 0.01 * (run % 7),
    }


@cache
def fitted(label: str) -> Any:
    make = tg.Classifier if label == "fault" else tg.Regressor
    model = make(hidden_size=4, max_epochs=1, network={"branch": ()})
    return model.fit(runs(40, 0), id="run", time="step", features=["heat", "speed"], label=label, progress=False)


CHANGES: dict[str, Any] = {
    "another order": lambda data: dict(reversed(data.items())),
    "one column more": lambda data: {**data, "extra": data["fault"]},
    "no label": lambda data: {name: data[name] for name in ("run", "step", "heat", "speed")},
    "blank labels": lambda data: {**data, **{name: np.full(len(data["run"]), None) for name in ("fault", "wear")}},
    "numbers as text": lambda data: {**data, "heat": np.array([repr(float(x)) for x in data["heat"]], dtype=object)},
    "steps with a fraction": lambda data: {**data, "step": data["step"].astype(float)},
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("label", ["fault", "wear"])
def test_what_does_not_matter_changes_nothing(label: str, change: str) -> None:
    model, new = fitted(label), runs(6, 5)
    expected, found = model.predict(new), model.predict(CHANGES[change](new))
    assert list(found.columns) == list(expected.columns)
    for name in expected.columns:
        np.testing.assert_array_equal(np.asarray(found[name]), np.asarray(expected[name]))


@pytest.mark.parametrize("label", ["fault", "wear"])
def test_sequences_without_a_label_are_not_scored_and_named(label: str) -> None:
    model, new = fitted(label), runs(8, 5)
    blank = np.where(new["run"] == "r3", None, new[label])
    found = model.evaluate({**new, label: blank})
    kept = new["run"] != "r3"
    alone = model.evaluate({name: values[kept] for name, values in new.items()})
    assert found.overall["model"] == alone.overall["model"]
    (note,) = [one for one in found.notes if one.kind == "unlabelled"]
    assert note.values["first"] == "r3"


def test_a_missing_channel_is_named() -> None:
    new = runs(6, 5)
    with pytest.raises(SchemaError, match="heat"):
        fitted("fault").predict({name: values for name, values in new.items() if name != "heat"})
