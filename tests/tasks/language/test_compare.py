"""Cells and sizes of language models in one table."""

import math

import pytest

import tidegate as tg
from tests.tasks.language.corpora import QUICK, chain
from tidegate.core.errors import ConfigError
from tidegate.report.comparison import render_comparison


def test_cells_and_sizes_are_ranked_by_the_validation_part() -> None:
    told: list[str] = []
    model = tg.LanguageModel(**{**QUICK, "max_epochs": 2})
    found = model.compare(
        chain(900), encoders=("lstm-1x4", "gru-1x32"), validation=0.1, test=0.1, progress=False, report=told.append
    )
    assert [own.name for own in found.candidates] == ["gru-1x32", "lstm-1x4"]
    best = found.model
    assert (best.cell, best.num_layers, best.hidden_size) == ("gru", 1, 32)
    assert found.metric == "bits_per_character"
    assert found.candidates[0].score == best.evaluate(part="validation").overall["model"]["bits_per_character"]
    last = min(epoch.validation_loss for epoch in best.history_) / math.log(2)  # counts the mark before the part, too
    assert found.candidates[0].score == pytest.approx(last, rel=0.05)
    assert found.evaluation.best_baseline.startswith("kneser_ney")
    assert len(told) == 4
    assert "Kneser-Ney" in render_comparison(found, "en")


def test_a_cell_that_there_is_not_is_named() -> None:
    with pytest.raises(ConfigError, match="'gpt-2x4'"):
        tg.LanguageModel(**QUICK).compare(chain(300), encoders=("gpt-2x4",))
