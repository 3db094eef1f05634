"""The diagnosis: every check on one case, ranked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tidegate.core.errors import DataError
from tidegate.diagnose.case import Case, Patient
from tidegate.diagnose.checks import curve, data, gradients, skill
from tidegate.diagnose.examine import Examined
from tidegate.diagnose.finding import Finding, Findings
from tidegate.diagnose.rank import rank

Check = Callable[[Case, Examined], list[Finding]]

# What looks for which findings; another task may leave some out or bring its own.
CHECKS: Mapping[tuple[str, ...], Check] = {
    ("leak",): skill.leak,
    ("unscaled_inputs",): data.scaling,
    ("outliers",): data.outliers,
    ("learning_rate_high", "learning_rate_low"): curve.learning_rate,
    ("exploding_gradients",): gradients.exploding,
    ("vanishing_gradients",): gradients.vanishing,
    ("stopped_early", "wasted_epochs"): curve.length,
    ("window_short", "window_long"): data.window,
    ("few_cycles",): data.cycles,
    ("drift",): data.drift,
    ("useless_features",): data.columns,
    ("overfitting",): curve.overfitting,
    ("underfitting",): curve.underfitting,
    ("unstable_loss",): curve.unstable,
    ("saturated_gates",): gradients.gates,
    ("lag_copy",): skill.lag_copy,
    ("capacity",): data.capacity,
}


def diagnose(model: Patient, data: Any = None) -> Findings:
    """What is wrong with a trained model, root cause first, each with its evidence and a remedy.

    At most 512 windows of every part are looked at, evenly spread; the model is left as it is.

    Args:
        model: a fitted estimator, such as `Forecaster`.
        data: the table it was trained on, for a model that does not hold it.

    Raises:
        NotFittedError: the model was not fitted here; `tidegate diagnose` opens the folder of a run.
        DataError: there is no training or validation window to look at.
    """
    return examine(model.case(data))


def examine(case: Case, checks: Mapping[tuple[str, ...], Check] = CHECKS) -> Findings:
    """Run the checks on a case."""
    for part in ("train", "validation"):
        if not len(case.origins.get(part, ())):
            raise DataError(f"the {part} part has no window of {case.window} past and {case.horizon} future steps")
    examined = Examined(case)
    found: Sequence[Finding] = [finding for check in checks.values() for finding in check(case, examined)]
    sample = {part: len(rows) for part, rows in examined.measures.origins.items() if len(rows)}
    return Findings(rank(found), tuple(id for ids in checks for id in ids), sample)
