"""`tidegate generate`: a language model writes, into the terminal as it goes, or chosen piece by piece."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from tidegate.cli.derive import add, options, signed, taken
from tidegate.cli.output import INTERRUPTED, Json, Run, print_json, say
from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr

SAMPLING = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "seed")


def register(app: typer.Typer, words: Collection[str] | None) -> None:
    """Add the command."""
    text = tr("Write on from a prompt with a language model; needs no torch.")
    add(app, words, "generate", text, generate)


def generate() -> Callable[..., None]:
    """The command, its options those of `LanguageModel.generate`."""
    from tidegate import LanguageModel

    own = options(LanguageModel.generate)

    def run(
        context: typer.Context,
        *,
        run: Run,
        prompt: Annotated[
            list[str],
            typer.Option(
                "--prompt",
                "-p",
                help=tr(
                    "Beginning of the text, which is kept; of music a MIDI file. Given more than once, each part is "
                    "followed by a text of its own, at the --temperature that stands at its place."
                ),
            ),
        ] = [],  # noqa: B006
        choose: Annotated[
            int, typer.Option(min=0, help=tr("Write so many continuations, ask which to take, and go on from it."))
        ] = 0,
        copies: Annotated[
            bool, typer.Option("--copies", help=tr("Say how much of it stands in the training text."))
        ] = False,
        out: Annotated[
            Path | None,
            typer.Option("--out", "-o", help=tr("Text file, or of music a MIDI file; without it the text is printed.")),
        ] = None,
        as_json: Json = False,
        **values: Any,
    ) -> None:
        from tidegate.tasks.open import load

        model = load(run)
        if model.task != LanguageModel.task:
            raise ConfigError(
                tr("generate is for a language model, and {run} holds a {kind}", run=run, kind=type(model).__name__)
            )
        how = taken(context, own, values)
        try:
            begin: Any = prompt if len(prompt) > 1 else "".join(prompt)
            written = _chosen(model, begin, choose, how) if choose else _written(model, begin, how, out, as_json)
        except KeyboardInterrupt:
            print(flush=True)
            raise typer.Exit(INTERRUPTED) from None
        if as_json:
            print_json([asdict(own) for own in written])
        if out is not None:
            _keep(model, written, out)
        if copies:
            _tell_copies(run, written)

    return signed(run, own)


def _keep(model: Any, written: list[Any], out: Path) -> None:
    """Texts in one file; pieces of music in a MIDI file each."""
    from tidegate.artifacts.atomic import write_file
    from tidegate.data.files.midi import is_midi

    if not is_midi(out):
        write_file(out, "\n\n".join(own.text for own in written).encode())
        say(tr("Text: {path}", path=out))
        return
    for number, own in enumerate(written, 1):
        path = out if len(written) == 1 else out.with_stem(f"{out.stem}-{number}")
        say(tr("Music: {path}", path=model.write_midi(path, own)))


def _written(model: Any, prompt: Any, how: dict[str, Any], out: Path | None, as_json: bool) -> list[Any]:
    """Texts, printed as they come where there is one, and one after another where there are several."""
    from tidegate.runtime.language.sampling import Sampling
    from tidegate.runtime.language.written import visible

    shown = out is None and not as_json
    alone = isinstance(prompt, str) and how.get("count", 1) == 1 and how.get("best_of") is None
    if not shown or not alone or isinstance(how.get("temperature"), list):
        found: list[Any] = model.generate(prompt, **how)
        for number, own in enumerate(found if shown else (), 1):
            print(f"--- {number}\n{visible(own.text)}" if len(found) > 1 else visible(own.text))
        return found
    drawn = Sampling(**{"seed": 0} | {name: how[name] for name in SAMPLING if name in how})
    others = {name: value for name, value in how.items() if name in ("length", "stop", "melody")}
    generation = model.generation(prompt, sampling=drawn, **others)
    sys.stdout.write(visible(generation.prompt))
    for pieces in generation:
        sys.stdout.write(visible(pieces[0]))
        sys.stdout.flush()
    print(flush=True)
    written: list[Any] = generation.written()
    return written


def _chosen(model: Any, prompt: str, count: int, how: dict[str, Any]) -> list[Any]:
    """A text whose every stretch was chosen among several, until the reader ends it."""
    from tidegate.runtime.language.written import visible

    if not isinstance(prompt, str):
        raise ConfigError(tr("--choose goes on from one prompt: give --prompt once"))
    how = {"length": 60, "seed": 0, **how, "count": count, "best_of": count}
    text = prompt
    while True:
        found = model.generate(text, **how)
        for number, own in enumerate(found, 1):
            print(f"[{number}] {visible(own.new)!r}")
        try:
            answer = input(tr("Which one (1 to {count}; nothing ends)? ", count=len(found))).strip()
        except EOFError:
            answer = ""
        if not answer.isdecimal() or not 1 <= int(answer) <= len(found):
            break
        text, how["seed"] = found[int(answer) - 1].text, how["seed"] + 1
    print(visible(text))
    last = found[0]
    return [type(last)(text, len(prompt), 0, float("nan"), "stop")]


def _tell_copies(run: Path, written: list[Any]) -> None:
    """How much of the texts stands in the training text of a run."""
    from tidegate.runtime.language.written import visible
    from tidegate.tasks.open import open_run

    found = open_run(run).copied(written)
    message = "{share} % of it stands in the training text, in stretches of {length} characters; the longest: {longest}"
    longest = repr(visible(found.longest))
    say(tr(message, share=f"{100 * found.share:.1f}", length=found.length, longest=longest))
