"""scikit-learn's tools hold a Classifier and a Regressor: its own checks, a search, a pipeline, clones."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import tidegate as tg

SMALL: dict[str, Any] = {"hidden_size": 2, "max_epochs": 2, "network": {"branch": ()}, "training": {"refit": False}}
OURS = "sequences have rules of their own, and a message of their own"
EXPECTED = {  # docs/en/labels.md says the same
    "check_fit_score_takes_y": "the second argument of fit is called labels",
    "check_estimators_unfitted": "NotFittedError is a ValueError and an AttributeError, but not scikit-learn's",
    "check_n_features_in_after_fitting": "sequences may be longer or shorter than those of fit",
    "check_complex_data": OURS,
    "check_estimators_empty_data_messages": OURS,
    "check_classifier_data_not_an_array": "a data frame with labels beside it is taken for a table",
    "check_regressor_data_not_an_array": "a data frame with labels beside it is taken for a table",
    "check_fit2d_1sample": OURS,
    "check_fit2d_predict1d": OURS,
    "check_requires_y_none": OURS,
    "check_classifiers_regression_target": OURS,
    "check_classifiers_train": "asks for skill after training; two epochs have none",
    "check_regressors_train": "asks for skill after training; two epochs have none",
    "check_classifier_multioutput": "several labels at once are true or false",
    "check_classifiers_multilabel_output_format_predict": "several labels at once are true or false",
    "check_supervised_y_2d": "a column of labels is one quantity, or one label that is true or false",
    "check_dict_unchanged": "predict leaves answer_notes_ behind",
}


@pytest.mark.filterwarnings("ignore")  # it warns of every class that is not its own
@pytest.mark.parametrize("kind", [tg.Classifier, tg.Regressor])
def test_what_scikit_learn_checks(kind: Any) -> None:
    found = check_estimator(kind(**SMALL), expected_failed_checks=EXPECTED, on_fail=None, on_skip=None)
    failed = {item["check_name"]: str(item["exception"])[:200] for item in found if item["status"] == "failed"}
    assert not failed
    assert sum(item["status"] == "passed" for item in found) >= 30


def waves(count: int = 60) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """[n, T] slow and fast waves, and their names."""
    rng = np.random.default_rng(0)
    fast = np.arange(count) % 2
    turns = np.where(fast, 3.0, 1.0)[:, None] * np.linspace(0, 2 * np.pi, 16)
    return np.sin(turns) + 0.1 * rng.normal(size=(count, 16)), np.where(fast, "fast", "slow")


def test_a_search_over_a_pipeline_chooses_what_learns() -> None:
    x, y = waves()
    model = tg.Classifier(
        hidden_size=4, batch_size=8, learning_rate=0.02, network={"branch": ()}, training={"refit": False}
    )
    search = GridSearchCV(
        make_pipeline(StandardScaler(), model),
        {"classifier__max_epochs": [1, 25], "classifier__network__pooling": ["last"]},
        cv=2,
        error_score="raise",
    )
    search.fit(x, y, classifier__test=0, classifier__progress=False)
    best = search.best_estimator_[-1]
    assert search.best_params_["classifier__max_epochs"] == 25
    assert best.network == {"branch": (), "pooling": "last"}
    assert search.score(x, y) == accuracy_score(y, search.predict(x)) > 0.9
    assert (best.classes_.tolist(), best.n_features_in_) == (["fast", "slow"], 16)
    assert model.network == {"branch": ()}


@pytest.mark.parametrize("shape", [(40, 12), (40, 2, 12)])
def test_a_regressor_scores_as_scikit_learn_does(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(1).normal(size=shape)
    y = x.reshape(len(x), -1).mean(axis=1)
    model = tg.Regressor(**SMALL).fit(x, y, progress=False)
    assert model.score(x, y) == pytest.approx(r2_score(y, model.predict(x)))
    assert model.n_features_in_ == (12 if len(shape) == 2 else 2)


def test_tags_and_clones() -> None:
    for kind, what in ((tg.Classifier, is_classifier), (tg.Regressor, is_regressor)):
        model = kind(network={"pooling": "mean"}, seed=3)
        assert what(model)
        assert clone(model).get_params() == model.get_params()
        assert not hasattr(model, "n_features_in_")
    assert not hasattr(tg.Classifier(), "classes_")


def test_scikit_learn_is_not_imported_by_an_import() -> None:
    code = "import sys, tidegate; tidegate.Classifier; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_arrays_of_other_libraries_are_arrays_and_sparse_ones_are_refused() -> None:
    import scipy.sparse
    import torch

    x, y = waves(24)
    model = tg.Classifier(**SMALL).fit(torch.from_numpy(x), y, progress=False)
    assert model.n_features_in_ == 16
    assert model.predict(torch.from_numpy(x)).tolist() == model.predict(x).tolist()
    with pytest.raises(tg.TidegateError, match="sparse"):
        model.predict(scipy.sparse.csr_matrix(x))
