"""What a command takes that trains: how data are read, which model it is and how it is fitted, whatever the task."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import typer

from tidegate.cli.derive import Option, merge, options, signed, taken, unsaid
from tidegate.cli.runs import is_run, opened, refuse_options, require_path
from tidegate.core.errors import ConfigError
from tidegate.core.optional import require
from tidegate.core.translate import tr

TASKS = {
    "forecast": "Forecaster",
    "classify": "Classifier",
    "regress": "Regressor",
    "detect": "AnomalyDetector",
    "generate": "LanguageModel",
    "translate": "Translator",
    "transcribe": "Transcriber",
    "caption": "Captioner",
}
EVERYDAY = ("encoder", "attention", "holidays", "tokens", "max_length", "warm_up")  # options of groups that help shows
RUN = ("out", "resume", "overwrite", "progress", "source")  # of `fit`, and not of what is learned
COLUMNS = ("time", "target", "series", "label", "id")  # what every reader of a table is told first
PYTHON = ("check", "labelled", "speakers")  # of readers, which a command has no use for
ROLES = ("known", "observed", "static", "static_data")  # of columns; not every task has them
MORE = {  # what has no option of its own
    "read": Option(
        "read",
        list[str],
        list,
        [],
        "Any other option of reading as name=value, such as rate=8000 or columns=a,b,c.",
        panel="Reading",
    ),
    "settings": Option(
        "settings", list[str], list, [], "Any other option as name=value, such as training.patience=5.", flag="--set"
    ),
}


@dataclass(frozen=True)
class Subject:
    """What a command was given to train.

    Attributes:
        model: the estimator; of a run, as `fit` left it. run: whether it is one.
        reading: options of reading. fitting: other arguments of `fit`.
    """

    model: Any
    run: bool
    reading: dict[str, Any]
    fitting: dict[str, Any]


class Takes:
    """The options of a command for one task, or for tasks that take much the same."""

    def __init__(self, *tasks: str, leave: Collection[str] = ()) -> None:
        """Derive them.

        Args:
            tasks: the first one's texts and defaults are shown. leave: arguments that the command lacks.
        """
        self.tasks, kind = tasks, estimator(tasks[0])
        self.reading = reading_options(kind)
        fit = {name: option for name, option in options(kind.fit).items() if name not in (*RUN, *leave)}
        self.fitting = {name: option for name, option in fit.items() if name not in self.reading}
        if "baselines" in self.fitting:  # one at a time
            self.fitting["baselines"] = replace(self.fitting["baselines"], flag="--baseline")
        for name, option in fit.items():
            if name in self.reading and not option.text.startswith("As of"):
                self.reading[name] = replace(self.reading[name], text=option.text)
        self.own = {name: option for name, option in options(kind).items() if name not in (*kind.GROUPS, *leave)}
        for group in kind.GROUPS.values():
            for name, option in options(group, panel="Network").items():
                if name not in {*self.own, *fit, *self.reading, *leave}:
                    self.own[name] = replace(option, hidden=name not in EVERYDAY)
        self.all = {**self.reading, **self.own, **self.fitting, **MORE}

    def subject(self, context: typer.Context, data: str, values: Mapping[str, Any], verb: str = "") -> Subject:
        """What was given: a file of data and options, or a run, which has settled them.

        Args:
            context: of the command. data: file, or folder of a run. values: of the options. verb: what is asked of a
                run; "" takes none.

        Raises:
            ConfigError: an option that cannot work, or that the run has settled; a verb that is not for its task.
        """
        require_path(data)
        require("torch", extra="train", purpose="train")
        fitting = taken(context, self.fitting, values)
        if verb and is_run(data):
            from tidegate.tasks.open import Stored

            refuse_options(context, {"task": None, **self.reading, **self.own, **MORE}, data)
            stored = {name: value for name, value in Stored.read(data).split.items() if name in self.fitting}
            return Subject(opened(data, verb), True, {}, {**stored, **fitting})
        kind = estimator(values.get("task") or self.tasks[0], self.tasks)
        own = merge(taken(context, self.own, values), values["settings"])
        model = kind().variant(kind.placed(own))
        model.check()
        reading = merge(taken(context, self.reading, values), values["read"], "--read")
        return Subject(model, False, reading, fitting)


def estimator(task: str, tasks: Collection[str] = tuple(TASKS)) -> type[Any]:
    """The estimator of one of some tasks.

    Raises:
        ConfigError: it is none of them.
    """
    import tidegate

    if task not in tasks:
        raise ConfigError(tr("--task {task}: choose {names}", task=task, names=" or ".join(tasks)))
    found: type[Any] = getattr(tidegate, TASKS[task])
    return found


def reading_options(kind: type[Any], leave: Collection[str] = ()) -> dict[str, Option]:
    """Options of reading of an estimator's data, but for some."""
    from tidegate.data import read
    from tidegate.data.cells.columns import OPTIONS

    fit, reader = inspect.signature(kind.fit).parameters, inspect.signature(kind.READER).parameters
    found = options(kind.READER, panel="Reading") | options(kind.READER, COLUMNS)
    if any(item.kind is item.VAR_KEYWORD for item in reader.values()):  # of several kinds of data, tables among them
        found |= options(read, (*OPTIONS, "repair"), panel="Reading")
    lacks = [name for name in ROLES if name.partition("_")[0] not in fit]
    return {name: option for name, option in found.items() if name not in (*lacks, *leave, *PYTHON)}


def new_data() -> dict[str, Option]:
    """Options of reading new data, which are read as the training data were where nothing is said."""
    from tidegate.data import read
    from tidegate.tasks.options import READING

    return unsaid(options(read, READING, panel="Again"))


def reads(run: Callable[..., None]) -> Callable[..., None]:
    """A command of typer's that reads new data: `run` takes what was said of reading as `reading`."""
    given = new_data()

    @functools.wraps(run)
    def command(context: typer.Context, **values: Any) -> None:
        reading = merge(taken(context, given, values), values["read"], "--read")
        run(reading=reading, **{name: value for name, value in values.items() if name not in {*given, "read"}})

    return signed(command, given, {"read": replace(MORE["read"], panel="Again")}, leave=("reading",))
