"""The store of versions on an MLflow server, behind the same commands.

    registered model  load   alias `promoted`: the version in use; tag `tidegate.promoted`: those before it, the log
    its version       3      tags `tidegate.*`: id, task, parent, data, score, verdict, notes; description: the card
    the version's run        its files below `version/`, the configuration, metrics beside the baselines

A version counts once it has the tag `tidegate.record`, the sha256 of its version.json, which is set last: what a killed
publisher leaves is no version. Files that were read are kept in a folder of this machine (`TIDEGATE_CACHE`, else
`~/.cache/tidegate`), and every byte is held to the record's hashes. Who moves the alias in MLflow's page promotes too.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tidegate.artifacts.atomic import hold_run, write_file, write_folder
from tidegate.core.errors import ArtifactError, ConfigError, OutputError, TidegateError
from tidegate.core.optional import require
from tidegate.core.translate import tr
from tidegate.deploy.store import FOLDER, FORMAT, NAME, RECORD, SIGNATURE, WAIT, Store, Version, VersionRecord, checked

MLFLOW = "mlflow:"  # what the place of such a store begins with
ALIAS, FILES, EXPERIMENT = "promoted", "version", "tidegate"
MODEL_TAG, RECORD_TAG, STATE_TAG = "tidegate.id", "tidegate.record", "tidegate.promoted"
KEPT = 24  # promotions and rollbacks that a tag has room for
PAUSE = 0.3  # seconds before what another made at the same moment is looked for again
LONGEST = 500  # characters of a tag or parameter of ours
QUIET = {  # of MLflow's client: nothing is reported to its makers, and a server that is not there is said soon
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


class MlflowStore(Store):
    """Versions of models on an MLflow server.

    Args:
        uri: of the server, for instance http://localhost:5000; empty takes MLFLOW_TRACKING_URI.

    Raises:
        ConfigError: no address. MissingExtraError: the extra mlflow is not installed.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri or os.environ.get("MLFLOW_TRACKING_URI", "")
        if not self.uri:
            raise ConfigError(tr("mlflow: needs a server's address, as in mlflow:http://localhost:5000"))
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        mlflow = require("mlflow", extra="mlflow", purpose="keep versions on an MLflow server")
        self.client: Any = mlflow.MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)
        cache = Path(os.environ.get("TIDEGATE_CACHE") or Path.home() / ".cache" / "tidegate")
        super().__init__(cache / "mlflow" / hashlib.sha256(self.uri.encode()).hexdigest()[:12])

    def __str__(self) -> str:
        return f"{MLFLOW}{self.uri}"

    def names(self) -> tuple[str, ...]:
        """Models that have a version, in order; others of the registry are left alone."""
        with self._asking():
            found = _all(self.client.search_registered_models)
        return tuple(sorted(each.name for each in found if NAME.fullmatch(each.name) and "tidegate" in each.tags))

    def add(self, name: str, digest: str, made: Callable[[int, str | None], dict[str, bytes]]) -> Version:
        """As of the store in a folder; the number is the registry's."""
        folder = self.folder(name)
        with hold_run(folder, wait=WAIT), self._asking():
            before = self.versions(name)
            for version in before:
                if version.id == digest:
                    return self._whole(version)
            parent = self._parent(name, before)
            run = self._begin(name)
            source = f"{run.info.artifact_uri}/{FILES}"
            own = self.client.create_model_version(name, source, run_id=run.info.run_id, await_creation_for=0)
            number = int(own.version)
            try:
                files = made(number, parent)
                self._send(run.info.run_id, name, own.version, files)
            except BaseException:
                with contextlib.suppress(Exception):
                    self.client.delete_model_version(name, own.version)
                    self.client.set_terminated(run.info.run_id, "FAILED")
                raise
            write_folder(folder / f"{number:04d}-{digest}", files)
            found = next(version for version in self.versions(name) if version.id == digest)
            if found.record.number != number:  # somebody published the same model meanwhile
                self.client.delete_model_version(name, own.version)
        return self._whole(found)

    def _begin(self, name: str, tries: int = 5) -> Any:
        """The registered model, and a run for the next version; what another makes meanwhile is looked for again."""
        from mlflow.exceptions import MlflowException

        try:
            if not _all(self.client.search_registered_models, f"name='{name}'"):
                self.client.create_registered_model(name)
            self.client.set_registered_model_tag(name, "tidegate", str(FORMAT))
            experiment = self.client.get_experiment_by_name(EXPERIMENT)
            which = self.client.create_experiment(EXPERIMENT) if experiment is None else experiment.experiment_id
        except MlflowException:
            if not tries:
                raise
            time.sleep(PAUSE)
            return self._begin(name, tries - 1)
        return self.client.create_run(which, run_name=name)

    def _send(self, run: str, name: str, number: str, files: dict[str, bytes]) -> None:
        """Files, metrics and tags of a version; what makes it count last."""
        from mlflow.entities import Metric, Param

        record = VersionRecord.model_validate_json(files[RECORD])
        with tempfile.TemporaryDirectory() as folder:
            for each, content in files.items():
                (Path(folder) / each).write_bytes(content)
            self.client.log_artifacts(run, folder, FILES)
        scores = {f"{own}.{metric}": value for own, row in record.metrics.items() for metric, value in row.items()}
        metrics = [Metric(_plain(key), value, 0, 0) for key, value in scores.items() if value is not None]
        params = [Param(_plain(key), _short(value)) for key, value in record.config.items()]
        self.client.log_batch(run, metrics=metrics[:1000], params=params[:100])
        self.client.set_terminated(run)
        lineage = {"parent": record.parent, "data": record.data, "tidegate": record.tidegate, "task": record.task}
        score = {f"score.{record.criterion}": record.score, "verdict": record.verdict, "notes": record.notes or None}
        for key, value in {**lineage, **score}.items():
            if value is not None:
                self.client.set_model_version_tag(name, number, f"tidegate.{_plain(key)}", _short(value))
        self.client.update_model_version(name, number, files["card.en.md"].decode()[:4_000])
        if SIGNATURE in files:
            self.client.set_model_version_tag(name, number, "tidegate.signed", "yes")
        self.client.set_model_version_tag(name, number, MODEL_TAG, record.id)
        self.client.set_model_version_tag(name, number, RECORD_TAG, hashlib.sha256(files[RECORD]).hexdigest())

    def _entries(self, name: str) -> dict[str, Any]:
        """The registry's entries of a name's versions, oldest first, by the folder of each."""
        with self._asking():
            found = _all(self.client.search_model_versions, f"name='{self.folder(name).name}'")
        entries: dict[str, Any] = {}
        for own in sorted(found, key=lambda each: int(each.version)):
            folder = f"{int(own.version):04d}-{own.tags.get(MODEL_TAG, '')}"
            known = {each.partition("-")[2] for each in entries}
            if RECORD_TAG in own.tags and FOLDER.fullmatch(folder) and own.tags[MODEL_TAG] not in known:
                entries[folder] = own
        return entries

    def _listed(self, name: str) -> list[Path]:
        found = []
        for each, own in self._entries(name).items():
            folder, wanted = self.folder(name) / each, own.tags[RECORD_TAG]
            if _digest(folder / RECORD) != wanted:
                write_file(folder / RECORD, self._file(own, RECORD))
                if _digest(folder / RECORD) != wanted:
                    (folder / RECORD).unlink()
                    place = f"{self}: {name} {own.version}: {RECORD}"
                    raise ArtifactError(
                        f"{place} is not what its tag {RECORD_TAG} says (sha256 differs): it was changed"
                    )
            found.append(folder)
        return found

    def _whole(self, version: Version) -> Version:
        missing = [n for n, wanted in version.record.files.items() if _digest(version.folder / n) != wanted]
        own = self._entries(version.record.name)[version.folder.name]
        if "tidegate.signed" in own.tags and not (version.folder / SIGNATURE).exists():
            missing.append(SIGNATURE)
        for name in missing:
            write_file(version.folder / name, self._file(own, name))
        return version

    def _file(self, own: Any, name: str) -> bytes:
        """A file of a version, as the server has it."""
        with self._asking(), tempfile.TemporaryDirectory() as folder:
            place = Path(self.client.download_artifacts(own.run_id, f"{FILES}/{name}", folder))
            return place.read_bytes()

    def _pointer(self, name: str) -> dict[str, Any]:
        """As of the folder; the alias says what is in use, whoever moved it."""
        self.folder(name)
        with self._asking():
            model = next((m for m in _all(self.client.search_registered_models, f"name='{name}'")), None)
        state: dict[str, Any] = {"format": FORMAT, "stack": [], "log": []}
        if model is None:
            return state
        if STATE_TAG in model.tags:
            place = f"{self}: {name}: {STATE_TAG}"
            try:
                state = checked({"format": FORMAT, **json.loads(model.tags[STATE_TAG])}, place)
            except (ValueError, TypeError) as error:
                raise ArtifactError(f"{place} cannot be read: {error}") from error
        alias = model.aliases.get(ALIAS)
        if alias is None:
            return {**state, "stack": []}
        entries = self._entries(name)
        used = next((f for f, own in entries.items() if own.version == str(alias)), None)
        if used is None:
            raise ArtifactError(
                f"{self}: alias {ALIAS} of {name} names version {alias}, which tidegate did not publish"
            )
        known = {folder.partition("-")[2] for folder in entries}
        stack = [each for each in state["stack"] if each in known]
        own_id = used.partition("-")[2]
        return {**state, "stack": stack if stack[-1:] == [own_id] else [*stack, own_id]}

    def _point(self, name: str, state: dict[str, Any]) -> None:
        folder = next(each for each in self._entries(name) if each.endswith(f"-{state['stack'][-1]}"))
        kept = {"stack": state["stack"][-KEPT:], "log": state["log"][-KEPT:]}
        with self._asking():
            self.client.set_registered_model_alias(name, ALIAS, str(int(folder.partition("-")[0])))
            self.client.set_registered_model_tag(name, STATE_TAG, json.dumps(kept, separators=(",", ":")))

    @contextlib.contextmanager
    def _asking(self) -> Iterator[None]:
        """What the client raises, in words."""
        import requests
        from mlflow.exceptions import MlflowException

        try:
            yield
        except TidegateError:
            raise
        except (MlflowException, requests.RequestException) as error:
            first = str(error).partition("\n")[0][:300]
            message = "the MLflow server at {uri} could not do it: {error}"
            raise OutputError(tr(message, uri=self.uri, error=first)) from error


def _all(search: Callable[..., Any], where: str | None = None) -> list[Any]:
    """All pages of a search."""
    found: list[Any] = []
    token = None
    while True:
        page = search(filter_string=where, max_results=100, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def _digest(place: Path) -> str | None:
    return hashlib.sha256(place.read_bytes()).hexdigest() if place.is_file() and not place.is_symlink() else None


def _plain(key: str) -> str:
    """A name that MLflow takes."""
    return re.sub(r"[^A-Za-z0-9_./ -]", "_", key)[:200]


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text[:LONGEST]


def open_store(place: str | Path) -> Store:
    """The store at a folder, or at `mlflow:URI` on an MLflow server (`mlflow:` alone takes MLFLOW_TRACKING_URI).

    Raises:
        ConfigError: no server's address was given. MissingExtraError: the extra mlflow is not installed.
    """
    return MlflowStore(str(place)[len(MLFLOW) :]) if str(place).startswith(MLFLOW) else Store(place)


def is_store(place: str | Path) -> bool:
    """Whether a place is a store, and not the folder of a run or a model."""
    if str(place).startswith(MLFLOW):
        return True
    path = Path(place)
    return not (path / "model.json").exists() and not (path / "model").exists() and bool(Store(path).names())
