"""One training from the file to the page, the same for every task: read, fit, evaluate, diagnose, audit, report."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate.core import limit
from tidegate.core.errors import DataError
from tidegate.core.optional import require
from tidegate.core.table import Note, Table
from tidegate.core.translate import tr
from tidegate.data import describe
from tidegate.report.run import report_run
from tidegate.tasks.estimator import Estimator
from tidegate.tasks.run import remember_unit, write_audit, write_findings

STARTING = 30.0  # seconds that a process may take before its training: they count too
LEAST = 4.0  # seconds that a diagnosis needs


@dataclass(frozen=True)
class Listener:
    """Who hears of a training.

    Attributes:
        say: lines for people. detail: the same of what may be left out. show: the scores; None without a test part.
    """

    say: Callable[[str], None]
    detail: Callable[[str], None]
    show: Callable[[Any], None]

    def notes(self, notes: Iterable[Note]) -> None:
        """What was found in the data and done to them, a line each."""
        for note in notes:
            self.detail(f"  · {tr(note.message, **note.values)}")


def train(
    model: Estimator,
    data: str,
    reading: Mapping[str, Any],
    fitting: Mapping[str, Any],
    listener: Listener,
    *,
    out: Path,
    unit: str = "",
    audit: bool = False,
    **page: Any,
) -> None:
    """Train a model on a file and leave a run with its scores, its diagnosis and its report.

    Args:
        model: its options are checked before anything is read. data: the file or folder.
        reading: columns and options of reading; fitting: other arguments of `fit`, `validation` and `test` among them.
        out: folder of the run. unit: of the target. audit: whether the audit is made too. page: as of `report_run`.

    Raises:
        TidegateError: what the user can fix.
    """
    spent = time.monotonic() - limit.STARTED if time.monotonic() - STARTING < limit.STARTED else 0.0
    with limit.within(math.inf if model.time_limit is None else model.time_limit - spent):
        require("torch", extra="train", purpose="train")
        model.check()
        examples = model.read(data, **reading, **{name: fitting[name] for name in ("label",) if name in fitting})
        if isinstance(examples, Table):
            found = next((note.values["found"] for note in examples.notes if note.kind == "roles"), None)
            listener.detail(f"{describe(examples, label=fitting.get('label') or found)}\n")
        else:
            listener.notes(examples.notes)
        source = {**reading, "data": str(Path(data).absolute())}
        fit: Any = model.fit  # type: ignore[attr-defined]
        fit(examples, **fitting, out=out, source=source)
        if unit:
            remember_unit(out, unit)
        text = tr("Trained for {epochs} epochs in {seconds:.0f} s.", epochs=len(model.history_), seconds=model.seconds_)
        listener.detail(text)
        if hasattr(model, "search_"):
            listener.detail(f"\n{model.search_}\n")
        listener.notes(note for note in model.notes_ if note not in examples.notes)
        listener.detail("")
        split = {name: value for name, value in fitting.items() if name in ("validation", "test", "gap", "by", "label")}
        page["snippet"] = _snippet(model, data, {**reading, **split})
        if audit:
            listener.detail(tr("Training a few steps on the data and on perturbed copies of it ..."))
            page["audit"] = model.audit(examples, **split, seed=model.seed)
            write_audit(out, page["audit"])
        finish(model, out, listener, unit=unit, **page)


def finish(model: Any, out: Path, listener: Listener, **page: Any) -> None:
    """Show what the test part said of a model whose run was written, diagnose it and write its report.

    Args:
        model: fitted; its test part is evaluated. out: folder of its run. page: as of `report_run`.

    Raises:
        OutputError: a file cannot be written.
    """
    if model.evaluated_ is None:
        listener.say(tr("There is no test part: nothing was judged."))
        listener.show(None)
        return
    listener.show(getattr(model.evaluated_, "evaluation", model.evaluated_))
    hurried = limit.left() < LEAST
    if hurried:
        listener.detail("\n" + tr("No time was left for a diagnosis: tidegate diagnose {path}", path=out))
    findings, audit = None if hurried else _findings(model, out), page.get("audit")
    report = report_run(out / "report.html", model, model.evaluated_, findings=findings, **page)
    if findings is not None:
        listener.detail("\n" + findings.summary())
    if audit is not None:
        (listener.detail if audit.passed else listener.say)(f"\n{audit}")
    if (out / "events.csv").exists():
        listener.detail(tr("Scores of every row and every event: {path}", path=out / "events.csv"))
    listener.say(tr("Report: {path}", path=report))


def _findings(model: Any, out: Path) -> Any:
    """The model's diagnosis, kept in the run; None where there is too little data for one."""
    try:
        findings = model.diagnose()
    except DataError:
        return None
    write_findings(out, findings)
    return findings


def _snippet(model: Any, data: str, how: Mapping[str, Any]) -> str:
    """The same training in Python."""
    given = ", ".join([repr(data), *(f"{name}={value!r}" for name, value in how.items())])
    return f"import tidegate as tg\n\nmodel = tg.{model!r}\nmodel.fit({given})\nprint(model.evaluate())"
