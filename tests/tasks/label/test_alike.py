"""A part whose labels are all the same is said: nothing can be learned or told from it."""

import numpy as np
import pytest

import tidegate as tg
from tidegate.core.errors import DataError
from tidegate.tasks.label.fit import _alike


@pytest.mark.parametrize(
    ("answers", "said"),
    [(np.zeros(5), True), (np.ones((4, 2)), True), (np.array([0.0, 0.0, 1.0]), False), (np.zeros(1), False)],
)
def test_labels_that_are_all_alike(answers: np.ndarray, said: bool) -> None:
    notes = _alike("validation", answers)
    assert bool(notes) is said
    assert [(note.kind, note.values) for note in notes] == (
        [("constant", {"count": len(answers), "part": "validation"})] if said else []
    )


def test_a_training_part_whose_labels_are_all_alike_is_refused() -> None:
    rng = np.random.default_rng(0)
    sequences = [rng.normal(size=(6, 1)) for _ in range(30)]
    with pytest.raises(DataError, match="nothing to learn"):
        tg.Regressor(max_epochs=1, hidden_size=4).fit(sequences, labels=np.full(30, 7.0), progress=False)
