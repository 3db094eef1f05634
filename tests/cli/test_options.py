"""Options are derived from the estimators and readers that they set, in both languages, on every command."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import tidegate as tg
from tests.architecture.support import ROOT
from tidegate.cli.derive import PANELS, helped, options
from tidegate.cli.main import build, main
from tidegate.cli.training import MORE, TASKS
from tidegate.core.docstrings import arguments, completed
from tidegate.data.cells.columns import OPTIONS

MANY = " May be given more than once."


@cache
def commands() -> dict[str, Any]:
    """Every command by its words."""

    def below(command: Any, words: str) -> dict[str, Any]:
        found = getattr(command, "commands", None)
        if found is None:
            return {words: command}
        return {key: item for name, one in found.items() for key, item in below(one, f"{words} {name}".strip()).items()}

    return below(get_command(build()), "")


def parameters(words: str) -> dict[str, Any]:
    return {item.name: item for item in commands()[words].params}


@pytest.mark.parametrize("task", TASKS)
def test_a_task_has_an_option_for_every_argument_of_its_estimator(task: str) -> None:
    """Of the constructor, of its groups, of `fit` and of the reader, with the same name and default."""
    kind, found = getattr(tg, TASKS[task]), parameters(f"fit {task}")
    own = kind._names()
    named = {name for name in own if name not in kind.GROUPS}
    named |= {item.name for group in kind.GROUPS.values() for item in fields(group)}
    named |= set(inspect.signature(kind.fit).parameters) - {
        "self",
        "data",
        "labels",
        "texts",
        "captions",
        "progress",
        "source",
        "reading",
    }
    assert named <= set(found)
    plain = kind()
    for name in own:
        if name in found and isinstance(getattr(plain, name), (int, float, str)):
            assert found[name].default in (getattr(plain, name), str(getattr(plain, name))), name
    visible = [name for name, option in found.items() if not getattr(option, "hidden", False)]
    assert len(visible) < 60
    assert not found["seed"].hidden
    assert found["patience"].hidden


def test_panels_go_from_everyday_to_rare() -> None:
    panels = [option.rich_help_panel for option in commands()["fit forecast"].params if hasattr(option, "help")]
    assert list(dict.fromkeys(panels)) == [None, "Reading", "Network", "Parts and training", "Run and output"]
    assert set(PANELS) == {"Reading", "Again", "Network", "Training", "Run"}


READERS = [
    *(f"fit {task}" for task in TASKS),
    *("forecast", "predict", "evaluate", "explain", "diagnose", "intervals"),
    *("audit", "backtest", "cross-validate", "crossval", "compare"),
    *(f"tune {task}" for task in TASKS),
]
TEXTS = ("generate", "translate", "transcribe", "caption")  # tasks that read no tables of numbers
SAME = ("quantize", "distill", "tradeoff", "monitor")  # as a run has read its own


def test_every_command_that_takes_data_has_every_option_of_reading() -> None:
    takes = [words for words in commands() if "data" in parameters(words) and words not in SAME]
    assert sorted(takes) == sorted(READERS)
    assert {"each", "pattern", "encoding", "read"} <= set(parameters("fit generate"))  # no tables
    for words in takes:
        assert words.endswith(TEXTS) or {*OPTIONS, "repair", "read"} <= set(parameters(words)), words


def test_what_is_written_arrives_and_the_rest_is_left_to_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}

    def train(model: Any, data: str, reading: Any, fitting: Any, *_: Any, **page: Any) -> None:
        seen.update(model=model, reading=reading, fitting=fitting, page=page)

    monkeypatch.setattr("tidegate.report.training.train", train)
    monkeypatch.chdir(tmp_path)
    Path("x.csv").touch()
    words = ["fit", "classify", "x.csv", "--out", str(tmp_path), "--dropout", "0.4", "--label", "a", "--label", "b"]
    words += ["--tokens", "char", "--patience", "3", "--class-weight", '{"yes": 2, "no": 1}', "--bidirectional", "true"]
    words += ["--set", "network.branch=[]", "--na", "x", "--na", "-1", "--test", "30", "--read", "rate=8000", "--tag"]
    assert main(words) == 0
    model = seen["model"]
    assert (model.dropout, model.loss, model.class_weight) == (0.4, "cross_entropy", {"yes": 2, "no": 1})
    assert model.bidirectional is True
    choices = model.check()
    assert (choices.preparation.tokens, choices.network.branch, choices.training.patience) == ("char", (), 3)
    assert seen["reading"] == {"label": ["a", "b"], "na": "x,-1", "rate": 8000, "tag": True}
    assert {name: seen["fitting"][name] for name in ("test", "resume")} == {"test": 30, "resume": False}
    assert "validation" not in seen["fitting"]
    assert seen["page"]["command"].startswith("tidegate fit classify x.csv --out")


def test_a_kind_of_argument_is_read_as_what_it_is() -> None:
    """Numbers, flags, lists, one of either, and values that are written as JSON."""
    found = options(tg.read) | options(tg.Forecaster) | options(tg.Forecaster.GROUPS["network"])
    assert (found["horizon"].kind, found["wide"].kind, found["decimal"].kind) == (int | None, bool, str | None)
    assert (found["known"].kind, found["level"].kind) == (list[str], list[float])
    assert (found["target"].take(["y"]), found["target"].take(["y", "z"])) == ("y", ["y", "z"])
    assert (found["level"].take([80.0]), found["level"].take([50.0, 80.0])) == (80.0, [50.0, 80.0])
    assert [found["lags"].take(text) for text in ("[24, 168]", "auto", "none")] == [[24, 168], "auto", None]


def test_help_is_the_first_sentence_of_what_the_docstring_says() -> None:
    text = "A.\n\nArgs:\n    one: the `first` of\n        two; three if None. More. two, other: both.\n\nNone.\n"
    found = arguments(text, ["one", "two", "other"])
    assert found == {"one": "the `first` of two; three if None. More.", "two": "both.", "other": "both."}
    assert helped(found["one"]) == "The first of two; three if not given."
    assert completed(text, {"more": "even so."}).splitlines()[5] == "    more: even so."
    assert "seed: seed of weights" in (tg.Classifier.__doc__ or "")
    assert MORE["settings"].flag == "--set"


def test_no_help_is_cut_off_and_none_is_left_in_english() -> None:
    code = """
from typer.main import get_command
from tidegate.cli.main import build, run
def walk(command, words):
    run([*words, "--help"])
    for name, below in getattr(command, "commands", {}).items():
        walk(below, [*words, name])
walk(get_command(build()), [])
run(["fit", "forecast", "x.csv", "--out", "y", "--horizn", "3"])
run(["fit", "forecast"])
"""
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "TIDEGATE_LANG": "zh_TW", "COLUMNS": "80"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment, encoding="utf-8"
    )
    assert "fit forecast" in done.stdout
    assert "\u2026" not in done.stdout
    english = ("[required]", "[default", "Options", "Arguments", "Commands", "Usage", "OPTIONS", "ARGS", "Show this")
    assert not [word for word in english if word in done.stdout + done.stderr]
    assert "--install-completion" in done.stdout
    assert "是不是要用 --horizon？" in done.stderr


def test_wrong_usage_is_said_with_what_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    said = {
        "fit forecast x.csv --out y --horizn 3": "No such option: --horizn. Did you mean --horizon?",
        "predit run": "No such command 'predit'. Did you mean predict?",
        "fit forecast x.csv --out y --horizon six": "it is a whole number",
        "fit forecast x.csv --out": "needs a value",
        "predict a b c": "One argument too many: c.",
    }
    for words, text in said.items():
        assert main(words.split()) == 2
        assert text in capsys.readouterr().err
