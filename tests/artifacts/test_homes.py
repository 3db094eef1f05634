"""Every task's classes are where the table of homes says."""

import pytest

from tidegate.artifacts.homes import HOMES, home
from tidegate.core.errors import ArtifactError


@pytest.mark.parametrize("task", HOMES)
def test_every_task_has_a_model_an_estimator_and_scores(task):
    for kind, place in (("model", 1), ("estimator", 2), ("evaluation", 3)):
        assert home(task, kind).__name__ == HOMES[task][place].rpartition(".")[2]


def test_an_unknown_task_is_named_with_its_place():
    with pytest.raises(ArtifactError, match=r"metrics.json: task is 'weather'"):
        home("weather", "model", "metrics.json")
