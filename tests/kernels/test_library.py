"""What is said where the native library cannot be used."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from tidegate.kernels.library import native

CODE = """
import torch
from tidegate.nn.recurrent import GRU, PeepholeLSTM
for layer in (GRU(2, 3), PeepholeLSTM(2, 3), PeepholeLSTM(2, 3)):
    print(layer(torch.zeros(4, 1, 2))[0].shape)
"""


def run(monkeypatch, **environment):
    monkeypatch.delenv("TIDEGATE_NATIVE", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)


def test_a_missing_library_is_said_once(monkeypatch, tmp_path):
    done = run(monkeypatch, TIDEGATE_LIBRARY=str(tmp_path / "none.so"))
    assert done.returncode == 0
    assert done.stderr.count("native engine is missing") == 1
    assert "none.so" in done.stderr


@pytest.mark.parametrize("environment", [{"TIDEGATE_NATIVE": "off"}])
def test_switched_off_is_not_said(monkeypatch, environment):
    done = run(monkeypatch, **environment)
    assert done.returncode == 0
    assert done.stderr == ""


def test_a_required_library_is_an_error(monkeypatch, tmp_path):
    done = run(monkeypatch, TIDEGATE_LIBRARY=str(tmp_path / "none.so"), TIDEGATE_NATIVE="require")
    assert done.returncode == 1
    assert "TIDEGATE_NATIVE=require, but the native engine cannot be used" in done.stderr


BLAS = """
import sys
import numpy
from threadpoolctl import threadpool_info
from tidegate.runtime.model import load
before = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
load(sys.argv[1])
after = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
assert "torch" not in sys.modules
print(before == after, max(after))
"""


@pytest.mark.parametrize("limit", ["1", None])
def test_the_variable_holds_blas_in_a_prediction_too(monkeypatch: pytest.MonkeyPatch, limit: str | None) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    monkeypatch.delenv("TIDEGATE_NUM_THREADS", raising=False)
    if limit is not None:
        monkeypatch.setenv("TIDEGATE_NUM_THREADS", limit)
    model = Path(__file__).parents[1] / "runtime/fixtures/model"
    done = subprocess.run([sys.executable, "-c", BLAS, str(model)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == (["True", "2"] if limit is None else ["False", "1"])


@pytest.mark.skipif(native() is None or platform.machine() != "x86_64" or sys.platform != "linux", reason="x86, Linux")
def test_the_instruction_set_is_the_best_that_the_system_lists() -> None:
    flags = set(
        next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags")).split()
    )
    best = "baseline"
    if flags >= {"avx2", "fma"}:
        best = "avx512" if flags >= {"avx512f", "avx512vl", "avx512dq", "avx512bw"} else "avx2"
    own = {name: value for name, value in os.environ.items() if name != "TIDEGATE_ISA"}
    code = "from tidegate.kernels.library import native; print(native().tg_isa().decode())"
    found = subprocess.run([sys.executable, "-c", code], env=own, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == best
