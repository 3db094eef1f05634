"""A fitted estimator as `tidegate.diagnose.fix` handles it: trained again with other options, and scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tidegate.diagnose import Findings, examine
from tidegate.evaluate.verdict import Verdict


def verdicts(model: Any) -> dict[str, Verdict]:
    """Part -> the verdict on a fitted estimator, where its task gives one."""
    trainee = model.trainee()
    found = {part: getattr(trainee.score(part), "verdict", None) for part in trainee.parts}
    return {part: verdict for part, verdict in found.items() if isinstance(verdict, Verdict)}


class Trainee:
    """An estimator that trains again on the same data and parts; a task adds what is its own.

    Args:
        model: fitted. parts: what is scored before and after; `validation` first.
    """

    higher = False
    least = 0.0
    of_labels = False

    def __init__(self, model: Any, parts: Sequence[str]) -> None:
        self.model, self.parts = model, parts

    @property
    def independent(self) -> int | None:
        """How many windows that do not overlap the validation score is made of; None where nothing overlaps."""
        return None

    def findings(self) -> Findings:
        """What is wrong with it."""
        return examine(*self.model.evidence())

    def retrained(self, changes: Mapping[str, Any]) -> Trainee:
        """The same, fitted on the same data and parts with some options changed."""
        return type(self)(self.model.retrained(changes), self.parts)

    def score(self, part: str) -> Any:
        """The evaluation of a part."""
        return self.model.evaluate(part=part)

    def value(self, part: str) -> float:
        """The criterion of a part."""
        found = self.score(part)
        return float(found.overall["model"][found.criterion])

    def finish(self) -> Trainee:
        """What is handed over."""
        return self
