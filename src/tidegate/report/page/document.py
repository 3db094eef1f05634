"""A whole HTML document: sections below a head, its style inside, nothing loaded from anywhere."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from tidegate.artifacts.atomic import write_file
from tidegate.core.text import finite
from tidegate.core.translate import Language, tr
from tidegate.data.emit import write_columns
from tidegate.report.page.markup import Markup, el

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_SCRIPTS = "; script-src 'sha256-{hash}'"  # only this one, so that no text of a model can bring another


@cache
def style() -> Markup:
    """The style sheet; charts take their colours from it."""
    return Markup(files("tidegate.report").joinpath("style.css").read_text(encoding="utf-8"))


def document(
    title: str, head: Markup, parts: Sequence[tuple[str, str, Markup | None]], lang: Language, script: str = ""
) -> str:
    """A page of sections below its head; (name, heading, content) each, None is left out; with at most one script."""
    policy = _POLICY
    if script:
        policy += _SCRIPTS.format(hash=b64encode(sha256(script.encode()).digest()).decode())
    present = [(name, heading, body) for name, heading, body in parts if body is not None]
    links = [el("li", el("a", heading, href=f"#{name}")) for name, heading, _ in present]
    body = [el("section", el("h2", heading), content, id=name) for name, heading, content in present]
    nav = el("nav", el("ol", *links), aria_label=tr("Contents", lang))
    language = "zh-Hant-TW" if lang == "zh_TW" else "en"
    return (
        "<!DOCTYPE html>\n"
        + el(
            "html",
            el(
                "head",
                el("meta", charset="utf-8"),
                el("meta", name="viewport", content="width=device-width, initial-scale=1"),
                el("meta", http_equiv="Content-Security-Policy", content=policy),
                el("meta", name="color-scheme", content="light dark"),
                el("title", title),
                el("style", style()),
            ),
            el("body", el("main", head, nav, *body), el("script", Markup(script)) if script else None),
            lang=language,
        )
        + "\n"
    )


def write_results(
    folder: Path, model: Any, name: str, columns: Mapping[str, Any], state: Any, page: tuple[str, str]
) -> Path:
    """Write a table of trainings as NAME.csv and NAME.json, the best model, and the page on them; gives its path.

    Args:
        folder: made where it is missing. model: the best. columns, state: the table, and all as plain values.
        page: name of its file, and its text.

    Raises:
        OutputError: the folder cannot be written.
    """
    model.save(folder / "model")
    write_columns(columns, folder / f"{name}.csv")
    write_file(folder / f"{name}.json", json.dumps(finite(state), ensure_ascii=False, indent=1).encode())
    return write_page(folder / page[0], page[1])


def write_page(path: str | os.PathLike[str], page: str) -> Path:
    """Write an HTML document: it appears complete or not at all. Gives the file's path.

    Raises:
        OutputError: the file cannot be written: no permission, disk full.
    """
    target = Path(path)
    write_file(target, page.encode("utf-8"))
    return target
