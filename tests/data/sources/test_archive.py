"""Files of the archive, written by hand after its specification."""

import gzip

import numpy as np
import pytest

from tidegate.core.errors import ReadError, SchemaError
from tidegate.data.sequences import read_sequences

HEAD = "# made by hand\n@problemName Toy\n@timeStamps false\n@univariate {one}\n{more}@data\n"


def write(tmp_path, text, name="toy.ts"):
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


@pytest.mark.parametrize("name", ["toy.ts", "toy.ts.gz"])
def test_several_dimensions_of_varying_length(tmp_path, name):
    text = HEAD.format(one="false", more="@dimensions 2\n@classLabel true walk run\n")
    text += "1,2,3:4,5,6:walk\n\n7,8:?,10:run\n"
    sequences = read_sequences(write(tmp_path, text, name))
    np.testing.assert_array_equal(sequences.values, [[1, 4], [2, 5], [3, 6], [7, np.nan], [8, 10]])
    assert (sequences.lengths.tolist(), sequences.labels.tolist()) == ([3, 2], ["walk", "run"])
    assert sequences.channels == ("value_0", "value_1")


def test_one_dimension_with_padding_and_whole_labels(tmp_path):
    text = HEAD.format(one="true", more="@classLabel true 1 2\n") + "1.5,2,?,?:1\n?,2,3,4:2\n"
    sequences = read_sequences(write(tmp_path, text))
    assert sequences.lengths.tolist() == [2, 4]
    assert (sequences.labels.tolist(), sequences.channels) == ([1, 2], ("value",))
    assert [note.kind for note in sequences.notes] == ["padding"]


def test_numbers_to_estimate_and_no_labels(tmp_path):
    text = HEAD.format(one="true", more="@targetLabel true\n") + "1,2:0.25\n3,4:7\n"
    assert read_sequences(write(tmp_path, text)).labels.tolist() == [0.25, 7.0]
    text = HEAD.format(one="true", more="@classLabel false\n") + "1,2\n3,4\n"
    assert read_sequences(write(tmp_path, text)).labels is None


def test_steps_with_times(tmp_path):
    text = HEAD.format(one="false", more="@classLabel true a b\n").replace("@timeStamps false", "@timeStamps true")
    text += "(0,1.5),(1,2):(0,3),(1,4):a\n(2020-01-01 10:00,5),(2020-01-01 11:00,6):(0,7),(1,8):b\n"
    sequences = read_sequences(write(tmp_path, text))
    np.testing.assert_array_equal(sequences.values, [[1.5, 3], [2, 4], [5, 7], [6, 8]])
    assert sequences.labels.tolist() == ["a", "b"]


ARFF = """% toy
@relation toy
@attribute att1 numeric
@attribute 'att 2' REAL
@attribute target {1,2}
@data
0.5,1.5,1
?,2.5,2
"""
NESTED = """@relation toy
@attribute relationalAtt relational
  @attribute t1 numeric
  @attribute t2 numeric
  @attribute t3 numeric
@end relationalAtt
@attribute class {run,walk}
@data
'1,2,3\\n4,5,6',run
"7,8,9\\n10,11,?",walk
"""


def test_arff(tmp_path):
    sequences = read_sequences(write(tmp_path, ARFF, "toy.arff"))
    np.testing.assert_array_equal(sequences.values[:, 0], [0.5, 1.5, np.nan, 2.5])
    assert sequences.labels.tolist() == [1, 2]
    numbers = ARFF.replace("{1,2}", "numeric").replace("1.5,1", "1.5,0.1")
    assert read_sequences(write(tmp_path, numbers, "toy.arff")).labels.tolist() == [0.1, 2]


def test_arff_of_several_dimensions(tmp_path):
    sequences = read_sequences(write(tmp_path, NESTED, "toy.arff"))
    np.testing.assert_array_equal(sequences.values, [[1, 4], [2, 5], [3, 6], [7, 10], [8, 11], [9, np.nan]])
    assert sequences.labels.tolist() == ["run", "walk"]


@pytest.mark.parametrize(("name", "sign"), [("toy.tsv", "\t"), ("toy.txt", ","), ("toy.txt", "  ")])
def test_rows_that_begin_with_the_label(tmp_path, name, sign):
    rows = [["1", "0.5", "0.6", "0.7"], ["-1", "1", "2", "NaN"]]
    sequences = read_sequences(write(tmp_path, "\n".join(sign.join(row) for row in rows) + "\n", name))
    np.testing.assert_array_equal(sequences.values[:, 0], [0.5, 0.6, 0.7, 1, 2])
    assert sequences.labels.tolist() == [1, -1]
    assert [note.kind for note in sequences.notes] == ["rows", "padding"]


@pytest.mark.parametrize(
    ("name", "text", "error", "match"),
    [
        ("a.ts", "@problemName x\n@classLabel true a\n@data\n", ReadError, "no cases below @data"),
        ("a.ts", "@problemName x\n1,2:a\n@data\n1,2:a", ReadError, "line 2: .* comes before @data"),
        ("a.ts", "@classLabel true a\n@data\n1,x:a", SchemaError, "line 3: 'x' is not a number"),
        ("a.ts", "@classLabel true a\n@data\n1,2:b", SchemaError, "label 'b' is not among those of @classLabel: a"),
        ("a.ts", "@classLabel true a\n@data\n1,2:3:a", SchemaError, "line 3: its dimensions have 2, 1 steps"),
        (
            "a.ts",
            "@dimensions 3\n@classLabel true a\n@data\n1:3:a",
            SchemaError,
            "2 dimensions where the header says 3",
        ),
        ("a.ts", "@classLabel true a\n@data\n1,2:a\n:a", Exception, "no steps|channels"),
        ("a.arff", "@relation x\n@attribute a numeric\n@data\n1", ReadError, "declares 1 attributes"),
        ("a.arff", ARFF + "1,2\n", ReadError, "2 cells where 3 attributes"),
        ("a.arff", "@attribute a\n@data\n1", ReadError, "no attribute"),
        ("a.ts", "", ReadError, "empty"),
    ],
    ids=lambda item: str(item)[:30],
)
def test_broken_files_are_refused_with_the_line(tmp_path, name, text, error, match):
    with pytest.raises(error, match=match):
        read_sequences(write(tmp_path, text, name))


def test_a_damaged_gzip_is_refused(tmp_path):
    path = write(tmp_path, HEAD.format(one="true", more="@classLabel true 1\n") + "1,2,3:1\n" * 5000, "a.ts.gz")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ReadError, match="gzip"):
        read_sequences(path)
