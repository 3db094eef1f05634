"""`tidegate evaluate` and `tidegate intervals`: what a model is worth, and what its intervals hold."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any

import typer

from tidegate.artifacts.artifact import read_task
from tidegate.artifacts.homes import home
from tidegate.cli.derive import add
from tidegate.cli.output import Json, Moved, Run, check_output, print_json, say, say_notes, show
from tidegate.cli.runs import opened
from tidegate.cli.training import reads
from tidegate.core.errors import ArtifactError, ConfigError, TidegateError
from tidegate.core.translate import tr

RUNS_NAMED = 5
USUAL_LEVEL = 80.0


def register(app: typer.Typer, words: Collection[str] | None) -> None:
    """Add the commands."""
    text = tr("Scores of a run's test part, or of new rows, beside the baselines.")
    add(app, words, "evaluate", text, lambda: reads(evaluate))
    text = tr("Nominal and achieved coverage of a run's intervals: plain, split, adaptive.")
    add(app, words, "intervals", text, lambda: reads(intervals))


def evaluate(
    run: Run,
    data: Annotated[str | None, typer.Argument(help=tr("New rows, all of which are scored."))] = None,
    label: Annotated[
        str | None,
        typer.Option(help=tr("Of new data: column of the label; for a detector, 1 where a row is known as anomalous.")),
    ] = None,
    dynamic: Annotated[
        bool,
        typer.Option("--dynamic", help=tr("Of a language model: also while it goes on learning from what it reads.")),
    ] = False,
    baseline: Annotated[
        list[str] | None, typer.Option(help=tr("Of a forecaster: a further baseline, such as statsforecast:AutoETS."))
    ] = None,
    as_json: Json = False,
    *,
    reading: dict[str, Any],
) -> None:
    """Score a model."""
    from tidegate.tasks.open import load

    _check_run(run)
    if label is not None:
        reading["label"] = label
    if baseline:
        if read_task(run) != "forecaster":
            raise ConfigError(tr("--baseline is for a forecaster"))
        reading["baselines"] = baseline
    if dynamic:
        show(_dynamic(run, data, reading), as_json)
        return
    if baseline and data is None:
        show(opened(run, "evaluate").evaluate(**reading), as_json)
        return
    show(_stored(run) if data is None else _fresh(run, load(run), data, reading), as_json)


def _check_run(run: Path) -> None:
    """Refuse a folder that holds no run and no model, and say what is there.

    Raises:
        ArtifactError: nothing is, or a file; a training that was not finished; or runs one folder below.
    """
    if any((run / name).exists() for name in ("metrics.json", "model.json", "model")):
        return
    if (run / "checkpoints").is_dir():
        message = (
            "{run}: the training was not finished, so there are no scores yet; repeat the command that began it, with "
            "--resume"
        )
        raise ArtifactError(tr(message, run=run))
    what = "it is a file" if run.is_file() else "there is no such folder"
    if run.is_dir():
        below = sorted(place.parent.name for place in run.glob("*/metrics.json"))
        what = "it has neither metrics.json nor model/"
        if below:
            what += f", but there are runs below it: {', '.join(str(run / name) for name in below[:RUNS_NAMED])}"
    message = (
        "no run here: {run} ({what}). Name the folder that `tidegate fit ... --out FOLDER` left, or begin one with it"
    )
    raise ArtifactError(tr(message, run=run, what=what))


def _fresh(run: Path, model: Any, data: str, reading: dict[str, Any]) -> Any:
    """Scores of new data; of sequences beside baselines, where the training data are still what they were."""
    if not hasattr(model, "labels_"):
        return model.evaluate(data, **reading)
    from tidegate.tasks.label.reading import recall

    missing = recall(model, run)
    found = model.evaluate(data, **reading)
    say_notes(model.answer_notes_)
    if missing is not None:
        say(tr("No baselines: {why}", why=missing))
    return found


def _dynamic(run: Path, data: str | None, reading: dict[str, Any]) -> Any:
    """Scores of a language model that learns while it reads, which needs its training text.

    Raises:
        ConfigError: the run holds another model.
    """
    if read_task(run) != "language":
        raise ConfigError(tr("--dynamic is for a language model"))
    model = opened(run, "evaluate")
    return model.evaluate(data, dynamic=True, **reading)


def _stored(run: Path) -> Any:
    from tidegate.tasks.open import run_folder

    place = run_folder(run) / "metrics.json"
    if not place.exists():
        message = "{run} is a model alone, which has no scores: name the folder of a run, or give new rows to score"
        raise ArtifactError(tr(message, run=run))
    try:
        metrics = json.loads(place.read_text(encoding="utf-8"))
        state = dict(metrics["test"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        message = (
            "{place} holds no scores of a test part; name the folder of a run that had one, or give new rows to score"
        )
        raise ArtifactError(tr(message, place=place)) from error
    try:
        task = read_task(run) if (run / "model").is_dir() else "forecaster"
        return home(task, "evaluation").from_json(state)
    except (TidegateError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(tr("{place}: the scores cannot be read: {error}", place=place, error=error)) from error


def intervals(
    run: Annotated[Path, typer.Argument(help=tr("Folder of a run."))],
    level: Annotated[
        list[float] | None,
        typer.Option(help=tr("Interval to look at, in percent; more than once. The run's own, or 80, if not given.")),
    ] = None,
    rate: Annotated[float, typer.Option(min=0.0, help=tr("How fast the adaptive ones follow the errors."))] = 0.05,
    data: Moved = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help=tr("CSV, Parquet or JSON file for the intervals of every window of the test part.")
        ),
    ] = None,
    as_json: Json = False,
    *,
    reading: dict[str, Any],
) -> None:
    """What intervals hold."""
    from tidegate.data.emit import write_columns

    check_output(out)
    if out is not None and len(level or ()) > 1:
        raise ConfigError(tr("--out holds the intervals of one level; give --level once"))
    model = opened(run, "intervals", data, **reading)
    forecasts = model.task == "forecaster"
    how = {"rate": rate} if forecasts else {}
    usual = own_levels(model.decoding_.quantiles) if forecasts else [USUAL_LEVEL]
    found = [model.intervals(level=one, **how) for one in level or usual]
    if as_json:
        print_json([item.to_json() for item in found])
    else:
        print("\n\n".join(f"{item}\n{item.verdict()}" for item in found))
    if out is not None:
        write_columns(found[0].columns(), out)
        say(tr("{rows} rows in {path}", rows=found[0].actual.size, path=out))


def own_levels(quantiles: tuple[float, ...]) -> list[float]:
    """Levels in percent of the central intervals among quantiles, narrowest first; 80 where there are none."""
    pairs = [low for low in quantiles if low < 0.5 and any(abs(low + high - 1) < 1e-9 for high in quantiles)]
    return sorted(round(100 * (1 - 2 * low), 6) for low in pairs) or [USUAL_LEVEL]
