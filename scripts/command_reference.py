"""The options of every command as Markdown, taken from the commands themselves, so that the pages cannot rot.

A page of the documentation holds `<!-- options: fit -->`; where the site is built, the line gives way to tables of the
command's arguments and options (of all commands of a group), in the page's language. By itself the script prints them:

    python scripts/command_reference.py fit forecast
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import typer

LAST = -200  # of the calls of MkDocs after a build: the index of both languages is complete by then

MARK = re.compile(r"<!-- options: ([a-z -]+?) -->")
HEADS = {
    "en": ("Arguments", "Options", ("name", "takes", "if not given", "what it does"), "required", "more than once"),
    "zh_TW": ("引數", "選項", ("名稱", "值", "未指定時", "作用"), "必填", "可重複"),
}


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:
    """What MkDocs calls for every page before it is drawn."""
    lang = "zh_TW" if "zh-TW" in page.file.src_uri.split("/") else "en"
    return MARK.sub(lambda found: written(found[1], lang), markdown)


def on_post_build(*, config: Any) -> None:
    """The search's index as a script as well: a page that lies in a folder can read no other file."""
    index = Path(config.site_dir, "search", "search_index.json")
    if index.is_file():
        index.with_suffix(".js").write_text(f"var __index = {index.read_text('utf-8')}", "utf-8")


on_post_build.mkdocs_priority = LAST  # type: ignore[attr-defined]


@cache
def written(path: str, lang: str) -> str:
    """The reference of a command, from a process of its own: help is translated once, when it is imported."""
    run = [sys.executable, str(Path(__file__)), *path.split()]
    environment = {**os.environ, "TIDEGATE_LANG": lang}
    return subprocess.run(run, env=environment, capture_output=True, text=True, encoding="utf-8", check=True).stdout


def command_of(words: tuple[str, ...]) -> Any:
    """The click command of a path such as ("fit", "forecast").

    Raises:
        KeyError: there is none.
    """
    from tidegate.cli.main import build

    found: Any = typer.main.get_command(build())
    for word in words:
        found = found.commands[word]
    return found


def verbs() -> list[str]:
    """Names of the commands that `tidegate` offers."""
    return [name for name, command in command_of(()).commands.items() if not command.hidden]


def reference(words: tuple[str, ...], lang: str) -> str:
    """A heading and tables for a command, or for each command of a group."""
    command = command_of(words)
    return "\n".join(_described(command, words, lang))


def _described(command: Any, words: tuple[str, ...], lang: str) -> Iterator[str]:
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            if not inner.hidden:
                yield from _described(inner, (*words, name), lang)
        return
    title = " ".join(("tidegate", *words))
    context = command.make_context(title, [], resilient_parsing=True)
    usage = " ".join(command.collect_usage_pieces(context))
    yield from (f"## `{title}`", "", (command.help or "").strip(), "", "```text", f"{title} {usage}", "```", "")
    names = HEADS[lang]
    given = [param for param in command.params if not getattr(param, "hidden", False)]
    arguments = [param for param in given if param.param_type_name == "argument"]
    options = [param for param in given if param.param_type_name != "argument"]
    panels = dict.fromkeys(getattr(param, "rich_help_panel", None) or names[1] for param in options)
    panels = {names[1]: None, **panels}  # what belongs to no panel is for every day
    groups = [(names[0], arguments)] + [
        (panel, [param for param in options if (getattr(param, "rich_help_panel", None) or names[1]) == panel])
        for panel in panels
    ]
    for heading, params in groups:
        if params:
            head = "| " + " | ".join(names[2]) + " |"
            yield from (f"### {heading}", "", head, "| --- | --- | --- | --- |")
            yield from (_row(param, lang) for param in params)
            yield ""


def _row(param: Any, lang: str) -> str:
    *_, required, repeated = HEADS[lang]
    argument = param.param_type_name == "argument"
    kind = _kind(param)
    flag = kind == "bool" or getattr(param, "is_flag", False)
    name = f"`{param.name.upper()}`" if argument else ", ".join(f"`{flag}`" for flag in param.opts)
    if flag and param.secondary_opts:
        name += f" / {', '.join(f'`{other}`' for other in param.secondary_opts)}"
    takes = [
        "" if flag or argument else kind,
        repeated if getattr(param, "multiple", False) or param.nargs == -1 else "",
    ]
    told = " ".join((getattr(param, "help", None) or "").split())
    cells = (name, ", ".join(filter(None, takes)), required if param.required else _default(param, flag), told)
    return "| " + " | ".join(cell.replace("|", "\\|").replace("<", "&lt;") for cell in cells) + " |"


def _kind(param: Any) -> str:
    """What a parameter takes: typer's own annotation, or the type of a plain click parameter."""
    described = getattr(param, "type_descriptor", None)
    kind = param.type if described is None else described.annotation
    if getattr(kind, "__origin__", None) is list:
        kind = kind.__args__[0]
    choices = getattr(kind, "choices", None) or getattr(kind, "__args__", None)
    if choices and all(isinstance(choice, str) for choice in choices):
        return " ".join(f"`{choice}`" for choice in choices)
    name = str(getattr(kind, "__name__", getattr(kind, "name", kind)))
    return {"str": "text", "string": "text", "integer": "int", "boolean": "bool"}.get(name.lower(), name.lower())


def _default(param: Any, flag: bool) -> str:
    value = param.default
    if callable(value) or value is None or value in ((), []) or "UNSET" in repr(value):
        return ""
    if flag:
        return f"`{(param.opts if value else param.secondary_opts)[0]}`" if param.secondary_opts else ""
    return f"`{value}`"


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    print(reference(tuple(sys.argv[1:]), "zh_TW" if os.environ.get("TIDEGATE_LANG") == "zh_TW" else "en"))
