"""Half-widths of intervals: a case by hand, the formula that others use, and coverage of what was not seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.core.errors import ArtifactError, ConfigError
from tidegate.evaluate.forecast.conformal import conformal_quantile, errors_needed
from tidegate.runtime.label.decode import MOST, Margins, half_widths


def margins(errors: list[float], units: list[int] | None = None) -> Margins:
    found = np.array(errors)[:, None]
    return Margins.of(np.zeros_like(found), found, np.arange(len(found)) if units is None else np.array(units))


def test_a_case_by_hand() -> None:
    """Of nine errors the 80 % interval takes the eighth (10 x 0.8), the 90 % one the ninth, and 95 % is refused."""
    nine = margins([-9.0, 1.0, -2.0, 3.0, 4.0, 5.0, -6.0, 7.0, 8.0])
    assert (nine.at(80)[0], nine.at(90)[0], nine.count, nine.highest) == (8.0, 9.0, 9, 90.0)
    assert set(nine.levels()) == {80}
    with pytest.raises(ConfigError, match="19 validation sequences"):
        nine.at(95)


def test_units_weigh_alike_whatever_their_answers() -> None:
    """Three units: 1, 2, 3 (a third of 1/4 each) and 10, 20. By 50 % both whole of the first two units are needed."""
    found = margins([1.0, 2.0, 3.0, 10.0, 20.0], [0, 0, 0, 1, 2])
    assert [found.at(level)[0] for level in (8, 16, 25, 26, 50, 51, 75)] == [1.0, 2.0, 3.0, 10.0, 10.0, 20.0, 20.0]
    with pytest.raises(ConfigError, match="4 validation sequences"):
        found.at(80)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1e6, width=32), min_size=9, max_size=60), st.sampled_from([50, 60, 80, 90]))
def test_of_single_answers_it_is_the_usual_quantile(errors: list[float], level: int) -> None:
    """The ceil((n + 1)(1 - alpha)) / n quantile of the absolute residuals; MAPIE's may be the next one up."""
    n = len(errors)
    place = min(1.0, np.ceil(round((n + 1) * level / 100, 9)) / n)
    found = margins(errors).at(level)[0]
    assert found == pytest.approx(np.quantile(errors, place, method="inverted_cdf"))
    assert found <= np.quantile(errors, place, method="higher") * (1 + 1e-9)
    assert found == pytest.approx(conformal_quantile(np.array(errors), level / 100))


@pytest.mark.parametrize("level", [50, 80, 90, 95, 99])
def test_as_many_are_needed_as_a_one_sided_quantile_needs(level: int) -> None:
    needed = errors_needed([level / 100]) if level > 50 else 1
    assert len(margins([1.0] * needed).at(level)) == 1
    with pytest.raises(ConfigError):
        margins([1.0] * max(needed - 1, 1)).at(level if needed > 1 else 51)


def test_a_new_unit_lies_inside_as_often_as_meant() -> None:
    """Groups whose errors are shared: coverage of a new group's answer, over many draws, is at least the level."""
    rng = np.random.default_rng(0)
    inside, naive = [], []
    for _ in range(2_000):
        sizes = rng.integers(1, 12, 21)
        offset, spread = rng.normal(size=21) * 3, rng.gamma(2, size=21)
        errors = [offset[g] + spread[g] * rng.normal(size=size) for g, size in enumerate(sizes)]
        new = errors.pop()[0]
        flat = np.concatenate(errors)
        found = margins(flat.tolist(), np.repeat(np.arange(20), sizes[:-1]).tolist())
        inside.append(abs(new) <= found.at(80)[0])
        naive.append(abs(new) <= np.quantile(np.abs(flat), 0.8))
    assert 0.80 - 0.02 < np.mean(inside) < 0.88
    assert np.mean(naive) < np.mean(inside)


def test_several_quantities_and_unknown_answers() -> None:
    actual = np.array([[1.0, 10.0], [2.0, np.nan], [3.0, 30.0], [4.0, 40.0], [5.0, 50.0]])
    found = Margins.of(actual, actual + [[0.1, 5.0]] * 5, np.arange(5))
    assert found.count == 4
    assert found.at(80) == pytest.approx([0.1, 5.0])


def test_many_are_thinned_and_the_arrays_come_back() -> None:
    many = Margins.of(np.zeros((3 * MOST, 1)), np.arange(3.0 * MOST)[:, None], np.arange(3 * MOST) // 7)
    assert len(many.errors) == MOST
    assert many.at(80)[0] == pytest.approx(0.8 * 3 * MOST, rel=0.01)
    arrays = many.arrays()
    again = Margins.from_arrays(arrays, 1)
    assert again is not None
    assert again.at(95) == many.at(95)
    assert Margins.from_arrays({}, 1) is None
    for broken in (
        {"margins.units": arrays["margins.units"]},
        {**arrays, "margins.errors": -arrays["margins.errors"]},
        {**arrays, "margins.units": arrays["margins.units"][:-1]},
    ):
        with pytest.raises(ArtifactError, match="intervals"):
            Margins.from_arrays(broken, 1)
    with pytest.raises(ArtifactError):
        Margins.from_arrays(arrays, 2)


def test_levels_are_percent_and_classes_have_none() -> None:
    for level in (0, 100, True, "80"):
        with pytest.raises(ConfigError, match="percentage"):
            margins([1.0] * 50).at(level)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="predict_proba"):
        half_widths(None, 80)
