"""The score ranks steps by rarity alone, and the p-value says how often steps as rare have come."""

import dataclasses

import numpy as np

from tests.runtime.detect.detectors import make_detector, make_table
from tidegate.runtime.detect.ranks import first_levels
from tidegate.runtime.detect.walk import walk


def test_what_was_counted_of_rarities_moves_p_and_no_score() -> None:
    draw = np.random.default_rng(0)
    table, detector = make_table([draw.normal(size=(300, 2))]), make_detector(channels=2)
    careful = dataclasses.replace(detector, levels=first_levels(draw.uniform(size=5000) ** 0.2, 1e9)[None])
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
    seen = detector.levels[0].copy()
    known = np.flatnonzero(~np.isnan(walked.rarity))
    for row in known:
        inside = walked.rarity[row] <= 10.0**-0.5
        if not inside:  # between the first two levels p is a power of the rarity that passes through both
            likely = 10.0**-0.5
            first = min(1.0, likely * (seen[1] + 3) / (seen[0] * likely + 3))
            expected = first ** (-2 * np.log10(walked.rarity[row]))
            np.testing.assert_allclose(walked.p_value[row], expected, rtol=1e-9)
        seen[:2] += [1, inside]


def test_each_group_of_channels_is_held_against_its_own_past() -> None:
    """By hand: p of a step is twice that of the rarer of two groups, and counts of one group move no other."""
    draw = np.random.default_rng(2)
    values = draw.normal(size=(400, 3))
    values[:, 1] += 50 * (draw.random(400) < 0.03)  # jumps that come often
    groups = {"calm": ("c0", "c2"), "jumps": ("c1",)}
    table, detector = make_table([values]), make_detector(channels=3, memory=10**6, warm_up=4, groups=groups)
    walked = walk(detector, table)
    p = walked.p_groups[~np.isnan(walked.p_value)]
    assert p.shape == (396, 2)
    np.testing.assert_array_equal(walked.p_value[4:], np.minimum(2 * p.min(axis=1), 1))
    np.testing.assert_allclose(walked.p_channels[4:, 1], 2 * p[:, 1], rtol=1e-12)
    calm = walked.p_channels[4:, [0, 2]]
    np.testing.assert_allclose(calm.min(axis=1), 2 * p[:, 0], rtol=1e-12)
    rarer = p[:, 1] < p[:, 0]
    np.testing.assert_array_equal(walked.channel[4:] == 1, rarer)
    often = np.stack([detector.levels[0], first_levels(draw.uniform(size=5000) ** 5, 1e9)])
    after = walk(dataclasses.replace(detector, levels=often), table)
    np.testing.assert_array_equal(after.p_groups[:, 0], walked.p_groups[:, 0])
    assert (after.p_groups[4:, 1] >= walked.p_groups[4:, 1]).all()
    assert (after.p_groups[4:, 1] > walked.p_groups[4:, 1]).any()
