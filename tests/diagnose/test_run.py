"""One page never asks for opposite things, nor for what is there; a beaten model is never one without a finding."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.diagnose.crafted import case, history
from tidegate.diagnose import examine
from tidegate.diagnose.checks.skill import beaten
from tidegate.diagnose.evidence import Evidence
from tidegate.diagnose.finding import ON, Finding
from tidegate.diagnose.reconcile import is_on, rank, reconcile
from tidegate.diagnose.run import CHECKS
from tidegate.evaluate.verdict import Verdict

IDS = [id for check in CHECKS for id in check.ids]
OPTIONS: dict[str, list[Any]] = {
    "hidden_size": [8, 16, 64, 128],
    "num_layers": [1, 2, 3],
    "dropout": [0.0, 0.3, 0.5],
    "learning_rate": [0.0007, 0.002, 0.02],
    "training.clip": [0, 0.5, 1.0],
    "training.patience": [0, 5, 40],
    "max_epochs": [20, 200],
    "window": [24, 168],
    "network.normalise": [None, "last", "mean"],
    "preparation.scale": ["standard", "robust", "none"],
    "loss": ["mse", "mae"],
    "class_weight": [None, "balanced"],
    "alarms.adapt": [True, False],
    "known": [["a"], ["a", "b"], ["b", "c"]],
}
REMEDIES = st.dictionaries(st.sampled_from(list(OPTIONS)), st.none(), max_size=3).flatmap(
    lambda names: st.fixed_dictionaries({name: st.sampled_from(OPTIONS[name]) for name in names})
)
FINDINGS = st.lists(
    st.builds(Finding, st.sampled_from(IDS), st.sampled_from(["info", "warning", "critical"]), st.just({}), REMEDIES),
    max_size=6,
    unique_by=lambda item: item.id,
)
CONFIGS = st.fixed_dictionaries({name.rpartition(".")[2]: st.sampled_from(values) for name, values in OPTIONS.items()})


def size(option: str, value: float) -> float:
    """What an option's number means: without a limit where 0 means so; more dropout is a smaller network."""
    plain = option.rpartition(".")[2]
    endless = plain in ("patience", "clip") and value == 0
    return math.inf if endless else -value if plain == "dropout" else value


def directions(remedy: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, set[Any]]:
    """Option (and the network's size) -> the ways that changes of it go."""
    found: dict[str, set[Any]] = {}
    for option, value in remedy.items():
        own = config[option.rpartition(".")[2]]
        if isinstance(value, list) or value == own:
            continue
        grows = size(option, value) > size(option, own) if is_number(value) and is_number(own) else value
        found.setdefault(option, set()).add(grows)
        if option in ("hidden_size", "num_layers", "dropout"):
            found.setdefault("size of the network", set()).add(grows)
    return found


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


@settings(max_examples=400, deadline=None)
@given(FINDINGS, CONFIGS)
def test_no_two_findings_ask_for_opposite_changes_and_none_for_what_is_there(
    found: list[Finding], config: dict[str, Any]
) -> None:
    assume(all(len(ways) == 1 for item in found for ways in directions(item.remedy, config).values()))
    shown = reconcile(rank(found), config)
    together: dict[str, set[Any]] = {}
    for item in shown:
        for option, value in item.remedy.items():
            own = config[option.rpartition(".")[2]]
            assert value != own or type(value) is not type(own)
        for option, ways in directions(item.remedy, config).items():
            together[option] = together.get(option, set()) | ways
    assert all(len(ways) == 1 for ways in together.values()), together
    # Nothing grave is lost, and what merely could be better goes only where it is opposed.
    grave = [item.id for item in rank(found) if item.severity != "info"]
    assert [item.id for item in shown if item.severity != "info"] == grave
    for item in shown:  # a finding with nothing to change says why
        asked = next(one.remedy for one in found if one.id == item.id)
        assert item.remedy or item.instead or not asked


def test_the_network_is_not_called_too_small_and_too_large_on_one_page() -> None:
    """The case that was met: `hidden_size=128` and `hidden_size=16` advised at once."""
    small = Finding("underfitting", "warning", {}, {"hidden_size": 128})
    large = Finding("capacity", "info", {}, {"hidden_size": 16})
    assert reconcile([small, large], {"hidden_size": 64}) == (small,)
    tight = Finding("overfitting", "warning", {}, {"dropout": 0.3})
    first, second = reconcile([tight, small], {"hidden_size": 64, "dropout": 0.1})
    assert first == tight
    assert (second.remedy, second.instead) == ({}, "overfitting")
    assert "First do what “Overfitting” asks for" in second.advice("en")
    assert "過擬合" in second.advice("zh_TW")


def test_what_is_on_is_not_advised() -> None:
    lag = Finding("lag_copy", "warning", {}, {"network.normalise": "last"})
    (on,) = reconcile([lag], {"normalise": "last"})
    assert (on.remedy, on.instead) == ({}, ON)
    assert "Forecast changes" not in on.advice("en")
    assert reconcile([lag], {"normalise": "mean"}) == (lag,)
    assert is_on("alarms.adapt", True, {"adapt": 8_000})
    assert not is_on("alarms.adapt", True, {"adapt": 0})
    assert not is_on("training.clip", 1.0, {"clip": 0})


def test_a_column_that_leaks_is_not_put_back_by_a_later_finding() -> None:
    leak = Finding("leak", "critical", {}, {"known": ["b", "c"]})
    unused = Finding("useless_features", "info", {}, {"known": ["a", "c"]})
    assert reconcile([leak, unused], {"known": ["a", "b", "c"]})[1].remedy == {"known": ["c"]}


@pytest.mark.parametrize("key", ["loses", "worse", "exact", "beats", "tie", "chance", "few", "untested"])
def test_a_beaten_model_is_never_one_in_which_nothing_was_found(key: str) -> None:
    values = {"metric": "mae", "model": 1.16, "baseline": "mean", "reference": 1.0, "higher": False}
    found = {"test": Verdict(key, values)}
    evidence = Evidence(history=history([1.0, 0.5]), verdicts=lambda: found)
    named = [item.id for item in beaten(evidence)]
    assert named == (["beaten"] if key in ("loses", "worse", "exact") else [])
    quiet = examine(case(verdicts=lambda: found), checks=[check for check in CHECKS if check.otherwise])
    assert ("Nothing that costs accuracy" in quiet.summary("en")) == (not named)
    if named:
        assert "training mean" in quiet[0].text("en")
        assert "test part" in quiet[0].text("en")


def test_the_verdict_is_not_asked_for_where_a_cause_was_found() -> None:
    def refuse() -> Any:
        raise AssertionError("asked")

    grave = replace(CHECKS[0], look=lambda *_: [Finding("leak", "warning", {})])
    found = examine(case(verdicts=refuse), checks=[grave, CHECKS[-1]])
    assert [item.id for item in found] == ["leak"]
