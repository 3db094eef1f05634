"""The lines after the last row: remarks, sources, totals."""

from __future__ import annotations

import codecs
import csv
import io
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

from tidegate.data.cells.numbers import is_missing, is_number
from tidegate.data.files import dialect
from tidegate.data.files.header import is_rule, reader
from tidegate.data.time.forms import looks_like_time

_TAIL, _CHUNK = 1 << 16, 1 << 20
_MOST = 200
_TOTALS = """
total totals sum average mean avg median grand subtotal gesamt summe mittelwert durchschnitt totaux somme
moyenne suma media promedio totaal totale soma média totalt 合計 總計 小計 平均 总计 合计 小计 總和 总和 計
合計値 平均值 平均値 平均數 최대 최소 합계 평균 min minimum max maximum std stdev count mínimo máximo minimal
maximal 最大值 最小值 最大値 最小値 итого всего
"""
TOTALS = frozenset(_TOTALS.split())
REMARKS: tuple[str, ...] = (
    "source",
    "note",
    "remark",
    "copyright",
    "©",
    "(c)",
    "data from",
    "generated",
    "exported",
    "last updated",
)
REMARKS += ("quelle", "hinweis", "stand:", "fonte", "fuente", "nota", "資料來源", "備註", "說明", "註", "来源", "备注")


class Cut(io.RawIOBase):
    """The first bytes of a file."""

    def __init__(self, file: BinaryIO, stop: int) -> None:
        self.file = file
        self.left = stop

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        data = self.file.read(min(len(view), self.left))
        view[: len(data)] = data
        self.left -= len(data)
        return len(data)

    def close(self) -> None:
        self.file.close()
        super().close()


def trailer(
    path: Path, encoding: str, start: bytes, whole: bool, delimiter: str, width: int, times: Collection[int]
) -> tuple[int | None, list[str]]:
    """Where the rows end, in bytes of the unpacked file (None at its end), and the lines after them.

    A line is no row where it begins with # (and holds no time where rows do); where only its first cell holds
    something, and that is words; or where a column of times says "total" or the like.

    Args:
        path, encoding, delimiter, width: of the file.
        start: its first bytes; `whole` says whether these are all.
        times: places of the columns of times.
    """
    if width < 2 or encoding.startswith("utf-32"):
        return None, []
    data, offset = (start, 0) if whole else _end_of(path)
    wide = None if not encoding.startswith("utf-16") else "utf-16-be" if _big(encoding, start) else "utf-16-le"
    size = len(data)
    if wide is not None:  # the same lines, in bytes that can be searched for line ends
        data, encoding = data[offset % 2 :].decode(wide, "ignore").encode("utf-8"), "utf-8"
    found: list[str] = []
    stop = end = len(data)
    while end > 0 and len(found) < _MOST:
        begin = max(data.rfind(b"\n", 0, end - 1), data.rfind(b"\r", 0, end - 1)) + 1
        if begin == 0 and (offset or not found):
            break
        try:
            line = data[begin:end].decode(encoding).strip("\r\n")
            cells = next(reader([line], delimiter), [])
        except (UnicodeDecodeError, csv.Error):
            break
        if line.count('"') % 2:  # the end of a cell of several lines
            break
        if any(cell.strip() for cell in cells):
            if not _is_comment(line, cells, width, times) and not is_rule(line) and not _is_remark(cells, width, times):
                break
            found.append(line.strip())
            stop = begin
        elif times and line.strip():  # delimiters alone, as spreadsheets leave them
            found.append(line.strip())
            stop = begin
        end = begin
    if wide is not None:
        stop = size - len(data[stop:].decode("utf-8").encode(wide))
    return (offset + stop, found[::-1]) if found else (None, [])


def _big(encoding: str, start: bytes) -> bool:
    """Whether the larger byte comes first in text of UTF-16."""
    return encoding == "utf-16-be" or start.startswith(codecs.BOM_UTF16_BE)


def _end_of(path: Path) -> tuple[bytes, int]:
    """The last bytes of the unpacked file, and where they begin."""
    with dialect.open_bytes(path) as file:
        try:
            at = max(0, file.seek(0, io.SEEK_END) - _TAIL)
            file.seek(at)
            return file.read(), at
        except (OSError, ValueError):  # gzip cannot be read from its end
            pass
    kept, size = b"", 0
    with dialect.open_bytes(path) as file:
        try:
            while chunk := file.read(_CHUNK):
                kept, size = (kept + chunk)[-_TAIL:], size + len(chunk)
        except (OSError, EOFError, zlib.error):
            return b"", 0  # told where the rows are read
    return kept, size - len(kept)


def _is_comment(line: str, cells: list[str], width: int, times: Collection[int]) -> bool:
    """Whether a line begins with #, and is no row whose first cell does, as numbers of orders do."""
    return line.startswith("#") and not (len(cells) == width and any(looks_like_time(cells[i]) for i in times))


def _is_remark(cells: list[str], width: int, times: Collection[int]) -> bool:
    held = [cell.strip() for cell in cells if cell.strip()]
    words = any(map(str.isalpha, held[0])) or not any(map(str.isdigit, held[0]))
    if 0 in times and held[0] == cells[0].strip() and held[0].lower().startswith(REMARKS):
        return True
    alone = words and len(held) == 1 and bool(cells[0].strip()) and (len(cells) < width or 0 in times)
    if alone and not is_number(held[0]) and not is_missing(held[0]):
        return not looks_like_time(held[0])
    if times and 0 not in times and len(cells) < width:  # a kind of line of its own, as "C,END OF REPORT,302"
        return words and not any(looks_like_time(cells[i]) for i in times if i < len(cells))
    text = [cells[i].strip().lower().rstrip(":：").split() for i in times if i < len(cells)]
    return any(part and part[0] in TOTALS for part in text) and len(cells) <= width + 1
