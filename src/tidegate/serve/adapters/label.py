"""A classifier or regressor behind a server: sequences answered for, and sequences that come step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tidegate.core.sequences import Sequences
from tidegate.core.translate import tr
from tidegate.prepare.sequence.targets import ClassLabels
from tidegate.runtime.label.model import LabelModel
from tidegate.serve.adapters.adapter import Adapter, Ask, row_of
from tidegate.serve.body import Body, numbers
from tidegate.serve.settings import RequestError


class Labelling(Adapter[LabelModel]):
    """Sequences answered for."""

    def read(self, body: Body) -> Ask:
        if body.future is not None or body.empty:
            raise RequestError(422, tr("give sequences or texts, or a table of them as columns, CSV or Arrow"))
        found = self._sequences(body)
        return Ask(found, size=max(int(found.starts[-1]), len(found)))

    def _sequences(self, body: Body) -> Sequences:
        preparation = self.model.preparation
        if body.texts is not None:
            if preparation.kind == "numbers" or preparation.tokens is None or preparation.tokens.source:
                raise RequestError(422, tr("the model reads no texts: give sequences"))
            words, count = np.array(body.texts, dtype=object), len(body.texts)
            ids = tuple(map(str, range(count)))
            return Sequences(ids, np.zeros(count + 1, np.int64), np.zeros((0, 0)), (), texts=words)
        if body.sequences is not None:
            return self._arrays(body.sequences)
        return self._table(body)

    def _arrays(self, given: list[Any]) -> Sequences:
        preparation = self.model.preparation
        channels = tuple(state.name for state in preparation.channels)
        if preparation.categories or preparation.tokens is not None or preparation.frame is not None:
            raise RequestError(422, tr("the model reads more than numbers: give a table with its columns, or texts"))
        parts = []
        for place, steps in enumerate(given):
            if not isinstance(steps, list) or not steps:
                raise RequestError(422, tr("sequence {place} is no list of steps", place=place))
            rows = [step if isinstance(step, list) else [step] for step in steps]
            if {len(row) for row in rows} != {len(channels)}:
                message = "a step of sequence {place} does not have {count} channels: {names}"
                names = ", ".join(channels[:10])
                raise RequestError(422, tr(message, place=place, count=len(channels), names=names))
            flat = [value for row in rows for value in row]
            if any(isinstance(value, (list, dict)) for value in flat):
                raise RequestError(422, tr("sequence {place} is no list of steps", place=place))
            parts.append(numbers(flat, f"sequence {place}").reshape(-1, len(channels)))
        starts = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
        return Sequences(tuple(map(str, range(len(parts)))), starts, np.concatenate(parts), channels)

    def _table(self, body: Body) -> Sequences:
        import tempfile
        from pathlib import Path

        from tidegate.core.errors import TidegateError
        from tidegate.data.sequences import read_sequences

        reading = {k: v for k, v in self.artifact.record.reading.items() if k not in UNSAID}
        try:
            if body.text is None:
                frame = body.frame
                if body.columns is not None:
                    frame = {name: np.array(values, dtype=object) for name, values in body.columns.items()}
                    frame = {name: _numeric(values) for name, values in frame.items()}
                return read_sequences(frame, **reading)
            with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
                place = Path(folder) / "body.csv"
                place.write_bytes(body.text)
                try:
                    return read_sequences(place, **reading)
                except TidegateError as error:
                    raise RequestError(422, str(error).replace(str(place), "body")) from error
        except (TypeError, KeyError, ValueError) as error:
            raise RequestError(
                422, tr("the table cannot be read as sequences: {error}", error=str(error)[:300])
            ) from error

    def answer(self, asks: Sequence[Ask]) -> list[dict[str, Any]]:
        return [self._answered(ask.data) for ask in asks]

    def _answered(self, sequences: Sequences) -> dict[str, Any]:
        found = self.model.predict(sequences)
        ids: Any = np.array(sequences.ids, dtype=object)
        columns: dict[str, Any] = {"id": ids}
        if self.model.deciding.per_step:
            lengths = found.prepared.lengths
            columns = {"id": np.repeat(ids, lengths), "step": np.concatenate([np.arange(n) for n in lengths])}
        return columns | self._columns(found.found, found.labels)

    def _columns(self, found: Any, labels: Any) -> dict[str, Any]:
        own = self.model.labels
        if not isinstance(own, ClassLabels):
            return {str(name): found[:, place] for place, name in enumerate(own.label_names)}
        chosen = {"label": labels}
        if own.multiple:
            chosen = {f"label:{name}": labels[:, place] for place, name in enumerate(own.classes)}
        return chosen | {f"p:{name}": found[:, place] for place, name in enumerate(own.classes)}

    def take(self, stream: Any, row: Mapping[str, Any]) -> dict[str, Any] | None:
        values, time = row_of(row)
        values = [np.nan if value is None else value for value in values] if isinstance(values, list) else values
        found = stream.update(np.nan if values is None else values, time)
        labels = None if found.label is None else np.asarray(found.label)[None]
        return {
            name: part[0].item() if hasattr(part[0], "item") else part[0]
            for name, part in self._columns(found.values[None], labels).items()
        }

    def inputs(self) -> dict[str, Any]:
        prepared = self.model.preparation
        return {"kind": prepared.kind, "inputs": list(prepared.input_names[:100])}


UNSAID = ("label", "labels", "group", "groups", "tag", "pattern")


def _numeric(values: Any) -> Any:
    """A column of numbers as such."""
    own = values.tolist()
    plain = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in own)
    return np.array(own) if plain else values
