"""What every estimator shares: the way of a fit."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tidegate.core.errors import ConfigError, NotFittedError
from tidegate.core.notebook import Notebook
from tidegate.tasks.params import Parameters

if TYPE_CHECKING:
    from tidegate.tasks.run import Content
    from tidegate.train.progress import ProgressBar

Self = TypeVar("Self", bound="Estimator")


@dataclass(frozen=True)
class FitCall:
    """What `fit` was called with, the same for every task.

    Attributes:
        data: as the user gave it. columns: arguments of reading that the task names itself. reading: the others.
        source: where a `Table` or `Sequences` came from. split: arguments of the split, `validation` among them.
        out: folder of the run. resume: go on from its checkpoints. overwrite: take the place of a run that is there.
        progress: show a bar; None does where there is a terminal.
    """

    data: Any
    columns: Mapping[str, Any]
    reading: Mapping[str, Any]
    source: Mapping[str, Any] | None
    split: Mapping[str, Any]
    out: str | Path | None
    resume: bool
    overwrite: bool
    progress: bool | None

    @property
    def checkpoints(self) -> Path | None:
        """Folder for the training's state."""
        return None if self.out is None else Path(self.out) / "checkpoints"

    def read_with(self) -> dict[str, Any]:
        """All options that the data were read with, by whoever read them."""
        return {**(self.source or {}), **self.reading}

    def path(self) -> dict[str, str]:
        """Where the data lie, if they are a file or the caller said so."""
        where = self.data if isinstance(self.data, (str, Path)) else (self.source or {}).get("data")
        return {} if where is None else {"data": str(Path(where).absolute())}


class Estimator(Notebook, Parameters, ABC):
    """Constructor arguments are stored untouched; learned state ends in an underscore; `fit` returns self.

    Attributes:
        seconds_: the training time, wherever it is told: of `fit` from the data read to the model trained, with
            preparation, trials, members and checkpoints, without the evaluation of the test part.
    """

    task: str
    judged_: Any
    seconds_: float

    @abstractmethod
    def check(self) -> Any:
        """Refuse constructor arguments that cannot work, before any data is read."""

    def _fit(self: Self, call: FitCall) -> Self:
        """The way of every fit: check, read, train; with `out`, evaluate the test part and leave a run behind."""
        from tidegate.tasks.run import check_folder, write_run
        from tidegate.train.progress import ProgressBar

        self.check()
        if call.split["validation"] == 0:
            raise ConfigError("validation=0: the epoch is chosen on a validation part; give it a share such as 0.1")
        if call.out is not None:
            check_folder(Path(call.out), replace=call.resume or call.overwrite)
        examples = self._examples(call)
        begin = time.monotonic()
        with ProgressBar(call.progress) as bar:
            self._train(examples, call, bar)
        self.seconds_ = time.monotonic() - begin
        if call.out is not None:
            self.judged_ = self._evaluated("test")
            config = {
                "data": {**self._read_how(call), **call.path()},
                "split": dict(call.split),
                "model": self.get_params(),
            }
            write_run(Path(call.out), self, self.judged_, config)
        return self

    @abstractmethod
    def _examples(self, call: FitCall) -> Any:
        """The data, read as this task reads them."""

    @abstractmethod
    def _train(self, examples: Any, call: FitCall, progress: ProgressBar) -> None:
        """Split, prepare and train, and take over what came of it."""

    def _read_how(self, call: FitCall) -> Mapping[str, Any]:
        """Options with which the data of a run are read again."""
        return {**call.columns, **call.reading, **(call.source or {})}

    @abstractmethod
    def _evaluated(self, part: str) -> Any:
        """A part with its predictions and its `evaluation`; None where the split has no such part."""

    @abstractmethod
    def _contents(self) -> dict[str, Content]:
        """The artifacts of a run, by folder; the first is the model's."""

    @abstractmethod
    def _predicted(self, judged: Any) -> dict[str, bytes]:
        """Files that hold what was predicted for the test part."""

    def _require_fitted(self, attribute: str) -> None:
        if not hasattr(self, attribute):
            raise NotFittedError(
                f"this {type(self).__name__} has not been fitted: call fit() first, or tidegate.load()"
            )
