"""What a run's own test says of its model, so that no forecast leaves without it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate.core.errors import ArtifactError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.evaluate.verdict import Verdict


@dataclass(frozen=True)
class Standing:
    """The verdict on a run's test part, and the findings of its diagnosis that forbid the model's use.

    Attributes:
        verdict: None where nothing was tested. critical: finding by finding its id, title and text, as kept.
    """

    verdict: Verdict | None = None
    critical: tuple[Mapping[str, str], ...] = ()

    @classmethod
    def read(cls, path: Path) -> Standing:
        """Of a run's folder, or of the run that a model lies in; nothing is said of a model alone.

        Raises:
            ArtifactError: the run's files are damaged.
        """
        folder = path.parent if (path / "model.json").exists() else path
        try:
            tested = _json(folder / "metrics.json").get("test") or {}
            verdict = Verdict.from_json(tested["verdict"]) if tested.get("verdict") else None
            found = _json(folder / "findings.json").get("findings", [])
            grave = [{name: str(item[name]) for name in ("id", "title", "text")} for item in found if _is_grave(item)]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ArtifactError(
                tr("{folder}: metrics.json or findings.json cannot be read: {error}", folder=folder, error=error)
            ) from error
        return cls(verdict, tuple(grave))

    @property
    def better(self) -> str | None:
        """The baseline that did better than the model on the test part; None where none did."""
        values = {} if self.verdict is None else self.verdict.values
        if "baseline" not in values or not isinstance(values.get("reference"), float):
            return None
        lead = values["model"] - values["reference"]
        return str(values["baseline"]) if (lead < 0 if values.get("higher") else lead > 0) else None

    def notes(self) -> tuple[Note, ...]:
        """What belongs beside every answer of the model."""
        said = (
            []
            if self.verdict is None
            else [Note("verdict", "On the test part: {verdict}", {"verdict": self.verdict.text()})]
        )
        message = "Critical: {title}. {text}"
        return (
            *said,
            *(Note("critical", message, {"title": one["title"], "text": one["text"]}) for one in self.critical),
        )

    def to_json(self) -> dict[str, Any]:
        verdict = None if self.verdict is None else {**self.verdict.to_json(), "text": self.verdict.text("en")}
        return {"verdict": verdict, "critical": [dict(one) for one in self.critical]}


def _is_grave(item: Mapping[str, Any]) -> bool:
    return bool(item["severity"] == "critical")


def _json(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found if isinstance(found, dict) else {}
