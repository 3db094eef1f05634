"""`tidegate translate`: a trained translator writes, for texts of the command line, for a file, or line by line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from tidegate.cli.derive import late, options, signed, taken
from tidegate.cli.output import Json, Run, print_json, say
from tidegate.cli.runs import best_of, model_of
from tidegate.core.translate import tr

INTERRUPTED = 130


def register(app: typer.Typer, words: Collection[str] | None) -> None:
    """Add the command."""
    text = tr("Write a text for each source with a translator, line by line in a terminal; needs no torch.")
    app.command("translate", help=text)(late(words, "translate", translate))


def translate() -> Callable[..., None]:
    """The command, its options those of `Translator.translate`."""
    from tidegate.tasks import Translator

    own = {name: option for name, option in options(Translator.translate).items() if name not in ("texts", "glossary")}

    def run(
        context: typer.Context,
        *,
        run: Run,
        texts: Annotated[
            list[str] | None, typer.Argument(help=tr("Sources; without any, each line that comes in is one."))
        ] = None,
        file: Annotated[Path | None, typer.Option("--file", help=tr("Text file whose lines are the sources."))] = None,
        glossary: Annotated[
            Path | None,
            typer.Option(help=tr("File of source terms and how they must be written, a tab or a comma between them.")),
        ] = None,
        vocabulary: Annotated[
            Path | None, typer.Option(help=tr("Text file of the words, one a line, that alone may be written."))
        ] = None,
        out: Annotated[
            Path | None, typer.Option("--out", "-o", help=tr("Text file; without it the text is printed."))
        ] = None,
        as_json: Json = False,
        **values: Any,
    ) -> None:
        from tidegate.data.files.pairs import read_glossary, read_sources, read_words

        model = model_of(run, "translate", Translator.task)
        how = taken(context, own, values)
        if glossary is not None:
            how["glossary"] = read_glossary(glossary)
        if vocabulary is not None:
            how["allowed"] = [*how.get("allowed", ()), *read_words(vocabulary)]
        given = list(texts or ())
        if file is not None:
            given += [str(text) for text in read_sources(file).texts.tolist()]  # type: ignore[union-attr]
        try:
            if given:
                _all(model, given, how, out, as_json)
            else:
                for line in _lines():
                    _all(model, [line], how, None, as_json)
        except KeyboardInterrupt:
            print(flush=True)
            raise typer.Exit(INTERRUPTED) from None

    return signed(run, own)


def _lines() -> Iterator[str]:
    """Lines as they come in, until there are none; empty ones are left out."""
    asks = sys.stdin.isatty()
    while True:
        try:
            line = input("> " if asks else "")
        except EOFError:
            return
        if line.strip():
            yield line


def _all(model: Any, given: list[str], how: dict[str, Any], out: Path | None, as_json: bool) -> None:
    from tidegate.runtime.language.written import visible

    found = model.translate(given, **how)
    if as_json:
        print_json([{"source": text, "best": best_of(own)} for text, own in zip(given, found, strict=True)])
    if out is not None:
        from tidegate.artifacts.atomic import write_file

        write_file(out, "".join(f"{own[0].text}\n" for own in found).encode())
        say(tr("Text: {path}", path=out))
    elif not as_json:
        for own in found:
            for one in own:
                print(visible(one.text) if len(own) == 1 else f"{one.score:8.3f}  {visible(one.text)}", flush=True)
