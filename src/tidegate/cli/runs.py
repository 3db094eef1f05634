"""Runs as the commands take them: opened and checked in one place, whatever their task."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import typer

from tidegate.cli.derive import written
from tidegate.core.errors import ConfigError
from tidegate.core.optional import require
from tidegate.core.translate import tr


def require_path(data: str | Path) -> None:
    """Refuse a path where nothing is, before anything large is imported.

    Raises:
        ReadError: with the names that are near.
    """
    path = Path(data).expanduser()
    if not path.exists():
        from tidegate.data.files.dialect import open_bytes

        open_bytes(path).close()


def model_of(run: str | Path, verb: str, task: str) -> Any:
    """The model of a run, which needs no torch, for a verb that one task has.

    Raises:
        ConfigError: it is of another task. ArtifactError: it cannot be read.
    """
    from tidegate.runtime.model import load

    model = load(run)
    if model.task != task:
        message = "{verb} is for a {own}, and {run} holds a model of another task: {task}"
        raise ConfigError(tr(message, verb=verb, own=task, run=run, task=model.task))
    return model


def opened(run: str | Path, verb: str, data: str | None = None, **reading: Any) -> Any:
    """The estimator of a run as `fit` left it.

    Args:
        run: its folder. verb: what is asked of it. data: the training data, where they have moved.
        reading: options of reading, where they are written in another way now.

    Raises:
        ConfigError: the verb makes no sense for its task. ArtifactError, DataError: it cannot be opened.
    """
    require("torch", extra="train", purpose="open a run")
    from tidegate.tasks.open import load, open_run
    from tidegate.tasks.verbs import require_verb

    require_verb(load(run), verb)
    return open_run(run, data, **reading)


def ready(run: str | Path, verb: str, data: str | None) -> Any:
    """A model that can answer: alone with new data, or a forecaster's, which holds the end of its own; else its run.

    Args:
        run: the folder of a run or a model. verb: what is asked of it. data: new data, or None.

    Raises:
        ConfigError, ArtifactError, DataError: as `opened`.
    """
    from tidegate.tasks.open import load

    model = load(run)
    return model if data is not None or model.task == "forecaster" else opened(run, verb)


def refuse_options(context: typer.Context, names: Iterable[str], run: str | Path) -> None:
    """Refuse options that a run has settled.

    Raises:
        ConfigError: the user wrote one.
    """
    odd = written(context, names)
    if odd:
        flags = {option.name: option.opts[0] for option in context.command.params}
        listed = ", ".join(flags[name] for name in odd)
        message = "{listed}: {run} is a run, whose options are settled; leave it out, or name a file of data"
        raise ConfigError(tr(message, listed=listed, run=run))


def is_run(path: str | Path) -> bool:
    """Whether an argument names a run or a model, and not data."""
    from tidegate.tasks.open import is_run

    return is_run(path)
