"""The pretrained forecaster in the place of a trained network: what is fitted is the preparation alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tidegate.artifacts.spec import NetworkSpec
from tidegate.core.errors import ConfigError
from tidegate.core.table import Note, Table
from tidegate.nn.network import Network
from tidegate.prepare import Preparation
from tidegate.runtime.forecast.decode import Decoding
from tidegate.runtime.pretrained.weights import read_card
from tidegate.tasks.forecast.build import Plan, build_spec
from tidegate.tasks.forecast.options import NetworkOptions
from tidegate.tasks.forecast.small.mixing import own_shares
from tidegate.tasks.options import RecurrentOptions

MESSAGE = "Nothing is trained: the pretrained forecaster (version {version}) answers alone."
UNUSED = "The pretrained forecaster looks at the targets alone: {names} not used."


def silent_network(plan: Plan, preparation: Preparation, outputs: int) -> Network:
    """A network of one unit whose weights are all 0, that stands where a trained one would: it has no share."""
    recurrent = RecurrentOptions(cell="lstm", hidden_size=1, num_layers=1, dropout=0.0)
    options = NetworkOptions(head="direct", head_size=1, embed=1)
    plain = replace(plan, segment=1, decoder_segment=1, lags=(), normalise=None, anchor=0, skip=False)
    network = Network(build_spec(plain, recurrent, options, preparation, outputs))
    with torch.no_grad():
        for tensor in network.state_dict().values():
            tensor.zero_()
    network.eval()
    return network


def alone(decoding: Decoding, spec: NetworkSpec, table: Table, rows: NDArray[np.int64], notes: list[Note]) -> Decoding:
    """A decoding in which the pretrained forecaster has the whole forecast; notes say so.

    Args:
        decoding: before. spec: of the silent network. table: the data. rows: [G, 2], whose end weighs simple methods.
        notes: what is to be known is added.

    Raises:
        ConfigError: recursive decoding, which it has no use for.
    """
    if spec.horizon < decoding.horizon:
        raise ConfigError("pretrained=True forecasts the whole horizon at once: leave network.block out")
    version = str(read_card()["version"])
    notes.append(Note("pretrained", MESSAGE, {"version": version}))
    schema = table.schema
    names = [*schema.known, *schema.observed, *schema.static]
    if names:
        notes.append(Note("unused", UNUSED, {"names": ", ".join(names)}))
    return replace(decoding, mixture=own_shares(table, rows, decoding.horizon), version=version)


def refuse(choices: Any) -> None:
    """Refuse options that have no meaning without a training.

    Raises:
        ConfigError: a differenced target.
    """
    if choices.preparation.target_transform == "difference":
        raise ConfigError("pretrained=True forecasts the target itself: leave target_transform='difference' out")
