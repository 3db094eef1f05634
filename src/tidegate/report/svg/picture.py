"""Pictures on a page, held in it: 8-bit pixels as a PNG in a data URI."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode

import numpy as np
from numpy.typing import NDArray


def png(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG file of [H, W, 1 or 3] pixels (ISO/IEC 15948), without any library but zlib."""
    high, wide, colours = pixels.shape
    lines = np.zeros((high, 1 + wide * colours), np.uint8)  # each line begins with its filter: 0, none
    lines[:, 1:] = pixels.reshape(high, -1)
    head = struct.pack(">IIBBBBB", wide, high, 8, 2 if colours == 3 else 0, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )


def data_uri(pixels: NDArray[np.uint8]) -> str:
    """Where a page finds the picture: in itself."""
    return f"data:image/png;base64,{b64encode(png(pixels)).decode()}"
