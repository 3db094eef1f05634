"""A progress bar on a terminal, silence elsewhere."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from tidegate.core.translate import tr
from tidegate.train.history import Epoch

REFRESH_SECONDS = 0.1


class ProgressBar:
    """Losses, steps per second and time left of a training, drawn with rich on the error stream.

    Args:
        show: None shows it only where the error stream is a terminal.
        max_epochs: epochs at most; may be set later.
        label: what is trained, before the epoch, where one training of several is shown.
    """

    def __init__(self, show: bool | None = None, max_epochs: int = 1, label: str = "") -> None:
        self.max_epochs = max_epochs
        self.label = f"{label} · " if label else ""
        self.show = sys.stderr.isatty() if show is None else show
        self.bar: Any = None
        self.drawn = 0.0
        self.validation = float("nan")

    def __enter__(self) -> ProgressBar:
        if self.show:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

            self.bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[losses]}"),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self.bar.start()
            self.task = self.bar.add_task(self.label + tr("training"), losses="")
            self.begin, self.done = time.monotonic(), 0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.stop()

    def step(self, epoch: int, step: int, steps: int, loss: float) -> None:
        """A step was done."""
        if self.bar is None:
            return
        self.done += 1
        now = time.monotonic()
        if now - self.drawn < REFRESH_SECONDS:
            return
        self.drawn = now
        speed = self.done / max(now - self.begin, 1e-9)
        message = "training loss {train:.4f} · validation {validation:.4f} · {speed:.0f} steps/s"
        losses = tr(message, train=loss, validation=self.validation, speed=speed)
        self.bar.update(
            self.task,
            description=self.label + tr("epoch {epoch} of at most {epochs}", epoch=epoch, epochs=self.max_epochs),
            total=self.max_epochs * steps,
            completed=(epoch - 1) * steps + step,
            losses=losses,
        )

    def epoch(self, epoch: Epoch) -> None:
        """An epoch was done."""
        self.validation = epoch.validation_loss


@dataclass(frozen=True)
class Progress:
    """How far a training is: kept, taken up again, shown.

    Attributes:
        checkpoints: folder for its state; None keeps none. resume: go on from there. bar: that shows it.
    """

    checkpoints: Path | None = None
    resume: bool = False
    bar: ProgressBar | None = None


NO_PROGRESS = Progress()
