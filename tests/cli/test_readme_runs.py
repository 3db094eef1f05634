"""The README's line on engines runs on a small file, and scores what it teaches."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from tidegate.cli.main import main

README = Path(__file__).parents[2] / "README.md"
TRAINS = ("fit", "backtest", "audit", "compare")


def lines() -> list[list[str]]:
    """Words of each command under "Your own data"."""
    part = README.read_text("utf-8").split("## Your own data")[1]
    blocks = re.findall(r"```text\n(.*?)```", part, flags=re.DOTALL)
    return [shlex.split(line, comments=True)[1:] for block in blocks for line in block.splitlines() if line.strip()]


def write_files(folder: Path) -> None:
    rng = np.random.default_rng(0)
    lives = ((engine, t, 40 - t, round(0.1 * t + rng.normal(), 2)) for engine in range(10) for t in range(41))
    write(folder / "engines.csv", "engine,cycle,life,heat", lives)


def write(path: Path, head: str, rows: object) -> None:
    path.write_text(head + "\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))  # type: ignore[attr-defined]


def run(words: list[str]) -> int:
    short = ["--max-epochs", "1"] if words[0] in TRAINS else []
    return main([*words, *short, *(["--quiet"] if words[0] == "fit" else [])])


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


@pytest.mark.slow
def test_the_line_on_engines_scores_what_it_teaches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Life left is 0 at the last step of every engine: scored alone, every method would be perfect."""
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    (line,) = [words for words in lines() if "engines.csv" in words]
    assert run(line) == 0, capsys.readouterr().err
    found = capsys.readouterr().out
    assert "makes no error at all" not in found
    assert "all alike" not in found
