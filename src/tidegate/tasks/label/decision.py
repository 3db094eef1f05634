"""Temperature and thresholds, chosen on the validation part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError
from tidegate.core.table import Note
from tidegate.evaluate.label.calibrate import fit_temperature
from tidegate.evaluate.label.threshold import Aim, choose_threshold
from tidegate.prepare.sequence.targets import ClassLabels
from tidegate.runtime.label.decode import Deciding, probabilities

FEWEST = 20  # answers of the validation part below which nothing is chosen on it


def decide_classes(
    found: NDArray[np.float32],
    encoded: NDArray[Any],
    labels: ClassLabels,
    deciding: Deciding,
    threshold: Aim | Mapping[Any, float] | None,
    *,
    calibrate: bool,
    notes: list[Note],
) -> Deciding:
    """How outputs become classes.

    Args:
        found: [M, K] outputs of the validation part. encoded: its labels, [M], or [M, K] of several at once.
        labels: the classes. deciding: what is settled already.
        threshold: what thresholds are to make best, or the share of a class that may be taken for the other; None
            leaves them. calibrate: whether a temperature is fitted.
        notes: what was chosen, and what was not for want of answers, is added to them.

    Raises:
        ConfigError: a threshold for more than two classes that exclude each other, or for a class that there is not.
    """
    if threshold is not None and not labels.multiple and len(labels.classes) != 2:
        raise ConfigError(
            f"threshold={threshold!r} is for two classes, or several labels at once; "
            f"there are {len(labels.classes)} classes"
        )
    if isinstance(threshold, Mapping) and (labels.multiple or not set(threshold) <= set(labels.classes)):
        raise ConfigError(f"threshold={dict(threshold)!r} should name one of the two classes {list(labels.classes)}")
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
    if isinstance(threshold, Mapping):
        ((name, budget),) = threshold.items()
        return replace(deciding, thresholds=(within(chances[:, 1], encoded, labels.classes.index(name), budget),))
    if labels.multiple:
        each = [choose_threshold(encoded[:, k] > 0, chances[:, k], threshold).value for k in range(chances.shape[1])]
        return replace(deciding, thresholds=tuple(each))
    chosen = choose_threshold(encoded == 1, chances[:, 1], threshold)
    notes.extend(chosen.notes)
    return replace(deciding, thresholds=(chosen.value,))


def within(chances: NDArray[np.float64], encoded: NDArray[Any], place: int, budget: float) -> float:
    """The threshold that takes as many of one of two classes for the other as a share allows, and no more.

    Args:
        chances: [M] probability of the second class, which is said from the threshold on. encoded: [M] places.
        place: of the class that has the budget. budget: the share.

    >>> within(np.array([0.1, 0.25, 0.5, 0.75, 1.0]), np.array([1, 1, 1, 1, 0]), 1, 0.25)
    0.25
    """
    own = np.sort(chances[encoded == place])
    if not len(own):
        return 0.5
    spared = int(budget * len(own))
    return float(own[spared] if place else np.nextafter(own[-1 - spared], np.inf))
