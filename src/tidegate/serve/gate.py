"""What stands before every request: who may ask, how much, and what an answer never shows."""

from __future__ import annotations

import asyncio
import re
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidegate.core.errors import TidegateError
from tidegate.core.translate import tr
from tidegate.serve.body import JSON, dump
from tidegate.serve.log import log
from tidegate.serve.metrics import Metrics
from tidegate.serve.settings import RequestError, Settings
from tidegate.serve.tokens import Guard

OPEN = ("/health", "/ready")
LOCAL = re.compile(r"(localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?", re.IGNORECASE)
HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
]
PATHS = re.compile(r"(?<![\w.:/])(?:/[\w.@+-]+){2,}/?|[A-Za-z]:\\[\w\\.@+-]+")
Endpoint = Callable[[Request], Awaitable[Response]]


class Gate:
    """An ASGI application before another one.

    Args:
        app: which answers what no endpoint of `hot` does. settings, guard, metrics: of the server.
        hot: patterns of paths, each with its name and the endpoint that answers it without a framework between.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        guard: Guard,
        metrics: Metrics,
        hot: Mapping[re.Pattern[str], tuple[str, Endpoint]],
    ) -> None:
        self.app, self.settings, self.guard, self.metrics, self.hot = app, settings, guard, metrics, hot

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        try:
            self._check(scope)
        except RequestError as error:
            await self._refuse(scope, receive, send, error)
            return
        if scope["type"] == "websocket":
            await self.app(scope, receive, send)
            return
        await self._answer(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        """Refuse who may not ask.

        Raises:
            RequestError: 401 without a token, 403 from a page of another site, 413 a body that is too large.
        """
        headers = dict(scope["headers"])
        if not self.guard.digests:  # on the loopback: nobody but programs of this machine, and no page of a browser's
            host, origin = headers.get(b"host", b"").decode("latin-1"), headers.get(b"origin")
            if not LOCAL.fullmatch(host):
                raise RequestError(403, tr("without tokens only localhost may be asked for"))
            if origin is not None and urlsplit(origin.decode("latin-1")).netloc != host:
                raise RequestError(403, tr("pages of other sites may not ask"))
        elif scope["path"] not in OPEN and not self.guard.allows(headers.get(b"authorization")):
            raise RequestError(401, tr("give a token: Authorization: Bearer ..."))
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self.settings.max_body:
            raise RequestError(413, too_large(self.settings))

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, error: RequestError) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": str(error)[:100]})
            return
        response = failure(error)
        response.raw_headers.extend([*HEADERS, *([(b"www-authenticate", b"Bearer")] if error.status == 401 else [])])
        response.raw_headers.append((b"connection", b"close"))
        self.metrics.answered("refused", error.status, 0.0)
        await response(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        begin, status, started = time.perf_counter(), 500, False

        async def noted(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                message["headers"] = [*message["headers"], *HEADERS]
            await send(message)

        route = "other"
        try:
            for pattern, (name, endpoint) in self.hot.items() if scope["method"] == "POST" else ():
                match = pattern.fullmatch(scope["path"])
                if match is not None:
                    route, scope["path_params"] = name, match.groupdict()
                    response = await handled(endpoint, Request(scope, receive))
                    await response(scope, receive, noted)
                    return
            await self.app(scope, receive, noted)
            route = getattr(scope.get("route"), "path", route)
        except Exception as error:
            log("failed", route=scope["path"], error=repr(error), trace=traceback.format_exc())
            if started:
                raise
            await failure(error)(scope, receive, noted)
        finally:
            self.metrics.answered(route, status, time.perf_counter() - begin)


async def handled(endpoint: Endpoint, request: Request) -> Response:
    """What an endpoint answers, or why it cannot."""
    try:
        return await endpoint(request)
    except TidegateError as error:
        return failure(error)


def failure(error: Exception) -> Response:
    """An error as an answer: no path, no trace."""
    status = error.status if isinstance(error, RequestError) else 422 if isinstance(error, TidegateError) else 500
    text = (
        PATHS.sub("...", str(error))
        if status < 500 or status == 507
        else tr("the server made a mistake; its log says more")
    )
    kind = "RequestError" if status == 500 else type(error).__name__
    content = dump({"error": {"status": status, "kind": kind, "message": text}})
    return Response(content, status, media_type=JSON)


class Deadline:
    """Ends what a task waits for inside, after some seconds: a timer, where `asyncio.wait_for` makes a task.

    Raises:
        asyncio.TimeoutError: it took longer.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds, self.late = seconds, False

    def __enter__(self) -> None:
        self.task = asyncio.current_task()
        self.timer = asyncio.get_running_loop().call_later(self.seconds, self._end)

    def _end(self) -> None:
        self.late = True
        if self.task is not None:
            self.task.cancel()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self.timer.cancel()
        if self.late and kind is asyncio.CancelledError:
            if self.task is not None and sys.version_info >= (3, 11):
                self.task.uncancel()
            raise asyncio.TimeoutError from error


def too_large(settings: Settings) -> str:
    """What is said of a body that is too large."""
    return tr("a body may have {limit} bytes", limit=settings.max_body)


async def content(request: Request, settings: Settings) -> bytes:
    """The body of a request.

    Raises:
        RequestError: 413 where it is too large, 408 where it comes too slowly, 400 where the client leaves.
    """
    try:
        with Deadline(settings.timeout):
            return await _whole(request, settings)
    except asyncio.TimeoutError as error:
        raise RequestError(408, tr("the body did not come within {seconds:g} s", seconds=settings.timeout)) from error


async def _whole(request: Request, settings: Settings) -> bytes:
    parts, size = [], 0
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise RequestError(400, tr("the client left"))
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > settings.max_body:
            raise RequestError(413, too_large(settings))
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)
