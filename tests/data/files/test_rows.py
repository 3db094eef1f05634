"""Rows are neither lost nor bent, whatever their lines hold; tables of many columns and long cells are read."""

import time

import numpy as np
import pytest

from tests.data.files.support import days, kinds, text_file
from tidegate.core.errors import ReadError, SchemaError, TimeError
from tidegate.data import read, read_sequences


@pytest.mark.parametrize("sign", ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_signs_that_python_takes_for_line_ends_are_none(tmp_path, sign, end):
    rows = [f'{day},{i},"a{sign}b {i}"' for i, day in enumerate(days(5))]
    path = text_file(tmp_path, end.join([f"# exported{sign} by hand", "date,y,note", *rows]) + end)
    table = read(path, target="y", known="note")
    assert table.columns["y"].tolist() == [0, 1, 2, 3, 4]
    assert table.columns["note"][3] == f"a{sign}b 3"
    bad = text_file(tmp_path, end.join([f"# exported{sign}", "date,y,note", *rows, f"2024-01-06,x{sign},b"]) + end)
    with pytest.raises(SchemaError, match="line 8, column 'y'"):
        read(bad, target="y")


@pytest.mark.parametrize("row", ['2024-01-06,"5,5"', '2024-01-06,5,"a\nb",7', '2024-01-06,5,"a,b",3,4'])
def test_a_quoted_delimiter_does_not_make_up_for_a_cell(tmp_path, row):
    text = "date,y,note\n" + "".join(f'{day},{i},"{i}"\n' for i, day in enumerate(days(5))) + row + "\n"
    with pytest.raises(ReadError, match=r"line 7|line 8"):
        read(text_file(tmp_path, text), target="y")


def test_quotes_within_cells_are_part_of_them(tmp_path):
    text = "date,y,note\n" + "".join(f'{day},{i},5" pipe and 6" pipe\n' for i, day in enumerate(days(5)))
    assert read(text_file(tmp_path, text), target="y", known="note").columns["note"][0] == '5" pipe and 6" pipe'


def test_long_cells_and_many_columns(tmp_path):
    long = "x" * 400_000
    text = f"date,y,note\n2024-01-01,1,{long}\n2024-01-02,2,b\n2024-01-03,5,c\n"
    assert len(read(text_file(tmp_path, text), target="y", known="note").columns["note"][0]) == 400_000
    found = read_sequences(text_file(tmp_path, f"text,label\n{long},a\nshort,b\n"), text="text", label="label")
    assert len(found.texts[0]) == 400_000
    wide = 20_000
    names = ",".join(f"series number {i}" for i in range(wide))
    rows = "".join(f"{day}," + ",".join(str((i + j) % 7) for i in range(wide)) + "\n" for j, day in enumerate(days(3)))
    path = text_file(tmp_path, f"date,{names}\n{rows}")
    begin = time.process_time()
    table = read(path, target="series number 5")
    table = read(path, wide=True)
    assert len(table.ids) == wide
    assert time.process_time() - begin < 30  # quadratic checks of names took minutes


def test_one_stray_date_is_named(tmp_path):
    rows = [f"{day},{i}" for i, day in enumerate(days(40))]
    for at, stray in ((39, "9999-12-31"), (0, "1900-01-01"), (39, "2204-02-09")):
        bent = [*rows]
        bent[at] = f"{stray},7"
        with pytest.raises(TimeError, match=rf"line {at + 2}: the time {stray} lies \d+ years from all others"):
            read(text_file(tmp_path, "date,y\n" + "\n".join(bent)))
    yearly = "date,y\n" + "\n".join(f"{1900 + i}-01-01,{i % 3}" for i in range(30))
    assert len(read(text_file(tmp_path, yearly))) == 30


@pytest.mark.skipif(not hasattr(np.dtypes, "StringDType"), reason="numpy 2")
def test_numpys_own_texts_are_texts():
    texts = np.array(["a", "b", "a"], dtype=np.dtypes.StringDType())
    table = read(
        {"date": np.array(days(3), dtype=np.dtypes.StringDType()), "y": [1.0, 2.0, 4.0], "k": texts},
        known="k",
        target="y",
    )
    assert table.columns["k"].tolist() == ["a", "b", "a"]
    assert "no_time_column" not in kinds(table)


def test_a_header_in_the_middle_of_joined_files_is_left_out(tmp_path):
    for width, quote in ((2, ""), (3, '"')):
        head = ",".join(f"{quote}{name}{quote}" for name in ("date", "v", "w")[:width])
        rows = [",".join([f"2024-01-{day:02d}", *[f"{day}.5"] * (width - 1)]) for day in range(1, 21)]
        path = tmp_path / f"{width}.csv"
        path.write_text("\n".join([head, *rows[:10], head, *rows[10:], ""]), encoding="utf-8")
        table = read(path, target="v")
        assert table.columns["v"].tolist() == [day + 0.5 for day in range(1, 21)]
        assert "header_again" in {note.kind for note in table.notes}


def test_full_width_digits_are_numbers(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        "date,v\n" + "".join(f"2024-01-{day:02d},－１{day % 10}．５\n" for day in range(1, 21)), encoding="utf-8"
    )
    assert read(path).columns["v"][:3].tolist() == [-11.5, -12.5, -13.5]


def test_a_row_of_words_that_is_the_header_again_stays(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("the,DET\ncat,NOUN\nthe,DET\n", encoding="utf-8")
    assert read_sequences(path, kind="table").categories["the"].tolist() == ["cat", "the"]
