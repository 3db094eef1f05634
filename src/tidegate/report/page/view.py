"""What every report shows of its run, whatever the task: a plain picture, filled by whoever ran it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError
from tidegate.core.table import Note

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Run:
    """What all pages tell of a run.

    Attributes:
        title: of the page.
        evaluation: scores beside the baselines, and the verdict.
        unit: of the values, "" where unknown.
        schema: what the data are, a line each, as `tidegate.report.describe` makes them.
        notes: what was found in the data and done to it.
        config: options of the run; nested mappings are flattened to dotted names.
        command: how to repeat the run in a shell; `snippet`: the same in Python.
        seed, versions (name -> version), seconds (of training).
        history: one mapping per epoch: epoch, train_loss, validation_loss, learning_rate, grad_norm, seconds, best.
        loss: name of the training loss.
        findings: of a diagnosis (`tidegate.diagnose.Findings`); None where there was none.
        audit: the leak audit of the same data and options; None where there was none.
    """

    title: str
    evaluation: Any
    _: KW_ONLY
    unit: str = ""
    schema: tuple[Note, ...] = ()
    notes: tuple[Note, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    snippet: str = ""
    seed: int | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    seconds: float | None = None
    history: Sequence[Mapping[str, Any]] = ()
    loss: str = ""
    findings: Any = None
    audit: Any = None


def check_lengths(what: str, **arrays: Any) -> None:
    """Refuse arrays that belong together and have not as many entries.

    Raises:
        ConfigError: lengths differ; the message names them.
    """
    sizes = {name: len(values) for name, values in arrays.items()}
    if len(set(sizes.values())) > 1:
        counted = ", ".join(f"{count} {name}" for name, count in sizes.items())
        raise ConfigError(f"{what} has {counted}; expected the same number of each")
