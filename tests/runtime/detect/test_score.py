"""The score ranks steps by rarity alone, and the p-value says how often steps as rare have come."""

import dataclasses

import numpy as np

from tests.runtime.detect.detectors import make_detector, make_table
from tidegate.runtime.detect.levels import first_levels
from tidegate.runtime.detect.walk import walk


def test_what_was_counted_of_rarities_moves_p_and_no_score() -> None:
    draw = np.random.default_rng(0)
    table, detector = make_table([draw.normal(size=(300, 2))]), make_detector(channels=2)
    careful = dataclasses.replace(detector, levels=first_levels(draw.uniform(size=5000) ** 0.2, 1e9))
    ours, theirs = walk(detector, table), walk(careful, table)
    np.testing.assert_array_equal(ours.score, theirs.score)
    np.testing.assert_array_equal(ours.rarity, theirs.rarity)
    judged = ~np.isnan(ours.p_value)
    assert (theirs.p_value[judged] <= ours.p_value[judged]).all()
    surprise = -np.log10(ours.rarity[judged])
    np.testing.assert_allclose(ours.score[judged], surprise / (surprise + 3))


def test_a_step_is_held_against_those_before_it_alone() -> None:
    table, detector = make_table([np.random.default_rng(1).normal(size=400)]), make_detector(memory=10**6)
    walked = walk(detector, table)
    seen = detector.levels.copy()
    known = np.flatnonzero(~np.isnan(walked.rarity))
    for row in known:
        inside = walked.rarity[row] <= 10.0**-0.5
        if not inside:  # between the first two levels p is a power of the rarity that passes through both
            likely = 10.0**-0.5
            first = min(1.0, likely * (seen[1] + 3) / (seen[0] * likely + 3))
            expected = first ** (-2 * np.log10(walked.rarity[row]))
            np.testing.assert_allclose(walked.p_value[row], expected, rtol=1e-9)
        seen[:2] += [1, inside]
