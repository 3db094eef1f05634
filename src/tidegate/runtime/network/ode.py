"""The ODE-RNN in numpy, as `tidegate.nn.ode` does it in torch: the same Runge-Kutta steps."""

from __future__ import annotations

import numpy as np

from tidegate.artifacts.spec import NetworkSpec, OdeRnn, Recurrent
from tidegate.runtime.network.cells import zeros_of
from tidegate.runtime.network.flow import Array, Flow, Weights, clear, linear, within
from tidegate.runtime.network.recurrent import run_stack


def flow_state(weights: Weights, at: str, h: Array, interval: Array, steps: int) -> Array:
    """h [B, H] after `interval` [B] units of time, by Runge-Kutta steps of equal size (the 3/8 rule)."""
    size = (interval / np.float32(steps))[:, None]

    def motion(state: Array) -> Array:
        return np.asarray(size * linear(weights, f"{at}.linear2", np.tanh(linear(weights, f"{at}.linear1", state))))

    third, eighth, three = np.float32(1 / 3), np.float32(1 / 8), np.float32(3)
    for _ in range(steps):
        a = motion(h)
        b = motion(h + a * third)
        c = motion(h + b - a * third)
        d = motion(h + a - b + c)
        h = h + (a + three * (b + c) + d) * eighth
    return h


def ode_rnn(spec: NetworkSpec, layer: OdeRnn, weights: Weights, at: str, flow: Flow) -> None:
    """Recurrent layers whose state flows between observations."""
    one = Recurrent(cell=layer.cell, hidden_size=layer.hidden_size)
    x, observed = flow.sequence, np.ones(flow.sequence.shape[:2], dtype=np.bool_)
    if layer.missing:
        observed = (x[:, :, list(layer.missing)] < np.float32(0.5)).any(axis=2)
    intervals, flow.state = np.ones(x.shape[:2], dtype=np.float32), []
    if flow.lengths is not None:  # past a row's end nothing is observed and no time passes
        kept = within(flow.lengths, x.shape[1])[:, :, 0]
        observed, intervals = observed & kept, intervals * kept
    for level in range(layer.num_layers):
        state = zeros_of(one, len(x))
        outputs = np.empty((*x.shape[:2], layer.hidden_size), dtype=np.float32)
        for step in range(x.shape[1]):
            h = flow_state(weights, f"{at}.ode.flows.{level}", state[0], intervals[:, step], layer.solver_steps)
            before = (h, *state[1:])
            _, found = run_stack(one, weights, f"{at}.ode.cells.{level}", x[:, step : step + 1], [before])
            seen = observed[:, step, None]
            state = tuple(np.where(seen, new, old) for new, old in zip(found[0], before, strict=True))
            outputs[:, step] = state[0]
        x = outputs
        flow.state.append(state)
    flow.sequence = clear(x, flow.lengths)
