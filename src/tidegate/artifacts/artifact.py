"""The artifact: the folder that a trained model is saved to, and all that prediction needs.

    model/  model.json            what it is, and the sha256 of every other file
            weights.safetensors   the network's tensors
            preparation.json      every fitted number of the preparation
            context.safetensors   the last rows of the training table, so that it can predict without data

Loading executes nothing, allocates no more than the spec accounts for, and refuses what does not fit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from tidegate.artifacts.atomic import existing_folder, write_folder
from tidegate.artifacts.spec import NetworkSpec, Record
from tidegate.artifacts.storage import Storage, pack_weights, unpack_weights
from tidegate.core.errors import ArtifactError
from tidegate.core.translate import tr

FORMAT_VERSION = 2  # 1 where the weights are float32, which versions of tidegate before it read
LARGEST_JSON = 64 * 1024 * 1024
LARGEST_TENSORS = 4 * 1024**3
FILES = ("weights.safetensors", "preparation.json", "context.safetensors")
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class ModelRecord(Record):
    """What `model.json` holds.

    Attributes:
        format_version: of this layout; a reader refuses a newer one.
        task: which estimator made it. network: its spec.
        schema_, frequency, timezone: of the table it was fitted on.
        config: constructor arguments. reading: options the table was read with. decoding: how outputs become forecasts.
        context: names and categories that `context.safetensors` needs.
        weights: how they are stored; see `tidegate.artifacts.storage`.
        provenance: versions of what trained it, seed and date of the data; no host, no user.
        files: sha256 of every other file.
    """

    format_version: int
    task: str
    tidegate_version: str
    network: NetworkSpec
    schema_: dict[str, Any] = Field(alias="schema")
    frequency: dict[str, Any]
    timezone: str | None
    config: dict[str, Any]
    reading: dict[str, Any]
    decoding: dict[str, Any]
    context: dict[str, Any]
    weights: Storage = "float32"
    provenance: dict[str, Any]
    files: dict[str, Sha256]


@dataclass(frozen=True)
class Artifact:
    """A trained model in memory.

    Attributes:
        record: `model.json` without trust in its hashes needed any more.
        weights: name -> float32 tensor, with those that are stored with 8 bits beside them (`Tensors`).
        preparation: the preparation's JSON state. context: name -> array.
    """

    record: ModelRecord
    weights: Mapping[str, NDArray[np.float32]]
    preparation: Mapping[str, Any]
    context: Mapping[str, NDArray[Any]] = field(default_factory=dict)


def write_artifact(
    path: Path,
    *,
    weights: Mapping[str, NDArray[np.float32]],
    preparation: Mapping[str, Any],
    context: Mapping[str, NDArray[Any]],
    record: Mapping[str, Any],
) -> None:
    """Write a model's folder atomically; a folder that was there is replaced whole.

    Args:
        path: the folder. weights, preparation, context: what the files hold.
        record: the other fields of `ModelRecord`; without `weights` they are stored as float32.

    Raises:
        OutputError: it cannot be written.
    """
    network, storage = NetworkSpec.from_json(record["network"]), record.get("weights", "float32")
    files = {
        "weights.safetensors": pack_weights(network, weights, storage),
        "preparation.json": _dump(preparation),
        "context.safetensors": save_tensors({name: np.ascontiguousarray(value) for name, value in context.items()}),
    }
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    model = {"format_version": 1 if storage == "float32" else FORMAT_VERSION, **record, "files": hashes}
    if storage == "float32":
        model.pop("weights", None)
    write_folder(path, {**files, "model.json": _dump(model)})


def read_artifact(path: Path) -> Artifact:
    """Read and verify a model's folder.

    Raises:
        ArtifactError: a file is missing, extra, changed, truncated or of a newer format; a tensor is
            missing, extra, or of another shape or type than the network has.
    """
    folder = existing_folder(Path(path))
    if not folder.is_dir():
        raise ArtifactError(tr("there is no model at {path}: expected a folder with model.json in it", path=path))
    record = _read_record(folder)
    contents: dict[str, bytes] = {}
    for name in FILES:
        content = _read_bytes(folder / name, LARGEST_TENSORS if name.endswith("safetensors") else LARGEST_JSON)
        if hashlib.sha256(content).hexdigest() != record.files.get(name):
            raise ArtifactError(
                tr("{value} is not what model.json says (sha256 differs): it was changed or cut", value=folder / name)
            )
        contents[name] = content
    if set(record.files) != set(FILES):
        message = "{value}: files are {shown}, expected {shown2}"
        raise ArtifactError(tr(message, value=folder / "model.json", shown=sorted(record.files), shown2=sorted(FILES)))
    weights = unpack_weights(folder / FILES[0], contents[FILES[0]], record.network, record.weights)
    return Artifact(
        record=record,
        weights=weights,
        preparation=_parse(folder / FILES[1], contents[FILES[1]]),
        context=_read_tensors(folder / FILES[2], contents[FILES[2]]),
    )


def read_model(path: str | Path) -> Artifact:
    """Read a model's folder, or that of a run that has one.

    Raises:
        ArtifactError: as of `read_artifact`.
    """
    return read_artifact(_model_folder(path))


def read_task(path: str | Path) -> str:
    """Which estimator made a model, from its `model.json` alone; arguments and errors as of `read_model`."""
    folder = existing_folder(_model_folder(path))
    if not folder.is_dir():
        raise ArtifactError(tr("there is no model at {path}: expected a folder with model.json in it", path=path))
    return _read_record(folder).task


def _model_folder(path: str | Path) -> Path:
    folder = Path(path)
    if not (folder / "model.json").exists() and existing_folder(folder / "model").is_dir():
        return folder / "model"
    return folder


def _read_record(folder: Path) -> ModelRecord:
    place = folder / "model.json"
    state = _parse(place, _read_bytes(place, LARGEST_JSON))
    version = state.get("format_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        message = "{place}: format_version is {version}, expected a whole number from 1"
        raise ArtifactError(tr(message, place=place, version=repr(version)))
    if version > FORMAT_VERSION:
        message = (
            "{place} is of format version {version}; this tidegate reads up to {FORMAT_VERSION}. Upgrade tidegate."
        )
        raise ArtifactError(tr(message, place=place, version=version, FORMAT_VERSION=FORMAT_VERSION))
    network = NetworkSpec.from_json(state.pop("network", None))
    try:
        return ModelRecord.model_validate({**state, "network": network})
    except ValidationError as error:
        first = error.errors()[0]
        raise ArtifactError(
            tr("{place}: {shown}: {item}", place=place, shown=".".join(map(str, first["loc"])), item=first["msg"])
        ) from error


def _read_tensors(place: Path, content: bytes) -> dict[str, NDArray[Any]]:
    try:
        return dict(load_tensors(content))
    except (SafetensorError, KeyError, ValueError) as error:
        raise ArtifactError(tr("{place} is not a safetensors file: {error}", place=place, error=error)) from error


def _read_bytes(place: Path, largest: int) -> bytes:
    if place.is_symlink() or not place.is_file():
        raise ArtifactError(tr("{place} is missing (or is not a plain file): the model is incomplete", place=place))
    if place.stat().st_size > largest:
        message = "{place} has {st_size} bytes, more than the {largest} that are allowed"
        raise ArtifactError(tr(message, place=place, st_size=place.stat().st_size, largest=largest))
    try:
        return place.read_bytes()
    except OSError as error:
        raise ArtifactError(
            tr("{place} cannot be read: {value}", place=place, value=error.strerror or error)
        ) from error


def _parse(place: Path, content: bytes) -> dict[str, Any]:
    try:
        state = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(tr("{place} is not JSON: {error}", place=place, error=error)) from error
    if not isinstance(state, dict):
        raise ArtifactError(tr("{place}: expected a JSON object", place=place))
    return state


def _dump(state: Mapping[str, Any]) -> bytes:
    return json.dumps(state, indent=1, ensure_ascii=False, allow_nan=False).encode()
