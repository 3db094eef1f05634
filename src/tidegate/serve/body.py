"""What a request carries: JSON, CSV or Arrow, as columns or sequences; and columns as what an answer is."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic_core import from_json, to_json

from tidegate.core.errors import MissingExtraError
from tidegate.core.optional import require
from tidegate.core.translate import tr
from tidegate.runtime.state import measured
from tidegate.serve.settings import RequestError, Settings

JSON, CSV, ARROW = "application/json", "text/csv", "application/vnd.apache.arrow.stream"
SOUND = ("audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave")
PICTURES = ("image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp")
KEYS = ("columns", "rows", "future", "sequences", "texts")

Columns = dict[str, list[Any]]


@dataclass(frozen=True)
class Body:
    """What was given.

    Attributes:
        columns: name -> values; None where none are. frame: the same as an Arrow table. text: a CSV file.
        future: known-ahead covariates of the steps to forecast. sequences, texts: for models of those.
        sound: a WAV file. picture: one of any of `PICTURES`.
    """

    columns: Columns | None = None
    frame: Any = None
    text: bytes | None = None
    future: Columns | None = None
    sequences: list[Any] | None = None
    texts: list[str] | None = None
    sound: bytes | None = None
    picture: bytes | None = None
    size: int = field(default=0)

    @property
    def empty(self) -> bool:
        """Whether it holds no data at all."""
        parts = (self.columns, self.frame, self.text, self.sequences, self.texts, self.sound, self.picture)
        return all(part is None for part in parts)


def read_body(content: bytes, kind: str, settings: Settings) -> Body:
    """What a body of some content type holds.

    Raises:
        RequestError: 415 for another type, 422 for what is not as it should be, 413 for more rows than are allowed.
    """
    kind = kind.partition(";")[0].strip().lower()
    if kind == CSV:
        check_rows(content.count(b"\n"), settings)
        return Body(text=content, size=content.count(b"\n"))
    if kind == ARROW:
        frame = _arrow(content, settings)
        return Body(frame=frame, size=frame.num_rows)
    if kind in SOUND:
        return Body(sound=content, size=1)
    if kind in PICTURES:
        return Body(picture=content, size=1)
    if kind not in (JSON, ""):
        kinds = f"{JSON}, {CSV}, {ARROW}, {SOUND[0]}, {PICTURES[0]}"
        raise RequestError(415, tr("content type {kind}: send {kinds}", kind=repr(kind), kinds=kinds))
    return json_body(parse(content) if content.strip() else {}, settings)


def parse(content: bytes | str) -> Any:
    """JSON, without NaN and infinities, which it has not.

    Raises:
        RequestError: 400, it is none.
    """
    try:
        return from_json(content, allow_inf_nan=False)
    except ValueError as error:
        raise RequestError(400, tr("the body is not JSON: {error}", error=str(error)[:200])) from error


def json_body(state: Any, settings: Settings) -> Body:
    """A body from JSON; errors as of `read_body`."""
    if not isinstance(state, dict):
        raise RequestError(422, tr("expected a JSON object with {keys}", keys=", ".join(KEYS)))
    strangers = sorted(set(state) - set(KEYS))
    if strangers:
        message = "{key} is unknown; expected {keys}"
        raise RequestError(422, tr(message, key=repr(strangers[0][:60]), keys=", ".join(KEYS)))
    rows = state.get("rows")
    columns = _columns(state.get("columns"), "columns") if rows is None else _turned(rows)
    sequences, texts = state.get("sequences"), state.get("texts")
    for name, part in (("sequences", sequences), ("texts", texts)):
        if part is not None and (not isinstance(part, list) or not part):
            raise RequestError(422, tr("{name} is a list that is not empty", name=name))
    if texts is not None and not all(isinstance(text, str) for text in texts):
        raise RequestError(422, tr("texts are strings"))
    size = max(len(next(iter(columns.values()), [])) if columns else 0, len(texts or ()), _steps(sequences))
    check_rows(size, settings)
    future = _columns(state.get("future"), "future")
    return Body(columns=columns, future=future, sequences=sequences, texts=texts, size=size)


def check_rows(count: int, settings: Settings) -> None:
    """Refuse more rows than are allowed."""
    if count > settings.max_rows:
        message = "{count} rows are more than the {limit} that one request may have"
        raise RequestError(413, tr(message, count=count, limit=settings.max_rows))


def _columns(found: Any, name: str) -> Columns | None:
    if found is None:
        return None
    if not isinstance(found, dict) or not found or not all(isinstance(values, list) for values in found.values()):
        raise RequestError(422, tr("{name} maps names to lists of values", name=name))
    lengths = {len(values) for values in found.values()}
    if len(lengths) != 1 or lengths == {0}:
        raise RequestError(422, tr("the lists of {name} differ in length, or are empty", name=name))
    if any({dict, list} & set(map(type, values)) for values in found.values()):
        raise RequestError(422, tr("the values of {name} are numbers, texts or null", name=name))
    return found


def _turned(rows: Any) -> Columns:
    """Columns of a list of rows; what a row lacks is null."""
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise RequestError(422, tr("rows is a list of objects that is not empty"))
    names = dict.fromkeys(name for row in rows for name in row)
    found = _columns({name: [row.get(name) for row in rows] for name in names}, "rows")
    assert found is not None
    return found


def _steps(sequences: Any) -> int:
    if sequences is None:
        return 0
    return sum(len(one) if isinstance(one, (list, str)) else 1 for one in sequences)


def _arrow(content: bytes, settings: Settings) -> Any:
    try:
        arrow = require("pyarrow", extra="dev", purpose="read Arrow")
        stream = require("pyarrow.ipc", extra="dev", purpose="read Arrow").open_stream(content)
        batches, count = [], 0
        for batch in stream:
            count += batch.num_rows
            check_rows(count, settings)
            batches.append(batch)
        return arrow.Table.from_batches(batches, stream.schema)
    except MissingExtraError as error:
        raise RequestError(415, tr("this server does not read Arrow: send {kinds}", kinds=f"{JSON}, {CSV}")) from error
    except (ValueError, OSError, EOFError) as error:
        raise RequestError(400, tr("the body is no Arrow stream")) from error


def write_answer(columns: Mapping[str, Any], about: Mapping[str, Any], accept: str) -> tuple[bytes, str]:
    """An answer and its content type, of the kind that a client accepts.

    Args:
        columns: name -> values, all of one length. about: what JSON says beside them. accept: the header.
    """
    plain = {name: plain_list(values) for name, values in columns.items()}
    if CSV in accept:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(plain)
        writer.writerows(zip(*plain.values(), strict=True))
        return out.getvalue().encode(), CSV
    if ARROW in accept:
        try:
            arrow = require("pyarrow", extra="dev", purpose="write Arrow")
        except MissingExtraError as error:
            raise RequestError(406, tr("this server does not write Arrow")) from error
        table, sink = arrow.table(plain), arrow.BufferOutputStream()
        with require("pyarrow.ipc", extra="dev", purpose="write Arrow").new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return sink.getvalue().to_pybytes(), ARROW
    return dump({**about, "columns": plain}), JSON


def dump(value: Any) -> bytes:
    """JSON; what is not a number is null."""
    return to_json(value, inf_nan_mode="null")


def plain_list(values: Any) -> list[Any]:
    """An array, or list, of numbers, texts and times as JSON and CSV have them; missing numbers are null."""
    if not isinstance(values, np.ndarray):
        return list(values)
    if values.dtype.kind == "M":
        return list(map(_written, values.astype("datetime64[us]").astype(np.int64).tolist()))
    plain: list[Any] = values.tolist()
    if values.dtype.kind == "f" and math.isnan(sum(plain)):
        return [None if math.isnan(value) else value for value in plain]
    return plain


@lru_cache(maxsize=65_536)
def _written(moment: int) -> str | None:
    """A time in microseconds as text; a stream's next answer has nearly the same ones as its last."""
    value = np.datetime64(moment, "us").item()
    return None if value is None else str(value.isoformat())


def numbers(values: list[Any], name: str) -> NDArray[np.float64]:
    """A column of numbers, NaN where one is null.

    Raises:
        RequestError: 422, it holds something else. DataError: a number is larger than any measurement.
    """
    try:
        found = np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise RequestError(422, tr("column {name} holds what is no number", name=repr(name))) from error
    if found.ndim != 1 or {str, bool} & set(map(type, values)):
        raise RequestError(422, tr("column {name} holds what is no number", name=repr(name)))
    return measured(found[:, None], (name,))[:, 0]
