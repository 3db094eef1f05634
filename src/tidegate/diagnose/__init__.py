"""Checks of a trained model that return findings with evidence and a remedy: `tidegate.diagnose(model)`.

The package is itself the function, because the verb a user types is the folder a reader opens.
"""

from __future__ import annotations

import sys
from types import ModuleType

from tidegate.diagnose.finding import Finding, Findings
from tidegate.diagnose.fix import Fixed, fix
from tidegate.diagnose.run import Examinable, diagnose, examine

__all__ = ["Finding", "Findings", "Fixed", "diagnose", "examine", "fix"]


class _Verb(ModuleType):
    """A module that can be called."""

    def __call__(self, model: Examinable) -> Findings:
        return diagnose(model)


sys.modules[__name__].__class__ = _Verb
