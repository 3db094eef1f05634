"""Runs as the commands take them: opened, checked and reported in one place, whatever their task."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import typer

from tidegate.core.errors import ConfigError
from tidegate.core.optional import require


def opened(run: str | Path, verb: str, data: str | None = None) -> Any:
    """The estimator of a run as `fit` left it.

    Args:
        run: its folder. verb: what is asked of it. data: the training data, where they have moved.

    Raises:
        ConfigError: the verb makes no sense for its task. ArtifactError, DataError: it cannot be opened.
    """
    require("torch", extra="train", purpose="open a run")
    from tidegate.tasks import load, open_run
    from tidegate.tasks.verbs import require_verb

    require_verb(load(run), verb)
    return open_run(run, data)


def ready(run: str | Path, verb: str, data: str | None) -> Any:
    """A model that can answer: alone with new data, or a forecaster's, which holds the end of its own; else its run.

    Args:
        run: the folder of a run or a model. verb: what is asked of it. data: new data, or None.

    Raises:
        ConfigError, ArtifactError, DataError: as `opened`.
    """
    from tidegate.tasks import load

    model = load(run)
    return model if data is not None or model.task == "forecaster" else opened(run, verb)


def written(context: typer.Context, names: Iterable[str]) -> list[str]:
    """Those of a command's options that the user wrote, rather than left at their defaults."""
    sources = {name: context.get_parameter_source(name) for name in names}
    return [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]


def refuse_options(context: typer.Context, names: Iterable[str], run: str | Path) -> None:
    """Refuse options that a run has settled.

    Raises:
        ConfigError: the user wrote one.
    """
    odd = written(context, names)
    if odd:
        flags = {option.name: option.opts[0] for option in context.command.params}
        listed = ", ".join(flags[name] for name in odd)
        raise ConfigError(f"{listed}: {run} is a run, whose options are settled; leave it out, or name a file of data")


def settled(context: typer.Context, run: str | Path, parts: dict[str, Any]) -> dict[str, Any]:
    """How a run's data are divided: as when it was trained, but for what the user wrote.

    Args:
        run: its folder. parts: the command's options, by name.
    """
    from tidegate.tasks.open import Stored

    wished = written(context, parts)
    return {name: parts[name] if name in wished else value for name, value in Stored.read(run).split.items()}


def is_run(path: str | Path) -> bool:
    """Whether an argument names a run or a model, and not data."""
    from tidegate.tasks.open import is_run

    return is_run(path)


def evaluation_of(model: Any) -> Any:
    """The scores of a model's test part; None where there is none."""
    return getattr(model.evaluated_, "evaluation", model.evaluated_)
