"""What a detector leaves behind: its artifact, and the folder of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tidegate.artifacts import toml
from tidegate.artifacts.artifact import write_artifact
from tidegate.artifacts.atomic import write_file
from tidegate.core.version import VERSION
from tidegate.data.emit import to_csv
from tidegate.runtime.detect.detector import ENDS, TASK
from tidegate.tasks.detect.frame import event_columns, score_columns
from tidegate.tasks.run import plain, versions


def write_detector(model: Any, path: Path, *, context: bool = True) -> Path:
    """Write a fitted detector's artifact.

    Args:
        model: the detector. path: the artifact's folder. context: whether the state at the table's end goes with it.

    Raises:
        OutputError: the folder cannot be written.
    """
    detector = model.detector_
    arrays = {"base": detector.base, "counts": detector.counts, "levels": detector.levels}
    if context:
        arrays |= {f"{ENDS}{name}": values for name, values in detector.ends.items()}
    write_artifact(
        path,
        weights=dict(detector.weights),
        preparation=detector.preparation.to_json(),
        context=arrays,
        record={
            "task": TASK,
            "tidegate_version": VERSION,
            "network": detector.spec.model_dump(mode="json"),
            "schema": detector.schema.to_json(),
            "frequency": detector.frequency.to_json(),
            "timezone": detector.preparation.timezone,
            "config": plain(model.get_params()),
            "reading": plain(model.reading_),
            "decoding": detector.rules.to_json(),
            "context": {},
            "provenance": {"versions": versions(), "seed": model.seed, "epochs": len(model.history_)},
        },
    )
    return path


def write_detector_run(folder: Path, model: Any, judged: Any, config: Mapping[str, Any]) -> None:
    """Write config, history, metrics, scores and events of a fitted detector beside its model.

    Args:
        folder: the run. model: the detector. judged: its `DetectorEvaluation` of the test part, or None.
        config: what `fit` was called with, by section.

    Raises:
        OutputError: the folder cannot be written.
    """
    write_detector(model, folder / "model")
    write_file(folder / "config.toml", toml.dumps(plain(config)).encode())
    write_file(folder / "history.csv", model.history_.to_csv().encode())
    notes = [plain(asdict(note)) for note in model.notes_]
    metrics: dict[str, Any] = {"notes": notes, "seconds": model.history_.seconds, "stopped": model.history_.stopped}
    if judged is not None:
        metrics["test"] = judged.to_json()
        walked, rows = model._walked(None, "test", {})
        channels, zone = model.detector_.preparation.channels, walked.table.timezone
        scores = score_columns(walked, rows, channels)
        events = event_columns(walked, model.detector_.rules, channels, model.fitted_.split["test"])
        write_file(folder / "scores.csv", to_csv(scores, timezone=zone).encode())
        write_file(folder / "events.csv", to_csv(events, timezone=zone).encode())
    write_file(folder / "metrics.json", json.dumps(metrics, ensure_ascii=False, indent=1).encode())
