"""Checks of what flows through the recurrence: gradients by time and layer, gates."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tidegate.diagnose import figures
from tidegate.diagnose.checks.curve import RIVAL, driven
from tidegate.diagnose.checks.history import third
from tidegate.diagnose.evidence import Network, Training
from tidegate.diagnose.examine import Examined, Flowing, Tried
from tidegate.diagnose.finding import Finding, Severity
from tidegate.diagnose.probe import NOTHING

VANISHED = 1e-3  # gradient at the oldest lags over that at the newest
LAYER = 1e-3  # gradient of the lowest layer over that of the highest
LONG = 24  # recurrent steps below which nothing has far to go
SATURATED, DEAD = 0.5, 0.5
ATTEND: Mapping[str, object] = {"network.pooling": "attention"}
UNUSED = 0.05  # share of the residuals' variance that old lags still explain


def vanishing(case: Network, examined: Flowing) -> list[Finding]:
    """The loss hardly depends on old steps, although old values would explain what is left, or little was learned."""
    flow = examined.flow
    if flow is None or float(flow.by_layer.max()) < NOTHING:
        return []
    found = flow.by_layer / max(float(flow.by_layer.max()), 1e-30)
    layers = float(found.min()) if len(found) > 1 else 1.0
    steps = len(flow.by_lag)
    part = max(1, steps // 4)
    newest = float(flow.by_lag[:part].mean())
    ratio = float(flow.by_lag[-part:].mean()) / max(newest, 1e-30)
    evidence = {"ratio": ratio, "steps": steps, "layer_ratio": layers}
    figure = figures.line([flow.steps * (at + 1) for at in range(steps)], flow.by_lag.tolist(), "grad_norm")
    severity: Severity = "info" if isinstance(examined, Examined) and examined.settled else "warning"
    if layers < LAYER:
        return [Finding("vanishing_gradients", severity, evidence, {"num_layers": 1}, figure)]
    if steps < LONG or ratio > VANISHED:
        return []
    reach = int(np.searchsorted(np.cumsum(flow.by_lag) / max(flow.by_lag.sum(), 1e-30), 0.99) + 1) * flow.steps
    evidence |= {"reach": reach}
    if not isinstance(examined, Examined):
        return [Finding("vanishing_gradients", severity, evidence, ATTEND, figure)] if case.unlearned else []
    unused = examined.measures.unused(min(reach + 1, case.window), case.window)
    if not unused > UNUSED:
        return []
    long = case.window >= 2 * LONG
    remedy: Mapping[str, object] = {"network.segment": divisor(case.window, 12)} if long else ATTEND
    return [Finding("vanishing_gradients", severity, evidence | {"unused": unused}, remedy, figure)]


def gates(case: Network, examined: Flowing) -> list[Finding]:
    """Gates stuck open or shut, units that never move; of no weight where a training without it ends no lower."""
    flow = examined.flow
    if flow is None or (flow.saturated < SATURATED and flow.dead < DEAD):
        return []
    evidence = {"saturated": flow.saturated, "dead": flow.dead}
    remedy = {"learning_rate": third(float(case.config.get("learning_rate", 2e-3)))}
    edges = np.linspace(0, 1, len(flow.gates) + 1).tolist()
    figure = {"kind": "histogram", "edges": edges, "shares": {"gates": (100 * flow.gates).tolist()}}
    harmless = False
    if isinstance(case, Training) and isinstance(examined, Tried) and driven(case, examined):
        _, reached = examined.rival(min(case.usual_rate, case.options.learning_rate))
        harmless = reached >= (1 - RIVAL) * examined.probes.trained
    return [Finding("saturated_gates", "info" if harmless else "warning", evidence, remedy, figure)]


def divisor(window: int, most: int) -> int:
    """The largest divisor of the window up to `most`."""
    return max(size for size in range(1, most + 1) if window % size == 0)
