"""What a classifier or regressor leaves in its artifact and its run."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.prepare.sequence.targets import ClassLabels
from tidegate.runtime.label.decode import choose
from tidegate.tasks.label.evaluate import LabelJudged
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
    )


def predictions(model: Any, judged: LabelJudged) -> bytes:
    """One row per answer: id, [step,] what was said, how sure, and what was true."""
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
    return parquet(columns)
