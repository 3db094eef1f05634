"""Intervals around estimated numbers by split conformal prediction: half-widths from errors on unseen sequences."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ArtifactError, ConfigError
from tidegate.core.translate import tr

Floats = NDArray[np.float64]
MOST = 5_000  # errors that are kept, evenly spread


@dataclass(frozen=True)
class Margins:
    """Errors of estimates of a part that the network had not learned from; n answers, P quantities, G units.

    Steps or windows of one sequence, and sequences of one group, err alike: such a unit counts as one draw.

    Attributes:
        errors: [n, P] absolute errors in the quantities' own units, NaN where nothing is known.
        units: [n] number of the sequence, or group, that each answer is of.
    """

    errors: Floats
    units: NDArray[np.int64]

    @classmethod
    def of(cls, actual: Floats, found: Floats, units: NDArray[Any]) -> Margins:
        """Of estimates [n, P] for units [n] of any kind; at most `MOST` of them, chosen by place alone."""
        kept = np.unique(np.linspace(0, len(actual) - 1, min(MOST, len(actual))).round().astype(np.int64))
        _, numbered = np.unique(np.asarray(units)[kept], return_inverse=True)
        return cls(np.abs(found - actual)[kept], numbered.reshape(-1).astype(np.int64))

    @property
    def count(self) -> int:
        """Units with a known answer of every quantity."""
        return min(len(np.unique(self.units[~np.isnan(column)])) for column in self.errors.T)

    @property
    def highest(self) -> float:
        """The highest level, in percent, for which there are enough units."""
        return 100 * self.count / (self.count + 1)

    def at(self, level: float) -> Floats:
        """[P] half-widths of an interval of a level in percent.

        Each of G units weighs 1 / (G + 1), shared among its answers, and the unit to come as much at infinity; the
        half-width is the smallest error up to which the weights sum to the level. If units come in no order, an answer
        of a new one lies within with at least this probability. Of units with one answer each this is the
        ceil((G + 1) level)-th smallest error.

        Raises:
            ConfigError: no level between 0 and 100, or one that needs more units.

        Source: Lei et al. (2018), section 2.2, doi:10.1080/01621459.2017.1307116; for units Lee, Barber and Willett
        (2023), arXiv:2306.06342.
        """
        if isinstance(level, bool) or not isinstance(level, (int, float)) or not 0 < level < 100:
            raise ConfigError(
                tr("level is the percentage an interval should hold, such as 80; got {level}", level=repr(level))
            )
        share = level / 100
        needed = math.ceil(round(share / (1 - share), 9))
        if self.count < needed:
            message = (
                "an interval of {level} % needs the errors of {needed} validation sequences (or groups), and there "
                "are {count}: give the validation part a larger share, or ask for a lower level"
            )
            raise ConfigError(tr(message, level=f"{level:g}", needed=needed, count=self.count))
        return np.array([_quantile(column, self.units, share) for column in self.errors.T])

    def levels(self, usual: tuple[float, ...] = (80, 95)) -> dict[float, Floats]:
        """The usual levels for which there are enough units, with their half-widths."""
        return {level: self.at(level) for level in usual if level <= self.highest + 1e-9}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """As an artifact keeps them."""
        return {"margins.errors": self.errors, "margins.units": self.units}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], quantities: int) -> Margins | None:
        """What `arrays` gave; None of an artifact without.

        Raises:
            ArtifactError: they do not fit each other or the model.
        """
        if not {"margins.errors", "margins.units"} & set(arrays):
            return None
        errors, units = (arrays.get(f"margins.{name}", np.empty(0)) for name in ("errors", "units"))
        fit = errors.dtype == np.float64 and units.dtype == np.int64 and errors.shape == (len(units), quantities)
        if not fit or not len(units) or (errors < 0).any() or np.isinf(errors).any():
            raise ArtifactError(tr("context.safetensors: errors and units of the intervals do not fit the model"))
        return cls(errors, units)


def half_widths(margins: Margins | None, level: float) -> Floats:
    """`Margins.at`, where there are any.

    Raises:
        ConfigError: there are none, or as of `Margins.at`.
    """
    if margins is None:
        raise ConfigError(tr("intervals are of numbers: a class has its probability instead (predict_proba)"))
    return margins.at(level)


def _quantile(errors: Floats, units: NDArray[np.int64], share: float) -> float:
    known = ~np.isnan(errors)
    _, owner, counts = np.unique(units[known], return_inverse=True, return_counts=True)
    order = np.argsort(errors[known], kind="stable")
    weights = np.cumsum(1 / counts[owner.reshape(-1)][order]) / (len(counts) + 1)
    # A sum of fractions that should reach the level may miss it by rounding.
    return float(errors[known][order][int(np.searchsorted(weights, share - 1e-9))])
