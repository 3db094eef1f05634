"""Bearer tokens: 256 random bits each, of which a file holds the SHA-256 alone."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path

from tidegate.artifacts.atomic import write_file
from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr

LINE = re.compile(r"([\w.@-]{1,64}) ([0-9a-f]{64})")


def new_token(place: Path, name: str) -> str:
    """Make a token, add its hash to a file, and give it; it is nowhere else.

    Raises:
        ConfigError: the name is none or is taken. OutputError: the file cannot be written.
    """
    known = read_tokens(place) if place.exists() else {}
    if not LINE.fullmatch(f"{name} {'0' * 64}") or name in known:
        raise ConfigError(tr("{name} is taken or cannot name a token: letters, digits, dots, dashes", name=repr(name)))
    token = f"tg_{secrets.token_urlsafe(32)}"
    known[name] = hashlib.sha256(token.encode()).hexdigest()
    write_file(place, "".join(f"{each} {digest}\n" for each, digest in known.items()).encode())
    os.chmod(place, 0o600)
    return token


def read_tokens(place: Path) -> dict[str, str]:
    """Names and hashes of a file.

    Raises:
        ConfigError: it cannot be read, or a line is none.
    """
    try:
        lines = place.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise ConfigError(tr("tokens cannot be read from {place}: {error}", place=place, error=error)) from error
    found = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = LINE.fullmatch(line.strip())
        if match is None:
            raise ConfigError(tr("{place}, line {line}: expected a name and a SHA-256", place=place, line=number))
        found[match[1]] = match[2]
    if not found:
        raise ConfigError(tr("{place} holds no token: tidegate serve --new-token NAME --tokens FILE", place=place))
    return found


class Guard:
    """Says whether a request carries one of the tokens, in a time that does not depend on which, or how nearly.

    Args:
        digests: SHA-256 of each, as hex; empty lets everybody in.
    """

    def __init__(self, digests: list[str]) -> None:
        self.digests = [digest.encode() for digest in digests]

    def allows(self, header: bytes | None) -> bool:
        """Whether an Authorization header names a token."""
        if not self.digests:
            return True
        kind, _, token = (header or b"").partition(b" ")
        given = hashlib.sha256(token.strip()).hexdigest().encode()
        matches = [hmac.compare_digest(given, digest) for digest in self.digests]
        return any(matches) and kind.lower() == b"bearer"
