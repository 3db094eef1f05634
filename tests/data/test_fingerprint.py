"""One changed value, label or name is other data."""

from dataclasses import replace
from typing import Any

import numpy as np

from tidegate.core.table import Table
from tidegate.data import read
from tidegate.data.fingerprint import data_fingerprint
from tidegate.data.sequences import read_sequences


def table(**changes: Any) -> Table:
    rows = 2500
    columns: dict[str, Any] = {
        "time": np.datetime64("2024-01-01", "us") + np.arange(rows) * np.timedelta64(1, "h"),
        "y": np.arange(rows, dtype=np.float64) % 7,
        "word": np.array(["a", "b"], dtype=object)[np.arange(rows) % 2],
        "size": np.ones(rows),
        "place": np.full(rows, "here", dtype=object),
    }
    given = {"time": "time", "target": "y", "observed": ["word"], "static": ["size"], "series": "place"}
    return read({**columns, **changes}, **given)


def test_any_changed_row_is_another_table() -> None:
    base = data_fingerprint(table())
    assert data_fingerprint(table()) == base
    y, word = table().columns["y"].copy(), table().columns["word"].copy()
    y[1234] += 1e-9
    word[77] = "c"
    rows = len(y)
    later = np.datetime64("2024-01-02", "us") + np.arange(rows) * np.timedelta64(1, "h")
    changes = {"y": y, "word": word, "time": later, "size": np.full(rows, 2.0)}
    for name, values in changes.items():
        assert data_fingerprint(table(**{name: values})) != base, name
    assert data_fingerprint(table(place=np.full(rows, "there", dtype=object))) != base


def test_any_changed_value_or_label_is_other_sequences() -> None:
    values = np.arange(60, dtype=np.float64).reshape(10, 1, 6)
    found = read_sequences(values, labels=["a", "b"] * 5, groups=[0, 1] * 5)
    base = data_fingerprint(found)
    assert data_fingerprint(read_sequences(values.copy(), labels=["a", "b"] * 5, groups=[0, 1] * 5)) == base
    moved = values.copy()
    moved[7, 0, 3] += 1e-9
    others = [
        read_sequences(moved, labels=["a", "b"] * 5, groups=[0, 1] * 5),
        read_sequences(values, labels=["a", "b"] * 4 + ["b", "a"], groups=[0, 1] * 5),
        read_sequences(values, labels=["a", "b"] * 5, groups=[0, 1] * 4 + [1, 1]),
        replace(found, channels=("other",)),
        found.take(np.arange(9)),
    ]
    assert base not in {data_fingerprint(other) for other in others}
