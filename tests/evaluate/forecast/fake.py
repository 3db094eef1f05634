"""A small prepared table, for tests that need one to the letter of its contract and nothing more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tidegate.core.frequency import Frequency
from tidegate.core.table import Schema, Table
from tidegate.evaluate.forecast.baselines import fill_forward


@dataclass(frozen=True)
class Split:
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def make_table(series: Sequence[np.ndarray], frequency: Frequency, known: np.ndarray | None = None) -> Table:
    """Series of shape [N_g] or [N_g, C]; `known` [N, F] columns known ahead."""
    parts = [np.asarray(s, dtype=np.float64).reshape(len(s), -1) for s in series]
    values = np.concatenate(parts)
    starts = np.concatenate([[0], np.cumsum([len(p) for p in parts])]).astype(np.int64)
    begin = 0 if frequency.unit == "row" else np.datetime64("2020-01-01", "us")
    time = np.concatenate([frequency.advance(begin, np.arange(len(p), dtype=np.int64)) for p in parts])
    names = tuple(f"y{c}" for c in range(values.shape[1]))
    columns = {name: values[:, c].copy() for c, name in enumerate(names)}
    known_names = () if known is None else tuple(f"x{f}" for f in range(known.shape[1]))
    columns |= {name: np.asarray(known)[:, f] for f, name in enumerate(known_names)}
    schema = Schema(time="time", targets=names, series="id", known=known_names)
    ids = tuple(f"s{g}" for g in range(len(parts)))
    return Table(schema, frequency, ids, starts, time, columns)


def make_split(table: Table, validation: float = 0.1, test: float = 0.2) -> Split:
    lengths, begin = table.lengths, table.starts[:-1]
    a = begin + np.floor(lengths * (1 - validation - test)).astype(np.int64)
    b = begin + np.floor(lengths * (1 - test)).astype(np.int64)
    return Split(np.stack([begin, a], 1), np.stack([a, b], 1), np.stack([b, table.starts[1:]], 1))


class FakePrepared:
    """Targets scaled to mean 0 and variance 1 (per series), gaps filled forward, known columns as they are."""

    def __init__(self, table: Table, train: np.ndarray, per_series: bool = False) -> None:
        raw = np.stack([table.columns[name] for name in table.schema.targets], axis=1).astype(np.float64)
        mean, scale = np.empty_like(raw), np.empty_like(raw)
        everything = np.concatenate([raw[a:b] for a, b in train])
        for (a, b), begin, end in zip(train, table.starts[:-1], table.starts[1:], strict=True):
            part = raw[a:b] if per_series else everything
            mean[begin:end], scale[begin:end] = np.nanmean(part, axis=0), np.nanstd(part, axis=0) + 1e-9
        self.raw, self.mean, self.scale = raw, mean, scale
        filled = np.stack([fill_forward(raw[:, c], table.starts) for c in range(raw.shape[1])], axis=1)
        self.scaled = np.nan_to_num((filled - mean) / scale).astype(np.float32)
        known = [np.asarray(table.columns[name], dtype=np.float32) for name in table.schema.known]
        self.known = np.stack(known, axis=1) if known else np.zeros((len(raw), 0), np.float32)

    def past(self, origins: np.ndarray, window: int) -> np.ndarray:
        rows = origins[:, None] + np.arange(-window, 0)
        return np.concatenate([self.scaled[rows], self.known[rows]], axis=2)

    def future(self, origins: np.ndarray, horizon: int) -> np.ndarray:
        return self.known[origins[:, None] + np.arange(horizon)]

    def target(self, origins: np.ndarray, horizon: int) -> tuple[np.ndarray, np.ndarray]:
        rows = origins[:, None] + np.arange(horizon)
        seen = ~np.isnan(self.raw[rows])
        return np.where(seen, self.scaled[rows], np.float32(np.nan)), seen

    def invert(self, values: np.ndarray, origins: np.ndarray) -> np.ndarray:
        return values * self.scale[origins][:, None] + self.mean[origins][:, None]

    def raw_target(self, origins: np.ndarray, horizon: int) -> np.ndarray:
        return self.raw[origins[:, None] + np.arange(horizon)]
