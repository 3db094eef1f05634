"""How long to train where the user did not say: enough steps for little data, not too many for much."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from tidegate.core.table import Note
from tidegate.tasks.options import FitOptions

BUDGET = ("batch_size", "max_epochs", "patience")
STEPS, BRIEF = 3_000, 1_000
FEWEST_EPOCHS, MOST_EPOCHS, MOST_BRIEF = 10, 200, 60
LARGEST_BATCH, SMALLEST_BATCH = 64, 16
LONGEST_EPOCH = 2_000


def fill_budget(
    options: FitOptions, auto: Collection[str], windows: int, notes: list[Note], *, brief: bool = False
) -> FitOptions:
    """Choose what was left open from the number of training windows.

    The batch is 64, less for under 2,048 windows so that an epoch has some 32 steps; all epochs together have about
    3,000 steps (10 to 200 epochs); an epoch of more than 2,000 steps is cut there, and the next goes on with other
    windows; patience is a quarter of the epochs. A `brief` training, of a network that adds to a linear forecast, has
    1,000 steps in 10 to 60 epochs. `effort` is a factor of the steps.

    Args:
        options: as given. auto: names among `BUDGET` that were left open. windows: in the training part.
        notes: what was chosen is added. brief: see above.
    """
    found: dict[str, Any] = {}
    batch = options.batch_size
    if "batch_size" in auto:
        batch = LARGEST_BATCH
        while batch > SMALLEST_BATCH and batch * 32 > windows:
            batch //= 2
        found["batch_size"] = batch
    steps = max(1, -(-windows // batch))
    epochs = options.max_epochs
    if "max_epochs" in auto:
        if options.steps_per_epoch is None and steps > LONGEST_EPOCH:
            found["steps_per_epoch"] = LONGEST_EPOCH
        steps = min(steps, options.steps_per_epoch or LONGEST_EPOCH)
        wanted = math.ceil((BRIEF if brief else STEPS) * options.effort / steps)
        fewest = math.ceil(FEWEST_EPOCHS * min(1, options.effort))
        epochs = min(max(wanted, fewest), MOST_BRIEF if brief else MOST_EPOCHS)
        found["max_epochs"] = epochs
    if "patience" in auto:
        found["patience"] = max(5, epochs // 4)
    if found:
        listed = ", ".join(f"{name}={value}" for name, value in found.items())
        notes.append(
            Note("budget", "For {windows} training windows: {listed}.", {"windows": windows, "listed": listed})
        )
    return replace(options, **found)
