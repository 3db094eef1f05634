"""What a group of options says counts where the estimator's own argument says nothing else."""

from typing import Any

import pytest

import tidegate as tg
from tidegate.core.errors import ConfigError


@pytest.mark.parametrize("kind", [tg.Forecaster, tg.Classifier, tg.Regressor, tg.AnomalyDetector])
@pytest.mark.parametrize(("name", "value"), [("max_epochs", 3), ("batch_size", 7), ("learning_rate", 0.02)])
def test_an_option_that_only_the_group_gives_counts(kind: Any, name: str, value: Any) -> None:
    assert getattr(kind(training={name: value}).check().training, name) == value
    assert getattr(kind(**{name: value}).check().training, name) == value
    assert getattr(kind(training={name: value}, **{name: value}).check().training, name) == value
    with pytest.raises(ConfigError, match=f"overruled by the argument {name}"):
        kind(training={name: value}, **{name: 2 * value}).check()
