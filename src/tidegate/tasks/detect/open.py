"""A detector's run taken up again."""

from __future__ import annotations

from typing import Any

from tidegate.core.table import Table
from tidegate.data import split
from tidegate.nn.network import build_network
from tidegate.runtime.detect.walk import walk
from tidegate.tasks.detect.fit import DetectFitted
from tidegate.tasks.detect.known_anomalies import labels_of
from tidegate.tasks.open import Stored


def take_up(model: Any, stored: Stored, data: Any) -> None:
    """Give a loaded detector its data, its parts, its history, and what it predicts for every row.

    Raises:
        ArtifactError: the run does not say where its data are.
        DataError: the data cannot be read, or are not those of the training.
    """
    given, reading = stored.given(data), dict(stored.reading)
    label = reading.pop("label", None)
    table = model.read(given, label=label, **({} if isinstance(given, Table) else reading))
    table, labelled = labels_of(table, label)
    stored.check(table, given)
    parts = split(table, **stored.split, window=model.check().window, horizon=1)
    detector, history = model.detector_, stored.history()
    model._take(
        DetectFitted(
            network=build_network(detector.spec, detector.weights),
            histories=(history,),
            notes=stored.notes,
            table=table,
            split=parts,
            detector=detector,
            walked=walk(detector, table, parts.validation[:, 1]),
            labelled=labelled,
        )
    )
