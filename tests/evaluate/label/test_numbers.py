"""Number metrics beside scikit-learn's, and the turbofan score by hand."""

import math

import numpy as np
import pytest
from sklearn import metrics

from tidegate.core.errors import DataError
from tidegate.evaluate.label.metrics.numbers import bias, cmapss, median_ae, number_scores


def test_metrics() -> None:
    rng = np.random.default_rng(0)
    actual = rng.normal(50, 20, 101)
    predicted = actual + rng.normal(2, 5, 101)
    found = number_scores(actual, predicted)
    assert found["mae"] == pytest.approx(metrics.mean_absolute_error(actual, predicted))
    assert found["rmse"] == pytest.approx(metrics.root_mean_squared_error(actual, predicted))
    assert found["r2"] == pytest.approx(metrics.r2_score(actual, predicted))
    assert found["median_ae"] == pytest.approx(metrics.median_absolute_error(actual, predicted))
    assert found["bias"] == pytest.approx(np.mean(predicted) - np.mean(actual))


def test_the_turbofan_score_counts_late_more_than_early() -> None:
    assert cmapss([100.0], [87.0]) == pytest.approx(math.e - 1)  # 13 early
    assert cmapss([100.0], [110.0]) == pytest.approx(math.e - 1)  # 10 late
    assert cmapss([100.0, 100.0, 100.0], [100.0, 113.0, 90.0]) == pytest.approx(
        math.exp(1.3) - 1 + math.exp(10 / 13) - 1
    )
    assert math.isfinite(cmapss([0.0], [1e9]))


def test_what_is_not_known_is_not_scored_and_extra_metrics_are() -> None:
    found = number_scores([1.0, math.nan, 3.0], [2.0, 5.0, 3.0], {"cmapss": cmapss})
    assert found["mae"] == 0.5
    assert found["bias"] == bias([1.0, 3.0], [2.0, 3.0]) == 0.5
    assert found["median_ae"] == median_ae([1.0, 3.0], [2.0, 3.0])
    assert found["cmapss"] == pytest.approx(math.exp(0.1) - 1)
    assert math.isnan(number_scores([2.0, 2.0], [1.0, 3.0])["r2"])


def test_an_estimate_that_is_missing_is_named() -> None:
    with pytest.raises(DataError, match="NaN or infinite at 1 of 2"):
        number_scores([1.0, 2.0], [math.nan, 2.0])
