"""The public names of tidegate, on purpose: a change of this list is a change for every user."""

import tidegate

SURFACE = [
    "AnomalyDetector",
    "Audit",
    "AugmentOptions",
    "Backtest",
    "Classifier",
    "Comparison",
    "CrossValidation",
    "EncoderOptions",
    "Evaluation",
    "Forecaster",
    "History",
    "NetworkOptions",
    "Partition",
    "Predictor",
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
    "__version__",
    "audit",
    "backtest",
    "compare",
    "cross_validate",
    "describe",
    "diagnose",
    "load",
    "partition",
    "read",
    "read_sequences",
    "report_explanation",
    "report_run",
    "split",
]


def test_the_public_names_are_these() -> None:
    assert sorted(getattr(tidegate, "__all__", [])) == sorted(SURFACE)


def test_every_public_name_resolves_and_is_documented() -> None:
    for name in SURFACE:
        assert getattr(tidegate, name) is not None
        assert name == "__version__" or (getattr(tidegate, name).__doc__ or "").strip(), f"{name} has no docstring"


def test_every_public_name_is_listed_by_dir() -> None:
    assert set(SURFACE) <= set(dir(tidegate))
