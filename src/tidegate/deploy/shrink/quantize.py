"""Fewer bits: a run's model with weights of 8 or 16 bits, measured beside the model itself before it is written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from tidegate.artifacts.artifact import read_model
from tidegate.artifacts.atomic import write_file
from tidegate.artifacts.storage import Storage
from tidegate.core.errors import ConfigError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.deploy.shrink.forms import Form, Forms, measured, scratch, stored
from tidegate.deploy.shrink.judge import METRICS
from tidegate.kernels.int8 import instruction_set
from tidegate.runtime.model import load
from tidegate.tasks.open import is_run, open_run, run_folder
from tidegate.tasks.run import check_folder, remove_run

KINDS: dict[str, Storage] = {"int8": "int8", "bfloat16": "bfloat16"}
TAKEN = ("config.toml", "history.csv", "baselines.safetensors", "seen.safetensors")


def quantize(
    run: str | Path,
    *,
    to: str = "int8",
    out: str | Path | None = None,
    limit: float = 1.0,
    force: bool = False,
    data: Any = None,
    overwrite: bool = False,
    **reading: Any,
) -> Forms:
    """Store a run's model with fewer bits, and say what that costs and gains.

    Args:
        run: folder that `fit(..., out=...)` left. to: "int8" or "bfloat16".
        out: folder of the smaller run; None puts `-int8` or `-bfloat16` behind the run's name.
        limit: percent by which the test part's score may become worse; above it nothing is written.
        force: write it all the same. data, reading: of the training, where they have moved. overwrite: what is there.

    Returns:
        Both forms, with a recommendation as the last note, whose kind is "refused" where nothing was written.

    Raises:
        ConfigError: an option that cannot be, or a model that has fewer bits already. OutputError: `out` is taken.
    """
    if to not in KINDS:
        raise ConfigError(tr("to must be {kinds}; got {given}", kinds="int8 or bfloat16", given=repr(to)))
    if not is_run(run):
        raise ConfigError(tr("{run} is no run: name the folder that `tidegate fit --out` left", run=run))
    artifact = read_model(run)
    if artifact.record.weights != "float32":
        raise ConfigError(tr("{run} has weights of {kind} already", run=run, kind=artifact.record.weights))
    if artifact.record.task not in METRICS:
        message = "a {task} cannot be stored with fewer bits; it can be a {known}"
        raise ConfigError(tr(message, task=artifact.record.task, known=", ".join(METRICS)))
    source = run_folder(run)
    target = Path(out) if out is not None else source.with_name(f"{source.name}-{to}")
    check_folder(target, replace=overwrite)
    opened = open_run(run, data, **reading)
    with scratch() as room:
        small = stored(artifact, KINDS[to], Path(room) / "model")
        named = [("float32", load(run), source), (to, load(small), small)]
        before, after = measured(opened, named)[0]
        cell = getattr(artifact.record.network.find("recurrent"), "cell", "")
        found = Forms(
            metric=METRICS[opened.task], forms=(before, after), notes=tuple(_notes(before, after, limit, cell))
        )
        if found.notes[-1].kind == "refused" and not force:
            return found
        return _write(source, target, small, found)


def _notes(before: Form, after: Form, limit: float, cell: str) -> list[Note]:
    """What was found of a network of this cell, the recommendation last."""
    one, many = (before.latency[b][0] / after.latency[b][0] for b in before.latency)
    small = before.size / after.size
    notes = []
    if after.name == "int8" and cell in ("slstm", "mlstm"):
        message = "The 8-bit weights of {cell} are computed with as float32: the file is smaller, answers no faster."
        notes.append(Note("cell", message, {"cell": cell}))
    elif after.name == "int8":
        isa = instruction_set()
        message = "8-bit products ran with {isa}; every processor gives the same bits, those with VNNI the fastest."
        notes.append(Note("isa", message, {"isa": isa or "numpy"}))
    figures: dict[str, Any] = {"small": f"{small:.1f}", "one": f"{one:.1f}", "many": f"{many:.1f}"}
    figures |= {"worse": f"{100 * after.worse[0]:.2f}", "limit": f"{limit:g}"}
    if 100 * after.worse[0] > limit:
        message = (
            "Not recommended: its score is {worse} % worse, more than the {limit} % that may be lost. Keep float32, or "
            "take bfloat16; --force writes it all the same, --limit allows more."
        )
        return [*notes, Note("refused", message, figures)]
    if one < 1 and many < 1:
        message = (
            "Take it where size matters: {small} times smaller, its score {worse} % worse, but no faster here "
            "({one} and {many} times the speed)."
        )
    else:
        message = (
            "Recommended: {small} times smaller, {one} times the speed for one row and {many} for many, its score "
            "{worse} % worse, where {limit} % may be lost."
        )
    return [*notes, Note("recommended", message, figures)]


def _write(source: Path, target: Path, model: Path, found: Forms) -> Forms:
    """The smaller run: the files of its training, the model, and what was measured."""
    target.mkdir(parents=True, exist_ok=True)
    remove_run(target)
    shutil.copytree(model, target / "model")
    for name in TAKEN:
        if (source / name).is_file():
            write_file(target / name, (source / name).read_bytes())
    metrics = json.loads((source / "metrics.json").read_text(encoding="utf-8"))
    metrics.pop("test", None)  # of the other form
    write_file(target / "metrics.json", json.dumps(metrics, ensure_ascii=False, indent=1).encode())
    write_file(target / "forms.json", json.dumps(found.to_json(), ensure_ascii=False, indent=1).encode())
    return found
