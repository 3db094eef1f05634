"""The public names of tidegate, on purpose: a change of this list is a change for every user."""

import inspect
from dataclasses import fields, is_dataclass

import pytest

import tidegate

ESTIMATORS = ("Forecaster", "Classifier", "Regressor", "AnomalyDetector", "LanguageModel", "Transcriber")
EVERYDAY = 12  # besides what makes the task: the horizon of a forecast, the threshold of a class
CHOOSING = {"preset", "time_limit"}  # how the options are chosen, and none of them
OWN = {
    "tokens",
    "minutes",
    "horizon",
    "pretrained",
    "level",
    "quantiles",
    "class_weight",
    "threshold",
    "method",
    "alarms_per_week",
}
REASONS = {  # defaults that differ by task, and why
    "hidden_size": "a detector's is advanced at every row of a stream; a language model's is chosen for its text",
    "num_layers": "two layers forecast better, one is enough for a label (docs/log.md)",
    "dropout": "few labelled sequences need more of it than many windows, and weights than the tokens they learn from",
    "loss": "of classes, of numbers, of errors among which some are anomalies",
    "learning_rate": "a detector is small and trained for few epochs; a language model has one cycle with a peak",
}

SURFACE = [
    "AnomalyDetector",
    "Audit",
    "AugmentOptions",
    "Backtest",
    "Captioner",
    "Classifier",
    "Comparison",
    "CrossValidation",
    "EncoderOptions",
    "Evaluation",
    "Forecaster",
    "History",
    "LanguageModel",
    "Model",
    "NetworkOptions",
    "Partition",
    "Preparation",
    "PrepareOptions",
    "Regressor",
    "Schema",
    "SequenceAugment",
    "SequenceOptions",
    "Sequences",
    "Table",
    "TidegateError",
    "TrainOptions",
    "Transcriber",
    "Translator",
    "Tuned",
    "__version__",
    "audit",
    "backtest",
    "compare",
    "cross_validate",
    "describe",
    "diagnose",
    "forecast",
    "load",
    "open_run",
    "partition",
    "read",
    "read_sequences",
    "report_explanation",
    "report_run",
    "split",
    "tune",
]


def test_the_public_names_are_these() -> None:
    assert sorted(getattr(tidegate, "__all__", [])) == sorted(SURFACE)


def test_every_public_name_resolves_and_is_documented() -> None:
    for name in SURFACE:
        assert getattr(tidegate, name) is not None
        assert name == "__version__" or (getattr(tidegate, name).__doc__ or "").strip(), f"{name} has no docstring"


def test_every_public_name_is_listed_by_dir() -> None:
    assert set(SURFACE) <= set(dir(tidegate))


def arguments(name: str) -> dict[str, inspect.Parameter]:
    found = dict(inspect.signature(getattr(tidegate, name).__init__).parameters)
    return {key: value for key, value in found.items() if key != "self"}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_constructor_has_a_dozen_everyday_arguments_and_groups(name: str) -> None:
    groups = getattr(tidegate, name).GROUPS
    assert set(arguments(name)) >= set(groups) >= {"network", "training", "preparation"}
    assert len(set(arguments(name)) - set(groups) - OWN - CHOOSING) <= EVERYDAY
    assert all(is_dataclass(kind) and kind.__dataclass_params__.frozen for kind in groups.values())


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_argument_and_every_option_of_a_group_is_documented(name: str) -> None:
    kind = getattr(tidegate, name)
    for key in arguments(name):
        assert f"{key}:" in kind.__doc__, key
    for group in kind.GROUPS.values():
        text = " ".join(base.__doc__ or "" for base in group.__mro__)
        for item in fields(group):
            assert item.name in text, (group, item.name)


def test_the_same_name_has_the_same_default_on_every_task() -> None:
    found: dict[str, set[str]] = {}
    for name in ESTIMATORS:
        for key, parameter in arguments(name).items():
            found.setdefault(key, set()).add(repr(parameter.default))
    assert {key for key, values in found.items() if len(values) > 1} == set(REASONS)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_public_method_returns_a_type(name: str) -> None:
    """`Any` under a `py.typed` marker tells a user's type checker nothing."""
    members = inspect.getmembers(getattr(tidegate, name), inspect.isfunction)
    found = {key: inspect.signature(member).return_annotation for key, member in members if not key.startswith("_")}
    assert [key for key, kind in found.items() if kind in ("Any", inspect.Signature.empty)] == []
