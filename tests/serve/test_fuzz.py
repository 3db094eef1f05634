"""Whatever is sent to any route that the OpenAPI document names, the server makes no mistake of its own."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.serve.app import Server
from tidegate.serve.settings import Settings

PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
ANY = st.recursive(PLAIN, lambda own: st.lists(own, max_size=4) | st.dictionaries(st.text(max_size=6), own, max_size=4))
TIMES = st.sampled_from(["2024-01-07T16:00", "2024-01-07", "9999-12-31", "1/2/3", "", "2024-01-07T16:00Z"])
VALUES = st.lists(PLAIN | TIMES | st.floats(40, 60), min_size=0, max_size=30)
COLUMNS = st.dictionaries(st.sampled_from(["time", "load", "heat", "0", "1", "\0"]), VALUES, max_size=3) | ANY
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "columns": COLUMNS,
        "rows": st.lists(st.dictionaries(st.sampled_from(["time", "load"]), PLAIN), max_size=5) | ANY,
        "future": COLUMNS,
        "sequences": st.lists(st.lists(st.lists(PLAIN, max_size=3) | PLAIN, max_size=4), max_size=3) | ANY,
        "texts": st.lists(st.text(max_size=9), max_size=3) | ANY,
        "values": PLAIN | ANY,
        "time": TIMES | PLAIN,
        "known": COLUMNS,
        "id": st.text(max_size=9) | PLAIN,
        "series": PLAIN,
        "fresh": PLAIN,
        "snapshot": PLAIN,
        "prompt": PLAIN,
        "length": st.integers(-1, 30) | PLAIN,
        "count": st.integers(-1, 5) | PLAIN,
        "stop": ANY,
        "seed": PLAIN,
        "temperature": PLAIN,
        "top_k": PLAIN,
    },
)
KINDS = st.sampled_from(["application/json", "text/csv", "application/vnd.apache.arrow.stream", "text/x", ""])


@pytest.fixture(scope="module")
def server(served: dict[str, Path]) -> Iterator[Server]:
    """One server of every task, with a session of each."""
    found = Server(list(served.values()), Settings(max_length=40, timeout=20))
    for name in served:
        found.sessions.create(found.shelf.get(name), {}, name, None)
    yield found
    found.sessions.close()


def keys_of(schema: dict[str, Any]) -> set[str]:
    return set(schema.get("properties", {}))


def narrowed(body: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """What of a body the document names, so that most bodies come far."""
    return {key: value for key, value in body.items() if key in keys_of(schema)}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_request_makes_the_server_fail(data: st.DataObject, server: Server) -> None:
    document = server.inner.openapi()
    routes = [(path, verb) for path, verbs in document["paths"].items() for verb in verbs if path != "/metrics"]
    path, verb = data.draw(st.sampled_from(routes))
    names = [*server.shelf.serving, "nothing"]
    target = path.replace("{name}", data.draw(st.sampled_from(names))).replace(
        "{id}", data.draw(st.sampled_from(names))
    )
    if verb == "delete":
        target = "/sessions/nothing"
    schema = next(iter(document["paths"][path][verb].get("requestBody", {}).get("content", {}).values()), {})
    body = narrowed(data.draw(BODIES), schema.get("schema", {}))
    content = data.draw(st.binary(max_size=60)) if data.draw(st.integers(0, 5)) == 0 else json.dumps(body).encode()
    if data.draw(st.integers(0, 9)) == 0:
        content = b"time,load\n" + content
    kind = data.draw(KINDS) if data.draw(st.booleans()) else "application/json"

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=server.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(verb.upper(), target, content=content, headers={"content-type": kind})

    answer = asyncio.run(ask())
    assert answer.status_code < 500 or target == "/ready", (verb, target, kind, content, answer.text)
    if answer.status_code >= 400:
        assert set(answer.json()["error"]) == {"status", "kind", "message"}
    for name in server.shelf.serving:  # no refused row has spoilt a stream
        assert server.sessions.get(name) is not None
