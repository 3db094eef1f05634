"""The page of an explanation: complete, in both languages, and drawn where its numbers say."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

import tidegate as tg
from tests.tasks.forecast.models import fitted_plain, fitted_rich, plain, quick
from tidegate.core.translate import Language
from tidegate.explain import Explanation
from tidegate.explain.deletion import Faithfulness
from tidegate.explain.groups import Group
from tidegate.report.explanation.names import deletion_words, is_sure, left_over, steps_name
from tidegate.report.explanation.page import render_explanation, summary
from tidegate.report.svg.heat import HeatMap, ranked_bars, signed_number

LANGUAGES: tuple[Language, ...] = ("en", "zh_TW")


@pytest.fixture(scope="module")
def rich_found() -> Explanation:
    return fitted_rich().explain(sample=12, background=4)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_is_whole_and_asks_nothing_of_anyone(rich_found: Explanation, lang: Language) -> None:
    page = render_explanation(rich_found, lang, unit="MW")
    assert page == render_explanation(rich_found, lang, unit="MW")
    assert not re.search(r"(?:src|href)=\"(?!#)", page)
    assert "<script" not in page
    for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        ElementTree.fromstring(svg)
    for name in ("saw", "mattered", "inputs", "attention", "general", "checks", "gates", "method"):
        assert f'id="{name}"' in page
    assert "nan" not in re.sub(r"<[^>]*>", " ", page)
    assert "calendar:" not in page
    assert ("模型預期" in page) == (lang == "zh_TW")


def test_every_attribution_shows_what_it_leaves_over(rich_found: Explanation) -> None:
    page = render_explanation(rich_found, "en")
    assert page.count("left over:") >= 2 * len(rich_found.attributions) - 1
    assert left_over(0.02, 10, "en") == "+0.02000"
    assert left_over(1e-12, 10, "en") == "nothing but rounding"


def test_the_first_words_name_what_moved_the_forecast_most() -> None:
    found = fitted_plain().explain(at="2024-01-20T07:00", sample=12, background=4)
    first, moved, rest = summary(found, "MW", "en")
    features = found.attributions["feature"]
    assert f"expects {features.prediction.mean():.2f} MW" in first
    largest = features.groups.all[int(np.argmax(features.size))]
    assert ("y" if largest.feature == "y" else "Hour of the day") in moved[0]
    assert ("raised" in moved[0]) == (features.mean[np.argmax(features.size)] > 0)
    assert ("up by" in first) == (features.prediction.mean() > features.base.mean())
    assert "80 % interval" in rest[0]
    assert "known by now" in rest[0]


def test_a_test_that_chance_explains_is_not_called_sure() -> None:
    curve, random = np.array([0.0, 1.0, 1.0]), np.tile([0.0, 0.9, 1.0], (20, 1))
    good, bad = (Faithfulness(curve * size, random, np.arange(3)) for size in (2, 0.5))
    assert is_sure(good)
    assert "the explanation holds" in deletion_words(good, "en")
    assert not is_sure(bad)
    assert "with care" in deletion_words(bad, "en")
    assert good.ratio == pytest.approx(2 / 0.9)
    assert (good.beaten, bad.beaten) == (1.0, 0.0)


def test_steps_read_as_times() -> None:
    case = fitted_plain().explain(sample=2, background=2).case
    assert steps_name(Group(None, -24, 0), case, "en") == "The last 24 hours"
    assert steps_name(Group(None, -72, -48), case, "en") == "2 days to 3 days before"
    assert steps_name(Group(None, -72, -48), case, "zh_TW") == "2 天至 3 天前"
    assert steps_name(Group(None, 0, 6), case, "en") == "The steps ahead"
    assert steps_name(Group("kind"), case, "en") == "Fixed for the series"


def rects(svg: str) -> list[dict[str, str]]:
    found = [item.attrib for item in ElementTree.fromstring(svg).iter("rect")]
    return [item for item in found if item.get("class") in ("more", "less") and item["height"] != "12"]


def test_a_heat_map_shades_by_size_and_sign() -> None:
    values = np.array([[2.0, -1.0], [0.0, np.nan]])
    cells = rects(HeatMap(["a", "b"], [0, 1, 2], values).svg("d"))
    assert [(cell["class"], float(cell["fill-opacity"])) for cell in cells] == [("more", 1), ("less", 0.5), ("more", 0)]
    assert float(cells[0]["y"]) < float(cells[2]["y"])
    assert float(cells[1]["x"]) - float(cells[0]["x"]) == pytest.approx(float(cells[0]["width"]) + 0.5, abs=0.11)


def test_many_cells_of_one_shade_become_one() -> None:
    values = np.zeros((40, 50))
    values[3, 10:20] = 1.0
    (cell,) = rects(HeatMap([""] * 40, np.arange(51), values).svg("d"))
    assert float(cell["fill-opacity"]) == 1
    assert float(cell["width"]) == pytest.approx(10 / 50 * (760 - 10 - 10), rel=0.01)


def test_ranked_bars_are_as_long_as_their_numbers() -> None:
    svg = ranked_bars(["a", "b"], np.array([4.0, -2.0]), "d", errors=np.array([0.5, 0.0]))
    bars = rects(svg)
    assert [bar["class"] for bar in bars] == ["more", "less"]
    assert float(bars[0]["width"]) == pytest.approx(2 * float(bars[1]["width"]), rel=0.01)
    assert float(bars[0]["x"]) == pytest.approx(float(bars[1]["x"]) + float(bars[1]["width"]), abs=0.2)
    (whisker,) = re.findall(r'd="M(\S+) \S+H(\S+)" class="whisker"', svg)
    assert float(whisker[1]) - float(whisker[0]) == pytest.approx(float(bars[0]["width"]) / 2, rel=0.01)
    assert signed_number(3.0, 0) == "+3"
    assert signed_number(0.2, 0) == "0"


@pytest.mark.parametrize("cell", ["gru", "peephole", "coupled"])
def test_every_cell_has_its_gates_on_the_page(cell: str) -> None:
    model = quick(cell=cell, bidirectional=True).fit(plain(), progress=False)
    found = model.explain(at="2024-01-20T07:00", sample=4, background=2)
    page = render_explanation(found, "en")
    assert ("Update gate z" if cell == "gru" else "Forget gate f") in page
    assert "read backwards" in page
    assert ("Input gate i" in page) == (cell == "peephole")


def test_the_file_is_written(tmp_path, rich_found: Explanation) -> None:
    path = tg.report_explanation(tmp_path / "page.html", rich_found, title="A title", lang="zh_TW")
    assert "<h1>A title</h1>" in path.read_text("utf-8")


def test_the_first_words_say_which_way_the_forecast_moved_whatever_its_parts_did() -> None:
    """A forecast that rose is said to have risen although the last part that is named lowered it."""
    found = fitted_plain().explain(at="2024-01-20T07:00", sample=12, background=4)
    features = found.attributions["feature"]
    count, steps = features.values.shape
    sizes = np.where(np.arange(count) == 0, 50.0, -1.5)
    values = np.repeat(sizes[:, None], steps, axis=1)
    changed = replace(features, values=values, base=np.full(steps, 10.0), prediction=np.full(steps, 10 + sizes.sum()))
    first, moved, _ = summary(replace(found, attributions={**found.attributions, "feature": changed}), "", "en")
    assert "up by" in first
    assert "raised it by 50" in moved[0]
    assert all("lowered it by 1.5" in line for line in moved[1:])
    mixed = replace(changed, values=np.where(np.arange(steps) % 2, 30.0, -30.0) * np.ones((count, 1)))
    _, moved, _ = summary(replace(found, attributions={**found.attributions, "feature": mixed}), "", "en")
    assert "up at some steps and down at others" in moved[0]
    trifle = replace(changed, values=np.where(np.arange(count)[:, None] == 0, 50.0, 0.1) * np.ones((1, steps)))
    _, moved, _ = summary(replace(found, attributions={**found.attributions, "feature": trifle}), "", "en")
    assert len(moved) == 1
