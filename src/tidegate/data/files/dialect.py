"""The bytes of a text file: compression and encoding."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from pathlib import Path
from typing import BinaryIO

from tidegate.core.errors import ConfigError, ReadError
from tidegate.core.translate import tr
from tidegate.data.files.encodings import NAMES, guess

_HEAD, _LONGEST = 1 << 18, 1 << 26
_FOREIGN = (
    (b"PK\x03\x04", "an Excel workbook or a zip archive: save the sheet as CSV, or unpack it"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook: save the sheet as CSV"),
    (b"PAR1", "a Parquet file: name it .parquet"),
    (b"%PDF", "a PDF document: save the table as CSV"),
    (b"BZh", "compressed with bzip2: unpack it"),
    (b"\xfd7zXZ", "compressed with xz: unpack it"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd: unpack it"),
    (b"SQLite format 3", "an SQLite database: export the table as CSV"),
    (b"\x89HDF", "an HDF5 file: export the table as CSV"),
)
_WIDER = {"big5": "cp950", "shift_jis": "cp932", "gb2312": "gb18030", "gbk": "gb18030", "euc_kr": "cp949"}
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as UTF-16 does
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

csv.field_size_limit(max(csv.field_size_limit(), 2**31 - 1))  # cells may be longer than 131,072 characters


def open_bytes(path: Path) -> BinaryIO:
    """The file's bytes, unpacked where it is gzip (told by its content).

    Raises:
        ReadError: it is missing, a folder, or cannot be opened.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        near = _similar(path)
        raise ReadError(
            tr("{path}: there is no such file; {hint}", path=path, hint=near or tr("check the path"))
        ) from None
    except IsADirectoryError:
        raise ReadError(tr("{path} is a folder; give the path of one CSV or Parquet file in it", path=path)) from None
    except OSError as error:
        raise ReadError(
            tr("{path} cannot be opened: {error}; check the path and its permissions", path=path, error=error.strerror)
        ) from None
    if file.read(2) == b"\x1f\x8b":
        file.close()
        return gzip.open(path, "rb")  # type: ignore[return-value]
    file.seek(0)
    return file


def _similar(path: Path) -> str:
    import difflib

    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return ""
    near = difflib.get_close_matches(path.name, names, n=2)
    return tr("did you mean {names}?", names=tr(" or ").join(map(repr, near))) if near else ""


def head(path: Path, lines: int = 60) -> tuple[bytes, bool]:
    """The first bytes of the unpacked file, some lines at least however long they are, and whether they are all.

    Raises:
        ReadError: empty, binary or broken.
    """
    with open_bytes(path) as file:
        try:
            start = file.read(_HEAD)
            whole = len(start) < _HEAD
            while not whole and len(start) < _LONGEST and max(start.count(b"\n"), start.count(b"\r")) < lines:
                more = file.read(len(start))
                start, whole = start + more, not more
        except (OSError, EOFError, zlib.error) as error:
            raise ReadError(
                tr("{path}: the gzip data are damaged ({error}); fetch the file again", path=path, error=error)
            ) from None
    if not start.strip():
        raise ReadError(tr("{path} is empty; expected a header line and rows", path=path))
    for mark, what in _FOREIGN:
        if start.startswith(mark):
            raise ReadError(tr("{path} is no text file but {what}", path=path, what=tr(what)))
    return start, whole


def encoding_of(path: Path, start: bytes, given: str | None) -> str:
    """The file's encoding: as given, by its byte order mark, else UTF-8 where it decodes, else a guess.

    Raises:
        ConfigError: the given encoding does not exist.
        ReadError: the bytes are no text.
    """
    for mark, name in _MARKS:
        if start.startswith(mark):
            return name if given is None or codec(given) in ("utf-8", name) or "16" in name else codec(given)
    if given is not None:
        return codec(given)
    if b"\0" in start[:4096]:
        if start[1:4096:2].count(0) > 0.8 * len(start[1:4096:2]):
            return "utf-16-le"
        message = "{path} holds binary data (a zero byte in its first 4 KB); expected CSV text or Parquet (.parquet)"
        raise ReadError(tr(message, path=path))
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
        return "utf-8"
    except UnicodeDecodeError:
        return guess(start)


def decoded(path: Path, content: bytes, given: str | None) -> tuple[str, str]:
    """A whole file's text, and its encoding as `encoding_of` finds it; UTF-8 with few bad bytes stays UTF-8.

    Raises:
        ReadError: a byte is no text, with its line.
    """
    found = encoding_of(path, content[: 1 << 18], given)
    if given is None and found in NAMES and _mostly_utf8(content):
        found = "utf-8"
    try:
        return content.decode(found), found
    except UnicodeDecodeError as error:
        message = "{path}, line {line}: byte {content:#04x} is no {found} text; pass its encoding= (--encoding)"
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        raise ReadError(tr(message, path=path, line=line, content=byte, found=found)) from None


def _mostly_utf8(content: bytes) -> bool:
    """Whether nine of ten bytes beyond ASCII are UTF-8: no other encoding's letters would be."""
    high = content.translate(None, bytes(range(128)))
    return len(content.decode("utf-8", "ignore").encode().translate(None, bytes(range(128)))) > 0.9 * len(high)


def codec(name: str) -> str:
    """The canonical name of an encoding.

    Raises:
        ConfigError: Python knows no such encoding.
    """
    try:
        found = codecs.lookup(name).name
    except LookupError:
        message = "encoding={name!r} (--encoding) is unknown; try 'utf-8', 'big5', 'gb18030', 'latin-1' or 'utf-16'"
        raise ConfigError(tr(message, name=name)) from None
    return _WIDER.get(found, found)


def text_of(encoding: str, file: BinaryIO) -> io.TextIOWrapper:
    """The decoded file, line ends as they are."""
    return io.TextIOWrapper(
        io.BufferedReader(file, 1 << 18) if isinstance(file, io.RawIOBase) else file, encoding=encoding, newline=""
    )


def suffix_of(path: Path) -> str:
    """The end of a file's name, without that of gzip."""
    name = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    return name.suffix.lower()
