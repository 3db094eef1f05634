from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.errors import ConfigError
from tidegate.report.svg.ticks import (
    cycle_ticks,
    log_ticks,
    nice_domain,
    nice_ticks,
    number,
    tick_labels,
    time_label,
    time_ticks,
)

ends = st.floats(-1e12, 1e12, allow_nan=False)
lengths = st.floats(1e-3, 1e12)


@given(ends, lengths, st.integers(2, 12))
def test_ticks_are_round_even_and_inside(low, length, count):
    high = low + length * max(1.0, abs(low) * 1e-6)
    ticks = nice_ticks(low, high, count)
    assert count // 2 <= len(ticks) <= count + 1
    slack = (high - low) * 1e-6
    assert all(low - slack <= tick <= high + slack for tick in ticks)
    if len(ticks) > 1:
        step = ticks[1] - ticks[0]
        np.testing.assert_allclose(np.diff(ticks), step, rtol=1e-5)
        mantissa = step / 10 ** math.floor(math.log10(step * (1 + 1e-6)))
        assert min(abs(mantissa - round_) for round_ in (1, 2, 2.5, 5, 10)) < 1e-4
        labels = tick_labels(ticks)
        assert len(set(labels)) == len(labels)


def test_ticks_by_hand():
    assert nice_ticks(0.0, 10.0, 5) == [0, 2, 4, 6, 8, 10]
    assert nice_ticks(-1.0, 1.0, 4) == [-1, -0.5, 0, 0.5, 1]
    assert tick_labels([0.0, 0.25, 0.5]) == ["0.00", "0.25", "0.50"]
    assert tick_labels([-2000.0, 0.0, 2000.0]) == ["\u22122,000", "0", "2,000"]


@given(ends, ends, st.booleans())
def test_domain_holds_the_data(low, high, zero):
    low, high = min(low, high), max(low, high)
    a, b = nice_domain(low, high, 5, zero)
    slack = (b - a) * 1e-6
    assert a < b
    assert a - slack <= low <= high <= b + slack
    assert not zero or a <= 0 <= b


@pytest.mark.parametrize("ends", [(math.nan, 1.0), (0.0, math.inf), (5.0, 5.0)])
def test_domain_survives_odd_data_and_ticks_refuse_it(ends):
    low, high = nice_domain(*ends)
    assert math.isfinite(low)
    assert low < high < math.inf
    with pytest.raises(ConfigError, match="axis"):
        nice_ticks(*ends)


@given(st.floats(1e-9, 1e6), st.floats(1.5, 1e9))
def test_log_ticks_are_inside(low, factor):
    high = low * factor
    for tick in log_ticks(low, high):
        assert low * (1 - 1e-6) <= tick <= high * (1 + 1e-6)


def test_cycle_ticks_divide_a_day():
    assert cycle_ticks(1, 24, 24, 4) == [6, 12, 18, 24]
    assert cycle_ticks(1, 48, 24, 3) == [24, 48]
    assert cycle_ticks(1, 168, 24, 8) == [24, 48, 72, 96, 120, 144, 168]


@given(st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1)), st.floats(10, 3e9), st.integers(3, 9))
def test_time_ticks_lie_on_round_times(begin, seconds, count):
    epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
    low = (begin.replace(tzinfo=timezone.utc) - epoch) // timedelta(microseconds=1)
    high = low + seconds * 1e6
    ticks = time_ticks(low, high, "en", count)
    assert 1 <= len(ticks) <= count + 2
    gaps = {b.at - a.at for a, b in pairwise(ticks)}
    for tick in ticks:
        assert low <= tick.at <= high
        at = epoch + timedelta(microseconds=round(tick.at))
        if not gaps:
            continue
        if min(gaps) >= 86_400e6:
            assert (at.hour, at.minute, at.second, at.microsecond) == (0, 0, 0, 0)
        if min(gaps) > 27 * 86_400e6:
            assert at.day == 1
        if ":" in tick.label:
            assert tick.label == at.strftime("%H:%M:%S")[: len(tick.label)]


def test_time_ticks_by_hand():
    def us(text):
        return float(np.datetime64(text, "us").astype(np.int64))

    days = time_ticks(us("2018-12-30"), us("2019-01-04"), "zh_TW", 7)
    assert [(tick.label, tick.context) for tick in days[:3]] == [
        ("12月30日", "2018年"),
        ("12月31日", ""),
        ("1月1日", "2019年"),
    ]
    months = time_ticks(us("2018-06-15"), us("2019-03-15"), "en", 9)
    assert [(tick.label, tick.context) for tick in months[:2]] == [("Jul", "2018"), ("Aug", "")]
    assert ("Jan", "2019") in [(tick.label, tick.context) for tick in months]
    weeks = time_ticks(us("2018-03-01"), us("2018-04-20"), "en", 8)
    mondays = ("2018-03-05", "2018-03-12", "2018-03-19", "2018-03-26", "2018-04-02", "2018-04-09", "2018-04-16")
    assert [tick.at for tick in weeks] == [us(day) for day in mondays]


def test_numbers_read_well():
    cases = {
        0.0: "0",
        12345.6: "12,346",
        98.7: "98.70",
        1.2345: "1.234",
        -0.05: "\u22120.05000",
        0.00001: "1\u00d710\u207b\u2075",
    }
    for value, shown in cases.items():
        assert number(value) == shown
    assert number(math.nan) == number(math.inf) == "\u2013"
    assert number(-0.001, 1) == "0.0"


def test_times_read_well():
    time = np.datetime64("2018-03-05T07:30", "us")
    assert time_label(time, "en") == "5 Mar 2018 07:30"
    assert time_label(time, "zh_TW") == "2018年3月5日 07:30"
    assert time_label(np.int64(1234), "en") == "1,234"
    assert time_label(np.datetime64("NaT"), "en") == "\u2013"
