"""The models of a server: loaded from runs or from a store, and exchanged for promoted versions while it answers."""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.artifacts.artifact import Artifact, read_model
from tidegate.artifacts.atomic import existing_folder
from tidegate.core.errors import ConfigError, TidegateError
from tidegate.core.translate import tr
from tidegate.deploy.mlflow import is_store, open_store
from tidegate.deploy.store import NAME, Store
from tidegate.runtime.model import model_of
from tidegate.serve.adapters.adapter import Adapter, Ask
from tidegate.serve.settings import RequestError, Settings

ADAPTERS = {  # module and class, imported when the first model of the task is served
    "forecaster": ("forecast", "Forecasting"),
    "detector": ("detect", "Detecting"),
    "classifier": ("label", "Labelling"),
    "regressor": ("label", "Labelling"),
    "language": ("text", "Writing"),
    "translator": ("text", "Translating"),
    "transcriber": ("speech", "Hearing"),
    "captioner": ("picture", "Showing"),
}


def adapted(artifact: Artifact) -> Adapter[Any]:
    """The adapter of a model's task.

    Raises:
        ConfigError: models of its task are not served yet.
    """
    task = artifact.record.task
    if task not in ADAPTERS:
        known = ", ".join(ADAPTERS)
        raise ConfigError(
            tr("a model of the task {task} is not served yet; served are {known}", task=task, known=known)
        )
    module, name = ADAPTERS[task]
    kind: type[Adapter[Any]] = getattr(importlib.import_module(f"tidegate.serve.adapters.{module}"), name)
    return kind(model_of(artifact), artifact)


KEPT = 4  # models of older versions that stay in memory for their sessions
INLINE = 0.02  # seconds of work that may hold the loop up; longer work goes to a thread
TOGETHER = 256  # asks that are answered at once


@dataclass
class Served:
    """A model that answers.

    Attributes:
        name, version: what clients call it. adapter: its task. pace: seconds a row, as measured lately.
    """

    name: str
    version: str
    adapter: Adapter[Any]
    waiting: dict[Any, list[tuple[Ask, asyncio.Future[dict[str, Any]]]]] = field(default_factory=dict)
    pace: float = 1e-4
    noted: Callable[[int], None] = lambda size: None

    @property
    def task(self) -> str:
        task: str = self.adapter.model.task
        return task

    async def answer(self, ask: Ask) -> dict[str, Any]:
        """Columns for an ask; those that come while others are worked on are answered together.

        Raises:
            TidegateError: as of the model.
        """
        loop = asyncio.get_running_loop()
        if self.pace * ask.size > INLINE:
            return await loop.run_in_executor(None, lambda: self._work([ask])[0])
        future: asyncio.Future[dict[str, Any]] = loop.create_future()
        key = object() if ask.alike is None else (ask.alike, None if ask.known is None else tuple(ask.known))
        if not self.waiting:
            loop.call_soon(self._flush)
        self.waiting.setdefault(key, []).append((ask, future))
        return await future

    def _flush(self) -> None:
        """Answer all that wait."""
        groups, self.waiting = self.waiting, {}
        for group in groups.values():
            for first in range(0, len(group), TOGETHER):
                self._settle(group[first : first + TOGETHER])

    def _settle(self, part: list[tuple[Ask, asyncio.Future[dict[str, Any]]]]) -> None:
        part = [(ask, future) for ask, future in part if not future.done()]
        if not part:
            return
        try:
            found = self._work([ask for ask, _ in part])
        except Exception as error:
            if len(part) > 1:  # one of them is at fault: let the others have their answers
                self._settle(part[: len(part) // 2])
                self._settle(part[len(part) // 2 :])
                return
            part[0][1].set_exception(error)
            return
        for (_, future), columns in zip(part, found, strict=True):
            future.set_result(columns)

    def _work(self, asks: Sequence[Ask]) -> list[dict[str, Any]]:
        begin = time.perf_counter()
        with np.errstate(all="ignore"):  # what is not finite is refused by the model, in words
            found = self.adapter.answer(asks)
        spent = (time.perf_counter() - begin) / max(sum(ask.size for ask in asks), 1)
        self.pace += 0.2 * (spent - self.pace)
        self.noted(len(asks))
        return found

    def about(self) -> dict[str, Any]:
        """What clients may know of it."""
        return {"name": self.name, "version": self.version, "task": self.task, "inputs": self.adapter.inputs()}


class Shelf:
    """The models by name.

    Args:
        sources: folders of runs or models, or stores. settings: of the server.

    Raises:
        ConfigError: a folder holds neither, or two models have one name. ArtifactError: a run is damaged.
    """

    def __init__(self, sources: Sequence[Path | str], settings: Settings) -> None:
        self.settings = settings
        self.stores = [open_store(place) for place in sources if is_store(place)]
        self.runs: dict[str, Path] = {}
        self.serving: dict[str, Served] = {}
        self.older: OrderedDict[tuple[str, str], Served] = OrderedDict()
        self.failed: dict[str, str] = {}  # name -> id of a version that could not be taken up
        self.swaps = self.failures = 0
        self.batches: Callable[[int], None] = lambda size: None
        for path in map(Path, (place for place in sources if not is_store(place))):
            place = path.resolve()
            name = place.parent.name if place.name == "model" else place.name
            self._claim(name if NAME.fullmatch(name) else "model", path)
        if settings.signatures and self.runs:
            raise ConfigError(tr("a signature is demanded, and runs have none: publish them, and serve the store"))
        for name, path in self.runs.items():
            artifact = read_model(path)
            self.serving[name] = self._served(name, _version_of(path), artifact)
        for store in self.stores:
            for name in store.names():
                self._take_up(store, name)

    def _claim(self, name: str, path: Path) -> None:
        if name in self.runs:
            raise ConfigError(
                tr("two models are called {name}: publish them under names of their own", name=repr(name))
            )
        self.runs[name] = path

    def get(self, name: str, version: str | None = None) -> Served:
        """A model by name, in the version that is in use or in one that a session began with.

        Raises:
            RequestError: 404 or 410, it is not there (any more).
        """
        now = self.serving.get(name)
        if now is not None and version in (None, now.version):
            return now
        if version is not None:
            found = self.older.get((name, version)) or self._from_store(name, version)
            if found is not None:
                self._keep(found)
                return found
            raise RequestError(410, tr("version {version} of {name} is gone", version=version, name=repr(name)))
        raise RequestError(404, tr("there is no model {name}", name=repr(name[:80])))

    def refresh(self) -> None:
        """Take up what was promoted since; a version that cannot be read leaves the one before it in use."""
        for store in self.stores:
            try:
                names = store.names()
            except (TidegateError, OSError) as error:  # a server of versions that does not answer now
                self._failed(str(store), "?", error)
                continue
            self.failed.pop(str(store), None)
            for name in names:
                self._take_up(store, name)

    def _take_up(self, store: Store, name: str) -> None:
        wanted = "?"
        try:
            version = store.promoted(name)
            if version is None or (name in self.runs):
                return
            wanted, now = version.id, self.serving.get(name)
            if (now is not None and now.version == wanted) or self.failed.get(name) == wanted:
                return
            found = self._served(name, wanted, version.check(self.settings.signatures))
        except (TidegateError, OSError) as error:
            self._failed(name, wanted, error)
            return
        self.failed.pop(name, None)
        if now is not None:
            self._keep(now)
            self.swaps += 1
        self.serving[name] = found

    def _failed(self, name: str, wanted: str, error: Exception) -> None:
        """Say once that a version could not be taken up."""
        if self.failed.get(name) != wanted:
            self.failed[name], self.failures = wanted, self.failures + 1
            from tidegate.serve.log import log

            log("swap failed", model=name, version=wanted, error=str(error))

    def _keep(self, served: Served) -> None:
        self.older[served.name, served.version] = served
        self.older.move_to_end((served.name, served.version))
        while len(self.older) > KEPT:
            self.older.popitem(last=False)

    def _from_store(self, name: str, version: str) -> Served | None:
        for store in self.stores:
            try:
                return self._served(name, version, store.version(name, version).check(self.settings.signatures))
            except TidegateError:
                continue
        return None

    def _served(self, name: str, version: str, artifact: Artifact) -> Served:
        return Served(name, version, adapted(artifact), noted=self._note)

    def _note(self, size: int) -> None:
        self.batches(size)


def _version_of(path: Path) -> str:
    """The id that a run's model would have as a version."""
    folder = path if (path / "model.json").exists() else existing_folder(path / "model")
    return hashlib.sha256((folder / "model.json").read_bytes()).hexdigest()[:12]
