"""How long one prediction takes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from tidegate.artifacts.spec import NetworkSpec
from tidegate.runtime.network.network import run_network

BATCHES = (1, 32)
ANY_LENGTH = 100  # steps of a row where the network takes any number
MOST_CALLS, SECONDS = 200, 1.5  # of one batch size


def inputs_of(spec: NetworkSpec, batch: int) -> dict[str, Any]:
    """Rows that a network of this spec takes: of what values does not matter to how long they take."""
    rng, steps = np.random.default_rng(0), spec.window or ANY_LENGTH
    tokens = spec.find("tokens")
    if tokens is not None:
        return {"past": rng.integers(2, tokens.vocabulary, (batch, steps))}
    found: dict[str, Any] = {"past": rng.normal(size=(batch, steps, spec.past)).astype(np.float32)}
    if spec.future:
        found["future"] = rng.normal(size=(batch, spec.horizon, spec.future)).astype(np.float32)
    if spec.static:
        found["static"] = rng.normal(size=(batch, spec.static)).astype(np.float32)
    return found


def latencies(
    forms: Sequence[tuple[NetworkSpec, Any]], batches: Sequence[int] = BATCHES, seconds: float | None = None
) -> list[dict[int, tuple[float, float]]]:
    """Median and 99th percentile in milliseconds of one prediction, by batch size; forms take turns, so that what else
    the machine does meets all alike.

    Args:
        forms: spec and weights of each. batches: rows of one prediction. seconds: for each form and batch size;
            None takes `SECONDS`.
    """
    seconds = SECONDS if seconds is None else seconds
    found: list[dict[int, tuple[float, float]]] = [{} for _ in forms]
    for batch in batches:
        inputs = [inputs_of(spec, batch) for spec, _ in forms]
        taken: list[list[float]] = [[] for _ in forms]
        for (spec, weights), given in zip(forms, inputs, strict=True):
            run_network(spec, weights, **given)  # packs the weights
        end = time.perf_counter() + seconds * len(forms)
        while len(taken[0]) < MOST_CALLS and (time.perf_counter() < end or len(taken[0]) < 5):
            for (spec, weights), given, times in zip(forms, inputs, taken, strict=True):
                begin = time.perf_counter()
                run_network(spec, weights, **given)
                times.append(1e3 * (time.perf_counter() - begin))
        for own, times in zip(found, taken, strict=True):
            own[batch] = float(np.median(times)), float(np.quantile(times, 0.99))
    return found
