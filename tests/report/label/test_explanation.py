"""The page of one answer's explanation: its words and figures for texts, channels, quantities, labels and steps."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import tidegate as tg
from tests.tasks.label import data
from tidegate.core.errors import DataError
from tidegate.explain import Layout
from tidegate.explain.groups import by_block
from tidegate.prepare.sequence.targets import ClassLabels
from tidegate.report.explanation.page import render_explanation, summary, words_of
from tidegate.report.svg.overlay import Strip, overlaid
from tidegate.tasks.explain.label import find_sequence, log_odds

QUICK: dict[str, Any] = {
    "hidden_size": 8,
    "max_epochs": 20,
    "training": {"patience": 0},
    "batch_size": 16,
    "learning_rate": 1e-2,
}
QUICK |= {"training": {"patience": 0, "refit": False}, "network": {"branch": ()}}


@pytest.fixture(scope="module")
def waves() -> Any:
    model = tg.Classifier(**QUICK).fit(data.waves(80), progress=False)
    return model, model.explain(at=3)


@pytest.fixture(scope="module")
def review() -> Any:
    return tg.Classifier(**QUICK).fit(data.reviews(), progress=False).explain(at=4)


def test_the_shares_are_those_of_the_probability_that_is_said(waves: Any) -> None:
    _, answer = waves
    each = answer.attributions["feature"]
    said = answer.case.said[answer.case.output]
    assert each.prediction[0] == pytest.approx(np.log(said / (1 - said)), abs=1e-4)
    logits = np.random.default_rng(0).normal(size=(6, 4))
    chances = np.exp(logits / 2) / np.exp(logits / 2).sum(axis=1, keepdims=True)
    found = log_odds(logits, ClassLabels(tuple("abcd")), 2.0)
    np.testing.assert_allclose(found, np.log(chances / (1 - chances)), rtol=1e-9)
    np.testing.assert_allclose(log_odds(logits, ClassLabels(tuple("abcd"), multiple=True), 2.0), logits / 2)


def test_an_estimate_is_explained_in_its_own_unit() -> None:
    model = tg.Regressor(**QUICK).fit(data.means(), progress=False)
    answer = model.explain(at=4)
    each = answer.attributions["feature"]
    assert each.prediction[0] == pytest.approx(answer.case.said["level"], rel=1e-5)
    assert each.prediction[0] == pytest.approx(
        float(model.predict(data.means().take(np.array([4])))["level"][0]), rel=1e-4
    )
    page = render_explanation(answer, "en", unit="cm")
    assert f"{float(answer.case.said['level']):.1f} cm" in page
    assert answer.importance["feature"].mean[0] > answer.importance["feature"].score  # all there is was shuffled
    assert answer.importance["feature"].score < 4  # in the label's unit, whose deviation is 11


def test_what_mattered_in_general_is_measured_on_labelled_sequences_the_model_had_not(waves: Any) -> None:
    model, answer = waves
    found = answer.importance["feature"]
    assert [group.feature for group in found.groups.all] == ["c0", "c1"]
    assert found.windows == len(model.fitted_.parts.test)
    assert found.score == pytest.approx(1 - model.evaluate().overall["model"]["accuracy"])
    assert found.mean[0] > 0.2 > abs(found.mean[1])
    bare = replace(data.waves(20, seed=3), labels=None)
    assert model.explain(bare).importance == {}
    assert model.explain(bare).case.actual is None
    assert model.explain(at=3, sample=0).importance == {}


@pytest.mark.parametrize("lang", ["en", "zh_TW"])
def test_the_page_draws_the_channels_with_signed_shares(waves: Any, lang: Any) -> None:
    _, answer = waves
    page = render_explanation(answer, lang)
    assert page == render_explanation(answer, lang)
    for name in ("said", "saw", "mattered", "general", "checks", "method"):
        assert f'<section id="{name}">' in page
    assert '<section id="words">' not in page
    assert page.count("<svg") >= 6
    assert "<script" not in page
    title = {"en": "Sequence 3: why “fast”", "zh_TW": "序列 3：為什麼是「fast」"}[lang]
    assert title in page
    first, moved, rest = summary(answer, "", lang)
    assert f"{100 * answer.case.said['fast']:.0f}" in first
    assert "c0" in moved[0]
    assert re.search(r"[+−]\d", moved[0])
    ratio = answer.faithfulness["block"].ratio
    assert any(f"{ratio:.2f}" in line for line in rest)


@pytest.mark.parametrize("lang", ["en", "zh_TW"])
def test_words_carry_their_share_in_colour_line_and_number(review: Any, lang: Any) -> None:
    page = render_explanation(review, lang)
    told = dict(re.findall(r'<ruby class="(?:more|less)" title="([^"]+)"[^>]*>(\w+)<rt>', page))
    by_word = {word: share for share, word in told.items()}
    each = review.attributions["word"]
    shares = [float(value) for value in each.values[:, 0]]
    words = [review.named(each, place) for place in range(len(shares))]
    assert words == list(review.case.words)
    word, share = max(zip(words, shares, strict=True), key=lambda pair: abs(pair[1]))
    assert word in data.BAD
    assert by_word[word].startswith("+")
    assert re.search(rf'<ruby class="more"[^>]*--depth:1.00">{word}<rt>\+{share:.2f}</rt>', page)
    assert '<section id="saw">' not in page
    layout = Layout(4, 0, ("word",))
    values = np.array([[1.0], [-1.0], [0.0], [0.5]])
    four = replace(each, groups=by_block(layout, 1), values=values, error=np.zeros((4, 1)))
    case = replace(review.case, words=("這", "家", "ok", "▁go"))
    page = render_explanation(replace(review, case=case, attributions={"word": four}), lang)
    text = re.sub(r"<rt>[^<]*</rt>|<[^>]+>", "", page[page.index('<p class="words">') :].split("</p>")[0])
    assert text == "這家 ok go"


def test_one_step_of_a_tagger_is_explained_by_the_steps_it_could_see() -> None:
    model = tg.Classifier(**QUICK, bidirectional=False).fit(data.steps(), progress=False)
    answer = model.explain(at=2, step=5, block=1)
    block = answer.attributions["block"]
    named = words_of(answer, "", "en").group
    told = {
        named(group, "block"): float(value) for group, value in zip(block.groups.all, block.values[:, 0], strict=True)
    }
    later = [share for name, share in told.items() if int(name.split()[1]) > 5]
    assert later
    np.testing.assert_allclose(later, 0, atol=1e-6)  # read one way only, what comes after cannot matter
    assert max(abs(share) for share in told.values()) > 0.1
    labels = data.steps()
    assert answer.case.actual == labels.labels[labels.starts[2] + 5]
    assert "Sequence 2, step 5" in render_explanation(answer, "en")
    assert answer.importance["feature"].windows == len(model.fitted_.parts.test)
    with pytest.raises(DataError, match="not among the steps 0 to"):
        model.explain(at=2, step=99)


def test_steps_count_from_the_beginning_of_a_sequence_that_was_cut() -> None:
    model = tg.Classifier(**{**QUICK, "max_epochs": 2}, preparation={"max_length": 6, "truncate": "start"})
    whole = data.steps()
    answer = model.fit(whole, progress=False).explain(at=2, block=1)
    last = int(whole.lengths[2]) - 1
    assert answer.case.step == last
    assert answer.case.recording.first == last - 5
    np.testing.assert_array_equal(
        answer.case.recording.values[:, 0], whole.values[whole.starts[3] - 6 : whole.starts[3], 0]
    )
    assert model.explain(at=2, step=last - 5).case.actual == whole.labels[whole.starts[3] - 6]
    with pytest.raises(DataError, match=f"not among the steps {last - 5} to {last}"):
        model.explain(at=2, step=last - 6)


def test_several_labels_at_once_and_a_class_that_was_not_said(waves: Any) -> None:
    whole = data.waves(60)
    labels = np.stack([whole.labels == "slow", whole.labels == "fast"], axis=1)
    several = replace(whole, labels=labels, label_names=("slow", "fast"))
    tagged = tg.Classifier(**QUICK).fit(several, progress=False)
    answer = tagged.explain(at=3)
    assert answer.case.kind == "labels"
    assert answer.case.actual == "fast"
    said = [name for name, chance in answer.case.said.items() if chance >= 0.5]
    assert answer.case.chosen == tuple(said)
    case = replace(answer.case, chosen=("fast",), said={"slow": 0.2, "fast": 0.8})
    page = render_explanation(replace(answer, case=case), "en")
    assert "The model says “fast” (80\u202f%)." in page
    assert "The model says none of the labels." in render_explanation(
        replace(answer, case=replace(case, chosen=())), "en"
    )
    model, _ = waves
    assert "why not “slow”" in render_explanation(model.explain(at=3, output="slow"), "en")


def test_an_id_that_is_a_number_is_taken_as_an_id() -> None:
    engines = replace(data.waves(3), ids=("2", "1", "7"))
    assert find_sequence(engines, "1") == 1
    assert find_sequence(engines, "7") == 2
    assert find_sequence(engines, 1) == 1
    assert find_sequence(engines, "0") == 0


def test_an_overlay_shades_by_share_and_leaves_small_ones_without_a_number() -> None:
    strip = Strip("heat", np.arange(8.0), np.array([-0.5, 3.5, 5.5, 7.5]), np.array([2.0, -1.0, 0.01]))
    page = overlaid([strip], np.arange(8.0), "a line")
    shades = re.findall(r'class="(more|less)" fill-opacity="([\d.]+)"', page)
    assert shades[:2] == [("more", "0.500"), ("less", "0.250")]
    assert float(shades[2][1]) == pytest.approx(0.0025, abs=6e-4)
    assert ">+2.0<" in page
    assert ">−1.0<" in page
    assert ">+0.0<" not in page
