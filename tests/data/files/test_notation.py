"""Numbers in every notation, read as written or refused; never in another notation."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.data.files.support import days, text_file
from tidegate.core.errors import ConfigError, SchemaError
from tidegate.data import read, read_sequences


def column(cells, *others, delimiter=";", names="y"):
    rows = [delimiter.join(row) for row in zip(days(len(cells)), cells, *others, strict=True)]
    return "\n".join([delimiter.join(["date", *names]), *rows]) + "\n"


def test_a_dot_that_may_group_thousands_is_refused_and_can_be_chosen(tmp_path):
    path = text_file(tmp_path, column(["810", "1.137", "2.250"]))
    with pytest.raises(SchemaError, match=r"line 3, column 'y': '1.137'.*decimal='.' or decimal=',' \(--decimal\)"):
        read(path)
    assert read(path, decimal=",").columns["y"].tolist() == [810, 1137, 2250]
    assert read(path, decimal=".").columns["y"].tolist() == [810, 1.137, 2.25]
    assert read(path, thousands=".").columns["y"].tolist() == [810, 1137, 2250]


@pytest.mark.parametrize(
    ("others", "factor"),
    [
        (["3,37%", "1,20%", "0,15%"], 1000),
        (["11,27M", "9,01M", "8,5M"], 1000),
        (["1,5", "2,5", "3"], 1000),
        (["1.234.567", "1.000.000", "7"], 1000),
        (["€ 1.234,5", "€ 2", "€ 3"], 1000),
        (["2.5", "3", "4"], 1),
        (["$1,234.50", "$2", "$3"], 1),
        (["1,234,567", "2", "3"], 1),
        (["0.123", "0.456", "0.789"], 1),
        (["12.3456", "1", "2"], 1),
    ],
)
def test_other_columns_decide(tmp_path, others, factor):
    quoted = [f'"{cell}"' for cell in others]
    path = text_file(tmp_path, column(["1.137", "2.250", "3.500"], quoted, names="yz"))
    np.testing.assert_allclose(read(path, target="y").columns["y"], np.array([1.137, 2.25, 3.5]) * factor, rtol=1e-12)


def test_dates_with_dots_decide_and_it_is_said(tmp_path):
    text = "Datum;y\n01.01.2021;810\n02.01.2021;1.137\n03.01.2021;2.200\n"
    table = read(text_file(tmp_path, text))
    assert table.columns["y"].tolist() == [810, 1137, 2200]
    assert [note.values["text"] for note in table.notes if note.kind == "decimal_guess"] == ["1.137"]
    plain = read(text_file(tmp_path, text.replace("1.137", "1137").replace("2.200", "2200")))
    assert "decimal_guess" not in {note.kind for note in plain.notes}


def test_a_number_of_four_digits_without_a_sign_decides(tmp_path):
    assert read(text_file(tmp_path, column(["2500", "1.137", "3"]))).columns["y"].tolist() == [2500, 1.137, 3]
    assert read(text_file(tmp_path, column(["2500", "1,137", "3"]))).columns["y"].tolist() == [2500, 1.137, 3]


def test_what_is_between_commas_has_a_decimal_point(tmp_path):
    assert read(text_file(tmp_path, column(["1.137", "2.25"], delimiter=","))).columns["y"].tolist() == [1.137, 2.25]


def test_a_doubtful_cell_far_down_is_judged_by_all_rows(tmp_path):
    start = np.datetime64("2024-01-01T00:00") + np.arange(3000).astype("timedelta64[m]")
    rows = [f"{time};{i % 900};{i % 7}" for i, time in enumerate(start)]
    rows[2500] = f"{start[2500]};1.137;3"
    text = "time;y;z\n" + "\n".join(rows)
    with pytest.raises(SchemaError, match=r"line 2502, column 'y': '1.137'"):
        read(text_file(tmp_path, text), target="y")
    rows[2900] = f"{start[2900]};5;2,25"
    table = read(text_file(tmp_path, "time;y;z\n" + "\n".join(rows)), target="y")
    assert table.columns["y"][2500] == 1137
    rows[2900] = f"{start[2900]};5;2.25"
    assert read(text_file(tmp_path, "time;y;z\n" + "\n".join(rows)), target="y").columns["y"][2500] == 1.137


@pytest.mark.parametrize("mark", ["'", "\u2019", " ", "\u00a0", "\u202f", "\u2009"])
def test_signs_between_thousands(tmp_path, mark):
    cells = [f"5{mark}012", f"1{mark}234{mark}567", "7"]
    for decimal, fraction in ((".", ""), (",", ",5"), (".", ".5")):
        table = read(text_file(tmp_path, column([cell + fraction for cell in cells])))
        expected = np.array([5012, 1234567, 7]) + (0.5 if fraction else 0)
        assert table.columns["y"].tolist() == expected.tolist(), decimal


def test_frames_of_text_are_judged_alike():
    frame = {"date": days(3), "y": ["1.137", "2.250", "3.500"], "z": ["1,5", "2", "3"]}
    assert read(frame, target="y").columns["y"].tolist() == [1137, 2250, 3500]
    with pytest.raises(SchemaError, match="row 0, column 'y'"):
        read({"date": days(3), "y": ["1.137", "2.250", "3.500"]})


def test_labels_are_read_in_the_notation_of_the_file(tmp_path):
    path = text_file(tmp_path, "id;x;grade\na;1,5;1,00\na;2,5;1,00\nb;3,5;2,50\n")
    found = read_sequences(path, id="id", label="grade")
    assert found.labels.tolist() == [1.0, 2.5]
    assert found.values[:, 0].tolist() == [1.5, 2.5, 3.5]


@pytest.mark.parametrize(
    ("cells", "numbers", "kind"),
    [
        (["$10", "$1,250.5", "$3"], [10, 1250.5, 3], "units"),
        (["50%", "5.5 %", "7%"], [50, 5.5, 7], "units"),
        (["12K", "1.5M", "900"], [12e3, 1.5e6, 900], "factors"),
        (["100 W", "60 W", "75.5 W"], [100, 60, 75.5], "units"),
        (["1.2 kWh", "3 kWh", "4 kWh"], [1.2, 3, 4], "units"),
        (["(3.5)", "2", "(1)"], [-3.5, 2, -1], "parentheses"),
        (["NT$100", "NT$-20", "NT$3"], [100, -20, 3], "units"),
        (["11.27M", "0.3M", "4M"], [11_270_000, 300_000, 4_000_000], "factors"),
        (["\u22123", "4", "5"], [-3, 4, 5], None),
    ],
)
def test_what_stands_beside_a_number_is_left_off_and_said(tmp_path, cells, numbers, kind):
    table = read(text_file(tmp_path, column([f'"{cell}"' for cell in cells], delimiter=",")))
    assert table.columns["y"].tolist() == numbers
    assert kind is None or kind in {note.kind for note in table.notes}


@pytest.mark.parametrize(
    ("cell", "hint"),
    [
        ("<0.5", r"a limit.*na=\"<\*\" \(--na\)"),
        ("#DIV/0!", r"spreadsheet.*na='#DIV/0!' \(--na\)"),
        ("unavailable", r"word for no value.*na='unavailable' \(--na\)"),
        ("X0.00", r"is not a number.*na='X0.00' \(--na\)"),
        ("3 kW", r"mixes units: .*line 4 has 'kW', .*line 2 none.*\(--units\)"),
        ("50%", r"mixes units"),
    ],
)
def test_other_cells_are_named_and_can_be_allowed(tmp_path, cell, hint):
    path = text_file(tmp_path, column(["1.5", "2.25", cell, "4"], delimiter=","))
    with pytest.raises(SchemaError, match=hint):
        read(path)
    if "unit" in hint:
        assert read(path, units=True).columns["y"].tolist() == [1.5, 2.25, float(cell.strip("% kW")), 4]
    else:
        np.testing.assert_array_equal(read(path, na=[cell]).columns["y"], [1.5, 2.25, np.nan, 4])
        np.testing.assert_array_equal(read(path, na=f"--,{cell[0]}*").columns["y"], [1.5, 2.25, np.nan, 4])


def test_values_that_stand_for_missing_ones_are_remarked_on_and_can_be_named(tmp_path):
    path = text_file(tmp_path, column(["1.5", "-999", "2.5", "-999.0", "3"], delimiter=","))
    table = read(path)
    assert [note.values for note in table.notes if note.kind == "sentinel"] == [
        {"column": "y", "count": 2, "value": "-999"}
    ]
    np.testing.assert_array_equal(read(path, na=-999).columns["y"], [1.5, np.nan, 2.5, np.nan, 3])
    frame = {"date": days(4), "y": np.array([1.0, -200.0, 2.0, 3.0])}
    np.testing.assert_array_equal(read(frame, na="-200").columns["y"], [1, np.nan, 2, 3])
    assert frame["y"][1] == -200
    ordinary = read({"date": days(4), "y": np.array([-90.0, -99.0, -80.0, -20.0])})
    assert "sentinel" not in {note.kind for note in ordinary.notes}


def test_bad_options_name_the_argument_and_the_flag(tmp_path):
    path = text_file(tmp_path, column(["1", "2"]))
    for wrong in ({"thousands": "x"}, {"thousands": ".", "decimal": "."}, {"skip_rows": -1}, {"na": object()}):
        with pytest.raises(ConfigError, match=rf"{next(iter(wrong))}=.*\(--{next(iter(wrong)).replace('_', '-')}\)"):
            read(path, **wrong)


def written(value, decimal, mark):
    whole, _, fraction = f"{abs(value):.2f}".partition(".")
    if mark is not None:
        groups = []
        while whole:
            groups, whole = [whole[-3:], *groups], whole[:-3]
        whole = mark.join(groups)
    fraction = fraction.rstrip("0")
    return ("-" if value < 0 else "") + whole + (decimal + fraction if fraction else "")


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(
        st.decimals(-10_000_000, 10_000_000, places=2, allow_nan=False).map(float), min_size=3, max_size=12
    ).filter(lambda found: len(set(found)) > 1),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    notation=st.sampled_from(
        [(".", None), (",", None), (".", ","), (",", "."), (",", " "), (".", "'"), (",", "\u202f"), (".", " ")]
    ),
    quoted=st.booleans(),
    dates=st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y"]),
)
def test_any_column_in_any_notation_reads_back_exactly_or_is_refused(
    tmp_path, values, delimiter, notation, quoted, dates
):
    decimal, mark = notation
    cells = [written(value, decimal, mark) for value in values]
    quote = '"' if quoted or any(delimiter in cell for cell in cells) else ""
    times = [np.datetime64("2024-03-11") + i for i in range(len(values))]
    rows = [
        f"{time.item().strftime(dates)}{delimiter}{quote}{cell}{quote}" for time, cell in zip(times, cells, strict=True)
    ]
    path = text_file(tmp_path, f"date{delimiter}y\n" + "\n".join(rows) + "\n")
    expected = [float(f"{value:.2f}") for value in values]
    told = read(path, decimal=decimal, thousands=mark or "", date_format=dates)
    assert told.columns["y"].tolist() == expected
    try:
        found = read(path, date_format=dates)
    except SchemaError:
        return
    guess = {note.kind for note in found.notes} & {"decimal_guess"}
    assert found.columns["y"].tolist() == expected or guess


def test_whole_numbers_that_lose_their_last_digits_are_remarked_on(tmp_path):
    """2^53 + 1 is the first whole number that 64 bits round."""
    exact, lost = [str(2**53 - k) for k in range(1, 9)], [str(2**53 + 1 + 2 * k) for k in range(8)]
    for cells, told in ((exact, []), (lost, [str(2**53 + 16)]), (["6.02e23", *exact[1:]], [])):
        table = read(text_file(tmp_path, column(cells, delimiter=",")))
        assert [note.values["value"] for note in table.notes if note.kind == "coarse"] == told
