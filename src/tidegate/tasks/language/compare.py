"""Cells and sizes of a language model in one table: what `tidegate.compare` needs to know of it."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr
from tidegate.runtime.language.sampling import Sampling
from tidegate.tasks.label.compare import Rivals
from tidegate.tasks.language.evaluate import evaluate_part
from tidegate.tasks.options import CELLS

TOKENS = 200  # that are written to see how long one takes
SIZED = re.compile(r"(?P<cell>[a-z]+)(?:-(?P<layers>\d{1,2})x(?P<units>\d{1,5}))?")


def rivals() -> Rivals:
    """Of a `LanguageModel`."""
    known: dict[str, Mapping[str, Any]] = {cell: {"cell": cell} for cell in CELLS}
    once = {"training.refit": False}
    return Rivals(known, _encoder, {**once, "training.steps_per_epoch": 2}, once, _validated, _latency)


def _validated(model: Any) -> tuple[Any, bool]:
    return evaluate_part(model, "validation", baselines=False).evaluation, False


def _encoder(name: str) -> Mapping[str, Any]:
    found = SIZED.fullmatch(name)
    if found is None or found["cell"] not in CELLS:
        cells = ", ".join(CELLS)
        message = "there is no encoder {name!r}; choose among {cells}, or with a size such as gru-2x256"
        raise ConfigError(tr(message, name=name, cells=cells))
    sizes = {} if found["units"] is None else {"num_layers": int(found["layers"]), "hidden_size": int(found["units"])}
    return {"cell": found["cell"], **sizes}


def _latency(model: Any) -> float:
    generation = model.generation(length=TOKENS, sampling=Sampling())
    begin = time.perf_counter()
    tokens: int = generation.run()[0].tokens
    return 1000 * (time.perf_counter() - begin) / max(tokens, 1)
