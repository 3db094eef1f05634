"""A store of model versions: a local folder, read without locks, in which nothing is ever half there.

    models/load/                      one folder a name
        0001-3f9a1c20b7de/            one folder a version, named by number and by the hash of its model.json
            model.json ...            the artifact's four files, as `artifacts/artifact.py` has them
            version.json              where it comes from, what it scored, sha256 of every other file
            card.en.md card.zh-TW.md  the model card
            signature.json            where it was signed: ed25519 over the bytes of version.json
        promoted.json                 which version is in use, and which were before

A version appears by one rename and is never written again; `promoted.json` is replaced by one rename. Whoever writes
holds the name's lock, which the system takes back when the process dies. `deploy/mlflow.py` keeps the same versions on
an MLflow server; `deploy/store.py` opens either.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from tidegate.artifacts.artifact import LARGEST_JSON, Artifact, Sha256, read_artifact
from tidegate.artifacts.atomic import hold_run, write_file, write_folder
from tidegate.artifacts.spec import Record
from tidegate.core.errors import ArtifactError, ConfigError
from tidegate.core.translate import tr
from tidegate.deploy.signature import check_signature
from tidegate.runtime.model import model_of

FORMAT = 1
RECORD, POINTER, SIGNATURE = "version.json", "promoted.json", "signature.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
FOLDER = re.compile(r"(\d{4,})-([0-9a-f]{12})")
WAIT = 60.0  # seconds for another writer


class VersionRecord(Record):
    """What `version.json` holds.

    Attributes:
        format: of this layout. name, number: of the version. id: the first digits of model.json's sha256.
        created: when it was published, UTC. task, tidegate: what it is, and which version made it.
        parent: id of the version that it came after. data: fingerprint of the training data. config, reading: how it
            was fitted. criterion, metrics, verdict: of the test part, null where nothing was tested. notes: the user's.
        files: sha256 of every other file but the signature.
    """

    format: int
    name: str
    number: int = Field(ge=1)
    id: str
    created: str
    task: str
    tidegate: str
    parent: str | None = None
    data: str | None = None
    config: dict[str, Any]
    reading: dict[str, Any]
    criterion: str | None = None
    metrics: dict[str, dict[str, float | None]] = Field(default_factory=dict)
    verdict: dict[str, Any] | None = None
    notes: str = ""
    files: dict[str, Sha256]

    @property
    def score(self) -> float | None:
        """The model's value of the criterion on its test part."""
        return self.metrics.get("model", {}).get(self.criterion or "")


@dataclass(frozen=True)
class Version:
    """A published version: its folder and what its record says."""

    folder: Path
    record: VersionRecord

    @property
    def id(self) -> str:
        return self.record.id

    def check(self, keys: Sequence[Path] = ()) -> Artifact:
        """Verify every byte, and the signature where keys are given; gives the model's artifact.

        Args:
            keys: public keys (PEM), one of which must have signed it; empty demands no signature.

        Raises:
            ArtifactError: a file is missing or changed, the model is none, or nobody who is trusted has signed it.
        """
        for name, digest in self.record.files.items():
            place = self.folder / name
            if place.is_symlink() or not place.is_file():
                raise ArtifactError(
                    tr("{place} is missing (or is not a plain file): the version is incomplete", place=place)
                )
            if hashlib.sha256(place.read_bytes()).hexdigest() != digest:
                message = "{place} is not what {record} says (sha256 differs): it was changed or cut"
                raise ArtifactError(tr(message, place=place, record=RECORD))
        if keys:
            check_signature(self.folder / RECORD, self.folder / SIGNATURE, keys)
        artifact = read_artifact(self.folder)
        model_of(artifact)
        return artifact


class Store:
    """The versions of models in a folder, by name.

    Args:
        path: the store's folder; it need not be there yet.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def __str__(self) -> str:
        return str(self.path)

    def names(self) -> tuple[str, ...]:
        """Models that have a version, in order."""
        if not self.path.is_dir():
            return ()
        return tuple(sorted(p.name for p in self.path.iterdir() if NAME.fullmatch(p.name) and _folders(p)))

    def folder(self, name: str) -> Path:
        """The folder of a name.

        Raises:
            ConfigError: it is no name.
        """
        if not NAME.fullmatch(name):
            message = "{name} cannot name a model: take up to 64 letters, digits, dots, dashes and underscores"
            raise ConfigError(tr(message, name=repr(name)))
        return self.path / name

    def versions(self, name: str) -> tuple[Version, ...]:
        """All versions of a name, oldest first.

        Raises:
            ArtifactError: a record is damaged.
        """
        return tuple(_version(folder) for folder in self._listed(name))

    def add(self, name: str, digest: str, made: Callable[[int, str | None], dict[str, bytes]]) -> Version:
        """Add a version; a model that is there already is the version that it was.

        Args:
            digest: the version's id. made: its files, given its number and its parent's id.

        Raises:
            ConfigError: it is no name. OutputError: it cannot be written; nothing of it is visible then.
        """
        folder = self.folder(name)
        with hold_run(folder, wait=WAIT):
            before = self.versions(name)
            for version in before:
                if version.id == digest:
                    return version
            number = before[-1].record.number + 1 if before else 1
            files = made(number, self._parent(name, before))
            place = folder / f"{number:04d}-{digest}"
            write_folder(place, files)
            for each in files:
                os.chmod(place / each, 0o444)
        return _version(place)

    def version(self, name: str, which: str) -> Version:
        """One version.

        Args:
            which: its number, the beginning of its id, its folder's name, or "latest".

        Raises:
            ConfigError: there is none, or more than one.
        """
        folders = self._listed(name)
        if which == "latest":
            found = folders[-1:]
        else:
            found = [f for f in folders if which == f.name or (which.isdecimal() and int(which) == _number(f))]
            found = found or [f for f in folders if len(which) >= 4 and f.name.partition("-")[2].startswith(which)]
        if len(found) != 1:
            listed = ", ".join(f.name for f in folders[-5:]) or tr("none")
            message = "{name} has no single version {which}; there are: {listed}"
            raise ConfigError(tr(message, name=name, which=repr(which), listed=listed))
        return self._whole(_version(found[0]))

    def promoted(self, name: str) -> Version | None:
        """The version in use; None where none was promoted.

        Raises:
            ArtifactError: promoted.json is damaged, or names a version that is not there.
        """
        stack = self._pointer(name)["stack"]
        if not stack:
            return None
        found = [folder for folder in self._listed(name) if folder.name.endswith(f"-{stack[-1]}")]
        if not found:
            message = "{pointer} names version {stack}, which is not there"
            raise ArtifactError(tr(message, pointer=self.folder(name) / POINTER, stack=stack[-1]))
        return self._whole(_version(found[0]))

    def promote(self, name: str, which: str, keys: Sequence[Path] = ()) -> Version:
        """Put a version to use, once every byte of it was verified; errors as of `version` and `Version.check`."""
        with hold_run(self._there(name), wait=WAIT):
            found = self.version(name, which)
            found.check(keys)
            state = self._pointer(name)
            if state["stack"][-1:] != [found.id]:
                self._move(name, "promote", [*state["stack"], found.id], state)
        return found

    def rollback(self, name: str) -> Version:
        """Go back to the version that was in use before.

        Raises:
            ConfigError: there was none. ArtifactError: it is damaged.
        """
        with hold_run(self._there(name), wait=WAIT):
            state = self._pointer(name)
            if len(state["stack"]) < 2:
                raise ConfigError(tr("{name}: no version was in use before this one; promote one instead", name=name))
            found = self.version(name, state["stack"][-2])
            found.check()
            self._move(name, "rollback", state["stack"][:-1], state)
        return found

    def log(self, name: str) -> list[dict[str, str]]:
        """What was promoted and rolled back, oldest first: `at`, `action`, `id`."""
        found: list[dict[str, str]] = self._pointer(name)["log"]
        return found

    def _there(self, name: str) -> Path:
        folder = self.folder(name)
        if not self._listed(name):
            known = ", ".join(self.names()) or tr("none")
            message = "{store} has no model {name}; it has: {known}"
            raise ConfigError(tr(message, store=self, name=repr(name), known=known))
        return folder

    def _listed(self, name: str) -> list[Path]:
        """The folders of a name's versions, by number; each holds its record at least."""
        return _folders(self.folder(name))

    def _whole(self, version: Version) -> Version:
        """A version all of whose files are in its folder."""
        return version

    def _parent(self, name: str, before: Sequence[Version]) -> str | None:
        """Id of the version that the next one comes after."""
        promoted = self.promoted(name)
        return promoted.id if promoted is not None else before[-1].id if before else None

    def _move(self, name: str, action: str, stack: list[str], state: dict[str, Any]) -> None:
        log = [*state["log"], {"at": now(), "action": action, "id": stack[-1]}]
        self._point(name, {"format": FORMAT, "stack": stack, "log": log})

    def _point(self, name: str, state: dict[str, Any]) -> None:
        write_file(self.folder(name) / POINTER, json.dumps(state, indent=1).encode())

    def _pointer(self, name: str) -> dict[str, Any]:
        place = self.folder(name) / POINTER
        if not place.exists():
            return {"stack": [], "log": []}
        return checked(_parsed(place), str(place))


def now() -> str:
    """The time as version records have it."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def checked(state: dict[str, Any], place: str) -> dict[str, Any]:
    """What `promoted.json` holds, as it was read from `place`.

    Raises:
        ArtifactError: it is nothing of the kind.
    """
    stack, log = state.get("stack"), state.get("log")
    if state.get("format") != FORMAT or not isinstance(log, list) or not isinstance(stack, list):
        raise ArtifactError(
            tr("{place} cannot be read: expected format {format}, stack and log", place=place, format=FORMAT)
        )
    if not all(isinstance(one, str) and re.fullmatch("[0-9a-f]{12}", one) for one in stack):
        raise ArtifactError(tr("{place}: stack holds what is no version's id", place=place))
    return state


def _folders(folder: Path) -> list[Path]:
    """The versions' folders, by number."""
    if not folder.is_dir():
        return []
    return sorted((p for p in folder.iterdir() if FOLDER.fullmatch(p.name) and not p.is_symlink()), key=_number)


def _number(folder: Path) -> int:
    return int(folder.name.partition("-")[0])


def _version(folder: Path) -> Version:
    place = folder / RECORD
    try:
        record = VersionRecord.model_validate(_parsed(place))
    except ValidationError as error:
        first = error.errors()[0]
        raise ArtifactError(f"{place}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    if record.format != FORMAT:
        message = "{place} is of format {format}; this tidegate reads {format2}"
        raise ArtifactError(tr(message, place=place, format=record.format, format2=FORMAT))
    own = record.files.get("model.json", "")[:12]
    if f"{record.number:04d}-{record.id}" != folder.name or record.id != own or record.name != folder.parent.name:
        raise ArtifactError(
            tr("{place}: name, number or id are not those of the folder {folder}", place=place, folder=folder)
        )
    if any("/" in name or "\\" in name or name.startswith(".") for name in record.files):
        raise ArtifactError(tr("{place}: files hold a path, expected plain names", place=place))
    return Version(folder, record)


def _parsed(place: Path) -> dict[str, Any]:
    try:
        if place.is_symlink() or place.stat().st_size > LARGEST_JSON:
            raise ValueError("it is a link, or larger than any record")
        state = json.loads(place.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ArtifactError(
            tr("{place} cannot be read: {error}", place=place, error=getattr(error, "strerror", None) or error)
        ) from error
    if not isinstance(state, dict):
        raise ArtifactError(tr("{place}: expected a JSON object", place=place))
    return state
