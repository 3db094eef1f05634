"""A smaller student that learns from a run's model what the data alone would teach it less well."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tidegate.core.errors import ConfigError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.deploy.shrink.forms import Form, Forms, measured
from tidegate.deploy.shrink.judge import METRICS
from tidegate.runtime.model import load
from tidegate.tasks.forecast.examples import taught
from tidegate.tasks.open import Stored, open_run, run_folder, write_again
from tidegate.tasks.run import check_folder


def distill(
    run: str | Path,
    *,
    hidden_size: int | None = None,
    share: float = 0.5,
    out: str | Path | None = None,
    alone: bool = True,
    data: Any = None,
    overwrite: bool = False,
    **reading: Any,
) -> Forms:
    """Train a student with fewer units on a run's data and parts, its targets mixed with the teacher's forecasts.

    Args:
        run: folder of a forecaster's run, the teacher. hidden_size: units of the student; None takes half the
            teacher's, about a quarter of the parameters.
        share: of the teacher's forecast in what the student learns from; the rest is what came.
        out: folder of the student's run; None puts `-student` behind the run's name. alone: train the same student
            without a teacher too, to compare with; it is left in a folder with `-alone` behind.
        data, reading: of the training, where they have moved. overwrite: what is there.

    Returns:
        Teacher, student and student alone on the test part. The last note says how much of the teacher's skill over the
        best baseline the student keeps.

    Raises:
        ConfigError: a run of another task, or options that cannot be. OutputError: `out` is taken.
    """
    if not 0 < share <= 1:
        raise ConfigError(tr("share is above 0 and at most 1; got {given}", given=share))
    source = run_folder(run)
    target = Path(out) if out is not None else source.with_name(f"{source.name}-student")
    places = [target, target.with_name(f"{target.name}-alone")][: 1 + alone]
    for place in places:
        check_folder(place, replace=overwrite)
    teacher, stored = open_run(run, data, **reading), Stored.read(run)
    if teacher.task != "forecaster":
        raise ConfigError(tr("distill is for a forecaster so far; {run} is a {task}", run=run, task=teacher.task))
    encoder = teacher.spec_.encoder
    units = max(1, encoder.hidden_size // 2) if hidden_size is None else hidden_size
    changes = {"hidden_size": units, "window": teacher.spec_.window, "preset": None}
    with taught(teacher.run_, share, 0 if teacher.decoding_.point else teacher.decoding_.middle):
        student = teacher.retrained(changes)
    write_again(student, places[0], stored)
    if alone:
        write_again(teacher.retrained(changes), places[1], stored)
    names = [("teacher", source), ("student", places[0]), ("student alone", places[1] if alone else None)]
    named = [(name, load(place), place) for name, place in names if place is not None]
    forms = measured(teacher, named)[0]
    return Forms(metric=METRICS["forecaster"], forms=tuple(forms), notes=(_kept(student, forms),))


def _kept(student: Any, forms: list[Form]) -> Note:
    """How much of the teacher's lead over the best baseline is left."""
    evaluation = student.evaluated_.evaluation if student.evaluated_ is not None else None
    parameters = f"{100 * forms[1].parameters / forms[0].parameters:.0f}"
    best = None if evaluation is None else evaluation.best_baseline
    if evaluation is None or best is None or "mae" not in evaluation.overall[best]:
        return Note("distilled", "The student has {parameters} % of the parameters.", {"parameters": parameters})
    baseline = evaluation.overall[best]["mae"]
    teacher, own = (1 - form.score / baseline for form in forms[:2])
    values = {
        "parameters": parameters,
        "baseline": f"{baseline:.4g}",
        "own": f"{100 * own:.1f}",
        "teacher": f"{100 * teacher:.1f}",
    }
    message = (
        "The student has {parameters} % of the parameters; it is {own} % better than the best baseline (MAE "
        "{baseline}), the teacher {teacher} %."
    )
    return Note("distilled", message, values)
