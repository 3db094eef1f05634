"""Bad input for classifiers and regressors: files as a user might have them, and what is to be said of each."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

READ = {"id": "run", "time": "step", "label": "fault"}


def runs(count: int = 40, *, classes: int = 2, seed: int = 0) -> list[list[object]]:
    """Rows run, step, machine, speed, heat, fault: the fault is the speed's frequency."""
    generator = np.random.default_rng(seed)
    rows: list[list[object]] = []
    for run in range(count):
        kind = run % classes
        for step in range(int(generator.integers(8, 14))):
            speed = np.sin((0.4 + 0.9 * kind) * step) + 0.1 * generator.standard_normal()
            rows.append([run, step, f"m{run // 4}", round(float(speed), 3), run % 7, ("none", "belt", "bearing")[kind]])
    return rows


def table(path: Path, rows: list[list[object]]) -> Path:
    """Rows of `runs` as a CSV file."""
    lines = ["run,step,machine,speed,heat,fault", *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def wav(path: Path, samples: np.ndarray, rate: int = 8000) -> Path:
    """A WAV file of 16 bits."""
    body = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
    head = (
        b"RIFF"
        + struct.pack("<I", 36 + len(body))
        + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(head + b"data" + struct.pack("<I", len(body)) + body)
    return path


def tones(folder: Path, count: int = 24) -> Path:
    """Low and high tones, a folder for each."""
    generator = np.random.default_rng(0)
    for place in range(count):
        pitch = 300 if place % 2 else 900
        time = np.arange(1200 + 40 * place) / 8000
        sound = 0.5 * np.sin(2 * np.pi * pitch * time) + 0.01 * generator.standard_normal(len(time))
        wav(folder / ("low" if place % 2 else "high") / f"take{place}.wav", sound)
    return folder


def no_labels(folder: Path) -> Path:
    return table(folder / "data.csv", [[*row[:5], ""] for row in runs()])


def one_class(folder: Path) -> Path:
    return table(folder / "data.csv", runs(classes=1))


def changing_label(folder: Path) -> Path:
    rows = runs()
    rows[3][5] = "belt"
    return table(folder / "data.csv", rows)


def rare_class(folder: Path) -> Path:
    rows = runs()
    return table(folder / "data.csv", [[*row[:5], "odd" if row[0] == 0 else row[5]] for row in rows])


def infinite(folder: Path) -> Path:
    rows = runs()
    rows[2][3] = "inf"
    return table(folder / "data.csv", rows)


def no_header(folder: Path) -> Path:
    path = folder / "data.csv"
    path.write_text("".join(f"{k},0,0,0.5,{k % 2}\n" for k in range(40)), "utf-8")
    return path


def lines_of_text(folder: Path) -> Path:
    path = folder / "data.txt"
    path.write_text("1 a fine , long film\n0 dull\n1 a lovely , funny , warm one\n", "utf-8")
    return path


def broken_sound(folder: Path) -> Path:
    place = next((tones(folder / "sounds") / "low").iterdir())
    place.write_bytes(place.read_bytes()[:400])
    return folder / "sounds"


def empty_sound(folder: Path) -> Path:
    wav(tones(folder / "sounds") / "low" / "empty.wav", np.zeros(0))
    return folder / "sounds"


def mixed_rates(folder: Path) -> Path:
    wav(tones(folder / "sounds") / "low" / "other.wav", np.zeros(4000), 16_000)
    return folder / "sounds"


def empty_texts(folder: Path) -> Path:
    path = folder / "data.csv"
    path.write_text("review,mood\n" + ",good\n  ,bad\n" * 20, "utf-8")
    return path


def zero_length(folder: Path) -> Path:
    path = folder / "data.ts"
    rows = "".join(f"{','.join(map(str, np.arange(6) + k))}:{k % 2}\n" for k in range(20))
    path.write_text(f"@univariate true\n@classLabel true 0 1\n@data\n{rows}:1\n", "utf-8")
    return path


def odd_channels(folder: Path) -> Path:
    path = folder / "data.ts"
    rows = "".join(f"1,2,3:{k},2,1:{k % 2}\n" for k in range(20))
    path.write_text(f"@univariate false\n@classLabel true 0 1\n@data\n{rows}1,2,3:1\n", "utf-8")
    return path


# name: (makes the file, options of reading, what the message says)
CASES: dict[str, tuple[Callable[[Path], Path], dict[str, str], str]] = {
    "labels missing": (no_labels, READ, "no label in fault; check the label column"),
    "no such label": (one_class, {**READ, "label": "falut"}, "no such column; did you mean 'fault'"),
    "label not named": (one_class, {"id": "run", "time": "step"}, "no labels to learn from: name their column"),
    "one class only": (one_class, READ, "one class only in 'fault', 'none'"),
    "a class of one": (rare_class, READ, "fewer than 3 members cannot be in every part.*'odd' \\(1\\)"),
    "label changes": (changing_label, READ, "changes within sequence '0'.*tag=True"),
    "infinite": (infinite, READ, "sequence '0', step 2, channel 'speed': the value is infinite"),
    "no header": (no_header, {"label": "fault"}, "add a header line, or name the columns.*--columns a,b,c"),
    "lines of text": (lines_of_text, {}, "a label and then a text, pass kind='text'"),
    "broken sound": (broken_sound, {}, '1 of 24 sound files cannot be used: low/take.*cut short.*broken="skip"'),
    "empty sound": (empty_sound, {}, "low/empty.wav \\(no samples\\)"),
    "mixed rates": (mixed_rates, {}, "different rates: 24 at 8000 Hz, 1 at 16000 Hz.*pass rate=8000"),
    "empty texts": (empty_texts, {"text": "review", "label": "mood"}, "every text is empty; check the text column"),
    "zero length": (zero_length, {}, "line 24|no steps"),
    "odd channels": (odd_channels, {}, "line 24|channels"),
}
