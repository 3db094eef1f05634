"""`tidegate publish`, `promote`, `rollback`, `versions` and `pack`."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tidegate.cli.output import Json, Run, print_json, say
from tidegate.core.text import aligned, number
from tidegate.core.translate import tr

if TYPE_CHECKING:
    from tidegate.deploy.store import Store, Version

StorePath = Annotated[
    str, typer.Option("--store", envvar="TIDEGATE_STORE", help=tr("The store of versions: a folder, or mlflow:URI."))
]
Name = Annotated[str, typer.Argument(help=tr("Name of the model in the store."))]
STORE = "models"


def register(app: typer.Typer, words: Collection[str] | None) -> None:
    """Add the commands."""
    app.command("publish", help=tr("Add a run's model to a store, as a version that never changes."))(publish)
    app.command("promote", help=tr("Put a version to use; servers of the store take it up."))(promote)
    app.command("rollback", help=tr("Go back to the version that was in use before."))(rollback)
    app.command("versions", help=tr("List the versions in a store, with their scores and which is in use."))(versions)
    app.command("pack", help=tr("Put a run into one zip to hand in: model, scores, pages and card."))(pack)


def publish(
    run: Run,
    store: StorePath = STORE,
    name: Annotated[
        str | None, typer.Option(help=tr("Name of the model in the store; that of the run's folder if not given."))
    ] = None,
    notes: Annotated[str, typer.Option(help=tr("What to know about this version, for its record and card."))] = "",
    promoted: Annotated[bool, typer.Option("--promote", help=tr("Put it to use at once."))] = False,
    sign: Annotated[
        Path | None, typer.Option(help=tr("Private ed25519 key (PEM) to sign the version with; see openssl genpkey."))
    ] = None,
    as_json: Json = False,
) -> None:
    """Publish a version."""
    from tidegate.deploy.mlflow import open_store
    from tidegate.deploy.publish import publish

    own, place = open_store(store), run.resolve()
    name = name or (place.parent.name if place.name == "model" else place.name)
    before = len(own.versions(name))
    found = publish(run, own, name, notes=notes, key=sign)
    if promoted:
        own.promote(name, found.id)
    if as_json:
        print_json(_row(own, found))
        return
    values = {"name": name, "number": found.record.number, "id": found.id, "folder": found.folder}
    if len(own.versions(name)) == before:
        say(tr("{name}: this model is version {number} ({id}) already: {folder}", **values))
    else:
        say(tr("{name}: version {number} ({id}) in {folder}", **values))
    now = own.promoted(name)
    if now is None or now.id != found.id:
        say(tr("It is not in use yet: tidegate promote {name} {number} --store {store}", store=store, **values))


def promote(
    name: Name,
    version: Annotated[str, typer.Argument(help=tr("Its number, the beginning of its id, or latest."))] = "latest",
    store: StorePath = STORE,
    require_signature: Annotated[
        list[Path] | None,
        typer.Option(help=tr("Public key (PEM) that must have signed it. May be given more than once.")),
    ] = None,
    as_json: Json = False,
) -> None:
    """Put a version to use."""
    from tidegate.deploy.mlflow import open_store

    own = open_store(store)
    _say_use(own, own.promote(name, version, require_signature or ()), as_json)


def rollback(name: Name, store: StorePath = STORE, as_json: Json = False) -> None:
    """Go back to the version before."""
    from tidegate.deploy.mlflow import open_store

    own = open_store(store)
    _say_use(own, own.rollback(name), as_json)


def versions(
    name: Annotated[str | None, typer.Argument(help=tr("Name of one model; all of the store if not given."))] = None,
    store: StorePath = STORE,
    as_json: Json = False,
) -> None:
    """List versions."""
    from tidegate.deploy.mlflow import open_store

    own = open_store(store)
    rows = [_row(own, version) for each in ([name] if name else own.names()) for version in own.versions(each)]
    if as_json:
        print_json(rows)
        return
    if not rows:
        say(tr("{store} holds no versions: tidegate publish RUN --store {store}", store=store))
        return
    head = [tr("name"), tr("version"), "id", tr("in use"), tr("published"), tr("task"), tr("score"), tr("notes")]
    table = [head]
    for row in rows:
        score = "" if row["score"] is None else f"{row['criterion']} {number(row['score'])}"
        use = tr("yes") if row["promoted"] else ""
        notes = row["notes"].partition("\n")[0]
        table.append([row["name"], str(row["number"]), row["id"], use, row["created"][:16], row["task"], score, notes])
    print("\n".join(aligned(table)))


def pack(
    run: Run,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help=tr("The zip; named after the run's folder if not given."))
    ] = None,
) -> None:
    """Put a run into one zip."""
    from tidegate.deploy.publish import pack

    place = out or Path(f"{run.resolve().name}.zip")
    say(tr("{count} files in {path}", count=len(pack(run, place)), path=place))


def _say_use(store: Store, found: Version, as_json: bool) -> None:
    if as_json:
        print_json(_row(store, found))
    else:
        values = {"name": found.record.name, "number": found.record.number, "id": found.id}
        say(tr("{name}: version {number} ({id}) is in use", **values))


def _row(store: Store, version: Version) -> dict[str, Any]:
    record, now = version.record, store.promoted(version.record.name)
    plain = ("name", "number", "id", "created", "task", "parent", "data", "criterion", "notes")
    row = {key: getattr(record, key) for key in plain}
    return {**row, "score": record.score, "promoted": now is not None and now.id == version.id}
