"""Where a forecaster looked: the weights of its attention, with the times that they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError
from tidegate.core.table import Table
from tidegate.core.translate import tr
from tidegate.runtime.forecast.ends import prepare_ends


def attention_columns(run: Any, model: Any, table: Table, known: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Weights of the forecast that follows the end of every series.

    Args:
        run: the network. model: has `spec`, `decoding` and `preparation`.
        table: past rows. known: known-ahead covariates of the K steps, name -> [G, K].

    Returns:
        One row for each series, (independent) target, step of the sequence and, of a decoder, step ahead: [series,]
        [target,] time (of the last row that the step of the sequence covers), [ahead,] weight. The weights of a series,
        target and step ahead sum to one. Where both pooling and decoder attend, the decoder's.

    Raises:
        ConfigError: the network attends to nothing.
        SchemaError, DataError, SplitError: as for a forecast.
    """
    spec = model.spec
    decoder = spec.find("decoder")
    decodes = decoder is not None and decoder.attention is not None
    if not decodes and spec.find("pool").by != "attention":
        raise ConfigError(
            tr("this network has no attention: fit with pooling='attention', or network={'attention': 'general'}")
        )
    ahead, prepared, origins = prepare_ends(model, table, known)
    output = run(prepared.past(origins, spec.window), prepared.future(origins, spec.horizon), prepared.static(origins))
    passes = spec.targets if spec.channels == "independent" else 1
    weights = output.decoder_attention if decodes else output.attention[:, None]
    steps, width = weights.shape[1:]
    weights = weights.reshape(len(table.ids), passes, steps, width)
    shape = weights.shape
    series, target, step, place = (index.reshape(-1) for index in np.indices(shape))
    covered = origins[:, None] - 1 - np.arange(width)[::-1] * step_rows(spec)  # [G, S]
    columns: dict[str, Any] = dict(table.named(series))
    if passes > 1:
        columns["target"] = np.array(table.schema.targets, dtype=object)[target]
    columns[table.schema.time or "step"] = ahead.time[covered[series, place]]
    if decodes:
        columns["ahead"] = (step + 1) * decoder.segment
    columns["weight"] = weights.reshape(-1).astype(np.float64)
    return columns


def step_rows(spec: Any) -> int:
    """Rows of the table from one step of the attended sequence to the next."""
    convolution, segment = spec.find("convolution"), spec.find("segment")
    rows = 1 if segment is None else segment.length
    return int(rows if convolution is None else rows * convolution.stride ** len(convolution.channels))
