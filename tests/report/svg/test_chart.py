from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.report import Chart
from tidegate.report.page.markup import Markup, el, join, shape
from tidegate.report.svg.thin import thin_band, thin_line


def parts(svg, tag, role):
    return [item for item in ElementTree.fromstring(svg).iter(tag) if role in item.get("class", "").split()]


def points(path):
    return [tuple(map(float, pair)) for pair in re.findall(r"[ML](\S+?) ([-\d.]+)", path)]


def test_a_line_is_where_its_numbers_say():
    svg = Chart(y_range=(0.0, 10.0)).line([0, 1, 2, 4], [0, 5, 10, 2.5], "a", "model").svg("d")
    spots = points(parts(svg, "path", "line")[-1].get("d"))
    x, y = np.array(spots).T
    np.testing.assert_allclose((x - x[0]) / (x[3] - x[0]), [0, 0.25, 0.5, 1], atol=1e-3)
    np.testing.assert_allclose((y - y[0]) / (y[2] - y[0]), [0, 0.5, 1, 0.25], atol=1e-3)
    assert y[2] < y[0]
    grid = [float(item.get("d").split()[1].split("H")[0]) for item in parts(svg, "path", "grid")]
    assert re.findall(r'class="tick" text-anchor="end">(.*?)<', svg) == ["0", "2", "4", "6", "8", "10"]
    np.testing.assert_allclose(y[[0, 1, 2]], [grid[0], (grid[2] + grid[3]) / 2, grid[5]], atol=0.1)
    base = parts(svg, "path", "axis")[0].get("d")
    assert [float(end) for end in re.findall(r"M(\S+) \S+H(\S+)", base)[0]] == [x[0], x[3]]


def test_a_logarithmic_axis_is_even_in_factors_and_leaves_out_what_has_no_logarithm():
    svg = Chart(log=True).line([0, 1, 2, 3, 4], [1, 10, 100, 0, -5], "a", "model").svg("d")
    y = [b for _, b in points(parts(svg, "path", "line")[-1].get("d"))]
    assert len(y) == 3
    assert y[0] - y[1] == pytest.approx(y[1] - y[2], abs=0.11)


def test_missing_values_break_lines_and_bands():
    nan = np.nan
    svg = (
        Chart()
        .line(range(6), [1, 2, nan, 4, nan, 6], "a")
        .band(range(6), [0, 0, nan, 0, 0, 0], [1, 1, 1, nan, 1, 1], "b")
        .svg("d")
    )
    assert parts(svg, "path", "line")[-1].get("d").count("M") == 3
    assert parts(svg, "path", "band")[0].get("d").count("Z") == 2
    assert "nan" not in svg.lower()


def test_bars_are_as_high_as_their_numbers_and_say_them():
    svg = Chart(zero=True).bars([0, 1, 2], [1, 2, 3], [2.0, 4.0, -1.0], "a", labels=["x", "y <b>", "z"]).svg("d")
    bars = [bar for bar in parts(svg, "rect", "bar") if bar.find("title") is not None]
    heights = [float(bar.get("height")) for bar in bars]
    assert heights[1] / heights[0] == pytest.approx(2, rel=0.01)
    assert heights[2] / heights[0] == pytest.approx(0.5, rel=0.02)
    assert [bar.find("title").text for bar in bars] == ["x", "y <b>", "z"]


def test_a_histogram_counts_like_numpy():
    data = np.r_[np.random.default_rng(3).normal(size=500), np.nan]
    svg = Chart().histogram(data, "a", bins=7).svg("d")
    bars = [bar for bar in parts(svg, "rect", "bar") if bar.find("title") is not None]
    expected = np.histogram(data[:-1], bins=7)[0] / 500 * 100
    assert [float(bar.find("title").text.split(": ")[1].split("\u2009")[0]) for bar in bars] == pytest.approx(
        expected, abs=0.051
    )
    assert Chart().histogram([np.nan], "a").svg("d").count("bar model") == 0
    assert Chart().histogram([5.0] * 4, "a").svg("d")


def test_hovering_names_time_and_values():
    time = np.datetime64("2018-03-05T00:00") + np.arange(3) * np.timedelta64(1, "h")
    chart = Chart(lang="en").band(time, [1, 2, 3], [3, 4, 5], "80 %").line(time, [2.0, np.nan, 4.0], "Actual", "actual")
    titles = [item.find("title").text for item in parts(chart.svg("d"), "rect", "hover")]
    assert titles[0] == "5 Mar 2018 00:00\n80 %: 1.000 \u2026 3.000\nActual: 2.000"
    assert "Actual" not in titles[1]


@pytest.mark.parametrize(
    "values", [[], [np.nan, np.nan], [3.0], [0.0, 0.0], [1e300, -1e300], [1e-300, 2e-300], [1e15, 1e15 + 1]]
)
def test_odd_data_still_make_a_chart(values):
    for log in (False, True):
        svg = Chart(log=log).line(range(len(values)), values, "a").svg("d")
        assert ElementTree.fromstring(svg).get("role") == "img"
        assert not re.search(r"\bnan\b|\binf\b", svg)


def test_names_are_escaped_and_full_width_text_takes_its_room():
    svg = (
        Chart("<x> & y", "\u00b0C", lang="zh_TW")
        .line([0, 1], [0, 1], "a<b>&\"'\x00")
        .line([0, 1], [1, 0], "實際值")
        .svg("<d>")
    )
    root = ElementTree.fromstring(svg)
    assert root.find("title").text == "<d>"
    assert any(item.text == "<x> & y" for item in root.iter("text"))
    assert any(item.text == "a<b>&\"'\ufffd" for item in root.iter("text"))


@given(st.integers(1, 3000), st.integers(2, 60), st.integers(0, 2**32 - 1))
def test_thinning_keeps_peaks_and_invents_nothing(count, buckets, seed):
    rng = np.random.default_rng(seed)
    x, y = np.arange(count, dtype=float), rng.normal(size=count)
    y[rng.random(count) < 0.1] = np.nan
    a, b = thin_line(x, y, buckets)
    assert len(a) <= max(2 * buckets, 1)
    assert np.all(np.diff(a) > 0)
    np.testing.assert_array_equal(b, y[a.astype(int)])
    if np.isfinite(y).any():
        assert np.nanmax(b) == np.nanmax(y)
        assert np.nanmin(b) == np.nanmin(y)
    low, high = y - 1, y + 1
    at, low2, high2 = thin_band(x, low, high, buckets)
    assert len(at) <= max(buckets, 1)
    if np.isfinite(y).any():
        assert np.nanmin(low2) == np.nanmin(low)
        assert np.nanmax(high2) == np.nanmax(high)
        assert np.isfinite(low2).sum() == np.isfinite(high2).sum()


@settings(max_examples=50)
@given(st.text())
def test_any_text_is_safe_inside_markup(words):
    made = el("p", words, title=words)
    root = ElementTree.fromstring(made)
    seen = root.text or ""
    assert seen.replace("\r", "\n") == re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]", "\ufffd", words).replace(
        "\r\n", "\n"
    ).replace("\r", "\n")
    assert join(Markup("<b>"), "<b>", None) == "<b>&lt;b&gt;"
    assert shape("path", d="M0 0") == '<path d="M0 0"/>'
