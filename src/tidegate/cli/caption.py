"""`tidegate caption`: what a trained captioner says of pictures."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated, Any

import typer

from tidegate.cli.derive import late, options, signed, taken
from tidegate.cli.output import Json, Run, print_json
from tidegate.cli.runs import best_of, model_of
from tidegate.core.errors import ReadError
from tidegate.core.translate import tr


def register(app: typer.Typer, words: Collection[str] | None) -> None:
    """Add the command."""
    text = tr("Write a sentence for each of some pictures with a captioner; needs no torch.")
    app.command("caption", help=text)(late(words, "caption", caption))


def caption() -> Callable[..., None]:
    """The command, its options those of `Captioner.caption`."""
    from tidegate.tasks import Captioner

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
            both = zip(pictures, found, strict=True)
            print_json([{"picture": str(path), "best": best_of(best)} for path, best in both])
            return
        for path, best in zip(pictures, found, strict=True):
            for one in best:
                score = "" if len(best) == 1 else f"{one.score:8.3f}  "
                print((f"{visible(str(path))}\t" if len(pictures) > 1 else "") + score + visible(one.text))

    return signed(run, own)
