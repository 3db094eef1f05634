"""What the trained model uses: the loss when columns, or parts of the window, come from another window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tidegate.diagnose.evidence import Case
from tidegate.diagnose.measure import BATCH, batch_loss, spread

if TYPE_CHECKING:
    import torch

WINDOWS = 256
COLUMNS = 20  # as many columns are tried
SHARES = (0.5, 0.75, 0.875)


def _sample(case: Case) -> tuple[torch.Tensor, ...]:
    return case.batch(spread(case.origins["validation"], WINDOWS))


def _loss(case: Case, batch: tuple[torch.Tensor, ...]) -> float:
    cut = [tuple(part[first : first + BATCH] for part in batch) for first in range(0, len(batch[0]), BATCH)]
    return batch_loss(case, case.network, cut)


def _order(count: int) -> torch.Tensor:
    import torch

    return torch.from_numpy(np.random.default_rng(0).permutation(count))


def window_use(case: Case) -> dict[int, float]:
    """Steps that were kept -> growth of the validation loss when all older ones come from another window."""
    batch = _sample(case)
    plain, order = _loss(case, batch), _order(len(batch[0]))
    found = {}
    for share in SHARES:
        old = round(case.window * share)
        if not 0 < old < case.window:
            continue
        past = batch[0].clone()
        past[:, :old] = past[order, :old]
        found[case.window - old] = _loss(case, (past, *batch[1:])) / max(plain, 1e-12) - 1
    return found


def column_use(case: Case) -> dict[str, float]:
    """Observed or known column -> growth of the validation loss when its values come from another window."""
    batch = _sample(case)
    plain, order = _loss(case, batch), _order(len(batch[0]))
    preparation = case.prepared.preparation
    found = {}
    schema = case.table.schema
    for name in [*schema.observed, *schema.known][:COLUMNS]:
        past, future = batch[0].clone(), batch[1].clone()
        for part, names in ((past, preparation.past_names), (future, preparation.future_names)):
            own = channels(names, name)
            part[:, :, own] = part[order][:, :, own]
        found[name] = _loss(case, (past, future, *batch[2:])) / max(plain, 1e-12) - 1
    return found


def channels(names: tuple[str, ...], column: str) -> list[int]:
    """Places of a column's channels: itself, its categories (`name=value`) and its mask (`name:missing`)."""
    return [at for at, name in enumerate(names) if name == column or name.startswith((f"{column}=", f"{column}:"))]
