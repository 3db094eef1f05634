"""The page of a translator: scores, examples and alignments, in both languages; markup that was written is text."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.tasks.translate.models import fitted
from tidegate.nn.network import build_network
from tidegate.prepare.vocabulary import END
from tidegate.report.run import render, view_of
from tidegate.report.translate.page import WrittenView, report_alignment
from tidegate.runtime.translate.model import Translation
from tidegate.tasks.explain.translate import Alignment


def test_a_report_has_scores_examples_and_alignments() -> None:
    view = view_of(fitted())
    assert isinstance(view, WrittenView)
    english, chinese = render(view, "en"), render(view, "zh_TW")
    for words in ("What it writes", "Where it looked", "Exactly right", "exact|stripped", "Deleting a token"):
        assert words in english
    assert "最相近的訓練來源" in chinese
    assert english.index("This model</t") < english.index("nearest training source</t")
    sources = fitted()._part("test").texts
    assert sources is not None
    assert all(own[0] in sources.tolist() for own in view.examples)
    assert all(reference == source[::-1] for source, reference, _, _ in view.examples)


def test_deleting_a_source_token_costs_what_was_written_for_it() -> None:
    found = fitted().explain(["3149"])
    assert found.found.text == "9413"
    # the written digit that a source digit stands for loses most; the end is never deleted
    assert found.lost.shape == (5, 5)
    assert found.importance[-1] == 0
    assert found.importance[:-1].min() > 1
    assert found.attention is not None
    np.testing.assert_array_equal(found.attention[:4].argmax(axis=1), [3, 2, 1, 0])
    assert "nats lost" in found.table("en")
    assert found.saliency is not None
    assert found.saliency.shape == (5,)
    network = build_network(fitted().model_.spec, fitted().model_.weights)
    side = fitted().model_.source
    tokens, numbers = side.encode(side.cut("3149")), [END, *found.found.numbers]

    def log_p(scale: float) -> float:
        """With the vector of the digit 1 so much longer."""
        with torch.no_grad():
            weight = network.layers[0].embedding.weight
            kept = weight[tokens[1]].clone()
            weight[tokens[1]] *= scale
            read = torch.tensor([numbers])
            scores = network(torch.from_numpy(tokens[None]), None, None, read, None, torch.tensor([5])).values[0, :, 0]
            weight[tokens[1]] = kept
        logs = torch.log_softmax(scores, dim=1)
        return float(sum(logs[place, number] for place, number in enumerate([*numbers[1:], END])))

    assert found.saliency[1] == pytest.approx((log_p(1.01) - log_p(0.99)) / 0.02, rel=0.1, abs=1e-2)


def test_markup_that_a_model_wrote_is_text(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>\x1b[31m"
    looked = np.full((2, 2), 0.5, np.float32)
    one = Translation(evil, -1.0, -1.0, (evil, ""), (3,), looked, evil, (evil, ""))
    page = report_alignment(tmp_path / "page.html", Alignment(one, looked, np.ones((2, 2))), "en")
    text = page.read_text("utf-8")
    assert "<script" not in text.split("<body")[1]
    assert "\x1b" not in text
    two = Translation("two", -1.0, -1.0, ("two", ""), (3,), looked, "二", ("二", ""))
    page = report_alignment(tmp_path / "zh.html", Alignment(two, looked, np.ones((2, 2))), "zh_TW")
    assert "二" in page.read_text("utf-8")
