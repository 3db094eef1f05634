"""How many threads a training takes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from tidegate.core.errors import ConfigError
from tidegate.kernels.library import environment_threads
from tidegate.train.threads import LARGE_WORK, choose_threads, threads


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
