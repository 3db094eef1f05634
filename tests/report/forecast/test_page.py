from __future__ import annotations

import errno
import os
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from tests.report.forecast.sample_run import scores, view
from tidegate.core.errors import ConfigError, OutputError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.evaluate.leaks.audit import Audit, Check, Finding, Place
from tidegate.report import Interval, Residuals, RunView, Sample, Strip, render, write_report

VOID = {"meta", "br", "hr", "img", "col", "wbr"}


class Page(HTMLParser):
    """Fails on tags that do not balance; collects text, attributes and ids."""

    def __init__(self, text):
        super().__init__()
        self.open, self.text, self.attributes, self.tags = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)

    def words(self):
        return " ".join(" ".join(self.text).split())


@pytest.mark.parametrize("lang", ["en", "zh_TW"])
def test_the_page_balances_holds_the_numbers_and_loads_nothing(lang):
    made = render(view(), lang)
    page = Page(made)
    words = page.words()
    for shown in ("98.70", "110.5", "79.3", "0.9689", "503.4", "168", "ffill", "2.13.0", "adam"):
        assert shown in words
    assert "10.7 %" in words if lang == "en" else "10.7%" in words
    assert not re.search(r"https?:|url\(|@import|<script|<link|//", made)
    assert all(value.startswith("#") for name, value in page.attributes if name in ("href", "src"))
    targets = [value[1:] for name, value in page.attributes if name == "href"]
    ids = [value for name, value in page.attributes if name == "id"]
    assert targets == ids
    assert len(set(ids)) == len(ids) == 8
    assert ("lang", "en" if lang == "en" else "zh-Hant-TW") in page.attributes


def test_every_chart_has_a_description_and_every_table_headers():
    made = render(view(), "en")
    charts = re.findall(r"<svg[^>]*class=\"chart\"[^>]*>", made)
    assert len(charts) == 4 + 4 + 1 + 3 + 2
    assert all('role="img"' in chart and 'aria-label="' in chart for chart in charts)
    for table in re.findall(r"<table.*?</table>", made, re.S):
        assert 'scope="row"' in table
        assert 'scope="col"' in table or 'class="pairs"' in table


def test_in_chinese_no_english_label_is_left():
    words = Page(render(replace(view(), notes=(), snippet=""), "zh_TW")).words()
    for label in (
        "Forecast",
        "Actual",
        "Epoch",
        "Method",
        "Residual",
        "Training",
        "Hours",
        "Lag",
        "Share",
        "interval",
        "model",
    ):
        assert label not in words
    for label in ("預測值", "實際值", "輪", "往後第幾小時", "相隔小時數", "學習曲線", "殘差", "2018年"):
        assert label in words


def test_what_users_wrote_is_escaped():
    nasty = "<script>alert('x')</script> & \"q\" \x07"
    base = view(400)
    odd = replace(
        base,
        title=nasty,
        targets=(nasty, "b"),
        unit="<m³>",
        zone=nasty,
        config={nasty: {nasty: nasty}},
        command=nasty,
        snippet=nasty,
        versions={nasty: nasty},
        loss=nasty,
        notes=(Note("gap", "column {name}: {count} gaps", {"name": nasty, "count": 3}),),
        samples=(replace(base.samples[0], target=nasty, series=nasty),),
        strips=(replace(base.strips[0], target=nasty),),
    )
    for lang in ("en", "zh_TW"):
        made = render(odd, lang)
        page = Page(made)
        assert "script" not in page.tags
        assert "<m³" not in made
        assert "\x07" not in made
        assert "<script>alert('x')</script> & \"q\" \ufffd" in page.words()


@pytest.mark.parametrize(
    ("key", "warnings", "tone", "word"),
    [
        ("beats", (), "better", "Better than every baseline"),
        ("untested", (), "same", "Lower error than every baseline, but not yet tested"),
        ("tie", (), "same", "No better than the best baseline"),
        ("chance", (), "same", "No better than the best baseline"),
        ("loses", (), "worse", "Worse than the best baseline"),
        ("beats", ("leak",), "doubt", "Too good to be true"),
    ],
)
def test_the_verdict_is_told_by_colour_icon_and_word(key, warnings, tone, word):
    found = scores(key=key)
    found = replace(found, verdict=replace(found.verdict, warnings=warnings))
    made = render(replace(view(300), evaluation=found), "en")
    head = re.search(r'<section class="verdict (\w+)".*?</section>', made, re.S)
    assert head.group(1) == tone
    assert f"<h2>{word}</h2>" in head.group(0)
    assert 'aria-hidden="true"' in head.group(0)
    assert found.verdict.text("en") in Page(head.group(0)).words()


def test_the_table_is_sorted_and_the_model_marked():
    made = render(replace(view(300), evaluation=scores(error=140.0, key="loses")), "en")
    table = re.search(r'<table class="scores.*?</table>', made, re.S).group(0)
    names = re.findall(r'<tr( class="\w+")?><th scope="row">(.*?)</th>', table)
    assert [name for _, name in names[:3]] == [
        "Ridge regression with known-ahead inputs",
        "Ridge regression on the window",
        "This model",
    ]
    assert [mark for mark, _ in names[:3]] == [' class="best"', "", ' class="own"']
    widths = [float(width) for width in re.findall(r"width:([\d.]+)%", table)]
    assert widths == sorted(widths)
    assert widths[-1] == 100.0
    assert widths[0] == pytest.approx(100 * 1.12 / 5.1, abs=0.06)
    assert "Error added" in made


def test_a_bare_view_still_makes_a_page():
    found = replace(
        scores(), coverage={}, dm=None, best_baseline=None, per_step={"model": [1.0]}, overall={"model": {"mae": 1.0}}
    )
    found = replace(found, verdict=replace(found.verdict, key="alone"), methods=("model",))
    made = render(RunView(title="t", targets=("y",), evaluation=found), "en")
    page = Page(made)
    assert "Nothing to compare with" in page.words()
    assert "<figure" not in made


def test_rows_without_calendar_and_gaps_everywhere():
    plain = view(500, times=False)
    empty = np.full(24, np.nan)
    sample = Sample(np.arange(30), np.full(6, np.nan), empty, np.arange(24.0))
    blank = Strip(1, np.arange(500), np.full(500, np.nan), np.zeros(500))
    history = [{"epoch": 1, "train_loss": 0.5, "validation_loss": None}, {"epoch": 2, "train_loss": np.inf}]
    odd = replace(plain, frequency=None, samples=(sample,), strips=(*plain.strips, blank), history=history)
    made = render(replace(odd, residuals=Residuals(np.zeros((5, 2)))), "en")
    Page(made)
    assert "Steps ahead" in made
    assert not re.search(r"\bnan\b", made)


def test_several_targets_and_series_are_shown_and_what_is_left_out_is_said():
    base = view(400)
    rng = np.random.default_rng(0)
    targets = tuple(f"t{i}" for i in range(6))
    rows = {"model": {"mae": 1.0}, "ridge_known": {"mae": 2.0}}
    series = {f"s{i:02}": {"model": 1.0 + i, "ridge_known": 12.5} for i in range(30)}
    found = replace(base.evaluation, targets=targets, per_target=dict.fromkeys(targets, rows), per_series=series)
    wide = replace(
        base,
        targets=targets,
        evaluation=found,
        residuals=Residuals(rng.normal(size=(100, 24, 6)), series=np.repeat(np.arange(10), 10)),
        strips=tuple(replace(base.strips[0], target=name) for name in targets),
    )
    words = Page(render(wide, "en")).words()
    assert words.count("The first 4 of 6 are drawn.") == 2
    assert "on 12 of 30 series" in words
    assert "s29" in words
    assert "s05" not in words


def test_only_the_furthest_step_ahead_is_drawn_in_full_and_no_note_twice():
    base = view(600)
    note = Note("skip", "{count} windows were left out", {"count": 7})
    near = replace(base.strips[0], step=1)
    found = replace(base.evaluation, notes=(note,))
    words = Page(
        render(replace(base, evaluation=found, notes=(*base.notes, note), strips=(near, *base.strips)), "en")
    ).words()
    assert "The last 7 days, forecast 1 hour ahead" in words
    assert "The last 7 days, forecast 24 hours ahead" in words
    assert words.count("The hardest 7 days") == 1
    assert words.count("7 windows were left out") == 1


def test_the_same_view_gives_the_same_bytes_and_a_long_test_part_stays_small(tmp_path):
    first = write_report(tmp_path / "a.html", view(10_000), "zh_TW").read_bytes()
    second = write_report(tmp_path / "b.html", view(10_000), "zh_TW").read_bytes()
    assert first == second
    assert len(first) < 1_000_000
    assert sorted(item.name for item in tmp_path.iterdir()) == ["a.html", "b.html"]


def test_writing_replaces_whole_or_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old")

    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OutputError, match=re.escape(str(path))) as caught:
            write_report(path, view(100), "en")
    assert "No space left" in str(caught.value)
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["report.html"]
    assert write_report(path, view(100), "en") == path
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_a_path_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "report.html", tmp_path):
        with pytest.raises(OutputError, match=re.escape(str(path))):
            write_report(path, view(100), "en")
    assert [item.name for item in tmp_path.iterdir()] == ["file"]


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ConfigError, match=r"30 times for 5 past values, 24 actual"):
        Sample(np.arange(30), np.zeros(5), np.zeros(24), np.zeros(24))
    with pytest.raises(ConfigError, match="same number"):
        Strip(1, np.arange(3), np.zeros(3), np.zeros(4), (Interval(0.8, np.zeros(3), np.zeros(3)),))


def test_an_audit_is_shown_with_every_question() -> None:
    checks = (
        Check("2024-01-01", "noise", ("the weights",)),
        Check("2024-01-01", "missing", ("the weights",), refused="ValueError: no"),
    )
    values = {"cutoff": "2024", "perturbation": "noise", "before": 1, "after": 2}
    finding = Finding("moved", "the weights", Place(part="bias"), values)
    leak = (Check("2024-01-01", "noise", ("the weights",), finding),)
    for lang, same in (("en", "the same, bit for bit"), ("zh_TW", "逐位元相同")):
        page = render(replace(view(), audit=Audit(checks, ())), lang)
        assert '<section id="audit">' in page
        assert page.count(same) >= 1
        assert (tr("could not be run", lang)) in page
        assert tr("{stage} changed", lang, stage=tr("the weights", lang)) in render(
            replace(view(), audit=Audit(leak, (finding,))), lang
        )
    assert '<section id="audit">' not in render(view(), "en")


def test_one_forecast_is_no_line_of_forecasts() -> None:
    base = view(600)
    alone = Strip(1, np.arange(1), np.zeros(1), np.ones(1))
    assert "The test part, forecast" not in render(replace(base, strips=(alone,)), "en")
    assert "The test part, forecast" in render(
        replace(base, strips=(Strip(1, np.arange(9), np.zeros(9), np.ones(9)),)), "en"
    )
