"""Channels and labels of a detector's data, where nobody names them."""

import numpy as np
import pytest

import tidegate as tg
from tidegate.core.errors import SchemaError


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
