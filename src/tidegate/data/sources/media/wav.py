"""Sound files as samples: WAV by hand, other formats through the `soundfile` library."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ReadError
from tidegate.core.optional import require
from tidegate.core.translate import tr

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
SOUNDS = (".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64")


def read_sound(path: Path) -> tuple[NDArray[np.float32], int]:
    """Samples and rate of a sound file.

    Args:
        path: .wav (PCM of 8, 16, 24 or 32 bits, or floats), or what libsndfile reads.

    Returns:
        float32 [n, channels] from -1 to 1, and samples a second.

    Raises:
        ReadError: the file is broken or of an unknown form; without its path, which the caller names.
        MissingExtraError: another format than WAV, without the `soundfile` library.
    """
    if path.suffix.lower() in (".wav", ".wave"):
        return read_wav(path.read_bytes())
    library = require("soundfile", extra="audio", purpose=f"read {path.suffix} files")
    try:
        samples, rate = library.read(path, dtype="float32", always_2d=True)
    except (RuntimeError, OSError) as error:
        raise ReadError(tr("not readable ({error})", error=str(error)[:80])) from None
    return samples, int(rate)


def read_wav(content: bytes) -> tuple[NDArray[np.float32], int]:
    """Samples and rate of the bytes of a WAV file.

    Raises:
        ReadError: they are no WAV, cut short, or in an unknown coding.

    Source: Microsoft, Multimedia Programming Interface and Data Specifications 1.0 (1991); WAVE_FORMAT_EXTENSIBLE.
    """
    if len(content) < 12 or content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise ReadError("no WAV file" if content else "empty file")
    form: tuple[int, int, int, int] | None = None
    at = 12
    while at + 8 <= len(content):
        name, size = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        body = content[at + 8 : at + 8 + size]
        if name == b"fmt ":
            if len(body) < 16:
                raise ReadError(tr("its format chunk is cut short"))
            coding, channels, rate, _, _, bits = struct.unpack("<HHIIHH", body[:16])
            if coding == _EXTENSIBLE and len(body) >= 26:
                coding = int.from_bytes(body[24:26], "little")
            form = (coding, channels, rate, bits)
        elif name == b"data":
            if form is None:
                raise ReadError(tr("its samples come before their format"))
            if len(body) < size < 0x7FFFFFFF:  # a recorder that streams leaves the size open
                raise ReadError(tr("cut short: {count} of {size} bytes of samples", count=len(body), size=size))
            return _samples(body, *form), form[2]
        at += 8 + size + (size & 1)
    raise ReadError(tr("no samples in it"))


def _samples(body: bytes, coding: int, channels: int, rate: int, bits: int) -> NDArray[np.float32]:
    if not channels or not rate:
        raise ReadError(tr("{channels} channels at {rate} Hz", channels=channels, rate=rate))
    width = bits // 8
    known = (coding == _PCM and bits in (8, 16, 24, 32)) or (coding == _FLOAT and bits in (32, 64))
    if not known:
        raise ReadError(
            tr("coding {coding} of {bits} bits; save it as PCM or float, or as FLAC", coding=coding, bits=bits)
        )
    body = body[: len(body) // (width * channels) * (width * channels)]
    if coding == _FLOAT:
        flat = np.frombuffer(body, dtype=f"<f{width}").astype(np.float32)
        if not np.isfinite(flat).all():
            raise ReadError(tr("samples that are no finite numbers"))
    elif bits == 8:
        flat = (np.frombuffer(body, dtype=np.uint8).astype(np.float32) - 128) / np.float32(128)
    elif bits == 24:
        whole = np.zeros((len(body) // 3, 4), dtype=np.uint8)
        whole[:, 1:] = np.frombuffer(body, dtype=np.uint8).reshape(-1, 3)
        flat = whole.reshape(-1).view("<i4").astype(np.float32) / np.float32(2**31)
    else:
        flat = np.frombuffer(body, dtype=f"<i{width}").astype(np.float32) / np.float32(2 ** (bits - 1))
    return flat.reshape(-1, channels)
