"""A server of a store: promoted versions are taken up without a dropped request, and none that is damaged."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.serve.models import asked
from tidegate.core.errors import ConfigError
from tidegate.deploy.publish import publish
from tidegate.deploy.store import Store
from tidegate.serve.app import Server
from tidegate.serve.settings import Settings


@pytest.fixture
def store(served: dict[str, Path], tmp_path: Path) -> Store:
    """Three versions of a forecaster, the first in use."""
    found = Store(tmp_path / "store")
    for seed in (1, 2, 3):
        run = tmp_path / f"run{seed}"
        shutil.copytree(served["forecast"], run / "model")
        place = run / "model" / "model.json"
        state = json.loads(place.read_text("utf-8"))
        state["provenance"]["seed"] = seed
        place.write_text(json.dumps(state), "utf-8")
        publish(run, found, "load")
    found.promote("load", "1")
    return found


def test_a_promoted_version_is_taken_up_while_requests_run(store: Store) -> None:
    async def talk(client: Any, server: Server) -> None:
        seen: list[str] = []
        done = asyncio.Event()

        async def ask() -> None:
            while not done.is_set():
                answer = await client.post("/models/load/predict", json={})
                assert answer.status_code == 200
                seen.append(answer.json()["version"])

        async def answered(more: int = 8) -> None:
            until = len(seen) + more
            while len(seen) < until:
                assert not any(client.done() for client in clients)
                await asyncio.sleep(0.002)

        clients = [asyncio.create_task(ask()) for _ in range(4)]
        session = (await client.post("/models/load/sessions", json={"id": "a"})).json()
        await answered()
        for which in ("2", "3"):
            store.promote("load", which)
            await asyncio.to_thread(server.shelf.refresh)
            await answered()
        store.rollback("load")
        await asyncio.to_thread(server.shelf.refresh)
        await answered()
        done.set()
        await asyncio.gather(*clients)
        ids = [version.id for version in store.versions("load")]
        assert list(dict.fromkeys(seen)) == ids
        assert seen[-1] == ids[1]
        assert server.shelf.swaps == 3
        found = (await client.post("/sessions/a/update", json={"values": 50})).json()  # it stays with its version
        assert found["updates"] == 1
        server.sessions.hot.clear()
        server.shelf.older.clear()
        assert (await client.get("/sessions/a")).json()["version"] == session["version"] == ids[0]
        shutil.rmtree(store.versions("load")[0].folder)
        server.sessions.hot.clear()
        server.shelf.older.clear()
        assert (await client.get("/sessions/a")).status_code == 410

    asked([store.path], talk)


def test_a_damaged_version_leaves_the_old_one_in_use(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    async def talk(client: Any, server: Server) -> None:
        second = store.promote("load", "2")  # sound when it was promoted, cut afterwards
        place = second.folder / "weights.safetensors"
        place.chmod(0o644)
        place.write_bytes(place.read_bytes()[:-100])
        for _ in range(3):
            server.shelf.refresh()
        answer = await client.post("/models/load/predict", json={})
        assert answer.json()["version"] == store.versions("load")[0].id
        assert server.shelf.failures == 1
        store.promote("load", "3")
        server.shelf.refresh()
        answer = await client.post("/models/load/predict", json={})
        assert answer.json()["version"] == store.versions("load")[2].id

    asked([store.path], talk)
    assert "swap failed" in capsys.readouterr().err


def test_several_models_stand_side_by_side_under_names_of_their_own(
    store: Store, served: dict[str, Path], tmp_path: Path
) -> None:
    async def talk(client: Any, server: Server) -> None:
        names = {one["name"]: one["task"] for one in (await client.get("/models")).json()}
        assert names == {"load": "forecaster", "detect": "detector"}

    asked([store.path, served["detect"]], talk)
    shutil.copytree(served["detect"], tmp_path / "other" / "detect" / "model")
    with pytest.raises(ConfigError, match="two models are called"):
        Server([served["detect"], tmp_path / "other" / "detect"], Settings())
    with pytest.raises(ConfigError, match="a signature is demanded"):
        Server([served["detect"]], Settings(signatures=[tmp_path / "key.pub"]))
