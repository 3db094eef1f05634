"""What a fit runs through: how many files are one task's own, and what is computed once."""

import importlib
import inspect
import sys
from collections import Counter
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

import tidegate as tg
from tests.architecture.support import modules

ROOT = Path(tg.__file__).parent
# Files that no other task runs through: as many as today, to fall. Tables prepared, small data mixed, streams are own.
OWN = {"forecaster": 40, "classifier": 6, "regressor": 5, "detector": 22}
ONCE = {"split", "find_seasons", "fit_baselines", "evaluate_forecasts"}


def table() -> dict[str, Any]:
    hours = np.datetime64("2024-01-01T00") + np.arange(120)
    values = 10 + 3 * np.sin(np.arange(120) * np.pi / 12) + np.random.default_rng(0).normal(0, 0.5, 120)
    return {"time": hours, "y": values}


def sequences(classes: bool) -> tuple[Any, Any]:
    values = np.random.default_rng(0).normal(size=(30, 12, 2)).astype(np.float32)
    means = values.mean(axis=(1, 2))
    return values, np.where(means > 0, "up", "down") if classes else means


def fits(out: Path) -> dict[str, Callable[[], Any]]:
    named: Any = {"time": "time", "target": "y"}
    quick: Any = {"hidden_size": 4, "max_epochs": 1}

    def how(task: str) -> Any:
        return {"progress": False, "out": out / task}

    return {
        "forecaster": lambda: tg.Forecaster(horizon=4, level=80, **quick).fit(table(), **named, **how("forecaster")),
        "detector": lambda: tg.AnomalyDetector(**quick).fit(table(), **named, **how("detector")),
        "classifier": lambda: tg.Classifier(**quick).fit(*sequences(True), **how("classifier")),
        "regressor": lambda: tg.Regressor(**quick).fit(*sequences(False), **how("regressor")),
    }


def traced(run: Callable[[], Any]) -> tuple[set[str], Counter[str]]:
    """Files whose functions ran, and how often each function did."""
    files: set[str] = set()
    calls: Counter[str] = Counter()

    def look(frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_flags & inspect.CO_OPTIMIZED and code.co_filename.startswith(str(ROOT)):
            files.add(str(Path(code.co_filename).relative_to(ROOT)))
            calls[code.co_name] += 1

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        run()
    finally:
        sys.setprofile(before)
    return files - {"__init__.py"}, calls


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[set[str], Counter[str]]]:
    """Traced in a process of its own: what tests before this one left in caches would not be run through again."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(trace_all, (tmp_path_factory.mktemp("runs"),))


def trace_all(out: Path) -> dict[str, tuple[set[str], Counter[str]]]:
    for module in modules("tasks", "runtime", "evaluate", "nn"):  # what an import runs is nobody's own
        importlib.import_module(module)
    return {task: traced(run) for task, run in fits(out).items()}


@pytest.mark.parametrize("task", OWN)
def test_a_fit_has_few_files_of_its_own(task: str, found: dict[str, tuple[set[str], Counter[str]]]) -> None:
    others = set().union(*(files for name, (files, _) in found.items() if name != task))
    assert len(found[task][0] - others) <= OWN[task], sorted(found[task][0] - others)


def test_what_has_one_result_is_computed_once(found: dict[str, tuple[set[str], Counter[str]]]) -> None:
    calls = found["forecaster"][1]
    assert {name: calls[name] for name in ONCE} == dict.fromkeys(ONCE, 1)
