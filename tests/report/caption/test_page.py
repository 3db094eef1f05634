"""The page of a captioner: pictures held in it, where it looked, and the covering test, in both languages."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from tests.tasks.caption.pictures import fitted
from tidegate.report.caption.page import report_looks
from tidegate.report.run import render, view_of
from tidegate.report.svg.picture import png
from tidegate.report.translate.page import WrittenView


def test_a_report_has_pictures_scores_and_looks() -> None:
    view = view_of(fitted())
    assert isinstance(view, WrittenView)
    english, chinese = render(view, "en"), render(view, "zh_TW")
    for words in ("What it writes", "Where it looked", "CIDEr-D", "drawn at random", "nearest training picture"):
        assert words in english
    assert "隨機的四分之一" in chinese
    assert "最相近的訓練圖片的說明" in chinese
    assert english.count("<img ") == len(view.examples)
    assert english.count("<image ") == sum(1 + len(found.found.tokens) for found in view.explained)


def test_an_explanation_is_text_whatever_was_written(tmp_path: Path) -> None:
    found = fitted().explain(at=1)
    evil = replace(found.found, text="<script>x</script>", tokens=("<script>", *found.found.tokens[1:]))
    page = report_looks(tmp_path / "page.html", replace(found, found=evil), "en").read_text("utf-8")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_png_is_what_pillow_reads() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png(pixels)))), pixels)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png(pixels[..., :1])))), pixels[..., 0])
