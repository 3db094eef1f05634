"""Series as labels, [M, K, D]: the guide's 6.3 for numbers that do not go on from what is read."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tidegate as tg
from tidegate.core.errors import ConfigError, DataError, SchemaError
from tidegate.data.sequences import read_sequences
from tidegate.runtime import load

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 7, 2)).astype(np.float32)  # [N, T, C]
Y = np.stack([np.sin(np.cumsum(X[:, ::-1][:, :4, c], axis=1)) for c in range(2)], axis=2)  # [N, 4, 2]


def quick(**options: Any) -> tg.Regressor:
    return tg.Regressor(**{"hidden_size": 6, "max_epochs": 2, "seed": 0, "ensemble_size": 1, **options})


def test_series_come_back_as_series_also_without_torch(tmp_path: Path) -> None:
    model = quick(network={"attention": "general", "teacher_forcing": 0.5}).fit(list(X), Y, progress=False)
    found = model.predict(list(X[:3]))
    assert np.shape(found) == (3, 4, 2)
    assert model.spec_.layers[-1].kind == "series"
    model.save(tmp_path / "model")
    np.testing.assert_allclose(tg.Regressor.load(tmp_path / "model").predict(list(X[:3])), found, atol=1e-5)
    answered = load(tmp_path / "model").predict(read_sequences(list(X[:3])))
    np.testing.assert_allclose(np.reshape(answered.found, (3, 4, 2)), found, atol=1e-5)
    columns = model.predict_columns(list(X[:3]))
    assert [name for name in columns if name != "id"][:3] == ["label_0_1", "label_1_1", "label_0_2"]
    np.testing.assert_array_equal(columns["label_1_2"], np.asarray(found)[:, 1, 1])


def test_what_one_step_says_is_read_by_the_next_and_a_direct_head_cannot_follow() -> None:
    level = RNG.uniform(-2, 2, size=200)
    past = np.repeat(level[:, None, None], 3, axis=1).astype(np.float32)
    steps = [level]
    for _ in range(5):
        steps.append(np.sin(2.5 * steps[-1]))
    series = np.stack(steps[1:], axis=1)[:, :, None]
    errors = {}
    for head in ("decoder", "direct"):
        sizes = {"hidden_size": 24, "max_epochs": 60, "learning_rate": 0.01, "dropout": 0.0}
        model = quick(**sizes, network={"head": head, "branch": ()})
        model.fit(list(past), series, progress=False)
        errors[head] = model.evaluate().overall["model"]["rmse"]
    assert errors["decoder"] < errors["direct"]


def test_the_truth_that_is_shown_changes_the_training_by_seed_alone() -> None:
    def weights(**network: Any) -> np.ndarray:
        model = quick(network=network).fit(list(X), Y, progress=False)
        return np.asarray(model.predict(list(X)))

    shown = weights(teacher_forcing=1.0, forcing_schedule="linear")
    np.testing.assert_array_equal(shown, weights(teacher_forcing=1.0, forcing_schedule="linear"))
    assert not np.array_equal(shown, weights())
    np.testing.assert_array_equal(weights(teacher_forcing=0.0), weights())


def test_a_row_of_numbers_may_be_decoded_one_after_another() -> None:
    model = quick(network={"head": "decoder"}).fit(list(X), Y[:, :, 0], progress=False)
    assert np.shape(model.predict(list(X[:3]))) == (3, 4)
    assert model.spec_.find("series").steps == 4


@pytest.mark.parametrize(
    ("make", "labels", "expected", "message"),
    [
        (lambda: quick(network={"head": "decoder"}), Y[:, 0, 0], ConfigError, "several numbers a sequence"),
        (lambda: quick(cell="mlstm", hidden_size=8), Y, ConfigError, "take another cell"),
        (lambda: quick(cell="mlstm"), Y, ConfigError, "heads do not divide a width of 6"),
        (lambda: quick(network={"attention": "dot"}), Y, ConfigError, "take general"),
        (quick, Y[:50], SchemaError, "labels have shape"),
        (lambda: tg.Classifier(max_epochs=1), Y, DataError, "take a Regressor"),
    ],
)
def test_what_cannot_be_is_refused(make: Any, labels: Any, expected: type[Exception], message: str) -> None:
    with pytest.raises(expected, match=message):
        make().fit(list(X), labels, progress=False)
