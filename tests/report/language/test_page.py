"""The page of a language model shows what it wrote as text, whatever that is."""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import numpy as np

import tidegate as tg
from tests.tasks.language.corpora import QUICK, chain
from tidegate.report.language.page import LanguageView, report_surprise
from tidegate.report.run import render, view_of
from tidegate.runtime.language.written import Written
from tidegate.tasks.explain.language import Surprise


def test_a_report_has_scores_texts_copies_and_surprise(tmp_path: Path) -> None:
    model = tg.LanguageModel(**{**QUICK, "max_epochs": 2}).fit(chain(900), progress=False)
    view = view_of(model)
    assert isinstance(view, LanguageView)
    assert view.copied is not None
    english, chinese = render(view, "en"), render(view, "zh_TW")
    for words in ("What it writes", "Token by token", "Kneser-Ney", "longest common stretch", "perplexity"):
        assert words in english
    assert "困惑度" in chinese
    found = model.explain()
    assert len(found.tokens) == len(found.bits) == len(found.expected)
    assert found.tokens == tuple(model.fitted_.parts.test[0][: len(found.tokens)])
    numbers = model.vocabulary_.encode("".join(found.tokens))
    nats = model.predict("".join(found.tokens) + "\n")["nats"][0]
    assert abs(found.bits.sum() * np.log(2) - nats) < 15  # but for the line end, and what follows it
    assert all(0 <= share <= 1 for own in found.expected for _, share in own)
    assert len(numbers) == len(found.bits)
    assert "most surprising" in str(found)
    page = report_surprise(tmp_path / "page.html", found).read_text("utf-8")
    assert page.count("--depth") == len(found.tokens) + page.count("var(--depth)")


def test_markup_that_a_model_wrote_is_text(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>\x1b[31m\u202e</pre>"
    found = Surprise(tuple(evil), np.ones(len(evil)), tuple(((evil, 1.0),) for _ in evil))
    page = report_surprise(tmp_path / "page.html", found).read_text("utf-8")
    assert "<script" not in page
    assert "\x1b" not in page + str(found)
    assert "\u202e" not in page + str(found)
    model = tg.LanguageModel(**{**QUICK, "max_epochs": 1}).fit(chain(300), progress=False)
    view = view_of(model)
    assert isinstance(view, LanguageView)
    shown = render(type(view)(**{**vars(view), "written": (Written(evil, 0, 3, 1.0, "end"),)}), "en")
    assert "&lt;script&gt;" in shown
    assert "<script" not in shown
    assert "\x1b" not in shown


def test_music_is_drawn_and_played_by_the_page_s_only_script() -> None:
    piece = [(60, 64), (60, 65), (), (67,)] * 8
    model = tg.LanguageModel(tokens="notes", **{**QUICK, "max_epochs": 1})
    model.fit([piece] * 20, validation=2, test=2, steps=2, progress=False)
    shown = render(view_of(model), "en")
    assert shown.count("<script>") == 1
    script = shown.partition("<script>")[2].partition("</script>")[0]
    digest = b64encode(sha256(script.encode()).digest()).decode()
    assert f"script-src &#x27;sha256-{digest}&#x27;" in shown
    assert shown.count('class="play"') == 4
    assert 'data-notes="64,0.000,0.250 60,0.000,0.500 65,0.250,0.250 67,0.750,0.250' in shown
    assert shown.count("<title>E4: 1 - 1</title>") >= 1
    text = tg.LanguageModel(**{**QUICK, "max_epochs": 1}).fit(chain(300), progress=False)
    assert "<script" not in render(view_of(text), "en")
