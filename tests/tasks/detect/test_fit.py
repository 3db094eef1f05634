"""What a detector's fit says of how far its p-values reach."""

import dataclasses

import numpy as np
import pytest

from tests.runtime.detect.detectors import make_detector
from tidegate.runtime.detect.ranks import first_levels
from tidegate.tasks.detect.fit import extrapolated


def test_what_is_beyond_the_rows_that_were_counted_is_said_with_its_uncertainty() -> None:
    """Against draws: of rates whose law is Gamma after no event in n steps, where 3 were worth of trust before."""
    detector = make_detector(threshold=1e-4)
    seen = first_levels(np.linspace(0.0005, 1, 2000), 1e9)
    [note] = extrapolated(dataclasses.replace(detector, levels=seen[None]))
    draws = np.random.default_rng(0).gamma(3.0, size=400_000) / 3
    low, high = np.quantile(draws, (0.05, 0.95))
    assert note.values["low"] == pytest.approx(low, rel=0.02)
    assert note.values["high"] == pytest.approx(high, rel=0.02)
    assert note.values["rows"] == 2000
    enough = dataclasses.replace(detector, levels=first_levels(np.linspace(5e-5, 1, 20_000), 1e9)[None])
    assert extrapolated(enough) == []
