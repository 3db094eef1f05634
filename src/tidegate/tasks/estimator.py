"""What every estimator shares: the way of a fit."""

from __future__ import annotations

import importlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar

from tidegate.artifacts.artifact import Artifact, read_model
from tidegate.artifacts.atomic import hold_run
from tidegate.artifacts.homes import HOMES
from tidegate.core.errors import ArtifactError, ConfigError, NotFittedError
from tidegate.core.notebook import Notebook
from tidegate.core.translate import tr
from tidegate.tasks.params import Parameters
from tidegate.tasks.search.presets import search
from tidegate.tasks.verbs import require_verb

if TYPE_CHECKING:
    from tidegate.core.sequences import Sequences
    from tidegate.core.table import Note, Table
    from tidegate.diagnose import Findings, Fixed
    from tidegate.diagnose.evidence import Evidence
    from tidegate.tasks.diagnose.trainee import Trainee
    from tidegate.tasks.open import Stored
    from tidegate.tasks.run import Content
    from tidegate.tasks.search.leaderboard import Leaderboard
    from tidegate.train.progress import Progress

Self = TypeVar("Self", bound="Estimator")


def _refuses(verb: str) -> Callable[..., object]:
    def refuse(self: Estimator, *data: Any, **how: Any) -> NoReturn:
        """Not for this task. Raises: ConfigError: always, with what to do instead."""
        require_verb(self, verb)
        raise ConfigError(tr("a {kind} has no {verb}", kind=type(self).__name__, verb=verb))

    refuse.__name__ = verb
    return refuse


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

    def read_with(self) -> dict[str, Any]:
        """All options that the data were read with, by whoever read them."""
        return {**(self.source or {}), **self.reading}

    def path(self) -> dict[str, str]:
        """Where the data lie, if they are a file or the caller said so."""
        where = self.data if isinstance(self.data, (str, Path)) else (self.source or {}).get("data")
        return {} if where is None else {"data": str(Path(where).absolute())}


class Estimator(Parameters, Notebook, ABC):
    """Constructor arguments are stored untouched; learned state ends in an underscore; `fit` returns self.

    Attributes:
        READER: the function that reads its data.
        fitted_: what a training left; absent from a loaded model. history_: its epochs. notes_: what was found in the
            data and done to them; answer_notes_: the same of the data of the last answer.
        spec_, preparation_, decoding_, labels_, deciding_, run_: the network, what was fitted to the data, how outputs
            become answers, and the function that runs the network. model_: all of it as the runtime loads it.
        reading_: options that new data are read with. context_: the end of the training data.
        evaluated_: the test part with its evaluation. standing_: what a loaded run's test said.
        seconds_: the training time, wherever it is told: of `fit` from the data read to the model trained, with
            preparation, trials, members and checkpoints, without the evaluation of the test part.
        search_: what was tried, where a `preset` or a `time_limit` was given.
    """

    READER: ClassVar[Callable[..., Table | Sequences]]
    task: str
    fitted_: Any
    history_: Any
    notes_: tuple[Note, ...]
    answer_notes_: tuple[Note, ...]
    spec_: Any
    preparation_: Any
    decoding_: Any
    labels_: Any
    deciding_: Any
    run_: Any
    model_: Any
    reading_: dict[str, Any]
    context_: Any
    baselines_: Any
    standing_: Any
    evaluated_: Any
    seconds_: float
    search_: Leaderboard

    @abstractmethod
    def check(self) -> Any:
        """Refuse constructor arguments that cannot work, before any data is read."""

    def _fit(self: Self, call: FitCall) -> Self:
        """The way of every fit: check, read, train; with `out`, evaluate the test part and leave a run behind."""
        begun = time.monotonic()
        self.check()
        if call.split["validation"] == 0:
            raise ConfigError(tr("validation=0: the epoch is chosen on a validation part; give it a share such as 0.1"))
        with nullcontext() if call.out is None else hold_run(Path(call.out)):
            return self._fit_into(call, begun)

    def _fit_into(self: Self, call: FitCall, begun: float) -> Self:
        """`_fit`, where nobody else writes into the run's folder."""
        from tidegate.tasks.run import check_folder
        from tidegate.train.progress import Progress, ProgressBar

        if call.out is not None:
            check_folder(Path(call.out), replace=call.resume or call.overwrite)
        examples = self.read(call.data, **{**call.columns, **call.reading})
        begin = time.monotonic()
        kept = None if call.out is None else Path(call.out) / "checkpoints"
        with ProgressBar(call.progress) as bar:
            progress = Progress(kept, call.resume, bar)
            if self.preset is None and self.time_limit is None:
                self._train(examples, call, progress)
            else:
                search(self, examples, call, progress, begun)
        self.seconds_ = time.monotonic() - begin
        if call.out is not None:
            config = {
                "data": {**self._read_how(call), **call.path()},
                "split": dict(call.split),
                "model": self.get_params(),
            }
            self._leave(Path(call.out), config)
        return self

    def _adopt(self, other: Estimator) -> None:
        """Become another estimator of the same kind: its options, and what it has learned."""
        vars(self).update(vars(other))

    def _leave(self, folder: Path, config: Mapping[str, Any]) -> None:
        """Evaluate the test part and write the run."""
        from tidegate.tasks.run import write_run

        self.evaluated_ = self._evaluate_part("test")
        write_run(folder, self, self.evaluated_, config)

    @abstractmethod
    def read(self, data: Any, **how: Any) -> Table | Sequences:
        """The data as `fit` reads them: what it takes in their place.

        Args:
            data: as of `fit`. how: its columns and options of reading.

        Raises:
            TidegateError: as of `fit`.
        """

    @abstractmethod
    def _train(self, examples: Any, call: FitCall, progress: Progress) -> None:
        """Split, prepare and train, and take over what came of it."""

    def _read_how(self, call: FitCall) -> Mapping[str, Any]:
        """Options with which the data of a run are read again."""
        return {**call.columns, **call.reading, **(call.source or {})}

    @classmethod
    def _own(cls, module: str) -> Any:
        """A module of the task's own, {} its folder; imported where it is used, as torch comes with it."""
        return importlib.import_module(f"tidegate.tasks.{module.format(HOMES[cls.task][0])}")

    def _evaluate_part(self, part: str) -> Any:
        """A part with its predictions and its `evaluation`; None where the split has no such part."""
        return self._own("{}.evaluate").evaluate_part(self, part) if self.fitted_.has(part) else None

    def _contents(self, *, context: bool = True) -> dict[str, Content]:
        """The artifacts of a run, by folder, the model's among them; `context` as of `save`."""
        fits = {"model": (self.fitted_, context)}
        if self.fitted_.selected is not None:
            fits["selected"] = (self.fitted_.selected, False)
        content_of = self._own("{}.run").content_of
        return {name: content_of(self, fitted, context=own) for name, (fitted, own) in fits.items()}

    def _restore(self, artifact: Artifact, path: Path) -> None:
        """Take over what an artifact at a path holds."""
        from tidegate.runtime.model import model_of

        self.model_, self.notes_ = model_of(artifact), ()

    def _kept(self) -> dict[str, bytes]:
        """Further files of a run, without which a diagnosis of it would have to train again."""
        return {}

    def _take_up(self, stored: Stored, data: Any) -> None:
        """Take over the data, the parts and the history of a run, for `tidegate.open_run`."""
        self._own("{}.run").take_up(self, stored, data)

    def _predicted(self, evaluated: Any) -> dict[str, bytes]:
        """Files that hold what was predicted for the test part."""
        found: dict[str, bytes] = self._own("{}.run").predictions(self, evaluated)
        return found

    @classmethod
    def load(cls: type[Self], path: str | Path) -> Self:
        """A saved model; needs neither torch nor a dataframe library to answer.

        Raises:
            ArtifactError: it is missing, damaged, tampered with, of a newer format, or of another task.
        """
        artifact = read_model(path)
        record = artifact.record
        if record.task != cls.task:
            message = "{path}: task is {task!r}, not {task2!r}: load it with tidegate.load()"
            raise ArtifactError(tr(message, path=path, task=record.task, task2=cls.task))
        model = cls(**{name: value for name, value in record.config.items() if name in cls._names()})
        model.reading_ = dict(record.reading)
        model._restore(artifact, Path(path))
        return model

    def save(self, path: str | Path, *, context: bool = True) -> Path:
        """Write the artifact: all that answering needs, and no pickle.

        Args:
            path: its folder, replaced whole.
            context: keep the end of the training data, so that a forecaster predicts without data, and the streams of
                a detector go on from there.

        Raises:
            OutputError: the folder cannot be written; what was there stays.
        """
        from tidegate.tasks.run import write_model

        self._require_fitted("fitted_")
        return write_model(self, Path(path), self._contents(context=context)["model"])

    def diagnose(self) -> Findings:
        """What is wrong with this model, root cause first; print it.

        Raises:
            NotFittedError: a loaded model holds no training data; `tidegate.open_run` opens the folder of a run.
        """
        from tidegate.diagnose import diagnose

        return diagnose(self)

    def fix(self, *, tries: int = 4, report: Callable[[str], None] | None = None) -> Fixed:
        """Apply the remedies of `diagnose` one after another, train again, keep what helps on the validation part.

        Args:
            tries: trainings, at most. report: told what is tried.

        Returns:
            `tidegate.diagnose.Fixed`: print it, or see `.model`, `.changes`. This model stays as it is.

        Raises:
            NotFittedError: as `diagnose`.
        """
        from tidegate.diagnose import fix

        return fix(self, tries=tries, report=report)

    def evidence(self) -> tuple[Evidence, ...]:
        """What a diagnosis looks at (`tidegate.diagnose.evidence`): what it predicted, and its training.

        Raises:
            NotFittedError: it was loaded without its training data.
        """
        self._require_fitted("fitted_")
        return self._evidence()

    def _evidence(self) -> tuple[Evidence, ...]:
        """`evidence` of this task."""
        found: tuple[Evidence, ...] = self._own("diagnose.{}").make_evidence(self)
        return found

    def trainee(self) -> Trainee:
        """What `tidegate.diagnose.fix` trains again.

        Raises:
            NotFittedError: as `evidence`. DataError: there is nothing to choose by.
        """
        self._require_fitted("fitted_")
        return self._trainee()

    def _trainee(self) -> Trainee:
        """`trainee` of this task."""
        from tidegate.tasks.diagnose.trainee import Trainee

        return Trainee(self, [part for part in ("validation", "test") if self.fitted_.has(part)])

    # What a task does not override is refused, with what to do instead.
    backtest = _refuses("backtest")
    cross_validate = _refuses("cross_validate")
    audit = _refuses("audit")
    intervals = _refuses("intervals")
    compare = _refuses("compare")
    stream = _refuses("stream")

    def _kind(self, data: Any) -> Any:
        """What kind of frame an answer is: that of new data, or of the training data."""
        return data if data is not None else getattr(self, "_like", None)

    def _require_fitted(self, attribute: str) -> None:
        """Refuse a model that lacks what a verb needs.

        Raises:
            NotFittedError: it was not fitted, or was loaded without its data and its history.
        """
        if hasattr(self, attribute):
            return
        if hasattr(self, "notes_"):
            message = (
                "this {kind} was loaded without the data it was trained on: open its run with tidegate.open_run(RUN) "
                "(in a shell, name the folder of the run), or give data"
            )
            raise NotFittedError(tr(message, kind=type(self).__name__))
        raise NotFittedError(
            tr("this {kind} has not been fitted: call fit() first, or tidegate.load()", kind=type(self).__name__)
        )
