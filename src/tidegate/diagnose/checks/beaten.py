"""The check of last resort: a model that a baseline beats is never one in which nothing was found."""

from __future__ import annotations

from tidegate.diagnose.evidence import Evidence
from tidegate.diagnose.finding import Finding

BEATEN = ("loses", "worse", "exact")  # keys of such a verdict


def beaten(case: Evidence) -> list[Finding]:
    """A baseline that is better by more than chance explains, in the first part where one is."""
    for part, verdict in case.verdicts().items():
        if verdict.key in BEATEN:
            shown = {name: verdict.values[name] for name in ("metric", "model", "baseline", "reference")}
            return [Finding("beaten", "warning", {"part": part, **shown})]
    return []
