"""What a prediction may allocate: reckoned from the spec before it begins, and refused above a limit that is stated.

An artifact of a few kilobytes can ask for gigabytes (a horizon of 65,536 with 20,001 outputs): its sizes are bounded,
and so is what follows from them.
"""

from __future__ import annotations

import os

from tidegate.artifacts.spec import NetworkSpec
from tidegate.core.errors import ConfigError
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


def network_bytes(spec: NetworkSpec, rows: int, steps: int, ahead: int) -> int:
    """About what a network holds at once for a batch.

    Args:
        rows: of the batch. steps: of a row. ahead: steps that it is to forecast; 1 for what labels sequences.
    """
    passes = spec.targets if spec.channels == "independent" else 1
    widths = [spec.past, spec.encoder_width]
    squares = 0
    for layer in spec.layers:
        widths += [int(getattr(layer, name, 0) or 0) for name in ("size", "hidden_size", "feedforward")]
        heads = getattr(layer, "num_heads", 0)
        squares = max(squares, int(heads or 0) * steps * steps)
    outputs = max(spec.targets, 1) * spec.outputs + spec.future
    last = int(getattr(spec.layers[-1], "hidden_size", 0) or 0)
    sequence = steps * 2 * max(widths) + squares
    return rows * passes * FLOAT * (sequence + ahead * (2 * outputs + 2 * last))
