"""Ways in which files write times, numbers, headers and ends: each is read as what it says, or the place is named."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from tests.data.files.support import kinds, text_file
from tidegate.core.errors import SchemaError, TimeError
from tidegate.data import read

N = 40
MONDAY = datetime(2024, 1, 1)
SPANISH = "ene feb mar abr may jun jul ago sep oct nov dic".split()  # noqa: SIM905
VALUES = [round(50 + 7 * (i * 37 % 11) / 3 + i / 10, 2) for i in range(96)]
GERMAN_DAYS, FRENCH_DAYS, CHINESE_DAYS = (
    "Mo Di Mi Do Fr Sa So".split(),  # noqa: SIM905
    "lun. mar. mer. jeu. ven. sam. dim.".split(),  # noqa: SIM905
    "一二三四五六日",
)
SIGNED = [-y if i % 2 else y for i, y in enumerate(VALUES)]


def times(form, hours=24):
    return [(datetime(2024, 1, 1) + timedelta(hours=i * hours)).strftime(form) for i in range(N)]


def german(y):
    return f"{y:,.2f}".replace(",", "_").replace(".", ",").replace("_", ".")


def rows(head, cells, values=VALUES, sign=",", number=str):
    return head + "\n" + "".join(f"{cell}{sign}{number(y)}\n" for cell, y in zip(cells, values, strict=False))


def parenthesised(y):
    return german(y) if y > 0 else f"({german(-y)})"


def behind(y):
    return german(y) if y > 0 else german(-y) + "-"


def by_month(count=48):
    return [(2010 + i // 12, i % 12 + 1) for i in range(count)]


DAILY = times("%Y-%m-%d")
DOTTED = times("%d.%m.%Y")
# name -> the file, the frequency that is found, the first values, and kinds of notes that must be there
STYLES = {
    "weekday in German": (
        rows("Datum;Wert", [f"{GERMAN_DAYS[i % 7]} {day}" for i, day in enumerate(DOTTED)], sign=";", number=german),
        "D",
        VALUES,
        {"decimal"},
    ),
    "weekday in French": (
        rows(
            "Date;Valeur",
            [f"{FRENCH_DAYS[i % 7]} {day}" for i, day in enumerate(times("%d/%m/%Y"))],
            sign=";",
            number=german,
        ),
        "D",
        VALUES,
        {"decimal"},
    ),
    "weekday behind": (
        rows("date,v", [f"{day} {name}" for day, name in zip(DAILY, times("%a"), strict=True)]),
        "D",
        VALUES,
        set(),
    ),
    "weekday in Chinese": (
        rows("日期,值", [f"{day}({CHINESE_DAYS[i % 7]})" for i, day in enumerate(times("%Y/%m/%d"))]),
        "D",
        VALUES,
        set(),
    ),
    "a browser's date": (rows("time,v", times('"%a %b %d %Y %H:%M:%S GMT+0100 (CET)"', 1)), "h", VALUES, set()),
    "a server's log": (rows("time,v", times("[%d/%b/%Y:%H:%M:%S +0000]", 1)), "h", VALUES, set()),
    "AM and PM with dots": (
        rows("time,v", [t.replace("AM", "a.m.").replace("PM", "p.m.") for t in times("%d/%m/%Y %I:%M %p", 1)]),
        "h",
        VALUES,
        {"date_order"},
    ),
    "halves of the day in Chinese": (
        rows("時間,值", [t.replace("AM", "上午").replace("PM", "下午") for t in times("%Y/%m/%d %p %I:%M", 1)]),
        "h",
        VALUES,
        set(),
    ),
    "milliseconds since 1970": (rows("ts,v", [1704067200000 + i * 3600000 for i in range(N)]), "h", VALUES, {"epoch"}),
    "nanoseconds since 1970": (
        rows("name,time,v", [f"cpu,{(1704067200 + i * 60) * 10**9}" for i in range(N)]),
        "min",
        VALUES,
        {"epoch"},
    ),
    "a spreadsheet's days": (rows("date,v", range(45292, 45292 + N)), "D", VALUES, {"excel"}),
    "year and day of the year": (rows("year,doy,v", [f"2024,{i + 1}" for i in range(N)]), "D", VALUES, {"time_parts"}),
    "date and hours as HHMM": (
        rows("date,hhmm,v", [f"2024-01-0{i // 24 + 1},{i % 24 * 100}" for i in range(N)]),
        "h",
        VALUES,
        {"time_parts"},
    ),
    "hours 1 to 24": (
        rows("time,v", [f"2024-01-0{i // 24 + 1} {i % 24 + 1:02d}:00" for i in range(N)]),
        "h",
        VALUES,
        set(),
    ),
    "months coded M01": (
        rows("Series,Year,Period,v", [f"CUUR,{y},M{m:02d}" for y, m in by_month()]),
        "M",
        VALUES,
        {"time_parts"},
    ),
    "month and year": (rows("month,year,v", [f"{m},{y}" for y, m in by_month()]), "M", VALUES, {"time_parts"}),
    "months in Spanish": (
        rows("mes;v", [f"{SPANISH[m - 1]}-{y % 100}" for y, m in by_month()], sign=";", number=german),
        "M",
        VALUES,
        {"month_year"},
    ),
    "trimesters": (rows("trim;v", [f"{2010 + i // 4}-T{i % 4 + 1}" for i in range(N)], sign=";"), "3M", VALUES, set()),
    "half years": (rows("period,v", [f"{2000 + i // 2}H{i % 2 + 1}" for i in range(N)]), "6M", VALUES, set()),
    "fiscal years": (
        rows("year,v", [f"{1980 + i}/{(1981 + i) % 100:02d}" for i in range(N)]),
        "12M",
        VALUES,
        {"year_pairs"},
    ),
    "calendar weeks": (rows("KW;v", [f"KW {i + 1}/2023" for i in range(N)], sign=";"), "7D", VALUES, {"weeks"}),
    "weeks as spans": (
        rows(
            "Week,v",
            [f"{MONDAY + timedelta(7 * i):%Y-%m-%d} - {MONDAY + timedelta(7 * i + 6):%Y-%m-%d}" for i in range(N)],
        ),
        "7D",
        VALUES,
        {"spans"},
    ),
    "Buddhist years": (rows("date,v", [f"2567-{day[5:]}" for day in DAILY]), "D", VALUES, {"buddhist"}),
    "years of the Republic": (rows("日期,v", [f"113/{day[5:7]}/{day[8:]}" for day in DAILY]), "D", VALUES, {"roc"}),
    "years of Reiwa": (
        rows("日付,v", [f"令和6年{int(day[5:7])}月{int(day[8:])}日" for day in DAILY]),
        "D",
        VALUES,
        set(),
    ),
    "days in Korean": (rows("날짜,v", times("%Y년 %m월 %d일")), "D", VALUES, set()),
    "a column YYYYMMDD": (
        "# STN,YYYYMMDD,   TG\n"
        + "".join(f"  260,{day},{y:7}\n" for day, y in zip(times("%Y%m%d"), VALUES, strict=False)),
        "D",
        VALUES,
        {"header"},
    ),
    "minus behind": (rows("date;v", DOTTED, SIGNED, ";", behind), "D", SIGNED, {"decimal"}),
    "parentheses and commas": (
        rows("date;v", DOTTED, SIGNED, ";", parenthesised),
        "D",
        SIGNED,
        {"decimal", "parentheses"},
    ),
    "parentheses and dollars": (
        rows("date,v", DAILY, SIGNED, number=lambda y: f'"${y:,.2f}"' if y > 0 else f'"(${-y:,.2f})"'),
        "D",
        SIGNED,
        {"units", "parentheses"},
    ),
    "a true minus sign": (
        rows("date,v", DAILY, SIGNED, number=lambda y: str(y).replace("-", "\u2212")),
        "D",
        SIGNED,
        set(),
    ),
    "apostrophes": (
        rows("date;v", DOTTED, sign=";", number=lambda y: f"{1000 * y:,.2f}".replace(",", "'")),
        "D",
        [1000 * y for y in VALUES],
        set(),
    ),
    "narrow blanks": (
        rows("date;v", DOTTED, sign=";", number=lambda y: f"{1000 * y:,.2f}".replace(",", "\u202f").replace(".", ",")),
        "D",
        [1000 * y for y in VALUES],
        {"decimal"},
    ),
    "exponents with commas": (
        rows("date;v", DOTTED, sign=";", number=lambda y: f"{y:.3E}".replace(".", ",")),
        "D",
        VALUES,
        {"decimal"},
    ),
    "per mille": (rows("date,v", DAILY, number=lambda y: f"{y} ‰"), "D", VALUES, {"units"}),
    "tabs and commas in UTF-16": (
        rows("Datum\tWert", DOTTED, sign="\t", number=german).encode("utf-16"),
        "D",
        VALUES,
        {"decimal"},
    ),
    "lines within cells": (rows('date,note,"v\n(kWh)"', [f'{day},"a\nb"' for day in DAILY]), "D", VALUES, set()),
    "the last cell has two lines": (rows("date,v,note", DAILY, number=lambda y: f'{y},"a\nb"'), "D", VALUES, set()),
    "a list of psql": (
        "    date    |   v   \n------------+-------\n"
        + "".join(f" {a} | {y:5} \n" for a, y in zip(DAILY, VALUES, strict=False))
        + "(40 rows)\n",
        "D",
        VALUES,
        {"trailer"},
    ),
    "a box of MySQL": (
        "+---+---+\n| date       | v     |\n+---+---+\n"
        + "".join(f"| {a} | {y:5} |\n" for a, y in zip(DAILY, VALUES, strict=False))
        + "+---+---+\n",
        "D",
        VALUES,
        set(),
    ),
    "a total below": (rows("Datum;v", DOTTED, sign=";", number=german) + "Summe;2.530,66\n", "D", VALUES, {"trailer"}),
    "a header again": (
        rows("date,v", DAILY[:20]) + rows("date,v", DAILY[20:], VALUES[20:]),
        "D",
        VALUES,
        {"header_again"},
    ),
    "a bank's head": (
        '"Konto:";"DE12"\n"Von:";"01.01.2024"\n\n'
        + rows(
            '"Buchungstag";"Zweck";"Betrag"',
            [f'"{day}";"Kauf; Laden"' for day in DOTTED],
            SIGNED,
            ";",
            lambda y: f'"{german(y)}"',
        ),
        "D",
        SIGNED,
        {"preamble", "decimal"},
    ),
    "hours as columns": (
        "date,"
        + ",".join(f"H{h:02d}" for h in range(1, 25))
        + "\n"
        + "".join(f"{DAILY[d]}," + ",".join(map(str, VALUES[24 * d : 24 * d + 24])) + "\n" for d in range(4)),
        "h",
        VALUES,
        {"calendar"},
    ),
    "years as columns, with flags": (
        "freq,unit,geo\\TIME_PERIOD\t"
        + "\t".join(f"{2010 + k} " for k in range(10))
        + "\n"
        + "".join(
            f"A,PC,{g}\t" + "\t".join(": c" if k == 3 else f"{y} " for k, y in enumerate(VALUES[:10])) + "\n"
            for g in ("DE", "FR", "IT")
        ),
        "12M",
        VALUES[:3],
        {"headed", "missing"},
    ),
    "a database's null": (
        rows("date,v", DAILY, ["\\N" if i == 7 else y for i, y in enumerate(VALUES)]),
        "D",
        VALUES[:7],
        {"missing"},
    ),
    "9999.9 for none": (
        rows("date,v", DAILY, [9999.9 if i == 7 else y for i, y in enumerate(VALUES)]),
        "D",
        VALUES[:7],
        {"sentinel"},
    ),
}


@pytest.mark.parametrize("style", STYLES)
def test_a_style_is_read_as_what_it_says(tmp_path, style):
    text, frequency, values, told = STYLES[style]
    table = read(text_file(tmp_path, text))
    (target,) = table.schema.targets
    assert table.schema.time is not None
    assert str(table.frequency) == frequency
    held = values[: len(table)]
    np.testing.assert_allclose(table.columns[target][: len(held)], held, rtol=1e-3 if "exponents" in style else 1e-9)
    assert told <= kinds(table)


REFUSED = {
    "both decimal signs": (
        rows("date;v", DAILY, [str(y).replace(".", ",") if i % 2 else y for i, y in enumerate(VALUES)], ";"),
        SchemaError,
        "line 3",
    ),
    "per cent beside none": (
        rows("date,v", DAILY, [f"{y}%" if i % 2 else y for i, y in enumerate(VALUES)]),
        SchemaError,
        "mixes units",
    ),
    "a limit of detection": (
        rows("date,v", DAILY, ["<0.5" if i == 3 else y for i, y in enumerate(VALUES)]),
        SchemaError,
        "line 5.*limit",
    ),
    "thousands or not": (rows("date,v", DAILY, [f'"{int(y)},000"' for y in VALUES]), SchemaError, "one way only"),
    "subtotals between": (rows("date,v", [*DAILY[:7], "Subtotal", *DAILY[7:]]), TimeError, "line 9.*Subtotal"),
    "years among months": (
        rows("month,v", [*(f"2010-{m:02d}" for m in range(1, 13)), "2010", *(f"2011-{m:02d}" for m in range(1, 13))]),
        TimeError,
        "line 14",
    ),
    "the newest first": (rows("date,v", DAILY[::-1]), TimeError, "newest row comes first"),
    "one broken day": (rows("date,v", [*DAILY[:17], "2024-01-xx", *DAILY[18:]]), TimeError, "line 19"),
    "a name twice": (rows("date,v,v", [f"{day},1" for day in DAILY]), SchemaError, "occurs 2 times"),
}


@pytest.mark.parametrize("style", REFUSED)
def test_what_reads_in_no_one_way_is_refused_with_its_place(tmp_path, style):
    text, error, says = REFUSED[style]
    with pytest.raises(error, match=says):
        read(text_file(tmp_path, text))
