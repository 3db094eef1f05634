"""The run folder: everything a training leaves behind, each file written whole or not at all.

run/  config.toml  history.csv  metrics.json  predictions.parquet  baselines.safetensors  report.html  model/  selected/
      checkpoints/
"""

from __future__ import annotations

import io
import json
import platform
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts import toml
from tidegate.artifacts.artifact import write_artifact
from tidegate.artifacts.atomic import check_writable, write_file
from tidegate.artifacts.spec import NetworkSpec
from tidegate.core.errors import OutputError
from tidegate.core.optional import require
from tidegate.core.table import Table
from tidegate.core.translate import tr
from tidegate.core.version import VERSION
from tidegate.data.fingerprint import data_fingerprint
from tidegate.prepare.profile import profile_arrays

OURS = (  # what a run, and the pages made of it, leave in a folder; nothing else is ever removed
    "config.toml",
    "history.csv",
    "metrics.json",
    "predictions.parquet",
    "events.csv",
    "baselines.safetensors",
    "seen.safetensors",
    "findings.json",
    "leaderboard.json",
    "audit.json",
    "report.html",
    "diagnosis.html",
    "explanation.html",
)
SELECTED = "selected"  # the fit that chose the epochs, where the model was trained again on more data


@dataclass(frozen=True)
class Content:
    """What a task puts into an artifact, beside what every artifact holds; see the page on the format.

    Attributes:
        spec: of the network. weights: its tensors by name. preparation: every fitted number.
        schema, frequency, timezone, decoding: as `model.json` has them.
        arrays: of context.safetensors. context: what `model.json` says about them.
    """

    spec: NetworkSpec
    weights: Mapping[str, NDArray[np.float32]]
    preparation: Mapping[str, Any]
    decoding: Mapping[str, Any]
    schema: Mapping[str, Any] = field(default_factory=dict)
    frequency: Mapping[str, Any] = field(default_factory=dict)
    timezone: str | None = None
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)


def write_model(model: Any, path: Path, content: Content) -> Path:
    """Write a fitted estimator's artifact.

    Args:
        model: the estimator. path: the artifact's folder. content: what its task puts there.

    Raises:
        OutputError: the folder cannot be written.
    """
    write_artifact(
        path,
        weights=dict(content.weights),
        preparation=content.preparation,
        context={**content.arrays, **_profile(model, content.arrays)},
        record={
            "task": model.task,
            "tidegate_version": VERSION,
            "network": content.spec.model_dump(mode="json"),
            "schema": content.schema,
            "frequency": content.frequency,
            "timezone": content.timezone,
            "config": plain(model.get_params()),
            "reading": plain(model.reading_),
            "decoding": content.decoding,
            "context": content.context,
            "provenance": {"versions": versions(), "seed": model.seed, "epochs": len(model.history_)},
        },
    )
    return path


def _profile(model: Any, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """What the table that it was fitted on is like, for later rows to be compared with; nothing of sequences."""
    if not any(name.startswith(("column.", "end.")) for name in arrays):  # nothing of the table is to be kept
        return {}
    data = getattr(getattr(model, "fitted_", None), "data", None)
    return profile_arrays(data) if isinstance(data, Table) else {}


def check_folder(folder: Path, *, replace: bool) -> None:
    """Refuse a folder that cannot be written, or that holds a run which is not to be replaced.

    Raises:
        OutputError: naming the folder and what to do.
    """
    check_writable(folder)
    if not replace and any((folder / name).exists() for name in ("config.toml", "metrics.json", "model")):
        message = (
            "{folder} holds a run already: choose another folder, take its place (overwrite=True, --overwrite), or go "
            "on from its checkpoints (resume=True, --resume)"
        )
        raise OutputError(tr(message, folder=folder))


def remove_run(folder: Path) -> None:
    """Remove what a run left in a folder, its pages included, but its checkpoints; what is not ours stays."""
    for name in OURS:
        (folder / name).unlink(missing_ok=True)
    for name in ("model", SELECTED):
        if (folder / name / "model.json").is_file():
            shutil.rmtree(folder / name)


def write_run(folder: Path, model: Any, evaluated: Any, config: Mapping[str, Any]) -> None:
    """Write config, history, metrics and what was predicted for the test part beside a fitted estimator's model.

    Args:
        folder: the run. model: the estimator. evaluated: its test part; None without one.
        config: what `fit` was called with, by section.

    Raises:
        OutputError: the folder cannot be written.
    """
    remove_run(folder)
    for name, content in model._contents().items():
        write_model(model, folder / name, content)
    write_file(folder / "config.toml", toml.dumps(plain(config)).encode())
    write_file(folder / "history.csv", model.history_.to_csv().encode())
    notes = [plain(asdict(note)) for note in model.notes_]
    metrics = {
        "notes": notes,
        "seconds": getattr(model, "seconds_", model.fitted_.seconds),
        "stopped": model.history_.stopped,
    }
    metrics["data"] = data_fingerprint(model.fitted_.data)
    for name, content in model._kept().items():
        write_file(folder / name, content)
    if hasattr(model, "search_"):
        _write_json(folder / "leaderboard.json", model.search_.to_json())
    if evaluated is not None:
        metrics["test"] = getattr(evaluated, "evaluation", evaluated).to_json()
        for name, content in model._predicted(evaluated).items():
            write_file(folder / name, content)
    _write_json(folder / "metrics.json", metrics)


def parquet(columns: Mapping[str, Any]) -> bytes:
    """Columns as a Parquet file; values of object arrays as what they are.

    Raises:
        MissingExtraError: polars is not installed.
    """
    polars = require("polars", extra="train", purpose="write predictions.parquet")
    objects = [name for name, values in columns.items() if getattr(values, "dtype", None) == np.dtype(object)]
    buffer = io.BytesIO()
    polars.DataFrame({**columns, **{name: list(columns[name]) for name in objects}}).write_parquet(buffer)
    return buffer.getvalue()


def write_findings(folder: Path, findings: Any) -> None:
    """Write a diagnosis beside a run's other results.

    Raises:
        OutputError: the folder cannot be written.
    """
    _write_json(folder / "findings.json", findings.to_json())


def write_audit(folder: Path, audit: Any) -> None:
    """Write a leak audit beside a run's other results.

    Raises:
        OutputError: the folder cannot be written.
    """
    _write_json(folder / "audit.json", audit.to_json())


def _write_json(path: Path, value: Any) -> None:
    write_file(path, json.dumps(plain(value), ensure_ascii=False, indent=1).encode())


def versions() -> dict[str, str]:
    """Versions of what made a result."""
    found = {"tidegate": VERSION, "python": platform.python_version()}
    for name in ("torch", "numpy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def plain(value: Any) -> Any:
    """Values that JSON and TOML can hold: tuples as lists, option groups as mappings, the rest as text."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, np.ndarray)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def remember_unit(run: Path, unit: str) -> None:
    """Keep the target's unit in a run's config.toml, for pages that are made of it later.

    Raises:
        OutputError: the file cannot be written.
    """
    place = run / "config.toml"
    config = toml.loads(place.read_text(encoding="utf-8"))
    write_file(place, toml.dumps({**config, "report": {"unit": unit}}).encode())


def unit_of(run: Path) -> str:
    """The target's unit as `remember_unit` kept it, of a run or of the model in it; "" where none was given."""
    folder = run.parent if (run / "model.json").exists() else run
    try:
        unit = toml.loads((folder / "config.toml").read_text(encoding="utf-8"))["report"]["unit"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return unit if isinstance(unit, str) else ""
