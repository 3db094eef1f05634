"""Options of a command that trains: written once in `fit forecast`, lent to every other such command."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, get_type_hints

import typer

from tidegate.cli.options import ensemble, everyday, given, in_panels
from tidegate.cli.runs import is_run, opened, refuse_options
from tidegate.core.errors import ConfigError
from tidegate.core.optional import require
from tidegate.core.translate import tr

if TYPE_CHECKING:
    from tidegate.tasks.estimator import Estimator

REPAIRS = "error|sort|drop|mean"
MODEL = ("horizon", "window", "cell", "hidden_size", "num_layers", "level", "holidays", "seed")
READING = ("resample", "frequency", "wide")
COLUMNS = ("time", "target", "series", "known", "observed", "static", "repair", "timezone", *READING)
NETWORK = ("encoder", "attention")
EVERYDAY = (*inspect.signature(everyday).parameters, *inspect.signature(ensemble).parameters)


def options_of(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A forecaster's options and the columns to read, from the arguments of a command.

    Raises:
        ConfigError: a `--set` that is no name=value.
    """
    options = {name: values[name] for name in MODEL if name != "holidays" or values[name] is not None}
    options["level"] = options["level"] or None
    if values["epochs"] is not None:
        options["max_epochs"] = values["epochs"]
    options |= given(values)
    named = [f"network.{name}={values[name]}" for name in NETWORK if values[name] is not None]
    merge(options, [*named, *values["settings"]])
    columns = {name: values[name] for name in COLUMNS}
    columns |= {"target": columns["target"] or None, "time": single(columns["time"])}
    columns["series"] = single(columns["series"])
    columns |= written_of(values)
    return options, columns


def single(names: list[str] | None) -> str | list[str] | None:
    """A column named once as its name, one named more than once as a list, None where there is none."""
    return (names[0] if len(names) == 1 else list(names)) if names else None


def size(text: str) -> float | int | str:
    """A part's size: "0.2" a share, "500" rows, anything else a date."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def merge(options: dict[str, Any], settings: list[str], flag: str = "--set") -> None:
    """Add `name=value` settings; dotted names fill the groups. `flag` is what they were given with.

    Raises:
        ConfigError: a setting without "=".
    """
    for setting in settings:
        name, sign, text = setting.partition("=")
        if not sign:
            raise ConfigError(f"{flag} takes name=value, got {setting!r}")
        try:
            value = json.loads(text)
        except ValueError:
            value = None if text in ("None", "none") else text
        group, dot, key = name.partition(".")
        if dot:
            if not isinstance(options.setdefault(group, {}), dict):
                raise ConfigError(f"{flag} {setting}: {group} is not a group of options, or was set whole before")
            options[group][key] = value
        else:
            options[name] = value


def written(
    encoding: str | None = typer.Option(None, help=tr("Encoding of the file, such as big5; found out otherwise.")),
    delimiter: str | None = typer.Option(None, help=tr("Sign between cells: one character, tab or space.")),
    decimal: str | None = typer.Option(None, help=tr("Decimal sign of numbers:") + " .|,"),
    thousands: str | None = typer.Option(None, help=tr("Sign between thousands, such as , or . or a blank.")),
    date_format: str | None = typer.Option(
        None, help=tr("How times are written: such as %d.%m.%Y, or dayfirst, monthfirst, yearfirst, roc.")
    ),
    skip_rows: int | None = typer.Option(None, help=tr("Lines before the header; found out otherwise.")),
    columns: str | None = typer.Option(None, help=tr("Names of the columns, a,b,c, of a file without a header line.")),
    na: list[str] = typer.Option(
        [], help=tr("What means no value beside the usual, such as unavailable,-999 or <*; more than once.")
    ),
    units: bool = typer.Option(False, "--units", help=tr("Take numbers as they stand where their units differ.")),
) -> None:
    """How a table is written: options of every command that reads one."""


WRITTEN = tuple(inspect.signature(written).parameters)
LENT = (*COLUMNS, *WRITTEN, *MODEL, *NETWORK, *EVERYDAY, "epochs", "settings")


def written_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The options of `written` that were given, as `tidegate.read` takes them."""
    given = {name: values[name] for name in WRITTEN if values.get(name) not in (None, [], False)}
    if "na" in given:
        given["na"] = ",".join(given["na"])
    return given


def reads(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `written`; it takes those that were given as its argument `written`."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    own, types = inspect.signature(command).parameters, get_type_hints(command)
    lent, lent_types = inspect.signature(written).parameters, get_type_hints(written)

    def run(**values: Any) -> None:
        given = written_of(values)
        command(**{name: values[name] for name in own if name != "written"}, written=given)

    parameters = [own[name].replace(annotation=types[name], kind=keyword) for name in own if name != "written"]
    parameters += [lent[name].replace(annotation=lent_types[name], kind=keyword) for name in WRITTEN]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    return run


def trains(command: Callable[..., None], lender: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of another that say what to read and which forecaster; or a run that has settled them.

    Args:
        command: named after its verb; takes its context, an estimator and a table (None: its own) first, then
            arguments of its own, among them `data`, a file or a run, and `quiet`.
        lender: the command that has them, `fit forecast`.
    """
    lent, types = dict(inspect.signature(lender).parameters), get_type_hints(lender)
    for source in (written, everyday, ensemble):
        lent |= inspect.signature(source).parameters
        types |= get_type_hints(source)
    own, own_types = list(inspect.signature(command).parameters.values())[3:], get_type_hints(command)

    def run(context: typer.Context, **values: Any) -> None:
        require("torch", extra="train", purpose="train")
        if is_run(values["data"]):
            refuse_options(context, LENT, values["data"])
            model, table = opened(values["data"], command.__name__), None
        else:
            options, columns = options_of(values)
            from tidegate.tasks import Forecaster

            model = estimator(Forecaster, options)
            table = table_of(values["data"], columns, values["quiet"])
        command(context, model, table, **{parameter.name: values[parameter.name] for parameter in own})

    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [parameter.replace(annotation=own_types[parameter.name], kind=keyword) for parameter in own]
    parameters += [lent[name].replace(annotation=types[name], kind=keyword) for name in LENT]
    parameters.append(inspect.Parameter("context", keyword, annotation=typer.Context))
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run.__name__ = command.__name__
    return in_panels(run)


def table_of(data: str, columns: Mapping[str, Any], quiet: bool) -> Any:
    """The table that a command reads; what is in it goes to the error stream, unless quiet.

    Raises:
        TidegateError: the file cannot be read, or its columns not made out.
    """
    from tidegate.cli.output import say
    from tidegate.data import describe, read

    table = read(data, **{name: value for name, value in columns.items() if value is not None})
    if not quiet:
        say(describe(table))
        say("")
    return table


def estimator(kind: type[Estimator], options: Mapping[str, Any]) -> Any:
    """An estimator with options by their names; one of a group may stand without the group's name before it.

    Raises:
        ConfigError: an option that it does not have, or a value that cannot work.
    """
    model: Any = kind().variant(kind.placed(options))
    model.check()
    return model


def reading_of(settings: list[str]) -> dict[str, Any]:
    """Options of reading given as `--read name=value`.

    Raises:
        ConfigError: a setting without "=".
    """
    found: dict[str, Any] = {}
    merge(found, settings, "--read")
    return found
