"""The README's command lines run, one after the other, in a folder of small files that have the columns they name."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tasks.caption.pictures import write_table
from tests.tasks.transcribe.voices import write_folder
from tidegate.cli.main import main
from tidegate.runtime.language.music import midi_bytes

README = Path(__file__).parents[2] / "README.md"
SMALL = ("--max-epochs", "1", "--hidden-size", "8", "--num-layers", "1")
LIGHT: dict[str, tuple[str, ...]] = {
    "fit forecast": SMALL,
    "fit classify": SMALL[:4],
    "fit regress": SMALL[:4],
    "fit detect": SMALL,
    "fit generate": SMALL,
    "fit translate": SMALL,
    "fit transcribe": SMALL,
    "fit caption": (*SMALL[:4], "--set", "network.channels=[4,8]"),
    "tune forecast": ("--max-epochs", "1", "--trials", "2"),
    "backtest": SMALL,
    "audit": SMALL,
    "compare": SMALL[:4],
    "generate": ("--length", "20"),
}
LIGHT["fit forecast"] += ("--pretrained", "false")  # of as few data as here it cannot be exported otherwise
HEAVY = ("diagnose", "explain", "backtest", "audit", "fit classify", "fit regress", "compare", "tune forecast")


def lines() -> list[list[str]]:
    """Words of each command under "Your own data", and of those that comments name."""
    part = README.read_text("utf-8").split("## Your own data")[1]
    text = "\n".join(re.findall(r"```text\n(.*?)```", part, flags=re.DOTALL))
    return [
        shlex.split(line, comments=True)[1:] for line in text.replace("# then: ", "\n").splitlines() if line.strip()
    ]


def write(path: Path, head: str, rows: Iterable[tuple[Any, ...]]) -> None:
    path.write_text(head + "\n" + "".join(",".join(map(str, row)) + "\n" for row in rows), "utf-8")


def hourly(rows: int, seed: int) -> list[tuple[str, float]]:
    rng, start = np.random.default_rng(seed), np.datetime64("2024-01-01T00:00")
    values = 50 + 20 * np.sin(np.arange(rows) * 2 * np.pi / 24) + rng.normal(0, 2, rows)
    return [(str(start + np.timedelta64(i, "h")), round(float(value), 1)) for i, value in enumerate(values)]


def write_files(folder: Path) -> None:
    """Every file that the README names, as small as it can be."""
    rng = np.random.default_rng(0)
    write(folder / "load.csv", "time,demand", hourly(500, 0))
    write(folder / "cpu.csv", "time,load", hourly(700, 1))
    lives = ((engine, t, 40 - t, round(0.1 * t + rng.normal(), 2)) for engine in range(10) for t in range(41))
    write(folder / "engines.csv", "engine,cycle,life,heat", lives)
    faults = [(run, step, f"m{run % 6}", ("belt", "none")[run % 2]) for run in range(36) for step in range(16)]
    write(
        folder / "runs.csv", "run,step,machine,fault,heat", ((*row, round(rng.normal(row[0] % 2), 2)) for row in faults)
    )
    moods = {"glad": ["good", "warm", "kind", "bright"], "sad": ["cold", "dull", "late", "lost"]}
    said = ((" ".join(rng.choice(words, 4)), mood) for _ in range(30) for mood, words in moods.items())
    write(folder / "reviews.csv", "review,mood", said)
    (folder / "corpus.txt").write_text(
        " ".join(rng.choice(["the tide comes", "the gate holds", "it goes"], 300)), "utf-8"
    )
    (folder / "pieces").mkdir()
    for piece in range(20):
        chords = " / ".join(f"{60 + piece % 5 + step % 2} {64 + piece % 5}" for step in range(12)) + " /"
        (folder / "pieces" / f"{piece}.mid").write_bytes(midi_bytes(chords, 6.0, 4))
    words = {"Guten": "good", "Morgen": "morning", "Abend": "evening", "Tag": "day"}
    pairs = [list(rng.choice(list(words), int(rng.integers(1, 4)))) for _ in range(80)]
    write(folder / "pairs.csv", "de,en", ((" ".join(pair), " ".join(words[word] for word in pair)) for pair in pairs))
    write_folder(folder, 24).rename(folder / "takes.csv")
    write_table(folder, 40).rename(folder / "captions.tsv")
    for name in ("0_0.wav", "0_0.png"):
        (folder / name.replace("0_0", "new")).write_bytes((folder / name).read_bytes())


def run(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What a line prints; it must succeed."""
    assert main([*words, *LIGHT.get(verb(words), ())]) == 0, f"{' '.join(words)}: {capsys.readouterr().err}"
    return capsys.readouterr().out


def verb(words: list[str]) -> str:
    return " ".join(words[: 2 if words[0] in ("fit", "tune") else 1])


def light(words: list[str]) -> bool:
    return verb(words) not in HEAVY and "--preset" not in words


def test_the_commands_are_the_same_in_both_languages() -> None:
    """Those that are shown, and those that their comments name."""
    found = []
    for page in (README, README.with_name("README.zh-TW.md")):
        text = "".join(re.findall(r"```text\n(.*?)```", page.read_text("utf-8"), flags=re.DOTALL))
        found.append(
            re.findall(r"^tidegate.*?(?=\s+#|$)|(?<=: )tidegate.*$|(?<=：)tidegate.*$", text, flags=re.MULTILINE)
        )
    assert len(found[0]) > 20
    assert found[0] == found[1]


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The lines of the page, in a folder that has their files; a server that would run is let go at once."""
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    uvicorn = pytest.importorskip("uvicorn")
    monkeypatch.setattr(uvicorn.Server, "run", lambda server, sockets: sockets[0].close())
    monkeypatch.setattr(uvicorn.Config, "configure_logging", lambda config: None)  # it closes all handlers' streams
    monkeypatch.setattr("signal.signal", lambda number, handler: None)
    return lines()


def test_everyday_lines_run_in_the_order_of_the_page(page: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """With one epoch and few units; data are small, the options are the page's own."""
    found = {verb(words): run(words, capsys) for words in page if light(words)}
    assert len(found) > 15
    assert "best baseline" in found["fit forecast"]
    assert len(Path("forecast.csv").read_text("utf-8").splitlines()) == 25
    assert "no alarm" in found["fit detect"] or "budget" in found["fit detect"]
    assert "Kneser-Ney" in found["fit generate"]
    assert found["caption"].strip()
    assert Path("runs/load").is_dir()


@pytest.mark.slow
def test_lines_that_train_again_and_again_run_too(page: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Life left is 0 at the last step of every engine: scored alone, every method would be perfect."""
    (fit,) = [words for words in page if verb(words) == "fit forecast" and light(words)]
    run(fit, capsys)
    found = {verb(words): run(words, capsys) for words in page if not light(words)}
    assert set(found) == {*HEAVY, "fit forecast"}
    assert "makes no error at all" not in found["fit regress"]
    assert "all alike" not in found["fit regress"]
    assert "5 folds" in found["backtest"]
    assert "No leak" in found["audit"]
