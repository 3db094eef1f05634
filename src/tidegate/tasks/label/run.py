"""A classifier's or regressor's run folder: its artifact, history, metrics and predictions."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts import toml
from tidegate.artifacts.artifact import write_artifact
from tidegate.artifacts.atomic import write_file
from tidegate.core.optional import require
from tidegate.core.version import VERSION
from tidegate.prepare.sequence.targets import ClassLabels
from tidegate.runtime.label.labeller import choose
from tidegate.tasks.label.evaluate import LabelJudged
from tidegate.tasks.run import plain, versions


def write_label_model(model: Any, path: Path) -> Path:
    """Write a fitted model's artifact.

    Raises:
        OutputError: the folder cannot be written.
    """
    fitted = model.fitted_
    sequences = fitted.sequences
    write_artifact(
        path,
        weights={name: tensor.numpy() for name, tensor in fitted.network.state_dict().items()},
        preparation={"inputs": fitted.preparation.to_json(), "labels": fitted.labels.to_json()},
        context={},
        record={
            "task": model.task,
            "tidegate_version": VERSION,
            "network": fitted.spec.model_dump(mode="json"),
            "schema": {"channels": list(sequences.channels), "labels": list(sequences.label_names)},
            "frequency": {"rate": sequences.rate},
            "timezone": None,
            "config": plain(model.get_params()),
            "reading": plain(model.reading_),
            "decoding": fitted.deciding.to_json(),
            "context": {},
            "provenance": {"versions": versions(), "seed": model.seed, "epochs": len(fitted.history)},
        },
    )
    return path


def write_label_results(folder: Path, model: Any, judged: LabelJudged | None, config: Mapping[str, Any]) -> None:
    """Write config, history, metrics and predictions beside the model.

    Args:
        folder: the run. model: fitted. judged: its test part; None where there is none.
        config: what `fit` was called with, by section.

    Raises:
        OutputError: the folder cannot be written.
    """
    write_label_model(model, folder / "model")
    write_file(folder / "config.toml", toml.dumps(plain(config)).encode())
    write_file(folder / "history.csv", model.history_.to_csv().encode())
    notes = [plain(asdict(note)) for note in model.notes_]
    metrics: dict[str, Any] = {
        "notes": notes,
        "seconds": model.fitted_.seconds,
        "stopped": model.history_.stopped,
    }
    if judged is not None:
        metrics["test"] = judged.evaluation.to_json()
        write_file(folder / "predictions.parquet", _predictions(model, judged))
    write_file(folder / "metrics.json", json.dumps(metrics, ensure_ascii=False, indent=1).encode())


def _predictions(model: Any, judged: LabelJudged) -> bytes:
    """One row per answer: id, [step,] what was said, how sure, and what was true."""
    polars = require("polars", extra="train", purpose="write predictions.parquet")
    sequences, labels, found = judged.sequences, model.labels_, judged.found
    ids: NDArray[Any] = np.array(sequences.ids, dtype=object)
    columns: dict[str, Any] = {"id": ids}
    if model.deciding_.per_step:
        columns["id"] = np.repeat(ids, sequences.lengths)
        columns["step"] = np.arange(len(found)) - np.repeat(sequences.starts[:-1], sequences.lengths)
    if not isinstance(labels, ClassLabels):
        for place, name in enumerate(labels.names):
            columns |= {f"actual:{name}": judged.actual[:, place], name: found[:, place]}
    else:
        chosen = choose(found, labels, model.deciding_)
        if labels.multiple:
            columns |= {f"actual:{name}": judged.actual[:, place] > 0 for place, name in enumerate(labels.names)}
            columns |= {name: chosen[:, place] for place, name in enumerate(labels.names)}
        else:
            columns |= {"actual": labels.decode(judged.actual), labels.name: labels.decode(chosen)}
        columns |= {f"p:{name}": found[:, place] for place, name in enumerate(labels.names)}
    series = {name: list(values) if values.dtype == object else values for name, values in columns.items()}
    buffer = io.BytesIO()
    polars.DataFrame(series).write_parquet(buffer)
    return buffer.getvalue()
