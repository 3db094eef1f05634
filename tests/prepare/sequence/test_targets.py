"""Labels as numbers and back, held to scikit-learn; what cannot be learned is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import LabelEncoder, StandardScaler

from tidegate.core.errors import ArtifactError, DataError
from tidegate.prepare.sequence.targets import ClassLabels, NumberLabels, read_labels


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.sampled_from(["a", "b", "狗", "貓 ", "Z"]), min_size=2, max_size=30).filter(lambda x: len(set(x)) > 1)
)
def test_classes_are_those_of_scikit_learn_and_survive_the_document(labels: list[str]) -> None:
    array = np.array(labels, dtype=object)
    found = ClassLabels.fit(array, ("animal",))
    reference = LabelEncoder().fit(labels)
    assert list(found.classes) == list(reference.classes_)
    assert (found.encode(array) == reference.transform(labels)).all()
    assert found.decode(found.encode(array)).tolist() == labels
    assert read_labels(json.loads(json.dumps(found.to_json()))) == found


@pytest.mark.parametrize("labels", [[3, 1, 2, 3], [True, False, True], [0.5, 1.5]])
def test_labels_keep_their_kind(labels: list[object]) -> None:
    found = ClassLabels.fit(np.array(labels))
    back = found.decode(found.encode(np.array(labels)))
    assert back.tolist() == labels
    assert all(type(a) is type(b) for a, b in zip(back.tolist(), labels, strict=True))


def test_several_labels_at_once_stay_columns() -> None:
    labels = np.array([[True, False], [True, True]])
    found = ClassLabels.fit(labels, ("cough", "fever"))
    assert found.multiple
    assert found.encode(labels).tolist() == [[1, 0], [1, 1]]
    with pytest.raises(DataError, match="one column for each"):
        found.encode(labels[:, :1])


def test_what_cannot_be_learned_is_refused() -> None:
    with pytest.raises(DataError, match="one class only in 'y', 'a'"):
        ClassLabels.fit(np.array(["a", "a"], dtype=object), ("y",))
    with pytest.raises(DataError, match="1 of 3 labels in 'y' are missing, the first at place 2"):
        ClassLabels.fit(np.array(["a", "b", None], dtype=object), ("y",))
    with pytest.raises(DataError, match="the training part had not: c"):
        ClassLabels.fit(np.array(["a", "b"], dtype=object), ("y",)).encode(np.array(["c"], dtype=object))
    with pytest.raises(DataError, match="the same for all"):
        NumberLabels.fit(np.array([1.0, 1.0]), ("y",))
    with pytest.raises(DataError, match="missing or infinite, the first at place 1"):
        NumberLabels.fit(np.array([1.0, np.nan, 2.0]), ("y",))
    with pytest.raises(DataError, match="must be numbers for a Regressor"):
        NumberLabels.fit(np.array(["low", "high"], dtype=object), ("y",))


def test_numbers_are_standardised_as_by_scikit_learn() -> None:
    values = np.random.default_rng(0).normal(50, 7, (40, 2))
    found = NumberLabels.fit(values, ("a", "b"))
    reference = StandardScaler().fit_transform(values)
    np.testing.assert_allclose(found.encode(values), reference, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.decode(found.encode(values)), values, rtol=1e-5)
    assert read_labels(json.loads(json.dumps(found.to_json()))) == found


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"kind": "classes", "classes": [], "multiple": False, "name": "y"},
        {"kind": "classes", "classes": ["a", "a"], "multiple": False, "name": "y"},
        {"kind": "classes", "classes": [["a"], ["b"]], "multiple": False, "name": "y"},
        {"kind": "numbers", "names": ["y"], "offset": [0.0], "scale": [0.0]},
        {"kind": "numbers", "names": ["y"], "offset": [float("inf")], "scale": [1.0]},
        {"kind": "numbers", "names": ["y"], "offset": [], "scale": []},
    ],
)
def test_damaged_documents_are_refused(state: dict[str, object]) -> None:
    with pytest.raises(ArtifactError, match=r"preparation\.json: labels"):
        read_labels(state)
