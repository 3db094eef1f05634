"""What a server is told: where it listens, what it allows, and how long it waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

from tidegate.core.checks import Amount, Checked, Count, Positive, Range
from tidegate.core.errors import ConfigError, TidegateError
from tidegate.core.translate import tr


class RequestError(TidegateError):
    """A request that cannot be answered, with its HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Settings(Checked):
    """Limits and files of a server; every number is a bound that a request cannot pass.

    Attributes:
        host: address to listen on.
        port: port to listen on; 0 takes a free one.
        tokens: file of hashed bearer tokens; without one only this machine can ask.
        certificate: PEM file of the certificate; TLS is spoken where it is given.
        key: PEM file of the certificate's private key.
        sessions: SQLite file that keeps sessions over a restart; in memory if None.
        signatures: public key (PEM), one of which must have signed a version.
        max_body: bytes that a request may have.
        max_rows: rows of a table, or steps of all sequences, that a request may have.
        max_sessions: sessions that may be open.
        max_connections: connections that may be open.
        max_length: tokens that a text may be asked to have.
        timeout: seconds for a request to come, and for its answer.
        expire: seconds after which an unused session ends.
        drain: seconds for requests under way when the server is told to end.
        refresh: seconds between two looks for promoted versions.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Range(0, 65_535)] = 8000
    tokens: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    sessions: Path | None = None
    signatures: Sequence[Path] = ()
    max_body: Count = 16_000_000
    max_rows: Count = 200_000
    max_sessions: Count = 200_000
    max_connections: Count = 4_096
    max_length: Count = 10_000
    timeout: Positive = 30.0
    expire: Positive = 86_400.0
    drain: Amount = 10.0
    refresh: Amount = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.certificate is None) != (self.key is None):
            raise ConfigError(tr("TLS needs both a certificate and its key"))

    @property
    def loopback(self) -> bool:
        """Whether nobody but this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    def check_exposure(self) -> None:
        """Refuse to listen to others without tokens.

        Raises:
            ConfigError: it would.
        """
        if not self.loopback and self.tokens is None:
            message = (
                "{host} can be reached from other machines: make a token first (tidegate serve --new-token NAME "
                "--tokens FILE) and give the file, --tokens FILE"
            )
            raise ConfigError(tr(message, host=self.host))
