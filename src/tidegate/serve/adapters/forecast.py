"""A forecaster behind a server: forecasts of many clients at once, and streams of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from tidegate.core.errors import DataError
from tidegate.core.table import Table
from tidegate.core.translate import tr
from tidegate.runtime.forecast.ends import SeriesForecast
from tidegate.runtime.forecast.model import ForecastModel
from tidegate.runtime.model import Stream
from tidegate.serve.adapters.adapter import Adapter, Ask, Form, check_options, joined, local, require_rows, row_of
from tidegate.serve.body import Body, numbers, plain_list
from tidegate.serve.settings import RequestError


class Forecasting(Adapter[ForecastModel]):
    """Forecasts."""

    @cached_property
    def form(self) -> Form:
        """How its tables are."""
        prepared = self.model.preparation
        text = [state.name for state in prepared.columns if hasattr(state, "categories")]
        schema = prepared.schema
        numeric = () if text else (*schema.targets, *schema.known, *schema.observed)
        return Form(schema, prepared.frequency, prepared.timezone, numeric, self.artifact.record.reading)

    def read(self, body: Body) -> Ask:
        if body.sequences is not None or body.texts is not None:
            raise RequestError(422, tr("a forecaster takes columns, rows, CSV or Arrow"))
        plain = False
        if body.empty:
            table = self.model.context()
        else:
            table = require_rows(self.form.table(body))
            need = self.model.spec.window + self.model.preparation.lead
            if table.lengths.min() < need:
                message = "a series has {rows} rows; a forecast looks at {need} before it"
                raise RequestError(422, tr(message, rows=int(table.lengths.min()), need=need))
            plain = len(table.ids) == 1 and not table.static and not table.keys and not table.notes
        known = self._known(body, table)
        rows = len(table) + len(table.ids) * self.model.decoding.horizon
        return Ask(table, known, plain or None, rows)

    def _known(self, body: Body, table: Table) -> dict[str, Any] | None:
        names, steps = self.form.schema.known, self.model.decoding.horizon
        if body.future is None or not names:
            if body.future is not None:
                raise RequestError(422, tr("the model has no columns that are known ahead: leave future out"))
            return None
        if len(table.ids) == 1 and set(body.future) == set(names) and set(names) <= set(self.form.numeric):
            found = {name: numbers(body.future[name], name)[None] for name in names}
            if any(values.shape != (1, steps) for values in found.values()):
                raise RequestError(422, tr("future has the {steps} steps to forecast, no more or less", steps=steps))
            return found
        from tidegate.data.future import read_future

        given = {name: np.array(values, dtype=object) for name, values in body.future.items()}
        return dict(read_future(given, table, names, steps).known)

    def answer(self, asks: Sequence[Ask]) -> list[dict[str, Any]]:
        table = joined([ask.data for ask in asks])
        known = None
        if asks[0].known is not None:
            known = {name: np.concatenate([(ask.known or {})[name] for ask in asks]) for name in asks[0].known}
        found = self.model.predict(table, known)
        if len(asks) == 1:
            return [self.columns(found, table, slice(None))]
        return [self.columns(found, ask.data, slice(place, place + 1)) for place, ask in enumerate(asks)]

    def columns(self, found: SeriesForecast, table: Table, which: slice) -> dict[str, Any]:
        """[series,] time, [target,] mean and a column for each quantile."""
        time, mean = found.time[which], found.values.mean[which]
        count, horizon, targets = mean.shape
        columns: dict[str, Any] = dict(table.named(np.repeat(np.arange(count), horizon * targets)))
        dated = time.dtype.kind == table.time.dtype.kind
        stamps = local(np.repeat(time.reshape(-1), targets), table.timezone)
        columns[(table.schema.time if dated else None) or "step"] = stamps
        if targets > 1:
            columns["target"] = list(found.targets) * (count * horizon)
        columns["mean"] = mean.reshape(-1)
        for index, level in enumerate(found.values.levels):
            columns[f"q{level:g}"] = found.values.quantiles[which][..., index].reshape(-1)
        return columns

    def open(self, options: Mapping[str, Any]) -> Stream:
        check_options(options, ("series", "fresh"))
        return self.model.stream(series=options.get("series"), fresh=bool(options.get("fresh", False)))

    def take(self, stream: Any, row: Mapping[str, Any]) -> dict[str, Any] | None:
        values, time = row_of(row, ("values", "time", "known"))
        known = row.get("known")
        if known is not None and not isinstance(known, dict):
            raise RequestError(422, tr("{name} maps names to lists of values", name="known"))
        ahead = {name: numbers(list(given), name) for name, given in (known or {}).items() if isinstance(given, list)}
        if len(ahead) != len(known or {}):
            raise DataError(tr("{name} maps names to lists of values", name="known"))
        found = stream.update(values, time, known=ahead)
        if found is None:
            return None
        return {key: plain_list(part) for key, part in self.columns(found, stream.like, slice(None)).items()}

    def inputs(self) -> dict[str, Any]:
        schema, spec = self.form.schema, self.model.spec
        rows = spec.window + self.model.preparation.lead
        return {**schema.to_json(), "rows": rows, "horizon": self.model.decoding.horizon}
