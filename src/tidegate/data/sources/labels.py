"""Labels and groups as arrays, whatever they were given as."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import SchemaError
from tidegate.core.translate import tr

MISSING = frozenset({"", "?", "na", "n/a", "<na>", "nan", "nat", "null"})
_LARGEST = 2**53


def from_texts(cells: Sequence[str | None]) -> NDArray[Any]:
    """Labels out of text: int64 where all are whole numbers, float64 where all are numbers, bool, else text.

    Whole numbers that begin with a zero, such as 001, are text.

    A missing one is None, or NaN among numbers with a fraction.
    """
    known: dict[str | None, str | None] = {None: None}
    held: list[str | None] = []
    for cell in cells:
        if cell not in known:
            plain = (cell or "").strip()
            known[cell] = None if plain.lower() in MISSING else plain
        held.append(known[cell])
    kinds = {cell for cell in known.values() if cell is not None}
    if kinds and {kind.lower() for kind in kinds} <= {"true", "false"}:
        return tidy([None if cell is None else cell.lower() == "true" for cell in held])
    if any(len(kind) > 1 and kind[0] == "0" and kind.isdigit() for kind in kinds):
        return _objects(held)  # names of digits: 001 and 1 are two classes
    try:
        numbers = {kind: float(kind) for kind in kinds if "_" not in kind}
    except ValueError:
        numbers = {}
    if kinds and len(numbers) == len(kinds):
        return tidy([np.nan if cell is None else numbers[cell] for cell in held])
    return _objects(held)


def tidy(values: Any) -> NDArray[Any]:
    """Labels [M] or [M, P]: whole floats become int64; text and mixtures with None become objects."""
    array = values if isinstance(values, np.ndarray) else _array(values)
    kind = array.dtype.kind
    if kind == "O" and array.ndim == 1:
        return _of_objects(array)
    if kind in "SU":
        return _objects(array.astype(str).tolist()) if array.ndim == 1 else array.astype(object)
    if kind in "iub":
        return array if kind == "b" else array.astype(np.int64)
    if kind == "f" and array.ndim == 1:
        return _of_floats(array)
    if kind in "fO":
        return _floats(array)
    raise SchemaError(tr("labels hold {dtype}; expected numbers, text, or true and false", dtype=array.dtype))


def several(columns: Sequence[NDArray[Any]], names: Sequence[str]) -> NDArray[Any]:
    """Several labels of one sequence, [M, P]: bool where each is only ever true or false (0 or 1), else float64.

    Raises:
        SchemaError: a column holds text.
    """
    for name, column in zip(names, columns, strict=True):
        if column.dtype.kind == "O" and any(isinstance(cell, str) for cell in column.tolist()):
            raise SchemaError(
                tr("label column {name!r} holds text; several label columns must hold numbers, or 0 and 1", name=name)
            )
    table = np.stack([column.astype(np.float64) for column in columns], axis=1)
    return table.astype(bool) if np.isin(table, (0.0, 1.0)).all() else table


def groups(values: Any, count: int) -> NDArray[Any]:
    """Groups [M] as they are.

    Raises:
        SchemaError: another number of them.
    """
    array = values if isinstance(values, np.ndarray) else _array(values)
    if array.shape != (count,):
        message = "groups have shape {shape}; expected one for each of the {count} sequences"
        raise SchemaError(tr(message, shape=array.shape, count=count))
    missing = [place for place, group in enumerate(array.tolist()) if group is None or group != group]  # noqa: PLR0124
    if missing:
        message = "{count} sequences have no group (first: place {missing}); fill them in"
        raise SchemaError(tr(message, count=len(missing), missing=missing[0]))
    return array.astype(object) if array.dtype.kind in "SU" else array


def _array(values: Any) -> NDArray[Any]:
    if isinstance(values, (str, bytes)) or not hasattr(values, "__len__"):
        raise SchemaError(tr("labels {values!r} are no list; give one label for each sequence", values=values))
    for convert in ("to_numpy", "numpy"):
        if hasattr(values, convert):
            return np.asarray(getattr(values, convert)())
    held = list(values)
    if held and all(isinstance(item, (list, tuple, np.ndarray)) for item in held):
        return np.asarray(held)
    array = np.empty(len(held), dtype=object)
    array[:] = held
    return array


def _of_objects(array: NDArray[Any]) -> NDArray[Any]:
    held = [None if _null(cell) else cell for cell in array.tolist()]
    known = [cell for cell in held if cell is not None]
    if known and all(isinstance(cell, (bool, np.bool_)) for cell in known):
        return _objects(held) if len(known) < len(held) else np.array(held, dtype=bool)
    if known and all(isinstance(cell, (int, float, np.integer, np.floating)) for cell in known):
        return _of_floats(np.array([np.nan if cell is None else cell for cell in held], dtype=np.float64))
    return _objects([None if cell is None else cell if isinstance(cell, (int, bool)) else str(cell) for cell in held])


def _of_floats(array: NDArray[Any]) -> NDArray[Any]:
    array = _floats(array)
    missing = np.isnan(array)
    known = array[~missing]
    if not len(known) or (known % 1 != 0).any() or np.abs(known).max() > _LARGEST:
        return array
    if not missing.any():
        return array.astype(np.int64)
    whole = np.where(missing, 0, array).astype(np.int64).astype(object)
    whole[missing] = None
    return whole


def _floats(array: NDArray[Any]) -> NDArray[np.float64]:
    try:
        numbers = array.astype(np.float64)
    except (TypeError, ValueError):
        raise SchemaError(tr("labels of several columns must be numbers, or true and false")) from None
    if np.isinf(numbers).any():
        place = int(np.argwhere(np.isinf(numbers))[0][0])
        raise SchemaError(tr("label {place} is infinite; correct it, or leave it missing", place=place))
    return numbers


def _objects(held: Sequence[Any]) -> NDArray[Any]:
    array = np.empty(len(held), dtype=object)
    array[:] = held
    return array


def _null(cell: Any) -> bool:
    return cell is None or (isinstance(cell, float) and isnan(cell)) or str(cell) in ("<NA>", "NaT")
