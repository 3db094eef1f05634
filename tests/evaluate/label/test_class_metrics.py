"""Class metrics beside scikit-learn's."""

import numpy as np
import pytest
from sklearn import metrics

from tidegate.core.errors import DataError
from tidegate.evaluate.label.metrics import classes, multilabel, probability

RNG = np.random.default_rng(0)
CASES = [(2, 300), (3, 200), (7, 500), (4, 9)]


def case(count: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Uneven classes with probabilities that know something."""
    rng = np.random.default_rng(count)
    share = rng.dirichlet(np.full(count, 1.5))
    actual = np.concatenate([np.arange(count), rng.choice(count, size - count, p=share)])
    logits = rng.normal(size=(size, count)) + 1.3 * np.eye(count)[actual]
    p = np.exp(logits)
    return actual, p / p.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(("count", "size"), CASES)
def test_counts_and_averages(count: int, size: int) -> None:
    actual, p = case(count, size)
    said = p.argmax(axis=1)
    matrix = classes.confusion(actual, said, count)
    assert np.array_equal(matrix, metrics.confusion_matrix(actual, said, labels=range(count)))
    assert classes.accuracy(matrix) == pytest.approx(metrics.accuracy_score(actual, said))
    assert classes.balanced_accuracy(matrix) == pytest.approx(metrics.balanced_accuracy_score(actual, said))
    found = classes.per_class(matrix)
    wanted = metrics.precision_recall_fscore_support(actual, said, labels=range(count), zero_division=0)
    for ours, theirs in zip((found.precision, found.recall, found.f1, found.support), wanted, strict=True):
        assert ours == pytest.approx(theirs)
    averages = classes.averages(matrix)
    for average in ("macro", "micro", "weighted"):
        values = metrics.precision_recall_fscore_support(actual, said, average=average, zero_division=0)[:3]
        assert [averages[f"{name}_{average}"] for name in ("precision", "recall", "f1")] == pytest.approx(values)


def test_a_class_that_is_neither_there_nor_said_does_not_count() -> None:
    matrix = classes.confusion([0, 0, 1], [0, 1, 1], 4)
    assert classes.averages(matrix)["f1_macro"] == pytest.approx(
        metrics.f1_score([0, 0, 1], [0, 1, 1], average="macro")
    )
    assert classes.balanced_accuracy(matrix) == 0.75
    said = classes.confusion([0, 0, 1], [0, 2, 1], 4)  # class 2 was said and is not there: precision 0
    assert classes.averages(said)["precision_macro"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(("count", "size"), CASES)
def test_ranking(count: int, size: int) -> None:
    actual, p = case(count, size)
    p = np.round(p, 1) + 1e-3  # ties
    p /= p.sum(axis=1, keepdims=True)
    found = probability.ranking(actual, p)
    if count == 2:
        assert found["roc_auc"] == pytest.approx(metrics.roc_auc_score(actual, p[:, 1]))
        assert found["pr_auc"] == pytest.approx(metrics.average_precision_score(actual, p[:, 1]))
        false, true, _ = metrics.roc_curve(actual, p[:, 1], drop_intermediate=False)
        assert np.allclose(probability.roc_curve(actual, p[:, 1])[:2], (false, true))
        precision, recall, _ = metrics.precision_recall_curve(actual, p[:, 1])
        ours = probability.precision_recall_curve(actual, p[:, 1])
        assert np.allclose(ours[0], precision[-2::-1])
        assert np.allclose(ours[1], recall[-2::-1])
    else:
        assert found["roc_auc"] == pytest.approx(metrics.roc_auc_score(actual, p, multi_class="ovr", average="macro"))
        onehot = np.eye(count)[actual]
        assert found["pr_auc"] == pytest.approx(metrics.average_precision_score(onehot, p, average="macro"))


def test_ranking_without_positives_has_no_value() -> None:
    assert np.isnan(probability.roc_auc([False, False], [0.1, 0.2]))
    assert np.isnan(probability.average_precision([False, False], [0.1, 0.2]))
    roc, precision = probability.one_against_rest([0, 0, 1], [[0.8, 0.2, 0.0], [0.4, 0.3, 0.3], [0.1, 0.9, 0.0]])
    assert roc[:2].tolist() == [1.0, 1.0]
    assert precision[:2].tolist() == [1.0, 1.0]
    assert np.isnan([roc[2], precision[2]]).all()
    with pytest.raises(DataError, match="needs both"):
        probability.roc_curve([True], [1.0])
    with pytest.raises(DataError, match="at least one"):
        probability.precision_recall_curve([False], [1.0])


@pytest.mark.parametrize(("count", "size"), CASES)
def test_probabilities(count: int, size: int) -> None:
    actual, p = case(count, size)
    labels = list(range(count))
    assert probability.log_loss(actual, p) == pytest.approx(metrics.log_loss(actual, p, labels=labels))
    theirs = metrics.brier_score_loss(actual, p[:, 1] if count == 2 else p, labels=labels)
    assert probability.brier(actual, p) == pytest.approx(theirs)


def test_log_loss_of_what_was_called_impossible_is_finite_as_in_scikit_learn() -> None:
    p = [[1.0, 0.0], [0.5, 0.5]]
    assert probability.log_loss([1, 0], p) == pytest.approx(metrics.log_loss([1, 0], p))


def test_reliability_and_calibration_error() -> None:
    from sklearn.calibration import calibration_curve

    actual, p = case(2, 300)
    ours = probability.reliability(p[:, 1], actual == 1)
    share, mean = calibration_curve(actual, p[:, 1], n_bins=15, strategy="uniform")
    assert ours.right[ours.count > 0] == pytest.approx(share)
    assert ours.confidence[ours.count > 0] == pytest.approx(mean)
    assert ours.count.sum() == 300
    # By hand, two bins: (0.6, right), (0.8, wrong), (0.9, right) and none below a half: |2/3 - 2.3/3|.
    by_hand = probability.reliability([0.6, 0.8, 0.9], [True, False, True], bins=2)
    assert by_hand.error == pytest.approx(0.1)
    assert by_hand.lean == pytest.approx(0.1)
    assert probability.ece([0, 1, 2], np.full((3, 3), 1 / 3)) == pytest.approx(0.0)
    again = probability.Reliability.from_json(by_hand.to_json())
    assert np.array_equal(again.right, by_hand.right, equal_nan=True)
    assert np.array_equal(again.count, by_hand.count)


def test_bins_are_closed_above() -> None:
    assert probability.bin_of([0.0, 0.5, 0.5000001, 1.0], 2).tolist() == [0, 0, 1, 1]


def test_multilabel() -> None:
    rng = np.random.default_rng(1)
    actual = rng.random((120, 5)) < [0.5, 0.2, 0.4, 0.05, 0.3]
    p = np.clip(0.5 * actual + rng.random((120, 5)) * 0.6, 0, 1)
    threshold = np.array([0.5, 0.4, 0.6, 0.5, 0.5])
    said = p >= threshold
    found = multilabel.multilabel_scores(actual, p, threshold)
    assert found["exact"] == pytest.approx(metrics.accuracy_score(actual, said))
    assert found["hamming"] == pytest.approx(metrics.hamming_loss(actual, said))
    for average in ("macro", "micro", "weighted"):
        theirs = metrics.precision_recall_fscore_support(actual, said, average=average, zero_division=0)[:3]
        assert [found[f"{name}_{average}"] for name in ("precision", "recall", "f1")] == pytest.approx(theirs)
    assert found["f1_samples"] == pytest.approx(metrics.f1_score(actual, said, average="samples", zero_division=0))
    assert found["roc_auc"] == pytest.approx(metrics.roc_auc_score(actual, p, average="macro"))
    assert found["pr_auc"] == pytest.approx(metrics.average_precision_score(actual, p, average="macro"))
    each = [metrics.log_loss(actual[:, k], p[:, k], labels=[False, True]) for k in range(5)]
    assert found["log_loss"] == pytest.approx(np.mean(each))
    assert found["brier"] == pytest.approx(np.mean([metrics.brier_score_loss(actual[:, k], p[:, k]) for k in range(5)]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: classes.confusion([0, 3], [0, 1], 3), "1 actual labels lie outside 0 to 2, the first is 3"),
        (lambda: classes.confusion([0, 1], [0], 3), "2 actual labels and 1 predicted"),
        (lambda: classes.confusion([0.5], [0], 3), "of type float64; expected whole numbers"),
        (lambda: classes.confusion([], [], 3), "at least 1"),
        (lambda: probability.probabilities_of([[0.5, 0.4]]), "adds up to 0.9"),
        (lambda: probability.probabilities_of([[1.5, -0.5]]), "the smallest is -0.5"),
        (lambda: probability.probabilities_of([[np.nan, 1.0]]), "NaN or infinite in 1 of 1 rows"),
        (
            lambda: probability.probabilities_of([[0.5, 0.5]], 2, "ours"),
            r"'ours' have shape \(1, 2\); expected \[2, K\]",
        ),
        (lambda: probability.roc_auc([True, False], [np.nan, 1.0]), "1 of 2 scores are NaN"),
        (lambda: multilabel.flags_of([[0, 2]]), "true or false"),
        (lambda: multilabel.flags_of([0, 1]), r"expected \[M, K\]"),
        (lambda: multilabel.multilabel_scores([[0, 1]], [[0.5]]), r"expected \(1, 2\)"),
    ],
)
def test_mistakes_are_named(call, message) -> None:
    with pytest.raises(DataError, match=message):
        call()
