"""The pages of classifiers, taggers, regressors and detectors: whole, in both languages, numbers in place."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from sklearn import metrics

from tests.evaluate.label.sample import make, texts
from tests.report.forecast.test_page import Page
from tests.report.label import samples
from tidegate.core.errors import ConfigError
from tidegate.core.table import Note
from tidegate.evaluate.label import Leaks, evaluate_classes
from tidegate.evaluate.label.metrics.probability import reliability
from tidegate.report import Chart, LabelledView, describe_sequences, write_report
from tidegate.report import render as render_view
from tidegate.report.label.figures import class_chart, confusion_chart, curves_of, reliability_chart, roc_chart
from tidegate.report.label.number_figures import error_chart
from tidegate.report.page.describe import line

PAGES = {
    "digits": (samples.digits, {"scores", "confusion", "classes", "reliability", "mistakes"}),
    "faults": (samples.faults, {"scores", "confusion", "classes", "reliability", "curves", "mistakes"}),
    "tags": (samples.tags, {"scores", "confusion", "classes", "reliability", "curves"}),
    "genres": (samples.genres, {"scores", "confusion", "classes", "reliability"}),
    "engines": (samples.engines, {"scores", "estimates", "errors"}),
    "servers": (samples.servers, {"scores", "series", "each"}),
}
COMMON = {"learning", "data", "configuration", "repeat"}


def render(name: str, lang: str) -> str:
    return render_view(PAGES[name][0](), lang)


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_whole_in_both_languages(name: str) -> None:
    for lang in ("en", "zh_TW"):
        made = render(name, lang)
        page = Page(made)
        assert not re.search(r"https?:|url\(|@import|<script|<link|//", made)
        assert not re.search(r"\b(nan|inf|None)\b", page.words())
        ids = [value for key, value in page.attributes if key == "id"]
        assert set(ids) == PAGES[name][1] | COMMON
        assert [value[1:] for key, value in page.attributes if key == "href"] == ids
        charts = re.findall(r"<svg[^>]*class=\"chart\"[^>]*>", made)
        assert charts
        assert all('role="img"' in chart and 'aria-label="' in chart for chart in charts)
        for table in re.findall(r"<table.*?</table>", made, re.S):
            assert 'scope="row"' in table
        for svg in re.findall(r"<svg.*?</svg>", made, re.S):
            ElementTree.fromstring(svg)


@pytest.mark.parametrize("name", PAGES)
def test_in_chinese_no_english_label_is_left(name: str) -> None:
    words = Page(render(name, "zh_TW")).words()
    for label in (
        "Accuracy",
        "Precision",
        "Recall",
        "Method",
        "Confidence",
        "Actual",
        "Estimate",
        "Alarm",
        "model",
        "window ",
    ):
        assert label not in words.replace("model = tg", "").replace("model.fit", "")


def test_the_table_is_sorted_with_intervals_and_the_model_marked() -> None:
    view = samples.digits()
    made = render_view(view, "en")
    table = re.search(r'<table class="scores.*?</table>', made, re.S).group(0)
    names = re.findall(r'<tr( class="\w+")?><th scope="row">(.*?)</th>', table)
    assert names == [
        (' class="own"', "This model"),
        (' class="best"', "Logistic regression on summary statistics"),
        ("", "Nearest training sequence"),
        ("", "Most frequent class"),
    ]
    widths = [float(width) for width in re.findall(r"width:([\d.]+)%", table)]
    share = view.evaluation.overall["model"]["accuracy"]
    assert widths[0] == pytest.approx(100 * share, abs=0.06)
    low, high = view.evaluation.intervals["model"]["accuracy"]
    assert f"<small>{low:.3f} to {high:.3f}</small>" in table
    engines = render_view(samples.engines(), "en")
    order = re.findall(
        r'<th scope="row">(.*?)</th>', re.search(r'<table class="scores.*?</table>', engines, re.S).group(0)
    )
    assert order == ["This model", "Ridge regression on summary statistics", "Training mean"]
    assert "cycles" in engines


def test_the_verdict_s_tone() -> None:
    made = render_view(samples.faults(Leaks(copies=40, shared=0, sequences=800)), "en")
    head = re.search(r'<section class="verdict (\w+)".*?</section>', made, re.S)
    assert head.group(1) == "doubt"
    assert "Too good to be true" in head.group(0)
    assert "exact copy" in head.group(0)
    assert 'class="verdict better"' in render_view(samples.digits(), "en")
    assert 'class="verdict better"' in render_view(samples.servers(), "en")


def test_cells_of_the_confusion_matrix() -> None:
    matrix = np.array([[8, 2, 0], [0, 5, 0], [1, 1, 2]])
    svg = confusion_chart(matrix, ("a", "b", "c"), "en")
    cells = [item for item in ElementTree.fromstring(svg).iter("rect") if item.get("class") in ("more", "less")]
    assert len(cells) == 9
    assert [cell.get("class") for cell in cells] == [
        "more",
        "less",
        "less",
        "less",
        "more",
        "less",
        "less",
        "less",
        "more",
    ]
    depth = [float(cell.get("fill-opacity")) for cell in cells]
    wanted = np.sqrt(matrix / matrix.sum(axis=1, keepdims=True)).ravel()
    assert depth == pytest.approx(wanted, abs=0.006)
    assert re.findall(r'class="count[^>]*>(\d+)<', svg) == ["8", "2", "5", "1", "1", "2"]
    assert "2 of 10 “a” called “b”" in svg
    wide = confusion_chart(np.eye(25, dtype=int), [f"class {n}" for n in range(25)], "en")
    assert 'class="count' not in wide
    assert "rotate" in wide


def test_many_classes_become_a_list() -> None:
    actual = np.arange(600) % 60
    p = samples.said(actual, 60, 6.0, 0)
    view = LabelledView("Many", evaluate_classes(actual, p, range(60)), actual, p)
    words = Page(render_view(view, "en")).words()
    assert "There are too many classes to draw" in words
    assert "The 40 classes of 60 with the lowest F1." in words


def test_marks_of_classes_lie_where_their_numbers_say() -> None:
    rows = {"a": {"f1": 0.5, "precision": 1.0, "recall": 1 / 3, "support": 9.0, "predicted": 3.0}}
    svg = ElementTree.fromstring(class_chart(rows, "en"))
    bar = next(item for item in svg.iter("rect") if item.find("title") is not None)
    left, width = float(bar.get("x")), float(bar.get("width"))
    dot = list(svg.iter("circle"))[-1]
    assert (float(dot.get("cx")) - left) / (2 * width) == pytest.approx(1 / 3, abs=2e-3)


def test_bars_of_the_reliability_curve() -> None:
    curve = reliability([0.3, 0.3, 0.95] + [0.75] * 8, [True, False, True] + [True] * 6 + [False] * 2)
    svg = reliability_chart(curve, "en")
    assert "Fewer than 5 predictions" in svg
    own = [item for item in ElementTree.fromstring(svg).iter("rect") if item.get("class") == "bar model"]
    tall = [item for item in own if item.find("title") is not None]
    assert len(tall) == 1
    assert "8 predictions, confidence 0.750, right 0.750" in svg


def test_curves() -> None:
    view = samples.faults()
    names = {"model": "This model", **{name: name for name in view.others}}
    drawn = curves_of(view.actual, view.predicted, view.others, view.evaluation.classes, names)
    assert list(drawn) == ["This model", "logistic_summary", "nearest"]
    svg = roc_chart({"m": drawn["This model"]}, "en")
    path = [item.get("d") for item in ElementTree.fromstring(svg).iter("path") if item.get("class") == "line model"][-1]
    points = np.array([tuple(map(float, pair)) for pair in re.findall(r"[ML](\S+?) ([-\d.]+)", path)])
    x = (points[:, 0] - points[0, 0]) / np.ptp(points[:, 0])
    bottom = max(
        float(item.get("d").split()[1].split("H")[0])
        for item in ElementTree.fromstring(svg).iter("path")
        if item.get("class") == "grid"
    )
    top = min(
        float(item.get("d").split()[1].split("H")[0])
        for item in ElementTree.fromstring(svg).iter("path")
        if item.get("class") == "grid"
    )
    area = float(np.sum(np.diff(x) * (points[1:, 1] + points[:-1, 1]) / 2))
    area = (bottom - area) / (bottom - top)
    assert area == pytest.approx(metrics.roc_auc_score(view.actual, view.predicted[:, 1]), abs=0.01)
    assert curves_of(np.zeros(3, int), np.full((3, 2), 0.5), {}, ("a", "b"), {"model": "m"}) == {}
    assert curves_of(np.arange(8), np.full((8, 8), 0.125), {}, tuple("abcdefgh"), {"model": "m"}) == {}
    assert len(curves_of(np.arange(3), np.eye(3), {}, tuple("abc"), {"model": "m"})) == 3


def test_the_surest_mistakes_come_first_and_long_texts_are_cut() -> None:
    view = samples.faults()
    wrong = np.flatnonzero(view.predicted.argmax(axis=1) != view.actual)
    surest = wrong[np.argmax(view.predicted[wrong].max(axis=1))]
    made = render_view(view, "en")
    section = re.search(r'<section id="mistakes">.*?</section>', made, re.S).group(0)
    first = re.search(r'<tbody><tr><th scope="row">(.*?)</th>', section).group(1)
    assert first == view.texts[surest][:90].rstrip() or first.startswith(f"Log of pump {surest}:")
    long = render_view(replace(view, texts=["x" * 200] * 800), "en")
    assert "x" * 89 + "\u2026" in long
    assert "x" * 91 not in long


def test_errors_by_actual_value_follow_the_estimates() -> None:
    rng = np.random.default_rng(0)
    actual = rng.uniform(0, 100, 200)
    svg = error_chart(actual, actual + 10, "", "en")
    assert svg is not None
    assert "Middle error" in svg
    assert error_chart(actual[:8], actual[:8], "", "en") is None
    assert error_chart(np.repeat([1.0, 2.0], 50), np.zeros(100), "", "en") is None


def test_intervals_of_estimates_are_drawn_and_measured() -> None:
    view = samples.engines()
    share = np.mean(np.abs(view.actual - view.predicted) <= 18.0)
    assert view.evaluation.coverage[0.95] == share
    assert view.evaluation.interval_width[0.95] == pytest.approx(36.0)
    words = Page(render_view(view, "en")).words()
    assert "95 % interval" in words
    assert f"Of the test values {100 * share:.1f} % lie inside" in words
    assert "Of the test values" not in Page(render_view(replace(view, margins={}), "en")).words()


def test_a_detector_without_labels_has_no_table_of_scores() -> None:
    made = render_view(samples.servers(labelled=False), "en")
    words = Page(made).words()
    assert "No row that was tested is labelled" in words
    assert '<section id="scores">' not in made
    assert "a false alarm" not in words
    labelled = Page(render_view(samples.servers(), "en")).words()
    assert "Point-adjusted F1, which papers report" in labelled
    assert "no, a false alarm" in labelled


def test_what_users_wrote_is_escaped() -> None:
    nasty = "<script>alert('x')</script> & \"q\""
    actual = np.arange(40) % 2
    p = samples.said(actual, 2, 2.0, 0)
    found = evaluate_classes(actual, p, (nasty, "b"), {nasty: p}, notes=[Note("x", "{name}", {"name": nasty})])
    view = LabelledView(nasty, found, actual, p, {nasty: p}, [nasty] * 40, [nasty] * 40, config={nasty: nasty})
    for lang in ("en", "zh_TW"):
        assert "script" not in Page(render_view(view, lang)).tags


def test_bare_views_still_make_pages(tmp_path) -> None:
    actual = np.arange(40) % 2
    bare = LabelledView("t", evaluate_classes(actual, samples.said(actual, 2, 2.0, 0), "ab"))
    made = write_report(tmp_path / "a.html", bare, "en").read_text("utf-8")
    assert "Nothing to compare with" in Page(made).words()
    view = replace(samples.servers(), series=(), history=(), schema=(), notes=())
    assert write_report(tmp_path / "b.html", view).exists()
    engines = replace(samples.engines(), actual=None, predicted=None)
    assert '<section id="estimates">' not in render_view(engines, "en")


def test_shapes_that_do_not_fit_are_refused() -> None:
    view = samples.digits()
    with pytest.raises(ConfigError, match="600 actual, 3 predicted"):
        replace(view, predicted=view.predicted[:3])
    with pytest.raises(ConfigError, match="give both"):
        replace(view, predicted=None)
    with pytest.raises(ConfigError, match="3 alarms"):
        replace(samples.servers().series[0], alarms=np.zeros(3, bool))


def test_sequences_in_a_few_lines() -> None:
    sequences = make([[1.0] * 3, [2.0] * 5, [0.0] * 4], ["a", "b", "a"], groups=["x", "x", "y"], label_names=("kind",))
    parts = {"train": np.array([0, 1]), "test": np.array([2])}
    told = [line(note, "en") for note in describe_sequences(sequences, parts)]
    assert told == [
        ("Steps", "3 to 5, half of them at most 4"),
        ("Channels", "1: c0"),
        ("Labels", "kind"),
        ("Training sequences", "2, of 1 group"),
        ("Test sequences", "1, of 1 group"),
    ]
    words = [line(note, "zh_TW") for note in describe_sequences(texts(["ab", "abcd"]), {})]
    assert words == [("文字", "2 至 4 個字元，一半不超過 3 個")]
    frames = make([np.zeros((4, 12))], frame=(2, 2, 3))
    assert [line(note, "en") for note in describe_sequences(frames, {})] == [
        ("Steps", "4 each"),
        ("Frames", "2 by 2 points, 3 colours"),
    ]


def test_points_lie_where_their_numbers_say() -> None:
    svg = Chart(y_range=(0.0, 10.0), legend=False).points([3, 0, 1], [10, 0, 5], "a", labels=["x", "y", "z"]).svg("d")
    spots = list(ElementTree.fromstring(svg).iter("circle"))
    x, y = (np.array([float(item.get(axis)) for item in spots]) for axis in ("cx", "cy"))
    assert (x - x[1]) / (x[0] - x[1]) == pytest.approx([1, 0, 1 / 3], abs=1e-3)
    assert (y - y[1]) / (y[0] - y[1]) == pytest.approx([1, 0, 0.5], abs=1e-3)
    assert [item.find("title").text for item in spots] == ["x", "y", "z"]
    many = Chart().points([1, 2], [1, np.nan], "a", triangles=True).svg("d")
    assert many.count('class="point model"') == 2  # one, and the legend's


def test_several_labels_have_a_two_by_two_each() -> None:
    view = samples.genres()
    found, actual = view.evaluation, np.asarray(view.actual, dtype=bool)
    said = np.asarray(view.predicted) >= np.array(found.thresholds)
    made = render_view(view, "en")
    table = made[made.index('class="decisions"') :].split("</table>")[0]
    rows = dict(re.findall(r'<th scope="row">([^<]+)</th>(.*?)</tr>', table))
    assert list(rows) == list(found.classes)
    for place, name in enumerate(found.classes):
        y, p = actual[:, place], said[:, place]
        expected = metrics.confusion_matrix(y, p, labels=[True, False]).ravel().tolist()  # tp, fn, fp, tn
        assert [int(count.replace(",", "")) for count in re.findall(r">([\d,]+) \(", rows[name])] == expected


def test_titles_of_a_small_confusion_matrix_fit_into_it() -> None:
    svg = confusion_chart(np.array([[3, 1], [0, 4]]), ("a", "b"), "en")
    width = float(ElementTree.fromstring(svg).get("width"))
    for text in ElementTree.fromstring(svg).iter("text"):
        if text.text in ("Said by the model", "Actual"):
            long = 7 * len(text.text)
            left = float(text.get("x")) - (long if text.get("text-anchor") == "end" else 0)
            assert left >= 0
            assert left + long <= width


def test_the_threshold_of_a_detector_is_named() -> None:
    assert render_view(samples.servers(), "en").count("Threshold: alarms above") == 2
