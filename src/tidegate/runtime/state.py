"""The state of streams: what it may be, checked in one place, and as bytes that refuse a single changed bit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from tidegate.artifacts.spec import NetworkSpec
from tidegate.core.errors import ArtifactError, DataError
from tidegate.core.translate import tr

FORMAT = 2
ABOUT = "about"
DIGEST = hashlib.sha256().digest_size
MOST_STEPS = 2.0**62
LARGEST_VALUE = 1e100  # of what is measured: scales and squares of it stay finite

Array = NDArray[Any]


@dataclass(frozen=True)
class Expected:
    """What an array of a state must be.

    Attributes:
        shape, dtype: of the array. low, high: of its values; infinite ones are always refused. missing: whether values
            may be NaN. falling: whether they must not rise along the last axis.
    """

    shape: tuple[int, ...]
    dtype: Any
    low: float = -np.inf
    high: float = np.inf
    missing: bool = False
    falling: bool = False

    def problem(self, found: Array) -> str | None:
        """Why an array is not what is expected; None where it is."""
        if found.shape != self.shape or found.dtype != self.dtype:
            dtype = np.dtype(self.dtype)
            return f"is {found.dtype} {list(found.shape)}, expected {dtype} {list(self.shape)}"
        if found.dtype.kind == "f":
            strange = np.isinf(found) if self.missing else ~np.isfinite(found)
            if strange.any():
                return "holds values that are not finite"
        if ((found < self.low) | (found > self.high)).any():
            return f"holds values outside {self.low:g} to {self.high:g}"
        if self.falling and (np.diff(found, axis=-1) > 0).any():
            return "holds values that rise where they must fall"
        return None


def check_state(found: Mapping[str, Array], expected: Mapping[str, Expected], where: str) -> None:
    """Refuse a state that no stream can be in.

    Args:
        found, expected: by name. where: it was found, for the message.

    Raises:
        ArtifactError: an array is missing, extra, of another shape or type, or holds a value out of range.
    """
    if set(found) != set(expected):
        message = "{where}: arrays are {shown}, expected {shown2}"
        raise ArtifactError(tr(message, where=where, shown=sorted(found), shown2=sorted(expected)))
    for name, rule in expected.items():
        problem = rule.problem(found[name])
        if problem is not None:
            raise ArtifactError(tr("{where}: {name} {problem}", where=where, name=name, problem=problem))


def fingerprint(spec: NetworkSpec, weights: Mapping[str, Array], *about: Any) -> str:
    """What a snapshot must agree with: a hash of the network and of what belongs to it."""
    digest = hashlib.sha256(json.dumps([*about, spec.model_dump(mode="json")], sort_keys=True, default=str).encode())
    for name in sorted(weights):
        digest.update(name.encode() + np.ascontiguousarray(weights[name]).tobytes())
    return digest.hexdigest()


def pack(model: str, about: Mapping[str, Any], arrays: Mapping[str, Array]) -> bytes:
    """A snapshot: a safetensors file, and the SHA-256 of its bytes after it.

    Args:
        model: its `fingerprint`. about: JSON values. arrays: by name; none is called "about".
    """
    text = json.dumps({"format": FORMAT, "model": model, **about}).encode()
    own = {name: np.ascontiguousarray(values) for name, values in arrays.items()}
    content: bytes = save_tensors({**own, ABOUT: np.frombuffer(text, np.uint8)})
    return content + hashlib.sha256(content).digest()


def unpack(snapshot: bytes, model: str) -> tuple[dict[str, Any], dict[str, Array]]:
    """What was given to `pack`.

    Raises:
        ArtifactError: it is damaged, of another format, or of another model.
    """
    try:
        whole = bytes(snapshot)
        content, digest = whole[:-DIGEST], whole[-DIGEST:]
        if hashlib.sha256(content).digest() != digest:
            raise ValueError(tr("its checksum differs, so that it was changed or cut"))
        arrays = dict(load_tensors(content))
        about = json.loads(arrays.pop(ABOUT).tobytes())
        version, made_by = about["format"], about["model"]
    except (SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ArtifactError(
            tr("the snapshot cannot be read: {error}; take it with stream.snapshot()", error=error)
        ) from error
    if version != FORMAT:
        raise ArtifactError(
            tr("the snapshot has format {version}; this version reads {FORMAT}", version=version, FORMAT=FORMAT)
        )
    if made_by != model:
        message = (
            "the snapshot was taken from a stream of another model (weights or options differ); load that one, or "
            "begin a new stream"
        )
        raise ArtifactError(tr(message))
    return about, arrays


def measured(value: Any, names: tuple[str, ...] = ()) -> NDArray[np.float64]:
    """Numbers that somebody measured, NaN where one is missing, as float64.

    Args:
        value: of any shape; the last axis has `names` where there are any.

    Raises:
        DataError: it is no number, infinite, or larger than any measurement.
    """
    if type(value) in (float, int) and abs(value) <= LARGEST_VALUE:
        return np.array(value, dtype=np.float64)
    try:
        found = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        shown = repr(value)
        shown = shown if len(shown) <= 60 else f"{shown[:60]}..."
        raise DataError(
            tr("a stream takes numbers, got {shown}; give NaN where a value is missing", shown=shown)
        ) from error
    strange = np.abs(found) > LARGEST_VALUE
    if strange.any():
        place = tuple(np.argwhere(strange)[0])
        name = f"{names[place[-1]]!r} " if names and found.ndim and found.shape[-1] == len(names) else ""
        amount = "infinite" if np.isinf(found[place]) else f"{found[place]:g}, more than {LARGEST_VALUE:g}"
        raise DataError(
            tr("a value {name}is {amount}; correct it, or give NaN if it is unknown", name=name, amount=amount)
        )
    return found
