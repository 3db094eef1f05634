"""The run folder: everything a training leaves behind, each file written whole or not at all.

run/  config.toml  history.csv  metrics.json  predictions.parquet  report.html  model/  checkpoints/
"""

from __future__ import annotations

import io
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.artifacts import toml
from tidegate.artifacts.artifact import write_artifact
from tidegate.artifacts.atomic import write_file
from tidegate.core.optional import require
from tidegate.core.table import Note
from tidegate.core.version import VERSION
from tidegate.runtime.forecast.context import pack_context
from tidegate.runtime.forecast.predictor import context_rows
from tidegate.tasks.forecast.evaluate import Judged

LARGEST_PREDICTIONS = 20_000_000


def write_model(model: Any, path: Path, *, context: bool = True) -> Path:
    """Write a fitted forecaster's artifact.

    Args:
        model: the forecaster. path: the artifact's folder. context: whether the table's end goes with it.

    Raises:
        OutputError: the folder cannot be written.
    """
    fitted = model.fitted_
    about: dict[str, Any] = {}
    arrays: dict[str, Any] = {}
    if context:
        about, arrays = pack_context(fitted.table, context_rows(fitted.spec, fitted.preparation))
    if fitted.decoding.calibration is not None:
        arrays["calibration"] = fitted.decoding.calibration
    write_artifact(
        path,
        weights={name: tensor.numpy() for name, tensor in fitted.network.state_dict().items()},
        preparation=fitted.preparation.to_json(),
        context=arrays,
        record={
            "task": "forecaster",
            "tidegate_version": VERSION,
            "network": fitted.spec.model_dump(mode="json"),
            "schema": fitted.table.schema.to_json(),
            "frequency": fitted.table.frequency.to_json(),
            "timezone": fitted.table.timezone,
            "config": plain(model.get_params()),
            "reading": plain(model.reading_),
            "decoding": fitted.decoding.to_json(),
            "context": about,
            "provenance": {"versions": versions(), "seed": model.seed, "epochs": len(fitted.history)},
        },
    )
    return path


def write_results(folder: Path, model: Any, judged: Judged | None, config: Mapping[str, Any]) -> None:
    """Write config, history, metrics and predictions of a fitted forecaster beside its model.

    Args:
        folder: the run. model: the forecaster. judged: its test part; None where there is none.
        config: what `fit` was called with, by section.

    Raises:
        OutputError: the folder cannot be written.
    """
    write_model(model, folder / "model")
    write_file(folder / "config.toml", toml.dumps(plain(config)).encode())
    write_file(folder / "history.csv", model.history_.to_csv().encode())
    notes = [plain(asdict(note)) for note in model.notes_]
    metrics: dict[str, Any] = {"notes": notes, "seconds": model.history_.seconds, "stopped": model.history_.stopped}
    if judged is not None:
        metrics["test"] = judged.evaluation.to_json()
        write_file(folder / "predictions.parquet", _predictions(judged))
    _write_json(folder / "metrics.json", metrics)


def _predictions(judged: Judged) -> bytes:
    """One row per window, step and target: series, cutoff, time, step, target, actual, mean and the quantiles."""
    polars = require("polars", extra="train", purpose="write predictions.parquet")
    table, found, origins = judged.table, judged.forecast, judged.origins
    windows, horizon, targets = found.mean.shape
    if found.mean.size > LARGEST_PREDICTIONS:
        keep = np.linspace(0, windows - 1, max(1, LARGEST_PREDICTIONS // (horizon * targets))).astype(np.int64)
        origins, windows = origins[keep], len(keep)
        mean, quantiles = found.mean[keep], found.quantiles[keep]
    else:
        mean, quantiles = found.mean, found.quantiles
    each = horizon * targets
    rows = origins[:, None] + np.arange(horizon)
    names = polars.Series("series", list(table.ids), dtype=polars.String)
    target_names = polars.Series("target", list(table.schema.targets), dtype=polars.String)
    columns = {
        "series": names.gather(np.repeat(table.series_of(origins), each).astype(np.uint32)),
        "cutoff": np.repeat(table.time[origins - 1], each),
        "time": np.repeat(table.time[rows].reshape(-1), targets),
        "step": np.tile(np.repeat(np.arange(1, horizon + 1, dtype=np.int32), targets), windows),
        "target": target_names.gather(np.tile(np.arange(targets, dtype=np.uint32), windows * horizon)),
        "actual": judged.prepared.raw_target(origins, horizon).reshape(-1),
        "mean": mean.reshape(-1),
    }
    for index, level in enumerate(found.levels):
        columns[f"q{level:g}"] = quantiles[..., index].reshape(-1)
    buffer = io.BytesIO()
    polars.DataFrame(columns).write_parquet(buffer)
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


def read_notes(metrics: Mapping[str, Any]) -> tuple[Note, ...]:
    """Notes as `write_results` stored them."""
    return tuple(Note(note["kind"], note["message"], note["values"]) for note in metrics["notes"])


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
