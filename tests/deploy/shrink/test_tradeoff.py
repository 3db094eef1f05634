"""Forms of several runs in one table and one picture."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from tests.deploy.shrink.runs import classifier, forecaster
from tidegate.cli.main import run as command
from tidegate.core.errors import ConfigError
from tidegate.deploy.shrink.forms import Form
from tidegate.deploy.shrink.tradeoff import tradeoff, unbeaten


def form(name, worse, latency, size):
    return Form(name=name, score=1.0, worse=(worse, 0.0, 0.0), parameters=1, size=size, memory=0,
                latency={"1": (latency, latency)})  # fmt: skip


def test_unbeaten_by_hand():
    forms = [
        form("exact", 0.0, 3.0, 400),
        form("small", 0.01, 1.0, 100),
        form("worse in everything", 0.02, 3.5, 410),
        form("as small, slower", 0.01, 2.0, 100),
        form("fastest", 0.2, 0.5, 200),
    ]
    assert [own.name for own in unbeaten(forms)] == ["exact", "small", "fastest"]


def test_two_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("tidegate.runtime.network.timing.SECONDS", 0.02)
    monkeypatch.setattr("tidegate.deploy.shrink.forms.peak_memory", lambda folder: 1_000_000)
    place = tmp_path / "forms.svg"
    assert command(["tradeoff", str(forecaster()), str(forecaster(4)), "--out", str(place)]) == 0
    said = capsys.readouterr().out
    assert said.count("int8") >= 2
    circles = ElementTree.parse(place).findall(".//{http://www.w3.org/2000/svg}circle")
    assert len(circles) == 4
    with pytest.raises(ConfigError, match="is a classifier, not a forecaster"):
        tradeoff([forecaster(), classifier()])
    with pytest.raises(ConfigError, match="at least one run"):
        tradeoff([])
