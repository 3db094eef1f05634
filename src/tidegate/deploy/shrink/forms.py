"""A table of forms of a model: how good, how fast, how large each is."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate.artifacts.artifact import Artifact, write_artifact
from tidegate.artifacts.storage import Storage
from tidegate.core.errors import ConfigError
from tidegate.core.names import metric_name
from tidegate.core.table import Note
from tidegate.core.text import aligned, number
from tidegate.core.translate import Language, tr
from tidegate.deploy.shrink.judge import Losses, judge
from tidegate.evaluate.evaluation import Saved
from tidegate.runtime.model import Model
from tidegate.runtime.network.timing import BATCHES, latencies

_PROGRAM = """
import json, pathlib, re, sys
from tidegate.runtime.network.timing import inputs_of
from tidegate.runtime.model import load
from tidegate.runtime.network.network import run_network
model = load(sys.argv[1])
for _ in range(3):
    run_network(model.spec, model.weights, **inputs_of(model.spec, 1))
status = pathlib.Path("/proc/self/status")  # what getrusage says counts the process that started this one
if status.exists():
    peak = int(re.search(r"VmHWM:\\s*(\\d+)", status.read_text()).group(1)) * 1024
else:
    import resource
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"peak": peak}))
"""


def peak_memory(folder: Path) -> int:
    """Bytes that a fresh process holds at most, which loads a model and predicts with it; no torch.

    Raises:
        ConfigError: that process failed, and what it said.
    """
    ran = subprocess.run([sys.executable, "-c", _PROGRAM, str(folder)], capture_output=True, text=True, check=False)
    if ran.returncode:
        why = (ran.stderr.strip().splitlines() or [str(ran.returncode)])[-1]
        raise ConfigError(tr("{folder} could not be measured: {why}", folder=folder, why=why))
    said: Mapping[str, Any] = json.loads(ran.stdout)
    return int(said["peak"])


@dataclass(frozen=True, kw_only=True, repr=False)
class Form(Saved):
    """One form of a model.

    Attributes:
        name: of it. score: its metric on the test part. worse: by what share that is worse than the first form's, with
            the low and high of a 95 % interval; zeros of the first.
        parameters: numbers in its weights. size: bytes of them in the file. memory: most bytes of a process that
            predicts. latency: batch -> median and 99th percentile in ms.
        path: where it lies, or "".
    """

    name: str
    score: float
    worse: tuple[float, float, float]
    parameters: int
    size: int
    memory: int
    latency: Mapping[str, tuple[float, float]]
    path: str = ""

    def row(self, first: bool) -> list[str]:
        """Cells of the table."""
        low, high = self.worse[1:]
        shown = "-" if first else f"{100 * self.worse[0]:+.2f}"
        spread = f" ({100 * low:+.2f}, {100 * high:+.2f})" if not first and math.isfinite(low) else ""
        times = [f"{own[0]:.2f} / {own[1]:.2f}" for own in self.latency.values()]
        return [
            *(self.name, number(self.score), shown + spread, f"{self.parameters:,}", f"{self.size / 1e3:,.0f}"),
            *(f"{self.memory / 1e6:,.0f}" if self.memory else "-", *times),
        ]


@dataclass(frozen=True, kw_only=True, repr=False)
class Forms(Saved):
    """Forms of a model, the model itself first, and what to do.

    Attributes:
        metric: of the scores. forms: each. notes: what follows from them, the recommendation last.
    """

    metric: str
    forms: tuple[Form, ...]
    notes: tuple[Note, ...] = ()

    def table(self, lang: Language | None = None) -> str:
        """The table, aligned, and what follows from it."""
        heads = [
            *(tr("form", lang), metric_name(self.metric, lang), tr("worse, %", lang), tr("parameters", lang)),
            *(tr("size, kB", lang), tr("memory, MB", lang)),
            *(tr("batch {count}, ms: median / p99", lang, count=batch) for batch in BATCHES),
        ]
        rows = [heads, *(form.row(place == 0) for place, form in enumerate(self.forms))]
        said = [tr(note.message, lang, **note.values) for note in self.notes]
        return "\n".join([*aligned(rows), *([""] if said else []), *said])

    def __str__(self) -> str:
        return self.table()


def stored(artifact: Artifact, storage: Storage, folder: Path) -> Path:
    """Write a model with its weights stored another way.

    Raises:
        OutputError: the folder cannot be written.
    """
    record = artifact.record.model_dump(mode="json", by_alias=True, exclude={"format_version", "files"})
    write_artifact(
        folder,
        weights=artifact.weights,
        preparation=artifact.preparation,
        context=artifact.context,
        record={**record, "weights": storage},
    )
    return folder


def measured(
    run: Any, named: Sequence[tuple[str, Model[Any, Any], Path]], *, memory: bool = True
) -> tuple[list[Form], list[Losses]]:
    """Measure forms of a run's model, the first of which the others are compared with.

    Args:
        run: the estimator, opened with its data. named: name, model as the runtime loads it, and its folder.
        memory: measure that too, in a process for each.

    Raises:
        DataError: the run has no test part.
    """
    losses = [judge(run, model) for _, model, _ in named]
    times = latencies([(model.spec, model.weights) for _, model, _ in named])
    forms = []
    for (name, model, folder), own, took in zip(named, losses, times, strict=True):
        place = folder / "model" if (folder / "model").is_dir() else folder
        forms.append(
            Form(
                name=name,
                score=own.value(),
                worse=(0.0, 0.0, 0.0) if own is losses[0] else losses[0].worse(own),
                parameters=sum(int(weight.size) for weight in model.weights.values()),
                size=(place / "weights.safetensors").stat().st_size,
                memory=peak_memory(place) if memory else 0,
                latency={str(batch): pair for batch, pair in took.items()},
                path=str(folder),
            )
        )
    return forms, losses


def scratch() -> tempfile.TemporaryDirectory[str]:
    """A folder for forms that are only looked at."""
    return tempfile.TemporaryDirectory(prefix="tidegate-")
