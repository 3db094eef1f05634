"""What meters, grids, offices and web services send: wide days, counted parts of a day, eras, JSON of any shape."""

import json
from datetime import datetime, timedelta

import numpy as np
import pytest

from tests.data.files.support import days, kinds, text_file
from tidegate.core.errors import ReadError, SchemaError, TimeError
from tidegate.data import read

N = 48
VALUES = [round(50 + 7 * (i * 37 % 11) / 3 + i / 10, 2) for i in range(192)]
DAYS = days(N)
HOURS = [f"{datetime(2024, 1, 1) + timedelta(hours=i):%Y-%m-%d %H:%M}" for i in range(N)]
EPOCH = [1704067200000 + i * 3_600_000 for i in range(N)]
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # noqa: SIM905


def rows(head, cells, values=VALUES, sign=","):
    return head + "\n" + "".join(f"{cell}{sign}{y}\n" for cell, y in zip(cells, values, strict=False))


def wide(head, firsts, width):
    lines = (f"{first}," + ",".join(map(str, VALUES[i * width : (i + 1) * width])) for i, first in enumerate(firsts))
    return head + "\n" + "\n".join(lines) + "\n"


def quarters(shift):
    return ",".join(f"{(i + shift) // 4:02d}:{(i + shift) % 4 * 15:02d}" for i in range(96))


def elapsed(step, count=N):
    """Day and part of the day, counted from 1."""
    return [f"{DAYS[i * step // 1440]},{i % (1440 // step) + 1}" for i in range(count)]


SHORT = [f"{datetime(2024, 1, 1) + timedelta(minutes=10 * i):%y%m%d%H%M}" for i in range(N)]
STYLES = {
    "quarter hours as columns": (wide("date," + quarters(0), DAYS[:2], 96), "15min", VALUES, {"calendar"}),
    "quarter hours by their ends": (wide("date," + quarters(1), DAYS[:2], 96), "15min", VALUES, {"calendar"}),
    "half hours counted as columns": (
        wide("date," + ",".join(f"HH{i + 1}" for i in range(48)), DAYS[:4], 48), "30min", VALUES, {"calendar"},
    ),
    "year, month and days as columns": (
        "Year,Month," + ",".join(map(str, range(1, 32))) + "\n"
        + "".join(
            f"2023,{m}," + ",".join(str(d + m) if d <= last else "" for d in range(1, 32)) + "\n"
            for m, last in ((1, 31), (2, 28), (3, 31))
        ),
        "D", [d + 1 for d in range(1, 32)] + [d + 2 for d in range(1, 29)], {"calendar"},
    ),
    "parts of a day, counted": (rows("Date,Settlement Period,v", elapsed(30, 144)), "30min", VALUES[:144], set()),
    "a Japanese market": (rows("年月日,時刻コード,v", elapsed(30, 144)), "30min", VALUES[:144], set()),
    "hours as spans": (
        rows("日期,時段,v", [f"{h[:10]},{h[11:]}~{h[11:13]}:59" for h in HOURS]), "h", VALUES, {"time_parts"},
    ),
    "hours as short spans": (
        rows("date,hours,v", [f"{h[:10]},{h[11:13]} - {(i + 1) % 24:02d}" for i, h in enumerate(HOURS)]),
        "h", VALUES, set(),
    ),
    "dates once a day": (
        rows("date,hour,v", [f"{'' if i % 24 else h[:10]},{i % 24}" for i, h in enumerate(HOURS)]),
        "h", VALUES, {"filled_down"},
    ),
    "years once a year": (
        rows("year,month,v", [f"{'' if i % 12 else 2000 + i // 12},{MONTHS[i % 12]}" for i in range(N)]),
        "M", VALUES, {"filled_down"},
    ),
    "years and months with their words": (
        rows("年,月,v", [f"{110 + i // 12}年,{i % 12 + 1}月" for i in range(N)]), "M", VALUES, {"roc"},
    ),
    "names in two languages": (
        rows("年/Year,月/Month,日/Day,v", [f"{d[:4]},{int(d[5:7])},{int(d[8:])}" for d in DAYS]), "D", VALUES, set(),
    ),
    "ten digits": (rows("時間,v", SHORT), "10min", VALUES, set()),
    "twelve digits": (rows("time,v", [cell + "00" for cell in SHORT]), "10min", VALUES, set()),
    "underscores": (rows("t,v", [h.replace("-", "_").replace(" ", "_")[:13] for h in HOURS]), "h", VALUES, set()),
    "Thai years of two digits": (
        rows("วันที่,v", [f"{i + 1} ม.ค. 67" for i in range(31)]), "D", VALUES[:31], {"buddhist"},
    ),
    "Dutch months": (
        rows("Perioden,v", [f"{2020 + i // 12}MM{i % 12 + 1:02d}" for i in range(N)]), "M", VALUES, set(),
    ),
    "Dutch quarters": (rows("Perioden,v", [f"{2000 + i // 4}KW0{i % 4 + 1}" for i in range(N)]), "3M", VALUES, set()),
    "fiscal quarters": (rows("period,v", [f"FY{10 + i // 4}Q{i % 4 + 1}" for i in range(N)]), "3M", VALUES, set()),
    "Matlab": (rows("datenum,v", [f"{739252 + i / 24:.8f}" for i in range(N)]), "h", VALUES, {"counted_days"}),
    "Julian days": (rows("JD,v", [2460310.5 + i for i in range(N)]), "D", VALUES, {"counted_days"}),
    "modified Julian days": (rows("MJD,v", range(60310, 60310 + N)), "D", VALUES, {"counted_days"}),
    "fractions of years": (
        rows("decimal_year,v", [f"{2000 + (i + 0.5) / 12:.4f}" for i in range(N)]), "M", VALUES, {"decimal_years"},
    ),
    "a spreadsheet's hours, with commas": (
        rows("Zeit;v", [f"{45292 + i / 24:.9f}".replace(".", ",") for i in range(N)], sign=";"), "h", VALUES, {"excel"},
    ),
    "numbers of orders": (
        rows("Name,Created at,Total", [f"#10{i},{h}:00 +0800" for i, h in enumerate(HOURS)]), "h", VALUES, set(),
    ),
    "years as columns, numbers beside": (
        "Code\tISO\tUnit\t" + "\t".join(str(1980 + i) for i in range(40)) + "\tEstimates After\n"
        + "".join(f"{k}\tC{k}\tx\t" + "\t".join(map(str, VALUES[:40])) + "\t2018\n" for k in range(2)),
        "12M", VALUES[:40], {"headed"},
    ),
}  # fmt: skip
ROWS = [{"time": h, "v": y} for h, y in zip(HOURS, VALUES, strict=False)]
SAMPLES = list(zip(HOURS, VALUES, strict=False))
PAIRS = [[at, y] for at, y in zip(EPOCH, VALUES, strict=False)]
ANSWERS = {
    "columns within": {"latitude": 52.5, "hourly": {"time": HOURS, "v": VALUES[:N]}},
    "rows within": {"success": True, "result": {"records": ROWS}},
    "behind what is said of them": [{"page": 1}, ROWS],
    "pairs": {"v": PAIRS, "caps": [[at, 9 * y] for at, y in PAIRS]},
    "samples of a metric": {
        "data": {"result": [{"metric": {"job": "a"}, "values": [[t // 1000, str(y)] for t, y in PAIRS]}]}
    },
    "split": {"columns": ["time", "v"], "index": list(range(N)), "data": list(map(list, SAMPLES))},
    "frames of pandas": {"v": {str(at): y for at, y in PAIRS}},
    "named for their times": {"meta": {"a": "b"}, "Series": {h: {"v": str(y)} for h, y in SAMPLES}},
    "values of times": dict(SAMPLES),
    "objects within": {"hits": {"hits": [{"_source": {"@timestamp": f"{h}:00Z", "v": y}} for h, y in SAMPLES]}},
    "a document's date": [{"at": {"$date": f"{h.replace(' ', 'T')}:00Z"}, "v": y} for h, y in SAMPLES],
}  # fmt: skip


@pytest.mark.parametrize("style", STYLES)
def test_a_file_is_read_as_what_it_says(tmp_path, style):
    text, frequency, values, told = STYLES[style]
    table = read(text_file(tmp_path, text))
    (target,) = table.schema.targets
    assert str(table.frequency) == frequency
    held = values[: len(table)]
    np.testing.assert_allclose(table.columns[target][: len(held)], held)
    assert told <= kinds(table)


def test_when_parts_of_a_day_begin(tmp_path):
    for style, first, last in (
        ("quarter hours as columns", "2024-01-01T00:00", "2024-01-02T23:45"),
        ("quarter hours by their ends", "2024-01-01T00:15", "2024-01-03T00:00"),
        ("parts of a day, counted", "2024-01-01T00:00", "2024-01-03T23:30"),
        ("ten digits", "2024-01-01T00:00", "2024-01-01T07:50"),
        ("Thai years of two digits", "2024-01-01T00:00", "2024-01-31T00:00"),
        ("Matlab", "2024-01-01T00:00", "2024-01-02T23:00"),
        ("Julian days", "2024-01-01T00:00", "2024-02-17T00:00"),
        ("modified Julian days", "2024-01-01T00:00", "2024-02-17T00:00"),
    ):
        time = read(text_file(tmp_path, STYLES[style][0])).time
        assert [str(at)[:16] for at in (time[0], time[-1])] == [first, last], style


@pytest.mark.parametrize("answer", ANSWERS)
def test_the_table_in_an_answer_of_a_web_service(tmp_path, answer):
    path = text_file(tmp_path, json.dumps(ANSWERS[answer]), name="a.json")
    one = "v" if answer in ("pairs", "objects within") else None
    table = read(path, target="_source.v" if answer == "objects within" else one)
    (target,) = table.schema.targets
    assert str(table.frequency) == "h"
    assert table.columns[target].tolist() == VALUES[:N]
    assert str(table.time[0])[:16] == "2024-01-01T00:00"


def test_an_hour_that_the_clock_shows_twice(tmp_path):
    hours = ["00", "01", "02A", "02B", *(f"{h:02d}" for h in range(3, 24))]
    text = rows("Zeit;MW", [f"27.10.2024 {h}:00" for h in hours], sign=";")
    table = read(text_file(tmp_path, text), timezone="Europe/Berlin")
    assert table.columns["MW"].tolist() == VALUES[:25]
    assert (np.diff(table.time) == np.timedelta64(1, "h")).all()
    with pytest.raises(TimeError, match="timezone="):
        read(text_file(tmp_path, text))


REFUSED = {
    "hour 25": (
        rows("date,hour,v", [f"2024-10-{d},{h}" for d in (26, 27) for h in range(1, 25 + (d == 27))]),
        TimeError, "line 50, column 'hour': 25 is one more",
    ),
    "period 50": (
        rows("date,period,v", [f"2024-10-{d},{h}" for d in (25, 26, 27) for h in range(1, 49 + 2 * (d == 27))]),
        TimeError, "column 'period': 49 is one more",
    ),
    "the 30th of February": (
        "month," + ",".join(map(str, range(1, 32))) + "\n"
        + "".join(f"2023-0{m}," + ",".join(map(str, range(1, 32))) + "\n" for m in (1, 2, 3)),
        SchemaError, "line 3, column '29'",
    ),
    "a decimal comma that divides": (
        rows("date,v", DAYS, [str(y).replace(".", ",") for y in VALUES]), ReadError, "3 cells where the header has 2",
    ),
    "JSON by another name": (json.dumps(ROWS), ReadError, "holds JSON"),
    "ARFF": ("@relation x\n@attribute v numeric\n@data\n1\n2\n", ReadError, "ARFF"),
}  # fmt: skip


@pytest.mark.parametrize("style", REFUSED)
def test_what_does_not_tell_is_refused_with_its_fix(tmp_path, style):
    text, error, says = REFUSED[style]
    with pytest.raises(error, match=says):
        read(text_file(tmp_path, text))
