"""What findings draw: the numbers of an independent reference, short, and legible in both languages."""

import json

import numpy as np
import pytest
from statsmodels.tsa.stattools import acf

from tests.diagnose.crafted import case, fit, history, wave
from tidegate.diagnose import diagnose, finding
from tidegate.diagnose.checks import curve
from tidegate.diagnose.checks import curve as history_checks
from tidegate.diagnose.examine import Examined
from tidegate.diagnose.finding import Finding, Findings
from tidegate.diagnose.run import CHECKS
from tidegate.report.diagnosis_page import render_diagnosis


def test_autocorrelation_is_that_of_statsmodels() -> None:
    y = np.sin(np.arange(300) / 4) + 0.3 * np.random.default_rng(0).normal(size=300)
    found = finding.autocorrelation([y], 40, window=24)
    assert found is not None
    np.testing.assert_allclose(found["lines"]["autocorrelation"], acf(y, adjusted=True, nlags=40)[1:], rtol=1e-10)
    assert found["x"] == list(range(1, 41))
    assert found["marks"] == {"window": 24}
    both = finding.autocorrelation([y, -3 * y, np.ones(300)], 40)
    assert both is not None
    np.testing.assert_allclose(both["lines"]["autocorrelation"], found["lines"]["autocorrelation"], rtol=1e-10)
    assert finding.autocorrelation([np.ones(50)], 5) is None


def test_a_gap_leaves_out_its_pairs_alone() -> None:
    y = np.random.default_rng(1).normal(size=200).cumsum()
    holed = y.copy()
    holed[50:60] = np.nan
    found = finding.autocorrelation([holed], 3)
    assert found is not None
    d = holed - np.nanmean(holed)
    expected = np.nanmean(d[2:] * d[:-2]) / np.nanmean(d * d)
    assert found["lines"]["autocorrelation"][1] == pytest.approx(expected)


def test_histograms_hold_everything_and_share_their_ranges() -> None:
    rng = np.random.default_rng(2)
    found = finding.histograms({"train": rng.normal(size=1000), "test": np.append(rng.normal(5, 1, 500), np.nan)})
    assert found is not None
    assert [sum(shares) for shares in found["shares"].values()] == pytest.approx([100, 100])
    middles = np.convolve(found["edges"], [0.5, 0.5], "valid")
    means = [float(np.dot(middles, shares)) / 100 for shares in found["shares"].values()]
    assert means == pytest.approx([0, 5], abs=0.2)
    assert finding.histograms({"train": np.array([np.nan])}) is None


def test_a_strip_keeps_every_peak_and_every_far_value() -> None:
    y = np.random.default_rng(3).normal(size=50_000)
    y[12_345], y[40_000] = 500.0, -400.0
    found = finding.strip(y, np.abs(y) > 100, -100.0, 100.0)
    far = {x: v for x, v in zip(found["x"], found["lines"]["far"], strict=True) if not np.isnan(v)}
    assert far == {12_345: 500.0, 40_000: -400.0}
    plain = np.delete(y, [12_345, 40_000])
    assert np.nanmax(found["lines"]["value"]) == plain.max()
    assert np.nanmin(found["lines"]["value"]) == plain.min()
    assert len(found["x"]) <= finding.POINTS + 2


def test_bars_leave_out_what_is_no_number() -> None:
    found = finding.bars([("a", 1.0), ("b", float("nan")), (("method", {"name": "drift"}), 2.0)])
    assert found == {"kind": "bars", "names": ["a", ["method", {"name": "drift"}]], "values": [1.0, 2.0]}
    assert finding.bars([("a", float("inf"))]) is None


def sick() -> Findings:
    """Findings of several kinds, from tiny trainings and crafted histories."""
    values = wave()
    values |= {"plan": values["y"] * 2, "noise": np.random.default_rng(1).normal(size=600)}
    values["y"] = values["y"] + np.where(np.arange(600) > 430, 30.0, 0.0)
    found = list(diagnose(fit(values, {"known": ["plan", "noise"]}, max_epochs=2)))
    found += diagnose(fit(wave(), learning_rate=1e-6))
    crafted = case(history=history([1.0, 0.5, 0.6, 0.8, 1.0], [1.0, 0.5, 0.3, 0.2, 0.1]))
    found += curve.overfitting(crafted, Examined(crafted))
    wild = case(history=history([1.0] * 5, grad_norm=50.0, clipped=1.0))
    found += history_checks.exploding(wild)
    stuck = fit(wave(), learning_rate=5.0, max_epochs=3).evidence()[0]
    found += curve.gates(stuck, Examined(stuck))
    return Findings(
        tuple({item.id: item for item in found}.values()), tuple(id for check in CHECKS for id in check.ids)
    )


def test_findings_draw_and_read_well_in_both_languages() -> None:
    found = sick()
    drawn = {item.id for item in found if item.figure is not None}
    assert {"learning_rate_low", "drift", "overfitting", "exploding_gradients", "saturated_gates"} <= drawn
    assert {item.figure["kind"] for item in found if item.figure} == {"curve", "bars", "histogram"}
    json.dumps(found.to_json(), allow_nan=False)
    english, chinese = (render_diagnosis(found, lang) for lang in ("en", "zh_TW"))
    for page in (english, chinese):
        assert page.count("<svg") == len(drawn)
        assert "{" not in page.split("</style>")[1]
    assert "weights kept" in english
    assert "保留的權重" in chinese
    assert "this training (1e-06" in english


def test_without_anything_found_the_page_says_so() -> None:
    page = render_diagnosis(Findings((), ("drift", "leak")), "en")
    assert "Nothing that costs accuracy was found in 2 checks." in page
    assert page.count("not found") == 2


def test_a_name_that_is_data_is_shown_as_it_is() -> None:
    figure = finding.bars([("<load>", 2.0), ("heat", 1.0)])
    page = render_diagnosis(Findings((Finding("capacity", "info", {"parameters": 1, "values": 1, "ratio": 1.0},
                                              {}, figure),), ("capacity",)), "en")  # fmt: skip
    assert "&lt;load&gt;" in page
    assert "<load>" not in page
