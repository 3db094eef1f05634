from __future__ import annotations

import numpy as np
import pytest
from statsmodels.tsa.stattools import acf

from tests.report.forecast.sample_run import view
from tidegate.core.frequency import Frequency
from tidegate.report import Strip
from tidegate.report.forecast import figures
from tidegate.report.page.words import duration, span


def test_autocorrelation_equals_statsmodels_up_to_its_divisor():
    values = np.convolve(np.random.default_rng(0).normal(size=400), [1, 0.6, 0.3], "valid")
    found, count = figures.autocorrelation(values, None, 10)
    np.testing.assert_allclose(found, acf(values, nlags=10, adjusted=True)[1:], rtol=1e-10)
    assert count == len(values)


def test_autocorrelation_never_pairs_two_series_and_skips_gaps():
    rng = np.random.default_rng(1)
    values = rng.normal(size=60)
    values[7] = np.nan
    series = np.repeat([0, 1, 2], 20)
    found, count = figures.autocorrelation(values, series, 3)
    d = values - np.nanmean(values)
    pairs = [d[i] * d[i + 2] for i in range(58) if i // 20 == (i + 2) // 20 and np.isfinite(d[i] * d[i + 2])]
    assert found[1] == pytest.approx(np.mean(pairs) / np.nanmean(d**2))
    assert count == 59


def test_the_hardest_stretch_has_the_largest_mean_error():
    rng = np.random.default_rng(2)
    actual = rng.normal(size=300)
    actual[150:154] += 30
    actual[20:60] = np.nan
    strip = Strip(1, np.arange(300), actual, np.zeros(300))
    rows = figures.hardest(strip, 24)
    means = [
        np.nanmean(np.abs(actual[i : i + 24])) if np.isfinite(actual[i : i + 24]).sum() >= 12 else -1.0
        for i in range(300 - 24 + 1)
    ]
    assert rows.start == int(np.argmax(means))
    assert rows.stop - rows.start == 24


def test_error_over_time_shows_the_mean_error_of_each_stretch():
    strip = view(600).strips[0]
    svg = figures.error_over_time(strip, "MW", "en", parts=6)
    error = np.abs(strip.actual - strip.mean)
    for part in np.split(error, 6):
        mean = np.nanmean(part)
        if np.isfinite(mean):
            assert f"<title>{figures.number(mean)}</title>" in svg


def test_lengths_of_time_in_words():
    hour = Frequency(1, "h")
    assert [span(n, hour, "en") for n in (1, 24, 48, 168)] == ["1 hour", "24 hours", "2 days", "7 days"]
    assert span(2, Frequency(15, "min"), "zh_TW") == "30 分鐘"
    assert span(3, Frequency(1, "row"), "en") == span(3, None, "en") == "3 steps"
    assert [duration(s, "en") for s in (0.4, 48.2, 200, 7500)] == ["0.4 s", "48 s", "3 min 20 s", "2 h 5 min"]
