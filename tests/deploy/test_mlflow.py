"""The store on a real MLflow server: versions, promotion and way back, and nothing that was changed comes into use."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.runs import make_run
from tests.deploy.test_store import child
from tidegate.cli.main import run as command
from tidegate.core.errors import ArtifactError, ConfigError, OutputError
from tidegate.core.optional import available
from tidegate.deploy.mlflow import is_store, open_store
from tidegate.deploy.publish import publish
from tidegate.deploy.store import Store
from tidegate.runtime.model import load
from tidegate.serve.settings import Settings
from tidegate.serve.shelf import Shelf

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (available("mlflow") and available("flask")), reason="needs pip install mlflow"),
    pytest.mark.filterwarnings("default"),  # of MLflow's own client
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A server's address, and the folder that it keeps files in."""
    place = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["--backend-store-uri", f"sqlite:///{place}/db.sqlite", "--artifacts-destination", str(place / "files")]
    words += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    own = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (place / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "mlflow", "server", *words], cwd=place, env=own, stdout=log,
                                   stderr=log, start_new_session=True)  # fmt: skip
    uri, until = f"http://127.0.0.1:{port}", time.monotonic() + 600
    try:
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{uri}/health", timeout=5) as answer:
                if answer.status == 200:
                    break
            assert process.poll() is None, (place / "log").read_text()
            assert time.monotonic() < until, (place / "log").read_text()
            time.sleep(0.2)
        yield uri, place / "files"
    finally:
        os.killpg(process.pid, 15)
        process.wait(30)


@pytest.fixture
def store(server: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A store of names of its own on the server, read into an empty folder."""
    monkeypatch.setenv("TIDEGATE_CACHE", str(tmp_path / "cache"))
    return open_store(f"mlflow:{server[0]}")


def elsewhere(store: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The same store, as another machine sees it."""
    monkeypatch.setenv("TIDEGATE_CACHE", str(folder))
    return open_store(str(store))


def test_versions_come_back_byte_for_byte(store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [make_run(tmp_path / f"run{seed}", seed, mae) for seed, mae in ((1, 1.0), (2, 0.5))]
    first = publish(runs[0], store, "load", notes="the first")
    second = publish(runs[1], store, "load")
    assert publish(runs[0], store, "load").id == first.id  # the same model is the same version
    assert second.record.parent == first.id
    other = elsewhere(store, tmp_path / "other", monkeypatch)
    assert "load" in other.names()
    found = other.versions("load")
    assert [version.record for version in found] == [first.record, second.record]
    back = other.version("load", "latest")
    back.check()
    for name in ("model.json", "weights.safetensors"):
        assert (back.folder / name).read_bytes() == (runs[1] / "model" / name).read_bytes()
    assert load(back.folder).task == "forecaster"
    tags = store.client.get_model_version("load", str(first.record.number)).tags
    assert (tags["tidegate.notes"], tags["tidegate.data"], tags["tidegate.score.mae"]) == (
        "the first",
        "ab" * 32,
        "1.0",
    )
    entry = store.client.get_model_version("load", str(second.record.number))
    assert store.client.get_run(entry.run_id).data.metrics == {"model.mae": 0.5}
    assert entry.description.startswith("# Model card: load")


def test_promotion_is_an_alias_that_anybody_may_move(store: Any, tmp_path: Path) -> None:
    ids = [publish(make_run(tmp_path / f"run{seed}", seed), store, "alias").id for seed in (1, 2, 3)]
    assert store.promoted("alias") is None
    for which in ("1", ids[1][:6]):
        store.promote("alias", which)
    assert store.client.get_model_version_by_alias("alias", "promoted").tags["tidegate.id"] == ids[1]
    assert store.rollback("alias").id == ids[0]
    with pytest.raises(ConfigError, match="no version was in use before"):
        store.rollback("alias")
    assert [entry["action"] for entry in store.log("alias")] == ["promote", "promote", "rollback"]
    store.client.set_registered_model_alias("alias", "promoted", "3")  # in MLflow's own page
    assert store.promoted("alias").id == ids[2]
    assert store.rollback("alias").id == ids[0]
    with pytest.raises(ConfigError, match="has no model 'nobody'"):
        store.promote("nobody", "1")


def test_what_was_changed_on_the_server_is_refused(
    store: Any, server: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = publish(make_run(tmp_path / "run1", 1), store, "changed")
    store.promote("changed", "1")
    publish(make_run(tmp_path / "run2", 2), store, "changed")
    run = store.client.get_model_version("changed", "2").run_id
    (place,) = server[1].rglob(f"{run}/**/weights.safetensors")
    place.write_bytes(b"\0" * 200)
    other = elsewhere(store, tmp_path / "other", monkeypatch)
    with pytest.raises(ArtifactError, match="sha256 differs"):
        other.promote("changed", "2")
    assert other.promoted("changed").id == good.id
    record = place.with_name("version.json")
    record.write_bytes(record.read_bytes().replace(b"model", b"modal", 1))
    with pytest.raises(ArtifactError, match="its tag"):
        elsewhere(store, tmp_path / "third", monkeypatch).versions("changed")


def test_what_a_killed_publisher_leaves_is_no_version(
    store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path / "run1", 1)
    mlflow_client = type(store.client)
    before = mlflow_client.set_model_version_tag

    def dies(self: Any, name: str, version: str, key: str, value: str) -> None:
        if key == "tidegate.record":
            raise KeyboardInterrupt
        before(self, name, version, key, value)

    with monkeypatch.context() as patched:
        patched.setattr(mlflow_client, "set_model_version_tag", dies)
        patched.setattr(mlflow_client, "delete_model_version", lambda *_: None)  # as where the process is gone
        with pytest.raises(KeyboardInterrupt):
            publish(run, store, "killed")
    assert store.versions("killed") == ()
    assert publish(run, store, "killed").record.number == 2
    store.client.create_registered_model("somebody-elses")
    assert "somebody-elses" not in store.names()


def test_two_publishers_at_once_lose_nothing(store: Any, tmp_path: Path) -> None:
    runs = [make_run(tmp_path / f"run{seed}", seed) for seed in range(3)]
    pairs = [runs[:2], [runs[2], runs[0]]]
    both = [
        child(str(store), *own, TIDEGATE_CACHE=str(tmp_path / f"cache{place}"))  # type: ignore[arg-type]
        for place, own in enumerate(pairs)
    ]
    said = [process.communicate(timeout=300)[0].split() for process in both]
    assert all(process.returncode == 0 for process in both), said
    versions = store.versions("load")
    assert {version.id for version in versions} >= {word for words in said for word in words if word != "ready"}
    assert len({version.id for version in versions}) == len(versions)


def test_commands_and_a_server_take_the_same_address(
    store: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path / "run7", 7)
    where = ["--store", str(store)]
    assert command(["publish", str(run), "--name", "shelf", "--promote", *where]) == 0
    assert command(["versions", "shelf", "--json", *where]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["promoted"], row["number"], row["score"]) == (True, 1, 1.0)
    assert is_store(str(store))
    shelf = Shelf([str(store)], Settings())
    assert shelf.get("shelf").version == row["id"]
    publish(make_run(tmp_path / "run8", 8), store, "shelf")
    store.promote("shelf", "latest")
    shelf.refresh()
    assert shelf.get("shelf").version == store.promoted("shelf").id != row["id"]
    store.uri, shelf.stores = "http://127.0.0.1:9", [open_store("mlflow:http://127.0.0.1:9")]
    shelf.refresh()  # a server that is gone leaves what is in use
    assert shelf.get("shelf").version != row["id"]
    with pytest.raises(OutputError, match="the MLflow server at"):
        shelf.stores[0].names()


def test_an_address_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(ConfigError, match="needs a server's address"):
        open_store("mlflow:")
    assert isinstance(open_store("models"), Store)
