"""Training windows of a detector: which values count."""

from __future__ import annotations

import numpy as np
import pytest

from tidegate.tasks.detect.examples import RowBatches, Rows


@pytest.mark.parametrize(("window", "first"), [(8, 1), (16, 2), (24, 3), (40, 5), (7, 0)])
def test_an_eighth_of_a_window_passes_before_its_errors_count(window: int, first: int) -> None:
    """The recurrence starts from nothing, so that its first steps say nothing of how it forecasts."""
    rows = np.arange(100, dtype=np.float32)[:, None]
    observed = np.ones((100, 1), bool)
    observed[49] = False
    data = Rows(rows, rows, observed)
    batches = RowBatches(data, np.array([60, 80]), window, 2, 0, rebuild=False)
    past, target, counts = batches.gather(np.array([60]))
    assert past[0, :, 0].tolist() == list(range(60 - window, 60))
    assert target[0, :, 0].tolist() == list(range(61 - window, 61))
    expected = [place >= first and 61 - window + place != 49 for place in range(window)]
    assert counts[0, :, 0].tolist() == expected
    assert data.observed[50:].all()  # what is told of the rows themselves is left as it was
    again, same, whole = RowBatches(data, np.array([99]), window, 2, 0, rebuild=True).gather(np.array([99]))
    assert whole.all()  # a window that is rebuilt is seen whole before a step of it is said
    assert (again == same).all()
