"""What a classifier or regressor leaves in its artifact and its run, and a run taken up again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from tidegate.core.errors import ArtifactError
from tidegate.core.sequences import Sequences
from tidegate.core.translate import tr
from tidegate.data.partition import Partition
from tidegate.prepare.sequence.prepared import whole
from tidegate.prepare.sequence.targets import ClassLabels
from tidegate.runtime.label.decode import choose
from tidegate.tasks.label.build import make_plan
from tidegate.tasks.label.evaluate import EvaluatedLabels
from tidegate.tasks.label.fit import LabelFitted
from tidegate.tasks.label.reading import read_training_data
from tidegate.tasks.open import Stored
from tidegate.tasks.run import SELECTED, Content, parquet
from tidegate.train.run import TorchRun

SEEN = "seen.safetensors"  # outputs and answers of the network that chose the epochs


def content_of(_: Any, fitted: LabelFitted, *, context: bool) -> Content:
    """The artifact of a fit."""
    sequences = fitted.sequences
    return Content(
        spec=fitted.spec,
        weights=fitted.weights,
        preparation={"inputs": fitted.preparation.to_json(), "labels": fitted.labels.to_json()},
        schema={"channels": list(sequences.channels), "labels": list(sequences.label_names)},
        frequency={"rate": sequences.rate},
        decoding=fitted.deciding.to_json(),
        arrays={} if fitted.margins is None else fitted.margins.arrays(),
    )


def predictions(model: Any, evaluated: EvaluatedLabels) -> dict[str, bytes]:
    """One row per answer: id, [step,] what was predicted, how sure, and what was true."""
    labels, found, columns = model.labels_, evaluated.found, evaluated.ids()
    if not isinstance(labels, ClassLabels):
        for place, name in enumerate(labels.names):
            columns |= {f"actual:{name}": evaluated.actual[:, place], name: found[:, place]}
    else:
        chosen = choose(found, labels, model.deciding_)
        if labels.multiple:
            columns |= {f"actual:{name}": evaluated.actual[:, place] > 0 for place, name in enumerate(labels.names)}
            columns |= {name: chosen[:, place] for place, name in enumerate(labels.names)}
        else:
            columns |= {"actual": labels.decode(evaluated.actual), labels.name: labels.decode(chosen)}
        columns |= {f"p:{name}": found[:, place] for place, name in enumerate(labels.names)}
    return {"predictions.parquet": parquet(columns)}


def take_up(model: Any, stored: Stored, data: Any) -> None:
    """Give a loaded model its data, its parts, its history, and what a diagnosis looks at.

    Raises:
        ArtifactError: the run does not say where its data are, or lacks the predictions that chose the epochs.
        DataError: the data cannot be read, or are not those of the training.
    """
    sequences, parts = read_training_data(stored, data, seed=model.seed)
    fitted = _fit_of(model, sequences, parts, stored)
    if (stored.folder / SELECTED).is_dir():
        before = type(model).load(stored.folder / SELECTED)
        fitted = replace(fitted, selected=_fit_of(before, sequences, parts, stored))
    model.fitted_, model.run_ = fitted, TorchRun(fitted.network).sequences
    model.history_, model.notes_ = model.fitted_.history, stored.notes


def _fit_of(model: Any, sequences: Sequences, parts: Partition, stored: Stored) -> LabelFitted:
    """The fit that a loaded model came from."""
    choices, preparation, deciding = model.check(), model.preparation_, model.deciding_
    prepared = preparation.apply(sequences)
    lengths = whole(prepared.starts, parts.train).lengths if deciding.window is None else [deciding.window]
    return LabelFitted(
        sequences=sequences,
        parts=parts,
        preparation=preparation,
        prepared=prepared,
        labels=model.labels_,
        plan=make_plan(
            choices.recurrent, choices.network, preparation, int(np.median(lengths)), tags=deciding.per_step
        ),
        **stored.trained(model.model_),
        deciding=deciding,
        seen=read_seen(stored.folder),
        margins=model.margins_,
    )


def pack_seen(seen: Any) -> bytes:
    """What the network that chose the epochs predicted for the training and the validation part, as a file.

    Args:
        seen: part -> outputs and encoded labels, as `LabelFitted` holds them.
    """
    arrays: dict[str, NDArray[Any]] = {}
    for part, (outputs, answers) in seen.items():
        arrays |= {f"{part}.outputs": np.ascontiguousarray(outputs), f"{part}.answers": np.ascontiguousarray(answers)}
    packed: bytes = save_tensors(arrays)
    return packed


def read_seen(folder: Path) -> dict[str, tuple[NDArray[np.float32], NDArray[Any]]]:
    """What `pack_seen` made.

    Raises:
        ArtifactError: the file is missing or damaged.
    """
    try:
        arrays = load_tensors((folder / SEEN).read_bytes())
        return {part: (arrays[f"{part}.outputs"], arrays[f"{part}.answers"]) for part in ("train", "validation")}
    except (OSError, KeyError, SafetensorError) as error:
        raise ArtifactError(
            tr("{folder} cannot be read, which a diagnosis needs: {error}", folder=folder / SEEN, error=error)
        ) from error
