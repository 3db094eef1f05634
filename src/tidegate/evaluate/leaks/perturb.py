"""Replacing what lies ahead, and finding the first place where a result moved because of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Columns = Mapping[str, NDArray[Any]]
POISONS = ("noise", "extremes", "missing")


def perturb(
    columns: Columns, names: Sequence[str], rows: NDArray[np.bool_], kind: str, seed: int = 0
) -> dict[str, Any]:
    """Columns in which every value of some rows is replaced; the arrays given are not written into.

    Args:
        columns: name -> [N]. names: columns to perturb. rows: [N], where.
        kind: "noise" (wild, with some values missing), "extremes" (a million times the column's size, alternating
            in sign), or "missing" (NaN; None in text). A column without negative values gets none.
        seed: of the noise.
    """
    generator = np.random.default_rng(seed)
    count = int(rows.sum())
    found = dict(columns)
    for name in names:
        values = np.array(columns[name])
        if values.dtype.kind == "f":
            values[rows] = _numbers(values, count, kind, generator).astype(values.dtype)
        elif values.dtype.kind in "iub":
            values[rows] = 0 if kind == "missing" else np.max(values, initial=0) + 1
        else:
            values = values.astype(object)
            values[rows] = None if kind == "missing" else "perturb"
        found[name] = values
    return found


def _numbers(values: NDArray[Any], count: int, kind: str, generator: np.random.Generator) -> NDArray[np.float64]:
    if kind == "missing":
        return np.full(count, np.nan)
    seen = values[np.isfinite(values)].astype(np.float64)
    size = float(np.abs(seen).max(initial=0.0)) or 1.0
    if kind == "extremes":
        fresh = np.where(np.arange(count) % 2 == 0, 1e6, -1e6) * size
    else:
        fresh = 100.0 * size * generator.standard_t(2, count)
        fresh[generator.random(count) < 0.1] = np.nan
    return np.abs(fresh) if seen.size and seen.min() >= 0 else fresh


@dataclass(frozen=True)
class Difference:
    """The first place where two values differ.

    Attributes:
        path: keys and positions on the way to the value. index: of the element in an array, () elsewhere.
        before, after: what was there. count: elements of that array that differ.
        rows: length of that array's first axis, as compared; 0 elsewhere.
    """

    path: tuple[str, ...]
    index: tuple[int, ...]
    before: Any
    after: Any
    count: int = 1
    rows: int = 0


def first_difference(
    before: Any, after: Any, limit: Callable[[NDArray[Any]], NDArray[Any]] | None = None, path: tuple[str, ...] = ()
) -> Difference | None:
    """Compare mappings, sequences, arrays and plain values bit by bit; two NaN are equal.

    Args:
        before, after: the values.
        limit: cuts each array to the part that must be equal.
        path: where they are.

    Returns:
        The first difference in the order of the values; None where there is none.
    """
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in before:
            if key not in after:
                return Difference((*path, str(key)), (), before[key], None)
            found = first_difference(before[key], after[key], limit, (*path, str(key)))
            if found is not None:
                return found
        extra = [key for key in after if key not in before]
        return Difference((*path, str(extra[0])), (), None, after[extra[0]]) if extra else None
    if isinstance(before, (list, tuple)) and isinstance(after, (list, tuple)) and not _plain(before):
        for place, (one, two) in enumerate(zip(before, after, strict=False)):
            found = first_difference(one, two, limit, (*path, str(place)))
            if found is not None:
                return found
        return None if len(before) == len(after) else Difference(path, (), len(before), len(after))
    return _compare(before, after, limit, path)


def _plain(values: Sequence[Any]) -> bool:
    return bool(values) and all(isinstance(value, (bool, int, float)) for value in values)


def _compare(
    before: Any, after: Any, limit: Callable[[NDArray[Any]], NDArray[Any]] | None, path: tuple[str, ...]
) -> Difference | None:
    one, two = np.asarray(before), np.asarray(after)
    if one.ndim and two.ndim and limit is not None:
        one, two = limit(one), limit(two)
    if one.shape != two.shape:
        return Difference(path, (), f"shape {one.shape}", f"shape {two.shape}")
    differs = one != two
    if one.dtype.kind == "f" and two.dtype.kind == "f":
        differs &= ~(np.isnan(one) & np.isnan(two))
    elif one.dtype.kind == "O":
        differs = np.asarray(differs, dtype=bool)
    if not np.any(differs):
        return None
    index = tuple(int(place) for place in np.unravel_index(int(np.argmax(differs)), one.shape)) if one.ndim else ()
    return Difference(
        path, index, _item(one[index]), _item(two[index]), int(np.sum(differs)), len(one) if one.ndim else 0
    )


def _item(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
