"""Bars that show how far something moved, which way, and whether chance may be all of it."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from tidegate.explain.groups import Group, Groups
from tidegate.explain.shapley import Attribution
from tidegate.report.svg.heat import ranked_bars


def test_a_bar_goes_both_ways_where_its_effect_does() -> None:
    """+121 at half of the steps and -116.6 at the others: a mean of 2.2 that hides 118.8."""
    svg = ranked_bars(["temperature"], np.array([2.2]), "d", ends=np.array([[-58.3, 60.5]]))
    less, more = (item.attrib for item in ElementTree.fromstring(svg).iter("rect"))
    assert (less["class"], more["class"]) == ("less", "more")
    assert float(more["width"]) / float(less["width"]) == pytest.approx(60.5 / 58.3, rel=0.01)
    assert float(less["x"]) + float(less["width"]) == pytest.approx(float(more["x"]), abs=0.2)
    assert "+2.20 (118.8)" in re.sub(r"<[^>]+>", " ", svg)


def test_what_chance_may_explain_has_no_colour() -> None:
    values = np.array([[1.0, 1.0], [0.3, -0.3], [0.1, 0.1]])
    error = np.array([[0.1, 0.1], [0.1, 0.1], [0.2, 0.2]])
    groups = Groups(tuple(Group(name) for name in "abc"), np.arange(3))
    found = Attribution(0, groups, values, error, np.zeros(2), values.sum(axis=0), "sampled", 1)
    assert found.size == pytest.approx([1.0, 0.3, 0.1])
    assert found.unsure().tolist() == [False, False, True]  # the second moves every step by three errors
    svg = ranked_bars(list("abc"), found.mean, "d", faint=found.unsure())
    assert re.findall(r'<rect[^>]*class="(\w+)"', svg) == ["more", "more", "unsure"]
