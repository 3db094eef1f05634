"""What is said where the native library cannot be used."""

from __future__ import annotations

import subprocess
import sys

import pytest

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
