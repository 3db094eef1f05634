"""Checks of what flows through the recurrence: gradients by time and layer, gates."""

from __future__ import annotations

import numpy as np

from tidegate.diagnose import figures
from tidegate.diagnose.case import Case
from tidegate.diagnose.checks.curve import RIVAL, driven
from tidegate.diagnose.checks.history import third
from tidegate.diagnose.examine import USUAL_RATE, Examined
from tidegate.diagnose.finding import Finding, Severity

LARGE = 10.0  # mean gradient norm over `clip`, or over 1 without clipping
HUGE = 100.0
ALWAYS = 0.9  # share of the steps that were clipped
VANISHED = 1e-3  # gradient at the oldest lags over that at the newest
LAYER = 1e-3  # gradient of the lowest layer over that of the highest
LONG = 24  # recurrent steps below which nothing has far to go
SATURATED, DEAD = 0.5, 0.5
UNUSED = 0.05  # share of the residuals' variance that old lags still explain


def exploding(case: Case, examined: Examined) -> list[Finding]:
    """Gradients far above the clipping bound, most of the time."""
    norms = np.array([epoch.grad_norm for epoch in case.history])
    clipped = float(np.mean([epoch.clipped for epoch in case.history])) if len(norms) else 0.0
    bound = case.options.clip or 1.0
    largest = float(norms.max() / bound) if len(norms) else 0.0
    typical = float(np.median(norms) / bound) if len(norms) else 0.0
    if not (typical > LARGE or (largest > HUGE and case.options.clip == 0)):
        return []
    if case.options.clip and clipped < ALWAYS:
        return []
    evidence = {"typical": typical * bound, "largest": largest * bound, "clip": case.options.clip, "clipped": clipped}
    figure = figures.line([epoch.epoch for epoch in case.history], norms.tolist(), "grad_norm")
    if figure is not None and case.options.clip:
        figure["levels"] = [case.options.clip]
    grave = largest > HUGE and case.options.clip == 0
    remedy = {"training.clip": 1.0, "learning_rate": min(2e-3, case.options.learning_rate)}
    return [Finding("exploding_gradients", "critical" if grave else "warning", evidence, remedy, figure)]


def vanishing(case: Case, examined: Examined) -> list[Finding]:
    """The loss hardly depends on old steps, although old values would explain what is left."""
    flow = examined.flow
    if flow is None:
        return []
    found = flow.by_layer / max(float(flow.by_layer.max()), 1e-30)
    layers = float(found.min()) if len(found) > 1 else 1.0
    steps = len(flow.by_lag)
    part = max(1, steps // 4)
    newest = float(flow.by_lag[:part].mean())
    ratio = float(flow.by_lag[-part:].mean()) / max(newest, 1e-30)
    evidence = {"ratio": ratio, "steps": steps, "layer_ratio": layers}
    figure = figures.line([flow.steps * (at + 1) for at in range(steps)], flow.by_lag.tolist(), "grad_norm")
    severity: Severity = "info" if examined.settled else "warning"
    if layers < LAYER:
        return [Finding("vanishing_gradients", severity, evidence, {"num_layers": 1}, figure)]
    if steps < LONG or ratio > VANISHED:
        return []
    reach = int(np.searchsorted(np.cumsum(flow.by_lag) / max(flow.by_lag.sum(), 1e-30), 0.99) + 1) * flow.steps
    unused = examined.measures.unused(min(reach + 1, case.window), case.window)
    if not unused > UNUSED:
        return []
    remedy = (
        {"network.segment": divisor(case.window, 12)} if case.window >= 2 * LONG else {"network.pooling": "attention"}
    )
    return [Finding("vanishing_gradients", severity, evidence | {"reach": reach, "unused": unused}, remedy, figure)]


def gates(case: Case, examined: Examined) -> list[Finding]:
    """Gates stuck open or shut, units that never move; of no weight where a training without it ends no lower."""
    flow = examined.flow
    if flow is None or (flow.saturated < SATURATED and flow.dead < DEAD):
        return []
    evidence = {"saturated": flow.saturated, "dead": flow.dead}
    remedy = {"learning_rate": third(case.options.learning_rate)}
    edges = np.linspace(0, 1, len(flow.gates) + 1).tolist()
    figure = {"kind": "histogram", "edges": edges, "shares": {"gates": (100 * flow.gates).tolist()}}
    harmless = False
    if driven(case, examined):
        _, reached = examined.rival(min(USUAL_RATE, case.options.learning_rate))
        harmless = reached >= (1 - RIVAL) * examined.probes.trained
    return [Finding("saturated_gates", "info" if harmless else "warning", evidence, remedy, figure)]


def divisor(window: int, most: int) -> int:
    """The largest divisor of the window up to `most`."""
    return max(size for size in range(1, most + 1) if window % size == 0)
