"""Which finding is the root cause: an order from what explains what."""

from __future__ import annotations

from collections.abc import Sequence

from tidegate.diagnose.finding import SEVERITIES, Finding

LABELS = frozenset({"few_steps", "few_units", "label_underfitting", "class_imbalance", "label_noise", "threshold"})
# A cause -> what it brings about. Where both are found, the cause comes first.
EXPLAINS: dict[str, frozenset[str]] = {
    "leak": frozenset({"overfitting", "drift", "useless_features", "window_long", "outliers"}),
    "unscaled_inputs": frozenset(
        {
            "learning_rate_high",
            "learning_rate_low",
            "stopped_early",
            "unstable_loss",
            "exploding_gradients",
            "vanishing_gradients",
            "saturated_gates",
            "underfitting",
            "overfitting",
            "window_short",
            "drift",
            "lag_copy",
        }
    ),
    "outliers": frozenset(
        {"unscaled_inputs", "unstable_loss", "exploding_gradients", "underfitting", "overfitting", "window_short"}
        | {"drift", "learning_rate_high", "learning_rate_low", "stopped_early", "lag_copy"}
    ),
    "learning_rate_high": frozenset(
        {"unstable_loss", "exploding_gradients", "saturated_gates", "underfitting", "overfitting", "stopped_early"}
        | {"vanishing_gradients", "window_short", "drift", "lag_copy", "useless_features", "alarm_underfitting"}
        | {"label_overfitting"}
        | LABELS
    ),
    "exploding_gradients": frozenset({"unstable_loss", "saturated_gates", "underfitting"}),
    "learning_rate_low": frozenset(
        {"stopped_early", "underfitting", "lag_copy", "window_short", "vanishing_gradients", "drift", "overfitting"}
        | {"useless_features", "alarm_underfitting"}
        | LABELS
    ),
    "stopped_early": frozenset(
        {"underfitting", "lag_copy", "window_short", "vanishing_gradients", "drift", "useless_features"}
        | {"alarm_underfitting"}
        | LABELS
    ),
    "vanishing_gradients": frozenset({"underfitting", "lag_copy", "label_underfitting"}),
    "window_short": frozenset({"underfitting", "lag_copy"}),
    "few_cycles": frozenset({"overfitting", "drift", "underfitting", "window_short"}),
    "drift": frozenset({"overfitting", "underfitting", "window_short"}),
    "useless_features": frozenset({"overfitting"}),
    "dirty_training": frozenset({"alarm_underfitting", "p_values_large", "unstable_loss", "alarm_drift"}),
    "alarm_drift": frozenset({"p_values_small", "many_alarms"}),
    "few_errors": frozenset({"p_values_small", "p_values_large", "many_alarms"}),
    "p_values_small": frozenset({"many_alarms"}),
    "group_leak": frozenset({"label_overfitting", "label_noise", "threshold"}),
    "label_noise": frozenset({"label_overfitting", "label_underfitting"}),
    "few_examples": frozenset({"class_imbalance", "label_overfitting"}),
    "class_imbalance": frozenset({"threshold", "label_underfitting"}),
    "few_steps": frozenset({"label_underfitting", "class_imbalance", "label_noise", "threshold"}),
    "few_units": frozenset({"few_steps", "label_underfitting", "label_noise"}),
    "label_overfitting": frozenset({"label_underfitting", "unstable_loss"}),
    "text_overfitting": frozenset({"copied_text"}),
    "overfitting": frozenset({"underfitting", "window_short", "unstable_loss", "saturated_gates", "lag_copy"}),
}


def rank(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Causes before what they explain, then the graver first; findings of severity "info" explain nothing."""
    causes = [item.id for item in findings if item.severity != "info"]
    order = {id: at for at, id in enumerate(EXPLAINS)}

    def place(item: Finding) -> tuple[int, int, int, int]:
        explained = sum(item.id in EXPLAINS.get(cause, ()) for cause in causes)
        grave = -SEVERITIES.index(item.severity)
        return int(item.severity == "info"), explained, grave, order.get(item.id, len(order))

    return tuple(sorted(findings, key=place))
