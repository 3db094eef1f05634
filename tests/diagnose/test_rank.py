"""Root causes come before what they explain, and findings read well in both languages."""

import itertools
import json
import math
from string import Formatter

import pytest

from tidegate.diagnose.catalogue import WORDS
from tidegate.diagnose.finding import Finding, Findings
from tidegate.diagnose.reconcile import EXPLAINS, rank
from tidegate.diagnose.run import CHECKS

IDS = list(dict.fromkeys(id for check in CHECKS for id in check.ids))


def test_a_cause_stands_before_its_symptoms_whatever_the_order_found() -> None:
    found = [
        Finding("overfitting", "critical", {}),
        Finding("learning_rate_high", "warning", {}),
        Finding("unscaled_inputs", "warning", {}),
        Finding("capacity", "info", {}),
    ]
    for order in itertools.permutations(found):
        assert [item.id for item in rank(order)] == ["unscaled_inputs", "learning_rate_high", "overfitting", "capacity"]


def test_what_could_merely_be_better_explains_nothing() -> None:
    found = rank([Finding("overfitting", "warning", {}), Finding("drift", "info", {})])
    assert [item.id for item in found] == ["overfitting", "drift"]


def test_no_two_causes_explain_each_other() -> None:
    pairs = [(a, b) for a, symptoms in EXPLAINS.items() for b in symptoms if a in EXPLAINS.get(b, ())]
    assert pairs == []


def test_every_finding_that_is_looked_for_has_its_words() -> None:
    assert sorted(IDS) == sorted(WORDS)
    assert set(EXPLAINS) <= set(IDS)


@pytest.mark.parametrize("id", IDS)
def test_a_finding_reads_in_both_languages_without_gaps(id: str) -> None:
    named = {name for _, name, _, _ in Formatter().parse(WORDS[id].seen) if name}
    evidence: dict[str, object] = dict.fromkeys(named, 0.25)
    evidence |= dict.fromkeys(named & {"column", "columns", "name", "names"}, "load") | {
        "part": "test",
        "baseline": "drift",
    }
    finding = Finding(id, "warning", evidence, {"dropout": 0.3})
    for lang in ("en", "zh_TW"):
        text = f"{finding.title(lang)}{finding.text(lang)}{finding.cause(lang)}{finding.advice(lang)}"
        assert "{" not in text
        assert "dropout=0.3" in text
    assert finding.title("en") != finding.title("zh_TW")


def test_shares_are_shown_in_percent() -> None:
    finding = Finding("window_short", "warning", {"window": 3, "explained": 0.874, "reach": 168})
    assert "up to 168 back, explain 87.4 %" in finding.text("en")


def test_findings_are_json_even_where_a_number_is_infinite() -> None:
    found = Findings((Finding("unstable_loss", "warning", {"jumps": 1.0, "worst": math.inf, "epochs": 3}),), ("a",))
    state = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert state["findings"][0]["evidence"] == {"jumps": 1.0, "worst": None, "epochs": 3}
    assert found.top is found[0]


def test_nothing_found_is_said() -> None:
    found = Findings((), ("a", "b"), {"train": 5})
    assert found.top is None
    assert str(found).startswith("Nothing that costs accuracy was found in 2 checks.")
