"""How many threads a training takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.train import thread_child
from tidegate.core.errors import ConfigError
from tidegate.kernels import library
from tidegate.kernels.library import environment_threads
from tidegate.train.threads import LARGE_WORK, choose_threads, threads

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The variables are the test's own; what was read of them is forgotten."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("TIDEGATE_NUM_THREADS", raising=False)
    environment_threads.cache_clear()
    yield
    environment_threads.cache_clear()


def test_small_work_takes_one_thread_and_large_work_torchs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 6)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(6)), raising=False)
    assert choose_threads(LARGE_WORK - 1) == 1
    assert choose_threads(LARGE_WORK) == 6


def test_what_somebody_chose_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(6)), raising=False)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    assert choose_threads(1) == 3
    monkeypatch.setenv("TIDEGATE_NUM_THREADS", "5")
    environment_threads.cache_clear()
    assert choose_threads(1) == 5


@pytest.mark.parametrize("value", ["0", "two", "-1", "²"])
def test_a_number_of_threads_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("TIDEGATE_NUM_THREADS", value)
    with pytest.raises(ConfigError, match="TIDEGATE_NUM_THREADS"):
        choose_threads(1)


def test_torchs_setting_is_set_back() -> None:
    before = torch.get_num_threads()
    with threads(1):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_the_engine_takes_what_was_chosen_and_torch_takes_one() -> None:
    before = torch.get_num_threads()
    with threads(3):
        assert (library.threads(), torch.get_num_threads()) == (3, 1)
        with threads(2):
            assert library.threads() == 2
        assert library.threads() == 3
    assert (library.threads(), torch.get_num_threads()) == (before, before)


@pytest.fixture(scope="module")
def here() -> dict[str, list[str]]:
    """Digests of fits in this process."""
    return {name: list(thread_child.outcome(fit())) for name, fit in thread_child.FITS.items()}


@pytest.mark.parametrize("setting", [{"OMP_NUM_THREADS": "4"}, {"OMP_NUM_THREADS": "1", "TIDEGATE_NUM_THREADS": "2"}])
def test_weights_and_answers_are_the_same_bits_whatever_is_set(
    setting: dict[str, str], here: dict[str, list[str]]
) -> None:
    """Every kind of network: dense layers, attention, transformers, convolutions, tokens, detectors."""
    kept = {name: value for name, value in os.environ.items() if not name.endswith("NUM_THREADS")}
    command = [sys.executable, "-m", "tests.train.thread_child"]
    found = subprocess.run(command, env=kept | setting, capture_output=True, text=True, check=True, cwd=ROOT)
    assert json.loads(found.stdout) == here
