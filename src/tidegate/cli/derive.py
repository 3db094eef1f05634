"""Options of commands, derived from signatures and docstrings: one place for a name, its default and its help."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from typer.models import OptionInfo

from tidegate.core.checks import hints
from tidegate.core.docstrings import arguments
from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr

PANELS: Mapping[str, tuple[str, ...]] = {  # what stands in none is everyday, and comes first
    "Reading": (),
    "Again": (),
    "Network": ("cell", "hidden_size", "num_layers", "dropout", "bidirectional", "pretrained"),
    "Training": (
        "validation", "test", "gap", "by", "max_epochs", "loss", "learning_rate", "batch_size", "ensemble_size", "seed",
        "settings",
    ),
    "Run": ("unit", "audit", "resume", "overwrite", "quiet", "as_json"),
}  # fmt: skip


@dataclass(frozen=True)
class Option:
    """An option of a command.

    Attributes:
        name: of the argument that it fills. kind: what typer reads. take: what the argument is given of it.
        default: where it is not written. text: of the help. panel: of the help. hidden: whether help leaves it out.
        flag: "" takes the name. short: a letter for it.
    """

    name: str
    kind: Any
    take: Callable[[Any], Any]
    default: Any
    text: str
    panel: str = ""
    hidden: bool = False
    flag: str = ""
    short: str = ""

    def parameter(self) -> inspect.Parameter:
        """As a parameter of typer's."""
        flag = self.flag or f"--{self.name.replace('_', '-')}"
        if self.kind is bool and self.default:
            flag += flag.replace("--", "/--no-", 1)
        text = tr(self.text)
        if get_origin(self.kind) is list:
            text = tr("{text} May be given more than once.", text=text)
        flags = [flag, self.short] if self.short else [flag]
        made: Any = typer.Option(self.default, *flags, help=text, hidden=self.hidden, rich_help_panel=self.panel)
        return inspect.Parameter(self.name, inspect.Parameter.KEYWORD_ONLY, default=made, annotation=self.kind)


def options(source: Any, only: Container[str] | None = None, **given: Any) -> dict[str, Option]:
    """An option for each argument of a function, or of a dataclass, by its name.

    Args:
        source: the function or class. only: names to take; None takes all. given: other fields of every option.
    """
    found = {}
    pairs = _fields(source) if isinstance(source, type) and is_dataclass(source) else _parameters(source)
    for name, annotation, default, text in pairs:
        if only is None or name in only:
            kind, take = _kind(annotation, default)
            if name == "na":
                kind, take = list[str], ",".join
            many, plain = get_origin(kind) is list, isinstance(default, bool | int | float | str | None)
            shown = default if (plain and kind is not str) or default is None else str(default)
            kind = kind if many or kind is bool else kind | None
            found[name] = Option(name, kind, take, [] if many else shown, helped(text), **given)
    return found


def helped(text: str) -> str:
    """What a docstring says of an argument, as the help says it: its first sentence."""
    text = re.sub(r" if None\b", " if not given", text.replace("`", ""))
    text = re.sub(r"(?<=\.) .*", "", text)
    return text[:1].upper() + text[1:]


def _fields(kind: Any) -> Iterable[tuple[str, Any, Any, str]]:
    """Name, type, default and text of a class's fields; its own text goes before what the classes above it say."""
    names = [item.name for item in fields(kind) if item.init]
    texts: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        texts |= {name: text for name, text in arguments(base.__doc__, names).items() if not text.startswith("as ")}
    for item in fields(kind):
        if item.init:
            yield item.name, hints(kind)[item.name], item.default, texts.get(item.name, "")


def _parameters(function: Callable[..., Any]) -> Iterable[tuple[str, Any, Any, str]]:
    """The same of a function's arguments by name."""
    found = inspect.signature(function).parameters
    texts = arguments(function.__doc__, found)
    for name, parameter in found.items():
        if parameter.kind is parameter.KEYWORD_ONLY:
            annotation = _evaluated(parameter.annotation, function.__globals__)
            yield name, annotation, parameter.default, texts.get(name, "")


def _evaluated(annotation: Any, names: dict[str, Any]) -> Any:
    return eval(annotation, names) if isinstance(annotation, str) else annotation


def _kind(annotation: Any, default: Any) -> tuple[Any, Callable[[Any], Any]]:
    """What typer reads for an argument of a type, and what is made of that."""
    union = get_origin(annotation) in (Union, UnionType)
    every = get_args(annotation) if union else (annotation,)
    allowed = [get_args(one)[0] if get_origin(one) is Annotated else one for one in every if one is not NoneType]
    if isinstance(default, bool):
        return bool, _same
    for one in allowed:
        if get_origin(one) is Sequence:
            item = get_args(one)[0]
            return list[item], list if len(allowed) == 1 else single  # type: ignore[valid-type]
    if len(allowed) == 1 and allowed[0] in (int, float, str):
        return allowed[0], _same
    if all(get_origin(one) is Literal and all(isinstance(item, str) for item in get_args(one)) for one in allowed):
        return str, _same
    return str, value_of


def _same(value: Any) -> Any:
    return value


def single(values: Sequence[Any]) -> Any:
    """A value given once as itself, more as a list."""
    return values[0] if len(values) == 1 else list(values)


def value_of(text: Any) -> Any:
    """A number, true, false, a list or mapping in JSON, "none", or else a text."""
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return None if text in ("None", "none") else text


def add(
    app: typer.Typer, words: Collection[str] | None, name: str, text: str, make: Callable[[], Callable[..., None]],
    *, hidden: bool = False,
) -> None:  # fmt: skip
    """Add a command whose options are derived where it is asked for, as that imports the library.

    Args:
        app: what it is added to. words: of the command line; None derives all. name: of the command. text: its help.
        make: makes it. hidden: whether the help leaves it out.
    """
    app.command(name, help=text, hidden=hidden)(make() if words is None or name in words else lambda: None)


def merge(found: dict[str, Any], settings: Sequence[str], flag: str = "--set") -> dict[str, Any]:
    """Add `name=value` settings; dotted names fill the groups. `flag` is what they were given with.

    Raises:
        ConfigError: a setting without "=".
    """
    for setting in settings:
        name, sign, text = setting.partition("=")
        if not sign:
            raise ConfigError(tr("{flag} takes name=value, got {setting!r}", flag=flag, setting=setting))
        group, dot, key = name.partition(".")
        if not dot:
            found[name] = value_of(text)
            continue
        if not isinstance(found.setdefault(group, {}), dict):
            message = "{flag} {setting}: {group} is not a group of options, or was set whole before"
            raise ConfigError(tr(message, flag=flag, setting=setting, group=group))
        found[group][key] = value_of(text)
    return found


def written(context: typer.Context, names: Iterable[str]) -> list[str]:
    """Those of a command's options that the user wrote, rather than left at their defaults."""
    sources = {name: context.get_parameter_source(name) for name in names}
    return [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]


def taken(context: typer.Context, given: Mapping[str, Option], values: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments for the options that the user wrote."""
    return {name: given[name].take(values[name]) for name in written(context, given)}


def unsaid(given: Mapping[str, Option]) -> dict[str, Option]:
    """Options whose default is whatever the model says."""
    return {name: replace(option, default=[] if option.default == [] else None) for name, option in given.items()}


def signed(run: Callable[..., None], *more: Mapping[str, Option], leave: Collection[str] = ()) -> Callable[..., None]:
    """A command of typer's that has the options of a function, and others, in panels.

    Args:
        run: called with the context and all options by name. more: options that its signature does not name.
        leave: names of options in its signature that this command lacks.
    """
    keyword, own = inspect.Parameter.KEYWORD_ONLY, inspect.signature(run, eval_str=True).parameters.values()
    parameters = [item for item in own if item.kind is not item.VAR_KEYWORD and item.name not in (*leave, "context")]
    parameters += [option.parameter() for options in more for option in options.values()]
    ranks = list(PANELS)
    placed = []
    for parameter in parameters:
        given = (*get_args(parameter.annotation), parameter.default)
        info = next((each for each in given if isinstance(each, OptionInfo)), None)
        named = next((title for title in PANELS if parameter.name in PANELS[title]), "")
        panel = named or getattr(info, "rich_help_panel", "")
        if info is not None:
            info.rich_help_panel = _title(panel)
        placed.append((ranks.index(panel) if panel else -1, parameter.replace(kind=keyword)))
    parameters = [parameter for _, parameter in sorted(placed, key=lambda pair: pair[0])]

    def command(context: typer.Context, **values: Any) -> None:
        run(context, **values)

    parameters.append(inspect.Parameter("context", keyword, annotation=typer.Context))
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _title(panel: str) -> str | None:
    titles = {
        "Reading": tr("Reading"),
        "Again": tr("Reading, as in training if not given"),
        "Network": tr("Network"),
        "Training": tr("Parts and training"),
        "Run": tr("Run and output"),
    }
    return titles.get(panel)
