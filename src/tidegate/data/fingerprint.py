"""A hash of data: one changed value is other data."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.sequences import Sequences
from tidegate.core.table import Table

HASHED_ROWS = 1_000_000


def data_fingerprint(data: Table | Sequences) -> str:
    """A hash of every value, time, label and name."""
    if isinstance(data, Table):
        columns = {"": data.starts, "time": data.time, **data.columns}
        columns |= {f"static.{name}": values for name, values in data.static.items()}
        return _digest((data.ids, data.timezone, data.schema), columns)
    named = {"labels": data.labels, "groups": data.groups, "texts": data.texts, "parts": data.parts}
    columns = {"": data.starts, "values": data.values, **data.categories}
    columns |= {name: np.asarray(values) for name, values in named.items() if values is not None}
    return _digest((data.ids, data.channels, data.label_names, data.per_step, data.rate), columns)


def _digest(about: Any, columns: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256(repr(about).encode())
    for name, values in columns.items():
        digest.update(f"{name}:{len(values)}:{values.dtype}".encode())
        for first in range(0, len(values), HASHED_ROWS):
            part = values[first : first + HASHED_ROWS]
            text = part.dtype == object
            digest.update(repr(part.tolist()).encode() if text else np.ascontiguousarray(part).view(np.uint8).data)
    return digest.hexdigest()
