"""A trained model as numpy runs it: `load(path)`, whatever its task, to predict whole tables and to go on as a stream.

    model = load("runs/load")
    model.predict()           # what the task gives: forecasts, answers, or what was predicted for every row
    stream = model.stream()   # one value at a time
    stream.update(513.0)

No torch and no dataframe library. A task's own file decodes what the network predicts; nothing else differs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from tidegate.artifacts.artifact import Artifact, read_model
from tidegate.artifacts.homes import home
from tidegate.artifacts.spec import NetworkSpec
from tidegate.core.errors import ArtifactError
from tidegate.core.translate import tr
from tidegate.kernels.library import hold_blas
from tidegate.runtime.network.recurrent import Loaded

Data = TypeVar("Data")
Answers = TypeVar("Answers")
Prepared_co = TypeVar("Prepared_co", covariant=True)


@runtime_checkable
class Stream(Protocol):
    """Something that takes values one at a time, answers each, and can be put away and taken up again."""

    def update(self, values: Any, time: Any = None) -> Any:
        """Take in the next values and answer.

        Args:
            values: of one step: a number, an array, or a mapping by name. time: of them; None means the next step.

        Raises:
            DataError: values that cannot be. TimeError: a time that cannot be. The stream then is as before.
        """

    def snapshot(self) -> bytes:
        """All that the stream carries, without pickle."""

    def restore(self, snapshot: bytes) -> None:
        """Go on from a snapshot, of this stream or of another one of the same model.

        Raises:
            ArtifactError: it is damaged or of another model; the stream then is as before.
        """


class Streamed(Protocol[Prepared_co]):
    """What a stream asks of any model; each task's stream asks for more."""

    @property
    def spec(self) -> NetworkSpec: ...
    @property
    def weights(self) -> Loaded: ...
    @property
    def preparation(self) -> Prepared_co: ...


class Model(ABC, Generic[Data, Answers]):
    """A trained model that needs numpy alone.

    Attributes:
        task: which estimator made it. spec: the network's. weights: its tensors, as the engine likes them.
    """

    spec: NetworkSpec
    weights: Loaded

    @property
    @abstractmethod
    def task(self) -> str:
        """Which estimator made it."""

    @classmethod
    @abstractmethod
    def of(cls, artifact: Artifact) -> Any:
        """The model in an artifact.

        Raises:
            ArtifactError: it is of another task, or its parts do not fit each other.
        """

    @abstractmethod
    def predict(self, data: Data) -> Answers:
        """What the model predicts for data."""

    @abstractmethod
    def stream(self, snapshot: bytes | None = None) -> Stream:
        """A stream, new or as a snapshot left it.

        Raises:
            ConfigError: the network cannot be streamed, and why. ArtifactError: as `Stream.restore`.
        """


def load(path: str | Path) -> Model[Any, Any]:
    """A saved model, ready to predict.

    Args:
        path: the model's folder, or that of a run that has one.

    Raises:
        ArtifactError: it is missing, damaged, tampered with, of a newer format, or of an unknown task.
    """
    return model_of(read_model(path))


def model_of(artifact: Artifact) -> Model[Any, Any]:
    """The model in an artifact that was read; errors as of `load`."""
    hold_blas()
    found: Model[Any, Any] = home(artifact.record.task, "model").of(artifact)
    return found


def require_task(artifact: Artifact, tasks: tuple[str, ...]) -> str:
    """The artifact's task.

    Raises:
        ArtifactError: it is none of these.
    """
    task: str = artifact.record.task
    if task not in tasks:
        expected = repr(tasks[0]) if len(tasks) == 1 else f"one of {', '.join(tasks)}"
        raise ArtifactError(tr("model.json: task is {task}; expected {expected}", task=repr(task), expected=expected))
    return task
