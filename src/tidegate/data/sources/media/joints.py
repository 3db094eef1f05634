"""Skeletons: places of joints, made independent of where and how large the body is, with how fast they move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, SchemaError
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.sources.build import check_ids, check_lengths, pack

_AXES = "xyz"


def read_joints(
    data: Any,
    *,
    lengths: Any = None,
    joints: Sequence[str] | None = None,
    root: int | Sequence[int] | None = None,
    normalise: bool = True,
    velocities: bool = True,
    **rest: Any,
) -> Sequences:
    """Sequences of skeletons.

    Args:
        data: list of [T, J, 2] or [T, J, 3]; one array [n, T, J, 2|3]; or with `lengths` [N, J, 2|3].
        lengths: [n] steps of each.
        joints: [J] names; None counts them.
        root: joint, or joints whose mean is taken, that the body is centred on at each step; None takes all.
        normalise: whether to centre, and to divide by the size of the body: the mean distance of joints from the root
            over the sequence.
        velocities: whether to add how far each joint came since the step before (before centring, so that walking
            shows), in sizes of the body; 0 at the first step.
        rest: ids, labels, tag, label_names, groups, rate.

    Raises:
        SchemaError: another shape, or different numbers of joints.
        ConfigError: `root` is no joint.
    """
    if lengths is not None:
        counts = np.asarray(lengths)
        if counts.ndim != 1 or counts.dtype.kind not in "iu" or int(counts.sum()) != len(data):
            raise SchemaError(tr("lengths should be whole numbers that add up to the {count} steps", count=len(data)))
        data = np.split(np.asarray(data), np.cumsum(counts)[:-1])
    bodies = [np.asarray(body, dtype=np.float64) for body in data]
    names = check_ids(rest.get("ids"), len(bodies))
    if not bodies:
        raise SchemaError(tr("there are no sequences; give at least one"))
    shape = bodies[0].shape[1:]
    odd = [
        i for i, body in enumerate(bodies) if body.ndim != 3 or body.shape[1:] != shape or body.shape[2] not in (2, 3)
    ]
    if odd:
        message = "sequence {name!r} has shape {shape}; expected [T, J, 2] or [T, J, 3] with the same joints in all"
        raise SchemaError(tr(message, name=names[odd[0]], shape=bodies[odd[0]].shape))
    check_lengths(np.array([len(body) for body in bodies], dtype=np.int64), names)
    if joints is not None and len(joints) != shape[0]:
        raise SchemaError(tr("{count} names for {shape} joints; give one for each", count=len(joints), shape=shape[0]))
    centre = _root(root, shape[0])
    named = [str(name) for name in joints] if joints is not None else [f"joint {number}" for number in range(shape[0])]
    channels = [f"{name} {axis}" for name in named for axis in _AXES[: shape[1]]]
    if velocities:
        channels += [f"{channel} speed" for channel in channels]
    notes = []
    if normalise:
        message = "Skeletons were centred on the mean of all joints and divided by the size of the body."
        if root is not None:
            message = "Skeletons were centred on {root} and divided by the size of the body."
        values = {} if root is None else {"root": ", ".join(named[number] for number in centre)}
        notes.append(Note("normalised", message, values))
    parts = [body_features(body, centre, normalise, velocities) for body in bodies]
    return pack(parts, channels=channels, notes=notes, **rest)


def body_features(body: NDArray[np.float64], root: list[int], normalise: bool, velocities: bool) -> NDArray[np.float32]:
    """[T, J, D] places as [T, J * D] features, twice as many with velocities.

    pose = (place - root) / size;  speed_t = (place_t - place_(t-1)) / size
    """
    centre = _mean(body[:, root]) if normalise else np.zeros((1, 1, body.shape[2]))
    pose = body - centre
    size = 1.0
    if normalise:
        distance = np.sqrt((pose**2).sum(axis=2))
        held = distance[np.isfinite(distance)]
        size = float(held.mean()) if len(held) and held.mean() > 0 else 1.0
    parts = [pose / size]
    if velocities:
        speed = np.diff(body, axis=0, prepend=body[:1]) / size
        parts.append(speed)
    return np.concatenate([part.reshape(len(body), -1) for part in parts], axis=1).astype(np.float32)


def _mean(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """[T, 1, D] mean of the joints [T, R, D] that were seen; NaN where none was."""
    seen = np.isfinite(places).sum(axis=1, keepdims=True)
    total = np.nansum(places, axis=1, keepdims=True)
    return np.where(seen > 0, total / np.maximum(seen, 1), np.nan)


def _root(root: int | Sequence[int] | None, count: int) -> list[int]:
    if root is None:
        return list(range(count))
    numbers = [root] if isinstance(root, int) else list(root)
    if not numbers or not all(isinstance(n, int) and not isinstance(n, bool) and 0 <= n < count for n in numbers):
        raise ConfigError(tr("root={root!r} must be one or more joints, from 0 to {count}", root=root, count=count - 1))
    return numbers
