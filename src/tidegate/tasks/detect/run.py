"""What a detector leaves in its artifact and its run."""

from __future__ import annotations

from typing import Any

from tidegate.data.emit import to_csv
from tidegate.runtime.detect.detector import ENDS, Detector
from tidegate.tasks.detect.frame import event_columns, score_columns
from tidegate.tasks.run import Content


def content_of(detector: Detector, *, context: bool) -> Content:
    """The artifact of a detector; with `context` its state at the end of the table, so that streams go on there."""
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


def predictions(model: Any) -> dict[str, bytes]:
    """Scores and events of the test part, by file."""
    walked, rows = model._walked(None, "test", {})
    channels, zone = model.detector_.preparation.channels, walked.table.timezone
    scores = score_columns(walked, rows, channels)
    events = event_columns(walked, model.detector_.rules, channels, model.fitted_.split["test"])
    return {"scores.csv": to_csv(scores, timezone=zone).encode(), "events.csv": to_csv(events, timezone=zone).encode()}
