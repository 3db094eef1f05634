"""Options that every command that trains has: declared once, lent to each, shown in panels."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import typer

from tidegate.core.translate import tr

PANELS: Mapping[str, tuple[str, ...]] = {  # what stands in none is everyday and comes first
    "Reading": (
        "known", "observed", "static", "repair", "timezone", "date_format", "frequency", "wide", "features", "group",
        "text", "kind", "pattern", "tag", "read", "encoding", "delimiter", "decimal", "thousands", "skip_rows",
        "columns", "na", "units",
    ),
    "Network": (
        "cell", "hidden_size", "num_layers", "dropout", "bidirectional", "encoder", "attention", "holidays", "tokens",
        "max_length", "warm_up",
    ),
    "Training": (
        "validation", "test", "gap", "by", "epochs", "loss", "learning_rate", "batch_size", "ensemble_size", "seed",
        "settings",
    ),
    "Run": ("unit", "audit", "resume", "overwrite", "quiet", "as_json"),
}  # fmt: skip


def everyday(
    dropout: float | None = typer.Option(None, help=tr("Share of the units silenced in training.")),
    loss: str | None = typer.Option(None, help=tr("What training lowers, such as mae, mse or huber.")),
    learning_rate: float | None = typer.Option(None, help=tr("Peak rate of the training.")),
    batch_size: int | None = typer.Option(None, help=tr("Windows or sequences a step; chosen if not given.")),
) -> None:
    """Arguments of every estimator; what is not given is left to the estimator's default."""


def ensemble(
    ensemble_size: int | None = typer.Option(None, help=tr("Networks whose answers are averaged.")),
) -> None:
    """The same of estimators that can be an ensemble."""


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """The everyday arguments that were given."""
    names = [name for source in (everyday, ensemble) for name in inspect.signature(source).parameters]
    return {name: values[name] for name in names if values.get(name) is not None}


def signed(run: Any, *sources: Any, name: str, leave: tuple[str, ...] = ()) -> Any:
    """Give a function of keywords the parameters of others, but for those that are left out, and its context."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    found = []
    for source in sources:
        types = inspect.get_annotations(source, eval_str=True)
        for parameter in inspect.signature(source).parameters.values():
            if parameter.name not in leave:
                found.append(parameter.replace(annotation=types[parameter.name], kind=keyword))
    found.append(inspect.Parameter("context", keyword, annotation=typer.Context))
    run.__signature__ = inspect.Signature(found)
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in found}
    run.__name__ = name
    return run


def in_panels(command: Callable[..., None]) -> Callable[..., None]:
    """Put a command's options into their panels."""
    titles = {
        "Reading": tr("Reading"),
        "Network": tr("Network"),
        "Training": tr("Parts and training"),
        "Run": tr("Run and output"),
    }
    panels = {name: titles[title] for title, names in PANELS.items() for name in names}
    for parameter in inspect.signature(command).parameters.values():
        if parameter.name in panels and hasattr(parameter.default, "rich_help_panel"):
            parameter.default.rich_help_panel = panels[parameter.name]
    return command
