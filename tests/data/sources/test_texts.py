"""Texts: lists, columns, JSON lines and labelled lines."""

import gzip

import numpy as np
import pandas as pd
import pytest

from tidegate.core.errors import ConfigError, DataError, ReadError, SchemaError
from tidegate.data.sequences import read_sequences

HELD = ['Good room, "really"', "bad", "?", "很好，下次再來"]


def test_a_list_of_texts():
    for data in (HELD, np.array(HELD), pd.Series(HELD), tuple(HELD)):
        sequences = read_sequences(data, labels=[1, 0, 0, 1])
        assert sequences.texts.tolist() == HELD
        assert (sequences.labels.tolist(), sequences.starts.tolist()) == ([1, 0, 0, 1], [0] * 5)


def test_columns_of_every_kind_of_table(tmp_path):
    frame = pd.DataFrame(
        {"no": list("abcd"), "review": HELD, "label": ["pos", "neg", "neg", "pos"], "by": list("uvuv")}
    )
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_csv(tmp_path / "a.tsv", index=False, sep="\t")
    frame.to_json(tmp_path / "a.jsonl", orient="records", lines=True, force_ascii=False)
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress((tmp_path / "a.csv").read_bytes()))
    for source in (frame, *(tmp_path / name for name in ("a.csv", "a.tsv", "a.jsonl", "b.csv.gz"))):
        sequences = read_sequences(source, text="review", label="label", id="no", group="by")
        assert sequences.texts.tolist() == HELD
        assert sequences.labels.tolist() == ["pos", "neg", "neg", "pos"]
        assert (sequences.ids, sequences.groups.tolist()) == (tuple("abcd"), list("uvuv"))
        assert sequences.notes == ()
    assert [note.values for note in read_sequences(frame, text="review").notes] == [{"columns": "no, label, by"}]


def test_labelled_lines(tmp_path):
    path = tmp_path / "stsa.train"
    path.write_text("1 a stirring , funny film\n0 dull .\n", "utf-8")
    sequences = read_sequences(path, kind="text")
    assert sequences.texts.tolist() == ["a stirring , funny film", "dull ."]
    assert sequences.labels.tolist() == [1, 0]
    assert [note.kind for note in sequences.notes] == ["lines"]
    path.write_text("1 a\n0\n", "utf-8")
    with pytest.raises(ReadError, match="line 2: expected a label"):
        read_sequences(path, kind="text")


def test_empty_texts_are_told_and_none_at_all_is_refused():
    sequences = read_sequences(["a", " ", None])
    assert [(note.kind, note.values) for note in sequences.notes] == [("empty_text", {"count": 2, "first": "1"})]
    with pytest.raises(DataError, match="every text is empty"):
        read_sequences(["", None])


@pytest.mark.parametrize(
    ("data", "how", "error", "match"),
    [
        (pd.DataFrame({"a": ["x"]}), {"text": "b"}, SchemaError, "text='b'"),
        (pd.DataFrame({"a": ["x"]}), {"kind": "text"}, ConfigError, "need text="),
        (pd.DataFrame({"a": ["x"]}), {"text": "a", "labels": [1]}, ConfigError, "label="),
        (["x"], {"text": "a"}, ConfigError, "names a column"),
        (["x", 3], {}, SchemaError, "text 1 is 3, a int"),
        (["x", "y"], {"labels": [1]}, SchemaError, "labels have shape"),
    ],
    ids=str,
)
def test_odd_texts_are_refused(data, how, error, match):
    with pytest.raises(error, match=match):
        read_sequences(data, **how)


def test_broken_json_is_refused_with_its_line(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"t": "x"}\n{"t": \n')
    with pytest.raises(ReadError, match="line 2 is no JSON"):
        read_sequences(path, text="t")
    path.write_text('{"t": "x"}\n[1]\n')
    with pytest.raises(ReadError, match="line 2 holds a list"):
        read_sequences(path, text="t")
