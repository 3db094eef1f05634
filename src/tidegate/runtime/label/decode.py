"""From a network's outputs to predictions for a sequence, and intervals around numbers (split conformal); no torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.spec import NetworkSpec
from tidegate.core.errors import ArtifactError, ConfigError
from tidegate.core.translate import tr
from tidegate.prepare.document import plain_fields
from tidegate.prepare.sequence.preparation import PreparedSequences
from tidegate.prepare.sequence.prepared import Spans, endings, gather, whole
from tidegate.prepare.sequence.targets import ClassLabels, Labels
from tidegate.runtime.network.network import Output, run_network
from tidegate.runtime.network.recurrent import Loaded

Floats = NDArray[np.float64]
MOST = 5_000  # errors that are kept, evenly spread


@dataclass(frozen=True)
class Margins:
    """Errors of estimates of a part that the network had not learned from; n answers, P quantities, G units.

    Steps or windows of one sequence, and sequences of one group, err alike: such a unit counts as one draw.

    Attributes:
        errors: [n, P] absolute errors in the quantities' own units, NaN where nothing is known.
        units: [n] number of the sequence, or group, that each answer is of.
    """

    errors: Floats
    units: NDArray[np.int64]

    @classmethod
    def of(cls, actual: Floats, found: Floats, units: NDArray[Any]) -> Margins:
        """Of estimates [n, P] for units [n] of any kind; at most `MOST` of them, chosen by place alone."""
        kept = np.unique(np.linspace(0, len(actual) - 1, min(MOST, len(actual))).round().astype(np.int64))
        _, numbered = np.unique(np.asarray(units)[kept], return_inverse=True)
        return cls(np.abs(found - actual)[kept], numbered.reshape(-1).astype(np.int64))

    @property
    def count(self) -> int:
        """Units with a known answer of every quantity."""
        return min(len(np.unique(self.units[~np.isnan(column)])) for column in self.errors.T)

    @property
    def highest(self) -> float:
        """The highest level, in percent, for which there are enough units."""
        return 100 * self.count / (self.count + 1)

    def at(self, level: float) -> Floats:
        """[P] half-widths of an interval of a level in percent.

        Each of G units weighs 1 / (G + 1), shared among its answers, and the unit to come as much at infinity; the
        half-width is the smallest error up to which the weights sum to the level. If units come in no order, an answer
        of a new one lies within with at least this probability. Of units with one answer each this is the
        ceil((G + 1) level)-th smallest error.

        Raises:
            ConfigError: no level between 0 and 100, or one that needs more units.

        Source: Lei et al. (2018), section 2.2, doi:10.1080/01621459.2017.1307116; for units Lee, Barber and Willett
        (2023), arXiv:2306.06342.
        """
        if isinstance(level, bool) or not isinstance(level, (int, float)) or not 0 < level < 100:
            raise ConfigError(
                tr("level is the percentage an interval should hold, such as 80; got {level}", level=repr(level))
            )
        share = level / 100
        needed = math.ceil(round(share / (1 - share), 9))
        if self.count < needed:
            message = (
                "an interval of {level} % needs the errors of {needed} validation sequences (or groups), and there "
                "are {count}: give the validation part a larger share, or ask for a lower level"
            )
            raise ConfigError(tr(message, level=f"{level:g}", needed=needed, count=self.count))
        return np.array([_quantile(column, self.units, share) for column in self.errors.T])

    def levels(self, usual: tuple[float, ...] = (80, 95)) -> dict[float, Floats]:
        """The usual levels for which there are enough units, with their half-widths."""
        return {level: self.at(level) for level in usual if level <= self.highest + 1e-9}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """As an artifact keeps them."""
        return {"margins.errors": self.errors, "margins.units": self.units}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], quantities: int) -> Margins | None:
        """What `arrays` gave; None of an artifact without.

        Raises:
            ArtifactError: they do not fit each other or the model.
        """
        if not {"margins.errors", "margins.units"} & set(arrays):
            return None
        errors, units = (arrays.get(f"margins.{name}", np.empty(0)) for name in ("errors", "units"))
        fit = errors.dtype == np.float64 and units.dtype == np.int64 and errors.shape == (len(units), quantities)
        if not fit or not len(units) or (errors < 0).any() or np.isinf(errors).any():
            raise ArtifactError(tr("context.safetensors: errors and units of the intervals do not fit the model"))
        return cls(errors, units)


def half_widths(margins: Margins | None, level: float) -> Floats:
    """`Margins.at`, where there are any.

    Raises:
        ConfigError: there are none, or as of `Margins.at`.
    """
    if margins is None:
        raise ConfigError(tr("intervals are of numbers: a class has its probability instead (predict_proba)"))
    return margins.at(level)


def _quantile(errors: Floats, units: NDArray[np.int64], share: float) -> float:
    known = ~np.isnan(errors)
    _, owner, counts = np.unique(units[known], return_inverse=True, return_counts=True)
    order = np.argsort(errors[known], kind="stable")
    weights = np.cumsum(1 / counts[owner.reshape(-1)][order]) / (len(counts) + 1)
    # A sum of fractions that should reach the level may miss it by rounding.
    return float(errors[known][order][int(np.searchsorted(weights, share - 1e-9))])


Run = Callable[[NDArray[Any], NDArray[np.int64] | None], Output]
STEPS_AT_ONCE = 65_536
MOST_AT_ONCE = 512


@dataclass(frozen=True)
class Deciding:
    """How outputs become answers.

    Attributes:
        per_step: whether each step gets an answer.
        window: rows that an answer looks at, the last ones of its sequence; None looks at all.
        temperature: outputs are divided by it before they become probabilities (Guo et al. 2017).
        thresholds: of two classes, one: the second is chosen from that probability on; of several labels at once, one
            for each; () takes the most probable class, or one half.
    """

    per_step: bool = False
    window: int | None = None
    temperature: float = 1.0
    thresholds: tuple[float, ...] = ()

    def spans(self, starts: NDArray[np.int64], index: NDArray[np.int64]) -> Spans:
        """The rows that the answers for the sequences `index` look at."""
        return whole(starts, index) if self.window is None else endings(starts, index, self.window)

    def to_json(self) -> dict[str, Any]:
        return plain_fields(self)

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Deciding:
        """What `to_json` wrote.

        Raises:
            ArtifactError: something is missing, extra, of the wrong type or out of range.
        """
        try:
            window, temperature, thresholds = state["window"], state["temperature"], tuple(state["thresholds"])
            found = cls(bool(state["per_step"]), window, float(temperature), tuple(float(t) for t in thresholds))
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"model.json: decoding cannot be read: {error}") from error
        whole_number = window is None or (isinstance(window, int) and not isinstance(window, bool) and window >= 1)
        if not whole_number or not 0 < found.temperature < 1e6 or not all(0 <= t <= 1 for t in found.thresholds):
            raise ArtifactError("model.json: decoding: window, temperature or thresholds are out of range")
        return found


def outputs(run: Run, prepared: PreparedSequences, spans: Spans, *, per_step: bool) -> NDArray[np.float32]:
    """A network's outputs for stretches of prepared sequences, in batches of like length.

    Args:
        run: the network, from inputs [B, T, I] or [B, T] and lengths [B] (None: all T) to `Output`.
        prepared: the sequences. spans: M stretches of them. per_step: whether each step gets outputs.

    Returns:
        [M, O], or [sum of lengths, O] with the steps of the stretches one after another.
    """
    order = np.argsort(spans.lengths, kind="stable")
    ends = np.cumsum(spans.lengths)
    found: NDArray[np.float32] | None = None
    for batch in _batches(spans.lengths[order]):
        index = order[batch]
        past, lengths = gather(prepared.values, spans, index)
        values = run(past, None if (lengths == past.shape[1]).all() else lengths).values
        if found is None:
            found = np.empty((int(ends[-1]) if per_step else len(spans), values.shape[-1]), dtype=np.float32)
        if per_step:
            valid = np.arange(past.shape[1]) < lengths[:, None]
            rows = (ends[index] - lengths)[:, None] + np.arange(past.shape[1])
            found[rows[valid]] = values[:, :, 0][valid]
        else:
            found[index] = values[:, 0, 0]
    assert found is not None
    return found


def _batches(lengths: NDArray[np.int64]) -> list[slice]:
    """Slices of rising lengths whose padded steps stay within bounds."""
    found, low = [], 0
    while low < len(lengths):
        high = min(low + MOST_AT_ONCE, len(lengths))
        while high > low + 1 and (high - low) * int(lengths[high - 1]) > STEPS_AT_ONCE:
            high = low + max(1, (high - low) // 2)
        found.append(slice(low, high))
        low = high
    return found


def probabilities(logits: NDArray[Any], labels: ClassLabels, deciding: Deciding) -> NDArray[np.float64]:
    """[M, K] probabilities: they sum to one, or stand alone where there may be several labels."""
    scaled = np.asarray(logits, dtype=np.float64) / deciding.temperature
    if labels.multiple:
        return np.asarray(0.5 * (np.tanh(0.5 * scaled) + 1))
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def choose(found: NDArray[np.float64], labels: ClassLabels, deciding: Deciding) -> NDArray[Any]:
    """Places of the chosen classes, [M]; of several labels at once, [M, K] bool."""
    if labels.multiple:
        return np.asarray(found >= (np.array(deciding.thresholds) if deciding.thresholds else 0.5))
    if deciding.thresholds:
        return (found[:, 1] >= deciding.thresholds[0]).astype(np.int64)
    return np.asarray(found.argmax(axis=1), dtype=np.int64)


@dataclass(frozen=True)
class Answered:
    """What is predicted for M sequences, or of all their N steps one after another.

    Attributes:
        prepared: the sequences as the network read them.
        found: [M, K] probabilities of the classes; of a regressor [M, P] numbers in their own units.
        labels: [M] the classes that are chosen ([M, K] bool of several at once); None of a regressor.
    """

    prepared: PreparedSequences
    found: NDArray[np.float64]
    labels: NDArray[Any] | None


def answers(found: NDArray[Any], labels: Labels, deciding: Deciding) -> tuple[NDArray[np.float64], NDArray[Any] | None]:
    """A network's outputs [M, O] as `Answered.found` and `Answered.labels`."""
    if not isinstance(labels, ClassLabels):
        return labels.decode(found), None
    shares = probabilities(found, labels, deciding)
    chosen = choose(shares, labels, deciding)
    return shares, chosen if labels.multiple else labels.decode(chosen)


def network_run(spec: NetworkSpec, weights: Mapping[str, NDArray[np.float32]]) -> Run:
    """A network as a function of numpy arrays."""
    loaded = Loaded(weights)
    return lambda past, lengths: run_network(spec, loaded, past, lengths=lengths)
