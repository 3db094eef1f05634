"""Every command times every task, on a run: it answers, or says why the combination makes no sense (exit code 2)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import tidegate as tg
from tests.contract.world import TASKS, TINY, World, nearly
from tidegate.cli.main import main


class Case:
    """What the words of a command are made of."""

    def __init__(self, world: World, task: str, scratch: Path) -> None:
        self.run, self.data, self.new = (str(held[task]) for held in (world.runs, world.data, world.new))
        self.task, self.tiny, self.out = task, TINY[task], scratch / "out"


COMMANDS: dict[str, Callable[[Case], list[object]]] = {
    "fit": lambda case: ["fit", case.task, case.data, *case.tiny.words, *case.tiny.trains, "--out", case.out],
    "predict": lambda case: ["predict", case.run],
    "predict new": lambda case: ["predict", case.run, case.new],
    "evaluate": lambda case: ["evaluate", case.run],
    "evaluate new": lambda case: ["evaluate", case.run, case.new],
    "backtest": lambda case: ["backtest", case.run, "--folds", 2, "--out", case.out],
    "cross-validate": lambda case: ["cross-validate", case.run, "--folds", 2],
    "audit": lambda case: ["audit", case.run],
    "intervals": lambda case: ["intervals", case.run],
    "explain": lambda case: ["explain", case.run, "--out", case.out.with_suffix(".html")],
    "explain new": lambda case: ["explain", case.run, "--data", case.new, "--out", case.out.with_suffix(".html")],
    "diagnose": lambda case: ["diagnose", case.run, "--page", case.out.with_suffix(".html")],
    "compare": lambda case: ["compare", case.run, "--encoder", "lstm", "--encoder", "gru"],
    "info": lambda case: ["info", case.run],
    "generate": lambda case: ["generate", case.run, "--prompt", "the ", "--length", 20],
    "translate": lambda case: ["translate", case.run, "123"],
    "transcribe": lambda case: ["transcribe", case.run, str(Path(case.new).with_name("300_0.wav")), "--words"],
    "caption": lambda case: ["caption", case.run, str(Path(case.new).with_name("8_0.png")), "--beam", 2],
}  # fmt: skip

# What a command prints for each of TASKS; "!" and what the refusal has to say.
ROLLING, SERIES = "!cross_validate", "!backtest"
NONE, WRITES = "!generate is for a language model", "!translate is for a translator"
HEARS, SHOWS = "!transcribe is for a transcriber", "!caption is for a captioner"
CONTRACT: dict[str, tuple[str, ...]] = {
    "fit": (
        "model",
        "model",
        "model",
        "detector",
        "perplexity",
        "exactly right",
        "word error rate",
        "nearest training picture",
    ),
    "predict": (
        "time,mean",
        "id,fault,p:belt",
        "id,wear",
        "time,score,p_value",
        "text,characters",
        "id,text",
        "id,text,confidence",
        "id,text",
    ),
    "evaluate": (
        "model",
        "model",
        "model",
        "detector",
        "perplexity",
        "exactly right",
        "word error rate",
        "nearest training picture",
    ),
    "evaluate new": ("model", "model", "model", "detector", "perplexity", "exactly right", "word error rate", "BLEU"),
    "backtest": ("folds", ROLLING, ROLLING, "Over 2 folds", "!clock", "!clock", "!clock", "!clock"),
    "cross-validate": (
        SERIES,
        "Over 2 folds",
        "Over 2 folds",
        "!evaluate",
        "!evaluate",
        "!evaluate",
        "!evaluate",
        "!evaluate",
    ),
    "audit": (
        "No leak",
        "test sequences",
        "test sequences",
        "!one step at a time",
        "!copied",
        "!equal texts",
        "!evaluate",
        "!evaluate",
    ),
    "intervals": ("80", "!predict_proba", "80", "!p_value", "!probability", "!evaluate", "!least sure", "!evaluate"),
    "explain": (
        "The model expects",
        "Sequence",
        "Sequence",
        "is to be expected",
        "most surprising",
        "nats lost",
        "the word",
        "drawn at random",
    ),
    "diagnose": ("looked at",) * 8,
    "compare": (SERIES, "gru", "gru", "!evaluate", "gru", "!evaluate", "!evaluate", "!evaluate"),
    "info": ("forecaster", "classifier", "regressor", "detector", "language", "translator", "transcriber", "captioner"),
    "generate": (NONE, NONE, NONE, NONE, "^the ", NONE, NONE, NONE),
    "translate": (WRITES, WRITES, WRITES, WRITES, WRITES, "\n", WRITES, WRITES),
    "transcribe": (HEARS, HEARS, HEARS, HEARS, HEARS, HEARS, "up|on|off", HEARS),
    "caption": (SHOWS, SHOWS, SHOWS, SHOWS, SHOWS, SHOWS, SHOWS, "\n"),
}
SAME = {  # what comes of a verb with new data, or of the function beside the method
    "predict new": "predict",
    "explain new": "explain",
}
CONTRACT |= {name: CONTRACT[own] for name, own in SAME.items()}
CELLS = [(verb, task, expected[TASKS.index(task)]) for verb, expected in CONTRACT.items() for task in TASKS]


def test_the_contract_names_every_command() -> None:
    assert set(CONTRACT) == set(COMMANDS)


@pytest.mark.parametrize(("verb", "task", "expected"), CELLS, ids=[f"{verb}-{task}" for verb, task, _ in CELLS])
def test_a_run(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str, task: str, expected: str
) -> None:
    words = [str(word) for word in COMMANDS[verb](Case(world, task, tmp_path))]
    code = main(words)
    out, err = capsys.readouterr()
    if expected.startswith("!"):
        assert code == 2
        assert re.search(expected[1:], err), err
        return
    assert code == 0, err
    assert re.search(expected, out), out


@pytest.mark.parametrize("task", TASKS)
def test_a_fixed_model_is_a_run(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], task: str) -> None:
    """`diagnose --fix --out X` leaves what `fit --out X` leaves and prints its verdict; `evaluate X` says the same."""
    case = Case(world, task, tmp_path)
    words = ["diagnose", case.run, "--fix", "--tries", "1", "--out", str(case.out), "--page", f"{case.out}.html"]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "looked at" in printed
    assert "before" in printed
    if not case.out.exists():
        pytest.skip("no remedy helped")
    files = {entry.name for entry in case.out.iterdir()}
    assert files >= {entry.name for entry in Path(case.run).iterdir()} - {"checkpoints", "diagnosis.html"}
    assert {"report.html", "findings.json"} <= files
    assert main(["evaluate", str(case.out)]) == 0
    assert capsys.readouterr().out.strip() in printed
    assert main(["predict", str(case.out)]) == 0
    model = tg.open_run(case.out)
    assert nearly(model.evaluate().to_json(), json.loads((case.out / "metrics.json").read_text("utf-8"))["test"])


def test_a_run_keeps_its_own_options(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """An option that the run has settled is refused, not ignored."""
    assert main(["audit", str(world.runs["forecast"]), "--horizon", "9"]) == 2
    assert "--horizon: " in capsys.readouterr().err
    assert main(["cross-validate", str(world.runs["classify"]), "--hidden-size", "9"]) == 2
    assert "--hidden-size: " in capsys.readouterr().err


def test_the_old_spelling_still_works(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["crossval", str(world.runs["forecast"])]) == 2
    assert "backtest" in capsys.readouterr().err
