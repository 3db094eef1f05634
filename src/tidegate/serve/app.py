"""The application: routes of models and sessions, over HTTP and WebSocket."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import HTMLResponse, Response

from tidegate.core.errors import TidegateError
from tidegate.core.translate import tr
from tidegate.core.version import VERSION
from tidegate.serve import schema
from tidegate.serve.body import JSON, dump, parse, read_body, write_answer
from tidegate.serve.gate import Deadline, Gate, content, failure, handled
from tidegate.serve.metrics import Metrics
from tidegate.serve.sessions import Session, Sessions
from tidegate.serve.settings import RequestError, Settings
from tidegate.serve.shelf import Shelf
from tidegate.serve.tokens import Guard, read_tokens

RAW = "application/octet-stream"
SWEEP = 60.0  # seconds between two looks for sessions that have expired
GENERIC = ("id", "snapshot")


class Server:
    """Models, sessions and the application in front of them.

    Args:
        sources: folders of runs, models or stores. settings: limits and files.

    Raises:
        ConfigError: settings that cannot be. ArtifactError: a run is damaged.
    """

    def __init__(self, sources: Sequence[Path | str], settings: Settings) -> None:
        settings.check_exposure()
        self.settings = settings
        self.guard = Guard([] if settings.tokens is None else list(read_tokens(settings.tokens).values()))
        self.shelf = Shelf(sources, settings)
        self.sessions = Sessions(self.shelf, settings)
        self.metrics = Metrics(self.shelf, self.sessions)
        self.draining = False
        self.inner = self._routes()
        hot = {
            re.compile(r"/models/(?P<name>[^/]+)/predict"): ("/models/{name}/predict", self.predict),
            re.compile(r"/sessions/(?P<id>[^/]+)/update"): ("/sessions/{id}/update", self.update),
        }
        self.app = Gate(self.inner, settings, self.guard, self.metrics, hot)

    def _routes(self) -> FastAPI:
        app = FastAPI(title="tidegate", version=VERSION, docs_url=None, redoc_url=None, lifespan=self._life)
        one, many = "/sessions/{id}", "/models/{name}"
        routes: list[tuple[str, str, Any, dict[str, Any]]] = [
            ("GET", "/health", self.health, {}),
            ("GET", "/ready", self.ready, {}),
            ("GET", "/metrics", self.counted, {}),
            ("GET", "/docs", self.docs, {}),
            ("GET", "/models", self.models, {}),
            ("GET", many, self.model, {}),
            ("POST", f"{many}/predict", self.predict, schema.takes(schema.BODY, tables=True)),
            ("POST", f"{many}/generate", self.generate, schema.takes(schema.PROMPT)),
            ("POST", f"{many}/sessions", self.create, schema.takes(schema.BEGIN)),
            ("GET", one, self.session, {}),
            ("DELETE", one, self.end, {}),
            ("POST", f"{one}/update", self.update, schema.takes(schema.ROW)),
            ("GET", f"{one}/snapshot", self.snapshot, {}),
            ("PUT", f"{one}/snapshot", self.restore, schema.takes({}, raw=True)),
        ]
        for method, path, endpoint, document in routes:
            names = re.findall(r"{(\w+)}", path)
            given = [{"name": n, "in": "path", "required": True, "schema": {"type": "string"}} for n in names]
            extra = {"parameters": given, **({"responses": {"200": schema.ANSWER, "4XX": schema.ERROR}} | document)}
            text = (endpoint.__doc__ or "").partition("\n")[0]
            options: dict[str, Any] = {
                "methods": [method],
                "description": text,
                "openapi_extra": extra,
                "response_class": Response,
            }
            app.add_api_route(path, guarded(endpoint), operation_id=endpoint.__name__, **options)
        app.add_api_websocket_route(f"{many}/stream", self.stream)
        app.add_exception_handler(404, lambda request, error: failure(RequestError(404, tr("there is no such page"))))
        app.add_exception_handler(405, lambda request, error: failure(RequestError(405, tr("not by this method"))))
        return app

    @asynccontextmanager
    async def _life(self, app: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self._refresh()), asyncio.create_task(self._sweep())]
        try:
            yield
        finally:
            self.draining = True
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.sessions.close()

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(self.settings.refresh)
            await asyncio.to_thread(self.shelf.refresh)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(min(SWEEP, self.settings.expire))
            self.sessions.expire()

    async def health(self, request: Request) -> Response:
        """Whether the process answers."""
        return Response(b'{"status":"ok"}', media_type=JSON)

    async def ready(self, request: Request) -> Response:
        """Whether there is a model to ask, and the server is not about to end."""
        ready = bool(self.shelf.serving) and not self.draining
        return Response(dump({"ready": ready}), 200 if ready else 503, media_type=JSON)

    async def counted(self, request: Request) -> Response:
        """Counters for Prometheus."""
        return Response(self.metrics.text(), media_type="text/plain; version=0.0.4")

    async def docs(self, request: Request) -> Response:
        """This description, as a page."""
        return HTMLResponse(schema.page(self.inner.openapi()))

    async def models(self, request: Request) -> Response:
        """The models that answer, and their versions."""
        return Response(dump([served.about() for served in self.shelf.serving.values()]), media_type=JSON)

    async def model(self, request: Request) -> Response:
        """One model."""
        return Response(dump(self.shelf.get(request.path_params["name"]).about()), media_type=JSON)

    async def predict(self, request: Request) -> Response:
        """Predict for rows, sequences, texts or sound; of a forecaster {} goes on from the end of training."""
        served = self.shelf.get(request.path_params["name"])
        given = await content(request, self.settings)
        body = read_body(given, request.headers.get("content-type", ""), self.settings)
        asked = served.adapter.read(body)
        try:
            with Deadline(self.settings.timeout):
                columns = await served.answer(asked)
        except asyncio.TimeoutError as error:
            message = tr("no answer within {seconds:g} s: ask for less at once", seconds=self.settings.timeout)
            raise RequestError(408, message) from error
        about = {"model": served.name, "version": served.version}
        data, kind = write_answer(columns, about, request.headers.get("accept", ""))
        return Response(data, media_type=kind)

    async def generate(self, request: Request) -> Response:
        """Write on from a prompt, with a language model."""
        from tidegate.serve.adapters.text import Writing

        served = self.shelf.get(request.path_params["name"])
        adapter = served.adapter
        if not isinstance(adapter, Writing):
            raise RequestError(422, tr("{name} writes no texts", name=repr(served.name)))
        asked = parse(await content(request, self.settings) or b"{}")
        found = await asyncio.to_thread(adapter.generate, asked, self.settings)
        return Response(dump({"model": served.name, "version": served.version, **found}), media_type=JSON)

    async def create(self, request: Request) -> Response:
        """Begin a session: a stream of the model, from where its training table ended, fresh, or from a snapshot."""
        asked = parse(await content(request, self.settings) or b"{}")
        return Response(dump(self._begin(request.path_params["name"], asked).about()), media_type=JSON)

    def _begin(self, name: str, asked: Any) -> Session:
        served = self.shelf.get(name)
        if not isinstance(asked, dict):
            raise RequestError(422, tr("expected a JSON object with {keys}", keys="id, series, fresh, snapshot"))
        for key, kind in (("id", str), ("series", str), ("fresh", bool), ("snapshot", str)):
            if not isinstance(asked.get(key), (kind, type(None))):
                raise RequestError(422, tr("{name} is of the wrong type", name=key))
        snapshot = None
        if asked.get("snapshot") is not None:
            try:
                snapshot = base64.b64decode(asked["snapshot"], validate=True)
            except (binascii.Error, ValueError) as error:
                raise RequestError(422, tr("snapshot is no base64")) from error
        options = {key: value for key, value in asked.items() if key not in GENERIC and value is not None}
        return self.sessions.create(served, options, asked.get("id"), snapshot)

    async def session(self, request: Request) -> Response:
        """A session: its model and version, and how many rows it has taken in."""
        return Response(dump(self.sessions.get(request.path_params["id"]).about()), media_type=JSON)

    async def end(self, request: Request) -> Response:
        """End a session."""
        self.sessions.delete(request.path_params["id"])
        return Response(b"{}", media_type=JSON)

    async def update(self, request: Request) -> Response:
        """Take in one row and answer: {"values": ..., "time": ..., "known": ...}. Answered once it is written down."""
        row = parse(await content(request, self.settings))
        return Response(dump(self.sessions.update(request.path_params["id"], row)), media_type=JSON)

    async def snapshot(self, request: Request) -> Response:
        """All that a session's stream carries, to go on from here or elsewhere."""
        return Response(self.sessions.snapshot(request.path_params["id"]), media_type=RAW)

    async def restore(self, request: Request) -> Response:
        """Take a session to a snapshot."""
        given = await content(request, self.settings)
        return Response(dump(self.sessions.restore(request.path_params["id"], given).about()), media_type=JSON)

    async def stream(self, socket: WebSocket) -> None:
        """A session over a WebSocket: ?session=ID takes one up, else one begins; each message is a row (or sound)."""
        await socket.accept()
        try:
            query = dict(socket.query_params)
            identity = query.get("session")
            if identity is None:
                asked: dict[str, Any] = {key: query[key] for key in ("id", "series") if key in query}
                if "endpoint" in query:
                    asked["endpoint"] = parse(query["endpoint"])
                own = self._begin(socket.path_params["name"], {**asked, "fresh": query.get("fresh") == "true"})
            else:
                own = self.sessions.get(identity)
            await socket.send_text(dump(own.about()).decode())
        except TidegateError as error:
            await socket.send_text(bytes(failure(error).body).decode())
            await socket.close(1008)
            return
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            while True:
                message = await socket.receive()
                if message["type"] == "websocket.disconnect":
                    break
                try:
                    answer = dump(self.sessions.update(own.id, row_in(message)))
                except TidegateError as error:
                    answer = bytes(failure(error).body)
                await socket.send_text(answer.decode())


def row_in(message: Mapping[str, Any]) -> Any:
    """The row of a WebSocket's message: JSON, or bytes, which are sound."""
    sound = message.get("bytes")
    if sound is not None:
        return {"values": base64.b64encode(sound).decode()}
    return parse(message.get("text") or "")


def guarded(endpoint: Any) -> Any:
    """An endpoint whose errors are answers."""

    async def run(request: Request) -> Response:
        return await handled(endpoint, request)

    run.__doc__ = endpoint.__doc__
    return run
