"""What a detector leaves in its artifact and its run, and a run taken up again."""

from __future__ import annotations

from typing import Any

from tidegate.core.table import Table
from tidegate.data import split
from tidegate.data.emit import to_csv
from tidegate.runtime.detect.detector import ENDS
from tidegate.runtime.detect.walk import walk
from tidegate.tasks.detect.fit import DetectFitted
from tidegate.tasks.detect.frame import event_columns, score_columns
from tidegate.tasks.detect.known_anomalies import labels_of
from tidegate.tasks.open import Stored
from tidegate.tasks.run import Content


def content_of(_: Any, fitted: DetectFitted, *, context: bool) -> Content:
    """The artifact of a detector; with `context` its state at the end of the table, so that streams go on there."""
    detector = fitted.detector
    arrays: dict[str, Any] = {"base": detector.base, "counts": detector.counts, "levels": detector.levels}
    if context:
        arrays |= {f"{ENDS}{name}": values for name, values in detector.ends.items()}
    return Content(
        spec=detector.spec,
        weights=dict(detector.weights),
        preparation=detector.preparation.to_json(),
        schema=detector.schema.to_json(),
        frequency=detector.frequency.to_json(),
        timezone=detector.preparation.timezone,
        decoding=detector.rules.to_json(),
        arrays=arrays,
    )


def predictions(model: Any, _: Any) -> dict[str, bytes]:
    """Scores and events of the test part, by file."""
    walked, rows = model._walked(None, "test", {})
    channels, zone = model.detector_.preparation.channels, walked.table.timezone
    scores = score_columns(walked, rows, channels, model.detector_.rules.groups)
    events = event_columns(walked, model.detector_.rules, channels, model.fitted_.split["test"])
    return {"scores.csv": to_csv(scores, timezone=zone).encode(), "events.csv": to_csv(events, timezone=zone).encode()}


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
    detector = model.detector_
    model._take(
        DetectFitted(
            **stored.trained(detector),
            table=table,
            split=parts,
            detector=detector,
            walked=walk(detector, table, parts.validation[:, 1]),
            labelled=labelled,
        )
    )
