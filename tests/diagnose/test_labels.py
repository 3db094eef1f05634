"""Each illness of labels is planted and found; healthy arrays give nothing."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import cross_val_predict
from sklearn.preprocessing import StandardScaler

from tests.diagnose.crafted import history
from tidegate.core.errors import DataError
from tidegate.diagnose import examine
from tidegate.diagnose.checks import labels as checks
from tidegate.diagnose.evidence import LabelEvidence, LabelPart
from tidegate.report.diagnosis_page import render_diagnosis
from tidegate.train.history import History

FALLING = [1.0, 0.6, 0.5, 0.45]


def digits(classes: int = 10) -> tuple[np.ndarray, np.ndarray]:
    x, y = load_digits(return_X_y=True)
    keep = y < classes
    return StandardScaler().fit_transform(x[keep]), y[keep].astype(np.int64)


def model() -> LogisticRegression:
    return LogisticRegression(C=0.02, max_iter=500)


def healthy(**changes: Any) -> LabelEvidence:
    """Logistic regression on digits, as if it were the network."""
    x, y = digits()
    cut = len(y) * 2 // 3
    fitted = model().fit(x[:cut], y[:cut])
    parts = [LabelPart(y[rows], fitted.predict_proba(x[rows])) for rows in (slice(cut), slice(cut, None))]
    config = {"dropout": 0.3, "hidden_size": 64, "label_smoothing": 0.0}
    names = tuple("0123456789")
    return replace(
        LabelEvidence(
            train=parts[0], validation=parts[1], history=history(FALLING), config=config, classes=names, parameters=5000
        ),
        **changes,
    )


def test_healthy_labels_give_no_warning() -> None:
    found = examine(healthy(baseline=(0.5, "most common class")))
    assert [item.id for item in found if item.severity != "info"] == []
    assert found.sample == {"train": 1198, "validation": 599}
    assert found.sampled("en") == "Sequences looked at: training part 1,198, validation part 599."


def test_flipped_labels_are_the_ones_in_doubt() -> None:
    x, y = digits()
    rng = np.random.default_rng(0)
    flipped = rng.choice(len(y), 90, replace=False)
    noisy = y.copy()
    noisy[flipped] = (y[flipped] + rng.integers(1, 10, 90)) % 10
    held = cross_val_predict(model(), x, noisy, method="predict_proba", cv=5)
    places, likely = checks.doubtful(noisy, held)
    hit = np.isin(places, flipped)
    assert hit.sum() > 0.7 * 90
    assert hit.mean() > 0.7
    assert (likely[places[hit]] == y[places[hit]]).mean() > 0.9
    assert hit[:40].mean() > 0.95  # the worst come first
    case = healthy()
    train = replace(case.train, labels=noisy, chances=held, ids=tuple(f"digit {place}" for place in range(len(y))))
    (found,) = checks.noise(replace(case, train=train, held=held))
    assert found.id == "label_noise"
    assert found.evidence["part"] == "train"
    assert f"digit {places[0]} ({noisy[places[0]]} → {likely[places[0]]})" in found.text("en")
    assert found.remedy == {"training.label_smoothing": 0.1}
    clean = cross_val_predict(model(), x, y, method="predict_proba", cv=5)
    assert checks.noise(replace(case, train=replace(train, labels=y), held=clean)) == []


def test_a_rare_class_that_is_missed() -> None:
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], [300, 30])
    chances = np.column_stack([0.9 - 0.3 * rng.random(330), np.zeros(330)])
    chances[:, 1] = 1 - chances[:, 0]
    part = LabelPart(labels.astype(np.int64), chances)
    case = LabelEvidence(
        train=part, validation=part, history=history(FALLING), config={"class_weight": None}, classes=("common", "rare")
    )
    (found,) = checks.imbalance(case)
    assert (found.evidence["name"], found.evidence["recall"], found.evidence["rest"]) == ("rare", 0.0, 1.0)
    assert found.remedy == {"class_weight": "balanced"}
    seen = np.where(labels[:, None] == [0, 1], 0.9, 0.1)
    assert checks.imbalance(replace(case, validation=LabelPart(labels.astype(np.int64), seen))) == []


def test_too_few_examples_of_classes() -> None:
    labels = np.repeat(np.arange(4), [50, 40, 6, 3]).astype(np.int64)
    part = LabelPart(labels, np.full((99, 4), 0.25))
    (found,) = checks.few_examples(
        LabelEvidence(train=part, validation=part, history=history(FALLING), classes=("a", "b", "c", "d"))
    )
    assert (found.evidence["names"], found.evidence["least"], found.severity) == ("d, c", 3, "warning")
    assert checks.few_examples(healthy()) == []


def test_a_source_on_both_sides_is_a_leak() -> None:
    case = healthy()
    people = np.array([f"p{place % 40}" for place in range(1797)])
    own, other = people[:1198], people[1198:]
    (found,) = checks.groups(
        replace(case, train=replace(case.train, groups=own), validation=replace(case.validation, groups=other))
    )
    assert (found.severity, found.evidence["share"], found.evidence["count"]) == ("critical", 1.0, 40)
    assert found.remedy == {"by": "grouped"}
    apart = np.array([f"q{place}" for place in range(599)])
    clean = replace(case, train=replace(case.train, groups=own), validation=replace(case.validation, groups=apart))
    assert checks.groups(clean) == []


def test_a_threshold_that_leaves_accuracy_behind() -> None:
    """Chances that are all shifted to one side rank well, and one half is the wrong place to cut."""
    rng = np.random.default_rng(2)
    labels = (rng.random(600) < 0.3).astype(np.int64)
    score = 0.15 + 0.15 * labels + 0.06 * rng.normal(size=600)
    part = LabelPart(labels, np.column_stack([1 - score, score]))
    case = LabelEvidence(
        train=part, validation=part, history=history(FALLING), config={"threshold": None}, classes=("no", "yes")
    )
    (found,) = checks.threshold(case)
    assert found.evidence["better"] == pytest.approx(0.22, abs=0.03)
    assert found.remedy == {"threshold": "balanced_accuracy"}
    assert checks.threshold(replace(case, threshold=found.evidence["better"])) == []
    best = checks.best_threshold(labels == 1, score)
    mine = balanced_accuracy_score(labels, score >= best)
    assert mine == pytest.approx(max(balanced_accuracy_score(labels, score >= cut) for cut in np.unique(score)))
    assert checks._balanced(labels == 1, score, best) == pytest.approx(mine)
    noise = np.random.default_rng(3).random(600)
    blind = replace(case, validation=LabelPart(labels, np.column_stack([1 - noise, noise])))
    assert checks.threshold(blind) == []


def test_training_examples_known_by_heart() -> None:
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 3, 200)
    sure, guess = np.eye(3)[labels], np.eye(3)[rng.integers(0, 3, 200)]
    case = LabelEvidence(
        train=LabelPart(labels, sure),
        validation=LabelPart(labels, guess),
        history=history(FALLING),
        config={"dropout": 0.1},
        classes=("a", "b", "c"),
        baseline=(0.3, "ridge"),
    )
    (found,) = checks.overfitting(case)
    assert (found.severity, found.remedy) == ("critical", {"dropout": 0.5})
    assert checks.underfitting(case) == []  # it knows its training part
    (loose,) = checks.underfitting(replace(case, train=LabelPart(labels, guess)))
    assert loose.remedy == {"hidden_size": 128}
    close = (loose.evidence["error"] - 0.04, "ridge")  # chance moves 200 answers further than that
    assert checks.underfitting(replace(case, train=LabelPart(labels, guess), baseline=close)) == []
    actual = rng.normal(size=(100, 1))
    good, poor = LabelPart(actual=actual, found=actual + 0.1), LabelPart(actual=actual, found=actual + 0.5)
    assert good.error == pytest.approx(0.1 / actual.std(), rel=1e-9)
    numbers = LabelEvidence(train=good, validation=poor, history=history(FALLING), config={}, classes=())
    assert [item.id for item in checks.overfitting(numbers)] == ["label_overfitting"]
    assert checks.overfitting(replace(numbers, validation=good)) == []


def test_causes_come_first_and_the_page_draws_them() -> None:
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 2, 300)
    train = LabelPart(labels, np.eye(2)[labels], groups=np.array(["x"] * 300))
    guess = np.column_stack([1 - (p := rng.random(300)), p])
    case = LabelEvidence(
        train=train,
        validation=replace(train, chances=guess),
        history=history([1.0, 0.5, 2.0, 0.5, 3.0, 0.6]),
        config={},
        classes=("a", "b"),
    )
    found = examine(case)
    assert found[0].id == "group_leak"
    assert {"label_overfitting", "unstable_loss"} <= {item.id for item in found}
    for lang in ("en", "zh_TW"):
        page = render_diagnosis(found, lang)
        assert "{" not in page.split("</style>")[1]
    with pytest.raises(DataError, match="validation"):
        examine(replace(case, validation=LabelPart()))


def test_a_model_that_knows_nothing_doubts_no_labels_but_was_trained_too_briefly() -> None:
    rng = np.random.default_rng(6)
    labels, guess = rng.integers(0, 2, 300), rng.random(300)
    part = LabelPart(labels, np.column_stack([1 - guess, guess]))
    epochs = [replace(epoch, steps=20) for epoch in history(FALLING)]
    case = LabelEvidence(
        train=part,
        validation=part,
        history=History(epochs, "max_epochs"),
        config={"hidden_size": 64},
        classes=("a", "b"),
    )
    assert checks.noise(case) == []
    (found,) = checks.brief(case)
    assert found.remedy == {"max_epochs": 75}  # 1,500 steps of 20 an epoch
    assert checks.brief(replace(case, train=LabelPart(labels, np.eye(2)[labels]))) == []
    assert checks.brief(replace(case, history=History([replace(epoch, steps=200) for epoch in epochs]))) == []


def test_of_labels_that_nothing_foretells_it_is_said_and_no_size_is_advised() -> None:
    """Coins and noise, guessed by logistic and linear regression fitted to other noise, and by a constant."""
    rng = np.random.default_rng(8)
    labels = rng.integers(0, 2, 400)
    chances = LogisticRegression().fit(rng.normal(size=(400, 5)), labels).predict_proba(rng.normal(size=(400, 5)))
    parts = [LabelPart(labels[rows], chances[rows]) for rows in (slice(200), slice(200, None))]
    epochs = [replace(epoch, steps=200) for epoch in history(FALLING)]
    learned = replace(parts[0], chances=np.eye(2)[labels[:200]])  # by heart
    case = LabelEvidence(
        train=learned,
        validation=parts[1],
        history=History(epochs, "max_epochs"),
        config={"hidden_size": 64, "dropout": 0.0},
        classes=("a", "b"),
        baseline=(0.5, "majority"),
    )
    found = examine(case)
    assert [item.id for item in found if item.severity != "info"] == ["unrelated"]
    assert found.summary("en") == "One finding costs accuracy: “There may be nothing to learn”."
    assert checks.overfitting(case)  # what it explains is not shown beside it
    assert "label_overfitting" not in found.checked
    assert "label_noise" in found.checked
    foretold = replace(parts[1], chances=np.eye(2)[np.where(rng.random(200) < 0.7, labels[200:], 1 - labels[200:])])
    assert checks.unrelated(replace(case, validation=foretold)) == []
    assert checks.unrelated(replace(case, baseline=(0.35, "features"))) == []
    brief = History([replace(epoch, steps=20) for epoch in epochs], "max_epochs")
    assert checks.unrelated(replace(case, history=brief)) == []  # too short a training to tell
    assert checks.unrelated(replace(case, config={"hidden_size": 8})) == []
    actual = rng.normal(size=(300, 1))
    for share, silent in ((0.0, False), (0.25, True)):  # of the variance that is foretold
        guess = LabelPart(
            actual=actual, found=share * actual + (share * (1 - share)) ** 0.5 * rng.normal(size=(300, 1))
        )
        numbers = replace(case, classes=(), train=guess, validation=guess, baseline=(1.0, "mean"))
        assert (checks.unrelated(numbers) == []) is silent
