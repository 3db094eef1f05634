"""`tidegate translate`, of texts given, of a file or line by line, and `tidegate caption`, of pictures."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from tidegate.cli.derive import add, options, signed, taken
from tidegate.cli.output import INTERRUPTED, Json, Run, print_json, say
from tidegate.cli.runs import model_of
from tidegate.core.errors import ReadError
from tidegate.core.translate import tr


def register(app: typer.Typer, words: Collection[str] | None) -> None:
    """Add the commands."""
    text = tr("Write a text for each source with a translator, line by line in a terminal; needs no torch.")
    add(app, words, "translate", text, translate)
    text = tr("Write a sentence for each of some pictures with a captioner; needs no torch.")
    add(app, words, "caption", text, caption)


def translate() -> Callable[..., None]:
    """The command, its options those of `Translator.translate`."""
    from tidegate import Translator

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


def caption() -> Callable[..., None]:
    """The command, its options those of `Captioner.caption`."""
    from tidegate import Captioner

    own = {name: option for name, option in options(Captioner.caption).items() if name != "pictures"}

    def run(
        context: typer.Context,
        *,
        run: Run,
        pictures: Annotated[list[Path], typer.Argument(help=tr("Files of pictures, PNG, JPEG and the like."))],
        as_json: Json = False,
        **values: Any,
    ) -> None:
        from tidegate.data.sources.media.pictures import open_picture
        from tidegate.runtime.language.written import visible

        model = model_of(run, "caption", Captioner.task)
        held = []
        for path in pictures:
            try:
                held.append(open_picture(path))
            except ReadError as error:
                raise ReadError(f"{path}: {error}") from None
        found = model.caption(held, **taken(context, own, values))
        if as_json:
            _print_best("picture", map(str, pictures), found)
            return
        for path, best in zip(pictures, found, strict=True):
            for line in _lines_of(best):
                print((f"{visible(str(path))}\t" if len(pictures) > 1 else "") + line)

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
    found = model.translate(given, **how)
    if as_json:
        _print_best("source", given, found)
    if out is not None:
        from tidegate.artifacts.atomic import write_file

        write_file(out, "".join(f"{own[0].text}\n" for own in found).encode())
        say(tr("Text: {path}", path=out))
    elif not as_json:
        for line in (line for own in found for line in _lines_of(own)):
            print(line, flush=True)


def _lines_of(best: list[Any]) -> Iterator[str]:
    """Texts for one input as a terminal may be sent them; of several each after its score."""
    from tidegate.runtime.language.written import visible

    return (("" if len(best) == 1 else f"{one.score:8.3f}  ") + visible(one.text) for one in best)


def _print_best(name: str, given: Iterable[str], found: list[list[Any]]) -> None:
    """Inputs, and the texts that were found for each, as JSON."""
    texts = ([{"text": one.text, "score": one.score} for one in best] for best in found)
    print_json([{name: one, "best": best} for one, best in zip(given, texts, strict=True)])
