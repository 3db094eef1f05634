"""Several encoders on the same sequences and parts, in one table."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError
from tidegate.core.names import metric_name
from tidegate.core.notebook import Notebook
from tidegate.core.text import aligned
from tidegate.core.translate import Language, tr
from tidegate.prepare.sequence.targets import ClassLabels
from tidegate.tasks.label.evaluate import evaluate_part
from tidegate.tasks.verbs import require_verb

RECURRENT: dict[str, Any] = {"network.branch": (), "bidirectional": False}
ENCODERS: dict[str, Mapping[str, Any]] = {
    "lstm": RECURRENT,
    "gru": {**RECURRENT, "cell": "gru"},
    "peephole": {**RECURRENT, "cell": "peephole"},
    "coupled": {**RECURRENT, "cell": "coupled"},
    "slstm": {**RECURRENT, "cell": "slstm"},
    "mlstm": {**RECURRENT, "cell": "mlstm"},
    "bilstm": {**RECURRENT, "bidirectional": True},
    "attention": {**RECURRENT, "bidirectional": True, "network.pooling": "attention"},
    "cnn_lstm": {**RECURRENT, "network.conv_channels": (64, 64), "network.conv_stride": 2},
    "lstm_fcn": {"network.branch": (64, 128, 64), "bidirectional": False},
    "transformer": {
        "network.branch": (),
        "network.encoder": "transformer",
        "network.pooling": "mean",
        "bidirectional": "auto",
    },
}
REPEATS = 20


@dataclass(frozen=True)
class Rivals:
    """What models of a task are compared by.

    Attributes:
        known: what is tried where nothing is said. make: the options of a name.
        brief: options of a first training that is only to load what all need. once: options that all of them take.
        validated: a model's evaluation on the validation part, and whether more is better. latency: milliseconds of one
            answer without torch.
    """

    known: Mapping[str, Mapping[str, Any]]
    make: Callable[[str], Mapping[str, Any]]
    brief: Mapping[str, Any]
    once: Mapping[str, Any]
    validated: Callable[[Any], tuple[Any, bool]]
    latency: Callable[[Any], float]


def rivals() -> Rivals:
    """Of a `Classifier` or `Regressor`."""
    once = {"training.refit": False}
    return Rivals(ENCODERS, _encoder, {**once, "ensemble_size": 1}, once, _validated, _latency)


def _validated(model: Any) -> tuple[Any, bool]:
    evaluated = evaluate_part(model, "validation", baselines=False).evaluation
    return evaluated, isinstance(model.labels_, ClassLabels)


@dataclass(frozen=True)
class Candidate:
    """One encoder. `score` on the validation part, in the comparison's metric; `seconds` of training; `latency` of one
    sequence alone without torch, in milliseconds; `losses` on the validation part by epoch."""

    name: str
    score: float
    parameters: int
    seconds: float
    latency: float
    losses: tuple[float, ...] = ()


@dataclass(frozen=True, repr=False)
class Comparison(Notebook):
    """Encoders beside each other, best first by the validation part, and what the best one reaches on the test part.

    Attributes:
        metric: of the scores. higher: whether more is better. candidates: best first.
        model: the best, fitted. evaluation: its test part beside the baselines; None without a test part.
    """

    metric: str
    higher: bool
    candidates: tuple[Candidate, ...]
    model: Any = field(repr=False)
    evaluation: Any = field(repr=False)

    def rows(self, lang: Language | None = None) -> list[list[str]]:
        """The table as text: a head, then a row for each encoder."""
        head = [tr("encoder", lang), tr("validation {metric}", lang, metric=self.metric), tr("parameters", lang)]
        table = [[*head, tr("training, s", lang), tr("one answer, ms", lang)]]
        for own in self.candidates:
            table.append(
                [own.name, f"{own.score:.4f}", f"{own.parameters:,}", f"{own.seconds:.1f}", f"{own.latency:.2f}"]
            )
        return table

    def columns(self) -> dict[str, NDArray[Any]]:
        """The candidates as name -> array: encoder, metric, score, parameters, seconds, latency (ms)."""
        own = self.candidates
        return {
            "encoder": np.array([each.name for each in own], dtype=object),
            "metric": np.array([self.metric] * len(own), dtype=object),
            "score": np.array([each.score for each in own]),
            "parameters": np.array([each.parameters for each in own]),
            "seconds": np.array([each.seconds for each in own]),
            "latency": np.array([each.latency for each in own]),
        }

    def __str__(self) -> str:
        lines = aligned(self.rows())
        if self.evaluation is not None:
            best = self.candidates[0].name
            lines += ["", tr("The best by the validation part, {name}, on the test part:", name=best), ""]
            lines.append(str(self.evaluation))
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers and text."""
        return {
            "metric": self.metric,
            "candidates": [{**vars(own), "losses": list(own.losses)} for own in self.candidates],
            "test": None if self.evaluation is None else self.evaluation.to_json(),
        }


def compare(
    estimator: Any,
    data: Any,
    labels: Any = None,
    *,
    encoders: Sequence[str] | Mapping[str, Mapping[str, Any]] | None = None,
    report: Callable[[str], None] | None = None,
    **how: Any,
) -> Comparison:
    """Train one model for each encoder on the same parts, and choose by the validation part.

    Args:
        estimator: a `Classifier`, `Regressor` or `LanguageModel`; all that an encoder does not settle is taken from it.
        data, labels, how: as of its `fit`.
        encoders: names among `ENCODERS` (None takes all); of a language model cells, perhaps with layers and units
            (`gru-2x256`); or a mapping from a name to the arguments that make it.
        report: told which encoder is next, and what the one before it reached.

    Returns:
        `Comparison`: print it, or see `.candidates`, `.model`.

    Raises:
        ConfigError: an unknown encoder. TidegateError: as of `fit`.

    >>> import numpy as np
    >>> from tidegate import Classifier
    >>> slopes = [sign * np.linspace(-1, 1, 9)[:, None] for sign in (1, -1) * 20]
    >>> found = compare(
    ...     Classifier(hidden_size=4, max_epochs=1),
    ...     slopes,
    ...     ["up", "down"] * 20,
    ...     encoders=("lstm", "gru"),
    ...     progress=False,
    ... )
    >>> sorted((one.name, one.parameters) for one in found.candidates)
    [('gru', 94), ('lstm', 122)]
    """
    require_verb(estimator, "compare")
    task: Rivals = estimator._rivals()
    encoders = task.known if encoders is None else encoders
    chosen = dict(encoders) if isinstance(encoders, Mapping) else {name: task.make(name) for name in encoders}
    if not chosen:
        raise ConfigError(tr("encoders is empty; choose among {known}", known=", ".join(task.known)))
    split = ("validation", "test", "by", "progress", "source")
    reading = {name: how.pop(name) for name in list(how) if name not in split}
    how["source"] = {**how.get("source", {}), **reading}  # so that the best one knows how to read new data
    sequences = estimator.read(data, *(() if labels is None else (labels,)), **reading)
    # What the first training of a process waits for, libraries and kernels, is no encoder's own time.
    first = estimator.variant({"max_epochs": 1, **task.brief})
    first.fit(sequences, **{**how, "progress": False})
    found: list[tuple[Candidate, Any]] = []
    metric, higher = "", True
    for place, (name, changes) in enumerate(chosen.items(), 1):
        if report is not None:
            report(tr("Encoder {place} of {count}: {name}", place=place, count=len(chosen), name=name))
        model = estimator.variant({**changes, **task.once})
        model.fit(sequences, **how)
        evaluated, higher = task.validated(model)
        metric = evaluated.criterion
        count = sum(tensor.numel() for tensor in model.fitted_.network.parameters())
        losses = tuple(epoch.validation_loss for epoch in model.history_)
        score = evaluated.overall["model"][metric]
        candidate = Candidate(name, score, count, model.seconds_, task.latency(model), losses)
        found.append((candidate, model))
        if report is not None:
            report(tr("  {metric} {score:.4f} on the validation part after {seconds:.0f} s",
                      metric=metric_name(metric), score=candidate.score, seconds=candidate.seconds))  # fmt: skip
    found.sort(key=lambda pair: -pair[0].score if higher else pair[0].score)
    best = found[0][1]
    evaluation = best._evaluate_part("test").evaluation if len(best.fitted_.parts.test) else None
    return Comparison(metric, higher, tuple(candidate for candidate, _ in found), best, evaluation)


def _encoder(name: str) -> Mapping[str, Any]:
    if name not in ENCODERS:
        raise ConfigError(
            tr("there is no encoder {name!r}; choose among {encoders}", name=name, encoders=", ".join(ENCODERS))
        )
    return ENCODERS[name]


def _latency(model: Any) -> float:
    """Milliseconds of one answer without torch, the median over sequences of the training part."""
    from tidegate.runtime.label.decode import network_run, outputs

    fitted = model.fitted_
    weights = {name: tensor.numpy() for name, tensor in fitted.network.state_dict().items()}
    run = network_run(fitted.spec, weights)
    spans = fitted.deciding.spans(fitted.prepared.starts, fitted.parts.train[:REPEATS])
    times = []
    for place in range(len(spans)):
        one = spans.take(np.array([place]))
        begin = time.perf_counter()
        outputs(run, fitted.prepared, one, per_step=fitted.deciding.per_step)
        times.append(1000 * (time.perf_counter() - begin))
    return statistics.median(times)
