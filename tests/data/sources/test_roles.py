"""Tables whose columns nobody names are read as their names and cells say; what is open stays open."""

import json

import numpy as np
import pandas as pd
import pytest

from tidegate.core.errors import ConfigError, ReadError, SchemaError
from tidegate.data.sequences import read_sequences

VALUES = np.round(np.random.default_rng(0).normal(size=(12, 9)), 3)
KINDS = ["a", "b"] * 6
LINES = [f"film {i} was rather {'dull' if i % 2 else 'good'}" for i in range(12)]


def roles(sequences):
    return next(note.values["found"] for note in sequences.notes if note.kind == "roles")


@pytest.mark.parametrize("names", [("text", "label"), ("review", "sentiment"), ("評論", "情感"), ("said", "kind")])
def test_a_text_and_its_label(names, tmp_path):
    frame = pd.DataFrame({names[0]: LINES, names[1]: KINDS})
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_json(tmp_path / "a.json", orient="records", force_ascii=False)
    frame.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    for source in (frame, *(tmp_path / f"a.{end}" for end in ("csv", "json", "jsonl"))):
        for given in ({}, {"label": names[1]}):
            found = read_sequences(source, **given)
            assert found.texts.tolist() == LINES
            assert found.labels.tolist() == KINDS
            assert roles(found)["text"] == names[0]


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("name", ["f{}", "{}", "t_{}"])
def test_a_row_a_sequence(first, name):
    frame = pd.DataFrame(VALUES, columns=[name.format(i) for i in range(9)])
    frame.insert(0 if first else 9, "class", KINDS)
    found = read_sequences(frame)
    np.testing.assert_allclose(found.values.reshape(12, 9), VALUES)
    assert found.labels.tolist() == KINDS
    again = read_sequences(frame.drop(columns="class"), rows=True, features=roles(found)["features"])
    assert again.lengths.tolist() == [9] * 12


def test_measurements_of_one_row_are_no_steps():
    frame = pd.DataFrame(VALUES[:, :8], columns=[f"{name}_{i}" for name in ("heat", "load") for i in range(4)])
    found = read_sequences(frame.assign(label=KINDS))
    assert found.lengths.tolist() == [1] * 12
    assert roles(found) == {"label": "label"}


@pytest.mark.parametrize("names", [("id", "t", "label"), ("unit", "cycle", "activity"), ("sequence_id", "time", "y")])
def test_a_long_table(names):
    id, time, label = names
    frame = pd.DataFrame(
        {id: np.repeat(range(12), 9), time: np.tile(range(9), 12), "x": VALUES.ravel(), label: np.repeat(KINDS, 9)}
    )
    found = read_sequences(frame)
    assert (found.channels, found.lengths.tolist(), found.labels.tolist()) == (("x",), [9] * 12, KINDS)
    assert roles(found) == {"label": label, "id": id, "time": time}
    assert not any(note.kind == "roles" for note in read_sequences(frame, id=id, label=label, time=time).notes)


@pytest.mark.parametrize("write", [str, lambda cells: " ".join(map(str, cells))])
def test_a_sequence_in_a_cell(write, tmp_path):
    frame = pd.DataFrame({"no": range(12), "signal": [write(row.tolist()) for row in VALUES], "emotion": KINDS})
    frame.to_csv(tmp_path / "a.csv", index=False)
    for source in (frame, tmp_path / "a.csv"):
        found = read_sequences(source)
        np.testing.assert_allclose(found.values.reshape(12, 9), VALUES)
        assert found.labels.tolist() == KINDS
    frame.loc[3, "signal"] = "1, two, 3"
    with pytest.raises(SchemaError, match=r"row 3, column 'signal'.*no list of numbers"):
        read_sequences(frame, cells="signal", label="emotion")
    with pytest.raises(ConfigError, match="time= orders the rows"):
        read_sequences(frame, cells="signal", label="emotion", time="no")


def test_lines_that_begin_with_a_label(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("".join(f"__label__{kind} {line}\n" for kind, line in zip(KINDS, LINES, strict=True)), "utf-8")
    found = read_sequences(path)
    assert (found.labels.tolist(), found.texts.tolist()) == (KINDS, LINES)
    path.write_text("".join(f"{kind}\t{line}\n" for kind, line in zip(KINDS, LINES, strict=True)), "utf-8")
    found = read_sequences(path)
    assert (found.labels.tolist(), found.texts.tolist()) == (KINDS, LINES)


def test_a_folder_of_texts(tmp_path):
    for i, (kind, line) in enumerate(zip(KINDS, LINES, strict=True)):
        (tmp_path / kind).mkdir(exist_ok=True)
        (tmp_path / kind / f"{i:02d}.txt").write_text(f"{line}\nand long\n", "utf-8")
    found = read_sequences(tmp_path)
    assert found.labels.tolist() == sorted(KINDS)
    assert found.texts[0] == f"{LINES[0]}\nand long"
    assert found.ids[0] == "a/00"


def test_rows_without_a_header_may_end_with_their_label(tmp_path):
    path = tmp_path / "a.csv"
    for label in (KINDS, [0, 1] * 6):
        rows = [[*row, kind] for row, kind in zip(VALUES.tolist(), label, strict=True)]
        path.write_text("".join(",".join(map(str, row)) + "\n" for row in rows), "utf-8")
        found = read_sequences(path)
        assert found.labels.tolist() == label
        np.testing.assert_allclose(found.values.reshape(12, 9), VALUES)


@pytest.mark.parametrize(
    ("text", "match"),
    [("[1, 2]", "entry 1 holds a int"), ("{", "is no JSON"), ('{"a": [1], "b": [1, 2]}', "different lengths")],
)
def test_json_that_is_no_table(text, match, tmp_path):
    path = tmp_path / "a.json"
    path.write_text(text, "utf-8")
    with pytest.raises(ReadError, match=match):
        read_sequences(path)


def test_json_of_columns(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"text": LINES, "label": KINDS}), "utf-8")
    assert read_sequences(path).labels.tolist() == KINDS
