"""Sessions: streams that clients hold, written down so that no acknowledged update is lost when the server dies.

A session is a row in SQLite: its model and version, the last snapshot, and the rows taken in since (the journal). An
update is answered only after its row is in the journal; a session that is not in memory is its snapshot with the
journal played after it. The streams used last stay in memory. A killed process loses nothing that was acknowledged; a
machine that loses power may lose what SQLite's write-ahead log had not yet brought to the disk.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import sqlite3
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tidegate.core.errors import ArtifactError, ConfigError
from tidegate.core.translate import tr
from tidegate.serve.body import dump, parse
from tidegate.serve.settings import RequestError, Settings
from tidegate.serve.shelf import Served, Shelf

HOT = 4_096  # streams in memory
JOURNAL = 64  # updates between two snapshots
LARGEST_SNAPSHOT = 64_000_000
FRESHNESS = 60.0  # seconds after which the last use is written down again, at most
IDENTITY = re.compile(r"[A-Za-z0-9_-]{1,64}")
TABLES = """
CREATE TABLE IF NOT EXISTS session (
    id TEXT PRIMARY KEY, model TEXT NOT NULL, version TEXT NOT NULL, options BLOB NOT NULL,
    updates INTEGER NOT NULL, used REAL NOT NULL, snapshot BLOB
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS journal (
    session TEXT NOT NULL, number INTEGER NOT NULL, row BLOB NOT NULL, PRIMARY KEY (session, number)
) WITHOUT ROWID;
"""


@dataclass
class Session:
    """A session in memory.

    Attributes:
        id: its name. served: its model, in the version it began with. stream: its state.
        updates: rows taken in. journal: of these, those after the last snapshot. used: when, by the server's clock.
    """

    id: str
    served: Served
    stream: Any
    updates: int
    journal: int
    used: float

    def about(self) -> dict[str, Any]:
        """What a client may know."""
        return {"session": self.id, "model": self.served.name, "version": self.served.version, "updates": self.updates}


class Sessions:
    """All sessions of a server.

    Args:
        shelf: the models. settings: limits, and where sessions are kept.

    Raises:
        ConfigError: the file cannot be used, or another server uses it.
    """

    def __init__(self, shelf: Shelf, settings: Settings) -> None:
        self.shelf, self.settings = shelf, settings
        self.hot: OrderedDict[str, Session] = OrderedDict()
        self._wall, self._clock = time.time(), time.monotonic()
        self.lag = min(FRESHNESS, settings.expire / 10)
        place = ":memory:" if settings.sessions is None else str(settings.sessions)
        try:
            self.store = sqlite3.connect(place, isolation_level=None, check_same_thread=False, timeout=0.5)
            for line in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=NORMAL", "cache_size=-8000"):
                self.store.execute(f"PRAGMA {line}")
            self.store.executescript(TABLES)
            self.count = int(self.store.execute("SELECT count(*) FROM session").fetchone()[0])
        except sqlite3.Error as error:
            message = "sessions cannot be kept in {place}: {error}. Does another server use it? Name another file"
            raise ConfigError(tr(message, place=place, error=error)) from error

    def now(self) -> float:
        """Wall time as it was at the start, and what has passed since: a clock that jumps ends no session."""
        return self._wall + time.monotonic() - self._clock

    def create(
        self, served: Served, options: Mapping[str, Any], identity: str | None, snapshot: bytes | None
    ) -> Session:
        """Begin a session.

        Args:
            served: its model. options: of the task's stream. identity: a name; None makes one. snapshot: to go on from.

        Raises:
            RequestError: 409 where the name is taken, 429 where there are too many. TidegateError: as of the stream.
        """
        if self.count >= self.settings.max_sessions:
            raise RequestError(429, tr("{count} sessions are open, which is all there may be", count=self.count))
        identity = secrets.token_urlsafe(18) if identity is None else identity
        if not IDENTITY.fullmatch(identity):
            raise RequestError(422, tr("a session's id has up to 64 letters, digits, dashes and underscores"))
        stream = served.adapter.open(options)
        if snapshot is not None:
            restore(stream, snapshot)
        values = (identity, served.name, served.version, dump(options), 0, self.now(), snapshot)
        try:
            self.store.execute("INSERT INTO session VALUES (?, ?, ?, ?, ?, ?, ?)", values)
        except sqlite3.IntegrityError as error:
            raise RequestError(409, tr("session {id} is there already", id=repr(identity))) from error
        self.count += 1
        return self._keep(Session(identity, served, stream, 0, 0, self.now()))

    def get(self, identity: str) -> Session:
        """A session, from memory or from what was written down.

        Raises:
            RequestError: 404, it is not there or has expired; 410, its model is gone.
        """
        found = self.hot.get(identity)
        if found is not None:
            self.hot.move_to_end(identity)
            if found.used < self.now() - self.settings.expire:
                self.delete(identity)
                raise RequestError(404, tr("session {id} is not there, or has expired", id=repr(identity[:80])))
            return found
        row = self.store.execute("SELECT * FROM session WHERE id = ?", (identity,)).fetchone()
        if row is None or row[5] < self.now() - self.settings.expire - self.lag:
            raise RequestError(404, tr("session {id} is not there, or has expired", id=repr(identity[:80])))
        _, model, version, options, updates, used, snapshot = row
        served = self.shelf.get(model, version)
        stream = served.adapter.open(parse(options))
        if snapshot is not None:
            stream.restore(snapshot)
        journal = self.store.execute(
            "SELECT row FROM journal WHERE session = ? ORDER BY number", (identity,)
        ).fetchall()
        for (line,) in journal:
            served.adapter.take(stream, parse(line))
        return self._keep(Session(identity, served, stream, updates + len(journal), len(journal), used))

    def update(self, identity: str, row: Any) -> dict[str, Any]:
        """Take a row in; it is written down before this returns.

        Raises:
            RequestError, TidegateError: it cannot be taken in; the session then is as before.
        """
        own = self.get(identity)
        with np.errstate(all="ignore"):
            answer = own.served.adapter.take(own.stream, row)
        try:
            self._write(own, dump(row))
        except sqlite3.Error as error:
            self.hot.pop(identity, None)  # what is in memory is ahead of what is written: begin from that again
            raise RequestError(507, tr("the update cannot be written down, and was not taken in")) from error
        return {"updates": own.updates, "answer": answer}

    def _write(self, own: Session, row: bytes) -> None:
        self.store.execute("INSERT INTO journal VALUES (?, ?, ?)", (own.id, own.updates + 1, row))
        own.updates, own.journal = own.updates + 1, own.journal + 1
        if own.journal >= JOURNAL:
            with contextlib.suppress(sqlite3.Error):  # the journal has it all: the next update tries again
                self._settle(own)
        elif self.now() - own.used > self.lag:
            self.store.execute("UPDATE session SET used = ? WHERE id = ?", (self.now(), own.id))
        own.used = self.now()

    def _settle(self, own: Session) -> None:
        """Write a snapshot in the place of the journal."""
        self.store.execute("BEGIN IMMEDIATE")
        try:
            values = (own.updates, self.now(), own.stream.snapshot(), own.id)
            self.store.execute("UPDATE session SET updates = ?, used = ?, snapshot = ? WHERE id = ?", values)
            self.store.execute("DELETE FROM journal WHERE session = ?", (own.id,))
            self.store.execute("COMMIT")
        except BaseException:
            self.store.execute("ROLLBACK")
            raise
        own.journal = 0

    def snapshot(self, identity: str) -> bytes:
        """All that a session's stream carries."""
        found: bytes = self.get(identity).stream.snapshot()
        return found

    def restore(self, identity: str, snapshot: bytes) -> Session:
        """Take a session back, or on, to a snapshot.

        Raises:
            RequestError: 422, it is damaged or of another model; the session then is as before.
        """
        own = self.get(identity)
        restore(own.stream, snapshot)
        try:
            self._settle(own)
        except sqlite3.Error as error:
            self.hot.pop(identity, None)
            raise RequestError(507, tr("the update cannot be written down, and was not taken in")) from error
        return own

    def delete(self, identity: str) -> None:
        """End a session; errors as of `get`, but that its model may be gone."""
        self.hot.pop(identity, None)
        gone = self.store.execute("DELETE FROM session WHERE id = ?", (identity,)).rowcount
        self.store.execute("DELETE FROM journal WHERE session = ?", (identity,))
        if not gone:
            raise RequestError(404, tr("session {id} is not there, or has expired", id=repr(identity[:80])))
        self.count -= 1

    def expire(self) -> int:
        """End the sessions that were not used for too long; how many."""
        limit = self.now() - self.settings.expire
        for own in [own for own in self.hot.values() if own.used < limit]:
            self.delete(own.id)
        old = [row[0] for row in self.store.execute("SELECT id FROM session WHERE used < ?", (limit - self.lag,))]
        old = [identity for identity in old if identity not in self.hot]
        for identity in old:
            self.delete(identity)
        return len(old)

    def close(self) -> None:
        """Let go of the file; everything is in it."""
        self.hot.clear()
        self.store.close()

    def _keep(self, own: Session) -> Session:
        self.hot[own.id] = own
        while len(self.hot) > HOT:
            self.hot.popitem(last=False)  # it is written down already
        return own


def restore(stream: Any, snapshot: bytes) -> None:
    """Take a stream to a snapshot that a client sent.

    Raises:
        RequestError: 413, 422: it is too large, damaged or of another model.
    """
    if len(snapshot) > LARGEST_SNAPSHOT:
        raise RequestError(413, tr("the snapshot is too large"))
    try:
        stream.restore(snapshot)
    except ArtifactError as error:
        raise RequestError(422, str(error)) from error
