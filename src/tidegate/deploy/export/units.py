"""What a network's inputs are in the units that people have: an affine map and perhaps a logarithm for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Units:
    """Inputs [n]: a network reads ((log(1 + x) where `logged`, else x) - offset) / scale.

    Attributes:
        names: of the inputs. offset, scale: [n]; 0 and 1 of what is read as it is. logged: [n].
    """

    names: tuple[str, ...]
    offset: Array
    scale: Array
    logged: NDArray[np.bool_]

    def read(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """What the network reads of values [..., n]."""
        x = np.where(self.logged, np.log1p(np.where(self.logged, x, 0)), x)
        return np.asarray((x - self.offset) / self.scale, np.float32)

    def written(self, z: NDArray[Any]) -> Array:
        """Values [..., n] of what the network reads."""
        x = z * self.scale + self.offset
        return np.asarray(np.where(self.logged, np.expm1(np.where(self.logged, x, 0)), x))

    def to_json(self) -> list[dict[str, Any]]:
        """A description of each input."""
        columns = zip(self.names, self.offset.tolist(), self.scale.tolist(), self.logged.tolist(), strict=True)
        return [{"name": name, "offset": o, "scale": s, "log1p": own} for name, o, s, own in columns]


def table_units(preparation: Any, names: tuple[str, ...]) -> Units:
    """Of a forecaster's inputs; calendar features, categories and masks are read as they are.

    Raises:
        ConfigError: what the preparation does depends on the series or on rows before the window.
    """
    options = preparation.options
    if options.target_transform == "difference":
        raise ConfigError(
            tr("a target that is differenced cannot be exported: its forecasts need rows before the window")
        )
    if options.scale_by == "series" and len(preparation.series) > 1:
        raise ConfigError(tr("series that are scaled each by itself cannot be exported: fit with scale_by='all'"))
    states = {state.name: state for state in (*preparation.columns, *preparation.statics) if hasattr(state, "offsets")}
    offset, scale = np.zeros(len(names)), np.ones(len(names))
    logged = np.zeros(len(names), np.bool_)
    for place, name in enumerate(names):
        if name in states:
            offset[place], scale[place] = states[name].offsets[0], states[name].scales[0]
            logged[place] = states[name].role == "target" and options.target_transform in ("log", "log1p")
    return Units(names, offset, scale, logged)


def sequence_units(preparation: Any) -> Units:
    """Of the inputs of a classifier or regressor.

    Raises:
        ConfigError: its channels are measured under operating conditions.
    """
    if preparation.conditions is not None:
        raise ConfigError(
            tr("channels that are measured under operating conditions cannot be exported: fit with conditions=None")
        )
    names = tuple(preparation.input_names)
    offset, scale = np.zeros(len(names)), np.ones(len(names))
    for place, state in enumerate(preparation.channels):
        offset[place], scale[place] = state.offset, state.scale
    return Units(names, offset, scale, np.zeros(len(names), np.bool_))
