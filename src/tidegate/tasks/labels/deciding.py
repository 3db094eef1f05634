"""Temperature and thresholds, chosen on the validation part."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError
from tidegate.core.table import Note
from tidegate.evaluate.labelled.calibrate import fit_temperature
from tidegate.evaluate.labelled.threshold import Aim, choose_threshold
from tidegate.prepare.labels import ClassLabels
from tidegate.runtime.labels import Deciding, probabilities

FEWEST = 20  # answers of the validation part below which nothing is chosen on it


def decide_classes(
    found: NDArray[np.float32],
    encoded: NDArray[Any],
    labels: ClassLabels,
    deciding: Deciding,
    threshold: Aim | None,
    *,
    calibrate: bool,
    notes: list[Note],
) -> Deciding:
    """How outputs become classes.

    Args:
        found: [M, K] outputs of the validation part. encoded: its labels, [M], or [M, K] of several at once.
        labels: the classes. deciding: what is settled already.
        threshold: what thresholds are to make best; None leaves them. calibrate: whether a temperature is fitted.
        notes: what was chosen, and what was not for want of answers, is added to them.

    Raises:
        ConfigError: a threshold for more than two classes that exclude each other.
    """
    if threshold is not None and not labels.multiple and len(labels.classes) != 2:
        raise ConfigError(
            f"threshold={threshold!r} is for two classes, or several labels at once; "
            f"there are {len(labels.classes)} classes"
        )
    if len(encoded) < FEWEST:
        if calibrate or threshold is not None:
            message = "No temperature and no threshold was chosen: validation has {count} answers, fewer than {least}."
            notes.append(Note("undecided", message, {"count": len(encoded), "least": FEWEST}))
        return deciding
    if calibrate:
        deciding = replace(deciding, temperature=fit_temperature(found, encoded > 0 if labels.multiple else encoded))
    if threshold is None:
        return deciding
    chances = probabilities(found, labels, deciding)
    if labels.multiple:
        each = [choose_threshold(encoded[:, k] > 0, chances[:, k], threshold).value for k in range(chances.shape[1])]
        return replace(deciding, thresholds=tuple(each))
    chosen = choose_threshold(encoded == 1, chances[:, 1], threshold)
    notes.extend(chosen.notes)
    return replace(deciding, thresholds=(chosen.value,))
