"""What a classifier or regressor leaves in its artifact and its run."""

from __future__ import annotations

from typing import Any

from tidegate.prepare.sequence.targets import ClassLabels
from tidegate.runtime.label.decode import choose
from tidegate.tasks.label.evaluate import EvaluatedLabels
from tidegate.tasks.label.fit import LabelFitted
from tidegate.tasks.run import Content, parquet


def content_of(fitted: LabelFitted) -> Content:
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


def predictions(model: Any, evaluated: EvaluatedLabels) -> bytes:
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
    return parquet(columns)
