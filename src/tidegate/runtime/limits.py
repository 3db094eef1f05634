"""What a prediction may allocate: reckoned from the spec before it begins, and refused above a limit that is stated.

An artifact of a few kilobytes can ask for gigabytes (a horizon of 65,536 with 20,001 outputs): its sizes are bounded,
and so is what follows from them.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.spec import NetworkSpec
from tidegate.core.errors import ConfigError, DataError
from tidegate.core.translate import tr

LARGEST = 4 * 1024**3
VARIABLE = "TIDEGATE_LARGEST_PREDICTION"
FLOAT, DOUBLE = 4, 8


def largest() -> int:
    """Bytes that one prediction may take: 4 GiB, or what `TIDEGATE_LARGEST_PREDICTION` says.

    Raises:
        ConfigError: the variable is no whole number of bytes.
    """
    given = os.environ.get(VARIABLE, "").strip()
    if not given:
        return LARGEST
    if not given.isdecimal() or int(given) < 1:
        message = "{variable}={given} is no number of bytes: give a whole number, such as {usual}"
        raise ConfigError(tr(message, variable=VARIABLE, given=repr(given), usual=LARGEST))
    return int(given)


def check_room(needed: int, what: str) -> None:
    """Refuse a prediction before it allocates.

    Args:
        needed: bytes. what: asks for them, for the message.

    Raises:
        ConfigError: it is more than `largest`.
    """
    limit = largest()
    if needed > limit:
        message = (
            "{what} would take about {needed} MB, more than the {limit} MB that one prediction may take: ask for less "
            "at once, or set {variable} to more bytes"
        )
        sizes = {"needed": f"{needed / 1e6:,.0f}", "limit": f"{limit / 1e6:,.0f}"}
        raise ConfigError(tr(message, what=what, variable=VARIABLE, **sizes))


def require_finite(values: NDArray[Any], message: str) -> None:
    """Raises: DataError: `message`, where a value is infinite or none."""
    if not np.isfinite(values).all():
        raise DataError(message)


def network_bytes(spec: NetworkSpec, rows: int, steps: int, ahead: int) -> int:
    """About what a network holds at once for a batch.

    Args:
        rows: of the batch. steps: of a row. ahead: steps that it is to forecast; 1 for what labels sequences.
    """
    passes, width, heads, outputs, last = _sizes(spec)
    sequence = steps * 2 * width + heads * steps * steps
    return rows * passes * FLOAT * (sequence + ahead * (2 * outputs + 2 * last))


def _sizes(spec: NetworkSpec) -> tuple[int, int, int, int, int]:
    """Passes, widest layer, heads of attention, outputs of a step, units of the last layer; reckoned once a spec."""
    known = _SIZES.get(id(spec))
    if known is not None:
        return known[1]
    widths, heads = [spec.past, spec.encoder_width], 0
    for layer in spec.layers:
        widths += [int(getattr(layer, name, 0) or 0) for name in ("size", "hidden_size", "feedforward")]
        heads = max(heads, int(getattr(layer, "num_heads", 0) or 0))
    passes = spec.targets if spec.channels == "independent" else 1
    outputs = max(spec.targets, 1) * spec.outputs + spec.future
    found = (passes, max(widths), heads, outputs, int(getattr(spec.layers[-1], "hidden_size", 0) or 0))
    if len(_SIZES) >= MOST_SPECS:
        _SIZES.clear()
    _SIZES[id(spec)] = (spec, found)  # which keeps the spec, so that its id is no other's
    return found


_SIZES: dict[int, tuple[NetworkSpec, tuple[int, int, int, int, int]]] = {}
MOST_SPECS = 64
