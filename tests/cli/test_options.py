"""Options agree with the estimators that they set, and their help is whole in both languages."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from typing import Any

import pytest
from typer.main import get_command

import tidegate as tg
from tests.architecture.support import ROOT
from tidegate.cli.arguments import estimator
from tidegate.cli.main import build
from tidegate.cli.options import PANELS, given

KINDS = {"forecast": tg.Forecaster, "classify": tg.Classifier, "regress": tg.Regressor, "detect": tg.AnomalyDetector}
BY_SET = {"quantiles", "bidirectional", "class_weight", "threshold"}  # given with --set alone
RENAMED = {"epochs": "max_epochs"}


def parameters(task: str) -> dict[str, Any]:
    """Options of `tidegate fit TASK` by the name of the argument that they set."""
    fit: Any = get_command(build()).commands["fit"]  # type: ignore[attr-defined]
    return {RENAMED.get(item.name, item.name): item for item in fit.commands[task].params}


@pytest.mark.parametrize("task", KINDS)
def test_an_option_has_the_name_and_the_default_of_the_argument_that_it_sets(task: str) -> None:
    kind, options = KINDS[task], parameters(task)
    arguments = {key: item for key, item in inspect.signature(kind.__init__).parameters.items() if key != "self"}
    everyday = set(arguments) - set(kind.GROUPS) - BY_SET
    assert everyday <= set(options)
    flat = kind().flat_options()
    for name, option in options.items():
        if name in flat and option.default not in (None, [], ()):  # None leaves it to the estimator
            assert option.default == flat[name], name
    assert {name for names in PANELS.values() for name in names}.isdisjoint(
        {"data", "out", "time", "target", "horizon"}
    )


def test_everyday_options_arrive_in_the_estimator() -> None:
    values = {"dropout": 0.4, "loss": None, "learning_rate": 0.01, "batch_size": 8, "ensemble_size": 3, "seed": 1}
    model = estimator(tg.Classifier, {**given(values), "tokens": "char", "network.branch": (), "patience": 3})
    assert (model.dropout, model.learning_rate, model.batch_size, model.ensemble_size) == (0.4, 0.01, 8, 3)
    assert (model.loss, model.seed) == ("cross_entropy", 0)
    found = model.check()
    assert (found.preparation.tokens, found.network.branch, found.training.patience) == ("char", (), 3)


def test_no_help_is_cut_off_and_none_is_left_in_english() -> None:
    code = """
from typer.main import get_command
from tidegate.cli.main import build, run
def walk(command, words):
    run([*words, "--help"])
    for name, below in getattr(command, "commands", {}).items():
        walk(below, [*words, name])
walk(get_command(build()), [])
"""
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "TIDEGATE_LANG": "zh_TW", "COLUMNS": "80"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment, encoding="utf-8"
    )
    assert "fit forecast" in done.stdout
    assert "\u2026" not in done.stdout
    assert not [
        word for word in ("[required]", "[default", " Options ", " Arguments ", " Commands ") if word in done.stdout
    ]
