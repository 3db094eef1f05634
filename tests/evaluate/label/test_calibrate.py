"""The temperature beside SciPy's optimiser; thresholds beside a search through all of them with scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from sklearn import metrics

from tidegate.core.errors import ConfigError, DataError
from tidegate.evaluate.label.calibrate import (
    Aim,
    Calibration,
    Threshold,
    calibrate,
    choose_threshold,
    fit_temperature,
    softened,
)
from tidegate.evaluate.label.metrics.probability import log_loss


def sure(count: int, factor: float, size: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from softmax(z), and logits `factor` times too large."""
    rng = np.random.default_rng(count)
    z = rng.normal(size=(size, count)) * 1.5
    p = softened(z)
    labels = (p.cumsum(axis=1) > rng.random((size, 1))).argmax(axis=1)
    return z * factor, labels


@pytest.mark.parametrize(("count", "factor"), [(2, 3.0), (5, 3.0), (5, 0.4), (3, 1.0), (10, 12.0)])
def test_the_temperature_is_where_the_loss_is_least(count: int, factor: float) -> None:
    z, y = sure(count, factor)
    best = minimize_scalar(
        lambda t: log_loss(y, softened(z, t)), bounds=(0.05, 20), method="bounded", options={"xatol": 1e-9}
    )
    found = fit_temperature(z, y)
    assert found == pytest.approx(best.x, rel=1e-5)
    assert found == pytest.approx(factor, rel=0.25)
    assert fit_temperature(z + 100.0, y) == pytest.approx(found)  # a shift of all logits of a row says nothing
    assert fit_temperature(np.log(softened(z)), y) == pytest.approx(found, rel=1e-3)


def test_several_labels_at_once() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(500, 4)) * 2
    y = rng.random((500, 4)) < softened(z, multilabel=True)
    found = calibrate(z * 2.5, y)
    assert found.temperature == pytest.approx(2.5, rel=0.15)

    def loss(t: float) -> float:
        return float(np.mean(np.logaddexp(0, z * 2.5 / t) - np.where(y, z * 2.5 / t, 0)))

    assert loss(found.temperature) <= min(loss(found.temperature * 1.01), loss(found.temperature * 0.99))
    assert found.loss_after == pytest.approx(loss(found.temperature))
    assert found.error_after < found.error_before


def test_calibration_lowers_loss_and_error_and_is_kept() -> None:
    z, y = sure(4, 3.0)
    found = calibrate(z, y)
    assert found.loss_after < found.loss_before == pytest.approx(log_loss(y, softened(z)))
    assert found.error_after < 0.5 * found.error_before
    assert Calibration.from_json(found.to_json()) == found
    assert found.note.values["labels"] == 400
    assert np.array_equal(softened(z).argmax(axis=1), softened(z, found.temperature).argmax(axis=1))


def test_where_nothing_can_be_learnt_the_temperature_is_1_or_bounded() -> None:
    assert fit_temperature([[2.0, 0.0], [0.0, 3.0]], [0, 1]) == 1.0  # all right, and as sure as two can prove
    assert fit_temperature([[2.0, -1.0], [-3.0, 3.0]], [[True, False], [False, True]]) == 1.0
    assert fit_temperature(np.zeros((4, 3)), [0, 1, 2, 0]) == 1.0
    assert fit_temperature([[2.0, 0.0], [0.0, 3.0]], [1, 0]) == pytest.approx(20.0, rel=1e-3)  # all wrong
    with pytest.raises(DataError, match="1 of 2 rows of logits"):
        fit_temperature([[np.nan, 0.0], [0.0, 1.0]], [0, 1])
    with pytest.raises(DataError, match=r"expected \[M, K\]"):
        fit_temperature([[0.0, 1.0]], [0, 1])


AIMS: dict[Aim, object] = {
    "f1": metrics.f1_score,
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "youden": lambda y, said: 2 * metrics.balanced_accuracy_score(y, said) - 1,
    "cost": lambda y, said: -np.mean(np.where(y, 5.0 * ~said, 1.0 * said)),
}


@pytest.mark.parametrize("aim", AIMS)
@pytest.mark.parametrize("digits", [1, 8])
def test_no_threshold_is_better(aim: Aim, digits: int) -> None:
    rng = np.random.default_rng(3)
    y = rng.random(150) < 0.2
    p = np.round(np.clip(rng.normal(0.25 + 0.25 * y, 0.15), 0, 1), digits)
    found = choose_threshold(y, p, aim, cost=(1.0, 5.0))
    measure = AIMS[aim]
    every = [measure(y, p >= t) for t in [*np.unique(p), 1.1]]
    assert found.score == pytest.approx(max(every))
    assert measure(y, p >= found.value) == pytest.approx(found.score)
    assert found.plain == pytest.approx(measure(y, p >= 0.5))
    assert (found.positives, found.negatives) == (int(y.sum()), int((~y).sum()))


def test_thresholds_by_hand() -> None:
    assert choose_threshold([False, True], [0.2, 0.4]).value == pytest.approx(0.3)
    assert choose_threshold([False, True, True], [0.7, 0.8, 0.9]).value == pytest.approx(0.75)
    # Equally good from 0.3 to 0.9: the middle of the gap nearest to a half.
    assert choose_threshold([False, True], [0.3, 0.9]).value == pytest.approx(0.6)
    # Two places are equally good, at 0.7 and at 0.25: the one nearer to a half.
    tied = choose_threshold([True, False, True, False], [0.9, 0.5, 0.4, 0.1], "balanced_accuracy")
    assert tied.value == pytest.approx(0.7)
    # A miss that costs nothing: never say yes, though the largest probability is 1.
    never = choose_threshold([False, True], [1.0, 0.4], "cost", cost=(1.0, 0.0))
    assert never.value > 1.0
    assert never.score == 0.0
    # A false alarm that costs nothing: always.
    assert choose_threshold([True, False], [0.0, 0.4], "cost", cost=(0.0, 1.0)).value == 0.0


def test_one_kind_alone_leaves_a_half() -> None:
    found = [choose_threshold([True, True], [0.2, 0.9]), choose_threshold([False, True], [0.3, 0.8])]
    assert [threshold.value for threshold in found] == pytest.approx([0.5, 0.55])
    assert [note.kind for note in found[1].notes] == ["threshold", "few_labels"]
    assert Threshold.from_json(found[1].to_json()) == found[1]


def test_mistakes_are_named() -> None:
    with pytest.raises(ConfigError, match="aim is 'accuracy'"):
        choose_threshold([True], [0.5], "accuracy")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="not both 0"):
        choose_threshold([True], [0.5], "cost", cost=(0.0, 0.0))


@given(st.integers(2, 400), st.integers(2, 6), st.floats(0.5, 4.0))
def test_after_answers_that_are_all_right_laplaces_rule_holds(count: int, classes: int, logit: float) -> None:
    """A network trained with smoothed labels says .9 where it is always right: an ECE of .1 at an accuracy of 1."""
    y = np.arange(count) % classes
    z = np.eye(classes)[y] * logit
    found = fit_temperature(z, y)
    sure, before = softened(z, found).max(axis=1).mean(), softened(z).max(axis=1).mean()
    assert 0.05 <= found <= 1.0
    assert sure == pytest.approx(max(before, (count + 1) / (count + 2)), abs=1e-6)
