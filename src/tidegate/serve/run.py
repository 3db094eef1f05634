"""A server as a process: listens, drains on SIGTERM, and lets go of clients that say nothing."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tidegate.core.errors import ConfigError
from tidegate.core.optional import available, require
from tidegate.core.translate import tr
from tidegate.serve.log import log
from tidegate.serve.settings import Settings

SWITCH = 0.001  # seconds a thread may keep the interpreter from the loop
GARBAGE = 10_000  # objects more than before until cycles are looked for; answers of requests have none


def run(sources: Sequence[Path | str], settings: Settings) -> None:
    """Serve until told to end.

    Raises:
        ConfigError: the settings cannot be, or the address is taken. MissingExtraError: the extra is not installed.
    """
    gc.disable()  # what is made until all is loaded stays
    uvicorn = require("uvicorn", extra="serve", purpose="serve")
    require("fastapi", extra="serve", purpose="serve")
    from tidegate.serve.app import Server

    settings.check_exposure()
    _raise_limit(settings.max_connections)
    sys.setswitchinterval(SWITCH)
    listening = _listen(settings)
    server = Server(sources, settings)
    config = uvicorn.Config(
        server.app,
        http=_protocol(settings),
        ws="websockets-sansio",
        ws_max_size=settings.max_body,
        ws_per_message_deflate=False,
        timeout_keep_alive=max(int(settings.timeout), 1),
        timeout_graceful_shutdown=max(int(settings.drain), 1),
        limit_concurrency=settings.max_connections,
        h11_max_incomplete_event_size=32_768,
        log_level="error",
        access_log=False,
        server_header=False,
        date_header=False,
        lifespan="on",
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.key,
    )
    kind = "http" if settings.certificate is None else "https"
    host, port = listening.getsockname()[:2]
    models = {served.name: served.version for served in server.shelf.serving.values()}
    log("serving", url=f"{kind}://{host}:{port}", models=models, sessions=server.sessions.count)
    for each in (signal.SIGTERM, signal.SIGINT):  # uvicorn drains, and then raises them once more: all is done by then
        signal.signal(each, lambda number, frame: None)
    gc.freeze()
    gc.set_threshold(GARBAGE, 20, 20)
    gc.enable()
    uvicorn.Server(config).run(sockets=[listening])
    log("ended")


def _listen(settings: Settings) -> socket.socket:
    """The socket; taken before anything is loaded, so that a wrong address is said at once."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.bind((settings.host, settings.port))
        listening.listen(2_048)  # who comes while models are loaded waits
    except (OSError, OverflowError) as error:
        listening.close()
        place = f"{settings.host}:{settings.port}"
        raise ConfigError(
            tr("cannot listen on {place}: {error}", place=place, error=getattr(error, "strerror", None) or error)
        ) from error
    return listening


def _protocol(settings: Settings) -> Any:
    """uvicorn's own, but that a client has to send the head of a request within the timeout."""
    base: Any
    if available("httptools"):
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

        base = HttpToolsProtocol
    else:
        from uvicorn.protocols.http.h11_impl import H11Protocol

        base = H11Protocol

    class Timely(base):  # type: ignore[misc]
        late: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._expect()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete:
                self._heard()
            else:
                self._expect()

        def connection_lost(self, error: Exception | None) -> None:
            self._heard()
            super().connection_lost(error)

        def _expect(self) -> None:
            if self.late is None:
                self.late = self.loop.call_later(settings.timeout, self._close)

        def _heard(self) -> None:
            if self.late is not None:
                self.late.cancel()
                self.late = None

        def _close(self) -> None:
            self.late = None
            if not self.transport.is_closing() and (self.cycle is None or self.cycle.response_complete):
                self.transport.close()

    return Timely


def _raise_limit(wanted: int) -> None:
    """So many open files as connections need, where the system allows it."""
    try:
        import resource
    except ImportError:  # Windows
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    need = wanted + 256
    if soft < need:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(need, hard) if hard > 0 else need, hard))
