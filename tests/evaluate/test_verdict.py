import math

import pytest

from tidegate.core.translate import catalogue
from tidegate.evaluate import verdict as module
from tidegate.evaluate.verdict import skill_cell, skill_of


@pytest.mark.parametrize("table", ["_SENTENCES", "_CHANGES", "_EVIDENCE", "_LIMITS", "_WARNINGS", "_REMARKS", "_UNITS"])
def test_everything_is_translated(table: str) -> None:
    assert set(getattr(module, table).values()) <= set(catalogue("zh_TW"))


def test_skill() -> None:
    assert skill_of(90.0, 100.0) == pytest.approx(0.1)
    assert skill_of(0.0, 0.0) == 0.0
    assert skill_of(0.2, 0.0) == -math.inf


def test_skill_stays_readable_however_bad_a_model_is() -> None:
    cells = [skill_cell(model, reference) for model, reference in ((90, 100), (560, 100), (2600, 1), (0.2, 0.0))]
    assert cells == ["+10.0", "-460.0", "x 2,600", "-"]
