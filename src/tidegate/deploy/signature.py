"""Signatures of versions: ed25519 over the bytes of `version.json`, which holds the hash of every other file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tidegate.core.errors import ArtifactError, ConfigError
from tidegate.core.optional import require
from tidegate.core.translate import tr


def sign(content: bytes, key: Path) -> bytes:
    """What `signature.json` holds for some bytes.

    Args:
        key: an ed25519 private key (PEM), as `openssl genpkey -algorithm ed25519` writes it.

    Raises:
        ConfigError: it is none. MissingExtraError: cryptography is not installed.
    """
    raw = _serialization()
    private = _read(key, "private")
    public = private.public_key().public_bytes(raw.Encoding.Raw, raw.PublicFormat.Raw)
    found = {"algorithm": "ed25519", "key": public.hex(), "signature": private.sign(content).hex()}
    return json.dumps(found, indent=1).encode()


def check_signature(record: Path, signature: Path, keys: Sequence[Path]) -> None:
    """Refuse a record that none of the keys has signed.

    Args:
        record: version.json. signature: signature.json beside it. keys: public keys (PEM).

    Raises:
        ArtifactError: there is no signature, or it is by no such key. ConfigError: a key is none.
    """
    trusted = [_read(key, "public") for key in keys]
    invalid = require("cryptography.exceptions", extra="sign", purpose="verify signatures").InvalidSignature
    if signature.is_symlink() or not signature.is_file():
        raise ArtifactError(tr("{parent} is not signed, and a signature is demanded", parent=record.parent))
    try:
        proof = bytes.fromhex(json.loads(signature.read_bytes()[:4096])["signature"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(tr("{signature} cannot be read: {error}", signature=signature, error=error)) from error
    content = record.read_bytes()
    for key in trusted:
        try:
            key.verify(proof, content)
        except invalid:
            continue
        return
    raise ArtifactError(tr("{parent}: its signature is by none of the keys that are trusted", parent=record.parent))


def _serialization() -> Any:
    return require("cryptography.hazmat.primitives.serialization", extra="sign", purpose="sign versions")


def _read(place: Path, kind: str) -> Any:
    """An ed25519 key from a PEM file."""
    raw = _serialization()
    try:
        content = place.read_bytes()
        private = kind == "private"
        key = raw.load_pem_private_key(content, None) if private else raw.load_pem_public_key(content)
        if "ed25519" not in type(key).__name__.lower():
            raise ValueError("it is of another algorithm")
    except (OSError, ValueError, TypeError) as error:
        message = "{place} is no ed25519 {kind} key in PEM form: {error}"
        raise ConfigError(tr(message, place=place, kind=tr(kind), error=error)) from error
    return key
