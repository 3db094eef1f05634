"""A detector behind a server: rows scored, and streams that say of each value how strange it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from tidegate.core.errors import DataError
from tidegate.core.translate import tr
from tidegate.runtime.detect.detector import Detector
from tidegate.runtime.model import Stream
from tidegate.serve.adapters.adapter import Adapter, Ask, Form, check_options, local, require_rows, row_of
from tidegate.serve.body import Body, plain_list
from tidegate.serve.settings import RequestError


class Detecting(Adapter[Detector]):
    """Rows scored."""

    @cached_property
    def form(self) -> Form:
        """How its tables are."""
        model, reading = self.model, self.artifact.record.reading
        return Form(model.schema, model.frequency, model.preparation.timezone, model.preparation.columns, reading)

    def read(self, body: Body) -> Ask:
        if body.sequences is not None or body.texts is not None or body.future is not None or body.empty:
            raise RequestError(422, tr("a detector takes columns, rows, CSV or Arrow"))
        table = require_rows(self.form.table(body))
        missing = [name for name in self.model.preparation.columns if name not in table.columns]
        if missing:
            raise RequestError(422, tr("column {name} is missing", name=repr(missing[0])))
        return Ask(table, size=len(table))

    def answer(self, asks: Sequence[Ask]) -> list[dict[str, Any]]:
        return [self._scored(ask) for ask in asks]

    def _scored(self, ask: Ask) -> dict[str, Any]:
        table, channels = ask.data, self.model.preparation.channels
        found = self.model.predict(table)
        columns: dict[str, Any] = dict(table.named(table.series_of(np.arange(len(table)))))
        columns[table.schema.time or "step"] = local(table.time, table.timezone)
        columns |= {name: getattr(found, name) for name in ("score", "p_value", "alarm", "event")}
        if len(channels) == 1:
            return {**columns, "expected": found.expected[:, 0]}
        names = [*channels, None]
        columns["channel"] = [names[place] for place in found.channel.tolist()]
        return columns | {f"expected:{name}": found.expected[:, c] for c, name in enumerate(channels)}

    def open(self, options: Mapping[str, Any]) -> Stream:
        check_options(options, ("series", "fresh"))
        if not isinstance(options.get("series"), (str, type(None))):
            raise RequestError(422, tr("a session is of one series"))
        found = self.model.stream(series=options.get("series"), fresh=bool(options.get("fresh", False)))
        if not found.single:
            raise RequestError(422, tr("a session is of one series"))
        return found

    def take(self, stream: Any, row: Mapping[str, Any]) -> dict[str, Any] | None:
        values, time = row_of(row)
        channels, every = self.model.preparation.channels, self.model.preparation.columns
        if isinstance(values, dict):
            strangers = sorted(set(values) - set(every))
            if strangers:
                raise DataError(tr("column {name} is missing", name=repr(strangers[0])))
            given = [values.get(name) for name in every]
            values = given[0] if len(every) == 1 else given
        values = [np.nan if value is None else value for value in values] if isinstance(values, list) else values
        found = stream.update(np.nan if values is None else values, time)
        names, expected = [*channels, None], found.expected
        answer = {**found._asdict(), "channel": names[found.channel]}
        return {**answer, "expected": plain_list(expected) if isinstance(expected, np.ndarray) else expected}

    def inputs(self) -> dict[str, Any]:
        return self.model.schema.to_json()
