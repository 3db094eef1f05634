"""Help and errors of usage in the reader's language, none of them cut off."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from typer import rich_utils

from tidegate.core.translate import tr

ERRORS: Mapping[str, str] = {  # what typer says, and what it means
    r"^No such option: (?P<name>\S+) \(Possible options: (?P<guess>.*)\)": (
        "No such option: {name}. Did you mean {guess}?"
    ),
    r"^No such option: (?P<name>\S+)": "No such option: {name}.",
    r"^No such command (?P<name>'.*')\. Did you mean (?P<guess>.*)\?": "No such command {name}. Did you mean {guess}?",
    r"^No such command (?P<name>'.*')\.": "No such command {name}.",
    r"^Missing command\.": "Missing command.",
    r"^Missing option (?P<name>.*)\.": "Missing option {name}.",
    r"^Missing argument (?P<name>.*)\.": "Missing argument {name}.",
    r"^Option (?P<name>.*) requires an argument\.": "Option {name} needs a value.",
    r"^Got unexpected extra arguments?(?:\(s\))? \((?P<name>.*)\)": "One argument too many: {name}.",
    r"^Invalid value for (?P<name>.*?): .* valid integer.*": "Invalid value for {name}: it is a whole number.",
    r"^Invalid value for (?P<name>.*?): .* valid (?:number|float).*": "Invalid value for {name}: it is a number.",
}


def prepare_help() -> None:
    """Translate the titles that typer itself writes, and let a text without blanks break anywhere, as Chinese does."""
    rich_utils.ARGUMENTS_PANEL_TITLE = tr("Arguments")
    rich_utils.OPTIONS_PANEL_TITLE = tr("Options")
    rich_utils.COMMANDS_PANEL_TITLE = tr("Commands")
    rich_utils.ERRORS_PANEL_TITLE = tr("error")
    rich_utils.REQUIRED_LONG_STRING = tr("[required]")
    rich_utils.DEFAULT_STRING = tr("[default: {}]")
    made = rich_utils._make_rich_text
    if getattr(made, "folds", False):
        return

    def folding(**how: Any) -> Any:
        text: Any = made(**how)
        text.overflow = "fold"
        return text

    folding.folds = True  # type: ignore[attr-defined]
    rich_utils._make_rich_text = folding


def translate(command: Any) -> Any:
    """A command, and all below it, with its usage and the options that typer adds in the reader's language."""
    usage, asked = command.get_usage, command.get_help_option

    def get_usage(context: Any) -> str:
        words = {"Usage:": tr("Usage:"), "[OPTIONS]": tr("[OPTIONS]"), "COMMAND [ARGS]...": tr("COMMAND [ARGS]...")}
        text: str = usage(context)
        for word, meaning in words.items():
            text = text.replace(word, meaning)
        return text

    def get_help_option(context: Any) -> Any:
        option = asked(context)
        if option is not None:
            option.help = tr("Show this message and exit.")
        return option

    command.get_usage, command.get_help_option = get_usage, get_help_option
    texts = {
        "install_completion": tr("Install completion for the current shell."),
        "show_completion": tr("Show completion for the current shell, to copy it or customize the installation."),
    }
    for option in command.params:
        option.help = texts.get(option.name, getattr(option, "help", None))
    for below in getattr(command, "commands", {}).values():
        translate(below)
    return command


def usage_error(error: Any) -> str:
    """What typer says of wrong usage, in the reader's language where we know it, with the usage before it."""
    message, context = error.format_message(), getattr(error, "ctx", None)
    if not message:  # the help was printed instead
        return ""
    for pattern, text in ERRORS.items():
        found = re.fullmatch(pattern, message)
        if found is not None:
            named = found.groupdict()
            if "guess" in named:
                guesses = [guess.strip("' ") for guess in named["guess"].split(",")]
                named["guess"] = get_close_matches(named["name"].strip("'"), guesses, 1, 0)[0]
            message = tr(text, **named)
            break
    if context is None:
        return f"{tr('error')}: {message}\n"
    hint = tr("Try '{command} --help' for help.", command=context.command_path)
    return f"{context.get_usage()}\n{hint}\n\n{tr('error')}: {message}\n"
