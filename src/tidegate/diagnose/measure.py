"""Measurements that several checks share, each made once: on windows, on perturbed inputs, by short trainings."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tidegate.diagnose.evidence import SAMPLE, Case, Network, Origins, Training
from tidegate.evaluate.forecast.baselines import simple_methods
from tidegate.evaluate.forecast.season import find_seasons

if TYPE_CHECKING:
    import torch

Array = NDArray[np.float64]
BATCH = 128
FEATURES = 200  # past values that a regression of the residuals sees, at most


class Measures:
    """The shared measurements of a case. B windows, K steps, k steps of the network's own block, C targets."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.origins = {part: spread(rows, SAMPLE) for part, rows in case.origins.items()}
        self._errors: dict[str, Array] = {}
        self._raw: dict[str, tuple[Array, Array]] = {}

    def has(self, part: str) -> bool:
        """Whether a part has windows."""
        return part in self.origins and len(self.origins[part]) > 0

    def errors(self, part: str) -> Array:
        """[B, k, C] forecast less actual in the prepared scale, of the network's own block; NaN where unobserved."""
        import torch

        if part not in self._errors:
            found = []
            for batch in self.batches(part):
                with torch.no_grad():
                    output = self.case.network(*batch[:3]).prepared()[..., self.case.point]
                error = torch.where(batch[4], output - batch[3], torch.nan)
                found.append(error.numpy().astype(np.float64))
            self._errors[part] = np.concatenate(found)
        return self._errors[part]

    def batches(self, part: str) -> list[tuple[Any, ...]]:
        """The sample's batches."""
        rows = self.origins[part]
        return [self.case.batch(rows[first : first + BATCH]) for first in range(0, len(rows), BATCH)]

    def loss(self, part: str, network: Any = None) -> float:
        """Mean training loss of a part's sample, without dropout."""
        return batch_loss(self.case, self.case.network if network is None else network, self.batches(part))

    def raw(self, part: str) -> tuple[Array, Array]:
        """[B, K, C] forecasts and actual values in the target's unit."""
        if part not in self._raw:
            rows = self.origins[part]
            actual = self.case.prepared.raw_target(rows, self.case.horizon)
            self._raw[part] = (self.case.forecast(rows), actual)
        return self._raw[part]

    @cached_property
    def seasons(self) -> tuple[int, ...]:
        """Cycles found in the training part, strongest first."""
        return find_seasons(self.case.table, self.case.split.train).all

    @cached_property
    def _methods(self) -> Any:
        return simple_methods(self.case.table, self.case.split.train, self.case.horizon, self.seasons[:2])

    def naive(self, part: str) -> float:
        """Mean absolute error of the simple method that is best on the training sample, in its own scale."""
        rows = self.origins[part]
        _, actual = self.raw(part)
        return relative_error(self._methods[self._naive](rows), actual, self._scale)

    @cached_property
    def _naive(self) -> str:
        rows, (_, actual) = self.origins["train"], self.raw("train")
        names = [name for name in self._methods if name not in ("drift", "mean")]
        errors = [relative_error(self._methods[name](rows), actual, self._scale) for name in names]
        return str(names[int(np.nanargmin(errors))])

    @cached_property
    def _scale(self) -> Array:
        """[C] mean absolute value of the target about its median in the training sample."""
        _, actual = self.raw("train")
        middle = np.nanmedian(actual, axis=(0, 1))
        return np.asarray(np.maximum(np.nanmean(np.abs(actual - middle), axis=(0, 1)), 1e-12))

    def error(self, part: str) -> float:
        """The model's mean absolute error, each target divided by its spread in the training part."""
        found, actual = self.raw(part)
        return relative_error(found, actual, self._scale)

    def gap(self, part: str) -> float:
        """How much more the model's error grows from the training part to another than a simple method's does.

        (model there / model in training) / (simple method there / simple method in training): 1 where the other part
        is only harder to forecast.
        """
        harder = self.naive(part) / max(self.naive("train"), 1e-12)
        return self.error(part) / max(self.error("train"), 1e-12) / max(harder, 1e-12)

    def unused(self, first: int, last: int) -> float:
        """Share of the validation residuals' variance that past targets at lags `first` to `last` still explain.

        Ridge regression from the targets at these lags to the residuals of the training sample, scored on the
        validation sample; NaN where the series are too short.
        """
        fits, held = (self._reaching(part, last) for part in ("train", "validation"))
        if min(fits.sum(), held.sum()) < 20:
            return float("nan")
        x, y = self._past("train", fits, first, last), self._residuals("train", fits)
        x2, y2 = self._past("validation", held, first, last), self._residuals("validation", held)
        return max(explained(x, y, x2, y2), 0.0)

    def _reaching(self, part: str, lag: int) -> NDArray[np.bool_]:
        rows = self.origins[part]
        starts = self.case.table.starts
        series = np.searchsorted(starts, rows - 1, side="right") - 1
        return np.asarray(rows - lag - self.case.prepared.preparation.history >= starts[series])

    def _past(self, part: str, keep: NDArray[np.bool_], first: int, last: int) -> Array:
        count = len(self.case.table.schema.targets)
        block = self.case.prepared.past(self.origins[part][keep], last)[:, : last - first + 1, :count]
        flat = block.reshape(len(block), -1).astype(np.float64)
        chosen = np.unique(np.linspace(0, flat.shape[1] - 1, min(FEATURES, flat.shape[1])).astype(int))
        return np.asarray(flat[:, chosen])

    def _residuals(self, part: str, keep: NDArray[np.bool_]) -> Array:
        errors = self.errors(part)[keep]
        return np.nan_to_num(errors.reshape(len(errors), -1))


def spread(rows: Origins, count: int) -> Origins:
    """At most `count` origins, evenly spread."""
    if len(rows) <= count:
        return rows
    return rows[np.linspace(0, len(rows) - 1, count).astype(np.int64)]


def batch_loss(case: Network, network: Any, batches: list[tuple[Any, ...]]) -> float:
    """Mean loss over batches, weighted by their observed steps."""
    import torch

    total, count = 0.0, 0
    with torch.no_grad():
        for batch in batches:
            seen = int(batch[-1].sum())
            total += float(case.loss(network, batch)) * seen
            count += seen
    return total / max(count, 1)


def relative_error(forecast: Array, actual: Array, scale: Array) -> float:
    """Mean over targets of the mean absolute error divided by `scale` [C]."""
    with np.errstate(invalid="ignore"):
        return float(np.mean(np.nanmean(np.abs(forecast - actual), axis=(0, 1)) / scale))


def explained(x: Array, y: Array, x2: Array, y2: Array) -> float:
    """R2 on (x2, y2) of the ridge regression fitted on (x, y), its penalty chosen on the last quarter of (x, y)."""
    inner = len(x) * 3 // 4
    penalties = [0.01, 0.1, 1.0, 10.0, 100.0]
    scores = [_ridge(x[:inner], y[:inner], x[inner:], y[inner:], penalty) for penalty in penalties]
    return _ridge(x, y, x2, y2, penalties[int(np.argmax(scores))])


def _ridge(x: Array, y: Array, x2: Array, y2: Array, penalty: float) -> float:
    middle, size = x.mean(axis=0), x.std(axis=0) + 1e-9
    x, x2 = (x - middle) / size, (x2 - middle) / size
    level = y.mean(axis=0)
    gram = x.T @ x + penalty * len(x) * np.eye(x.shape[1])
    weights = np.linalg.solve(gram, x.T @ (y - level))
    rest = y2 - level
    total = float((rest**2).sum())
    return 1.0 - float(((rest - x2 @ weights) ** 2).sum()) / total if total > 0 else 0.0


MOST_WINDOWS = 256
COLUMNS = 20  # as many columns are tried
SHARES = (0.5, 0.75, 0.875)


def _sample(case: Case) -> tuple[torch.Tensor, ...]:
    return case.batch(spread(case.origins["validation"], MOST_WINDOWS))


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


STEPS = 60
NOTHING = 1e-9  # loss, or gradient, of a network that has nothing left to learn, as where the target stands still
STEP_WINDOWS = 32  # of a step
HELD = 256  # validation windows that a probe is evaluated on
RATES, SGD_RATES = (0.001, 0.005, 0.02), (0.001, 0.01, 0.1)  # of Adam, and of plain descent


@dataclass(frozen=True)
class Probes:
    """What short trainings reached, as loss on the same validation windows.

    Attributes:
        trained: of the model as it is. rate: its learning rate.
        rates: learning rate -> loss of an untrained network after `STEPS` steps at it.
        further: of the model after `STEPS` more steps at a tenth of its rate and at its rate, the lower one.
    """

    trained: float
    rate: float
    rates: dict[float, float]
    further: float


def probe(case: Training) -> Probes:
    """Train untrained copies at several rates and the model itself a little further; the model is left as it is."""
    import torch

    held, batches = _held_out(case), list(_batches(case, STEPS))
    own = case.options.learning_rate
    with torch.random.fork_rng(devices=[]):
        rates = {}
        for rate in RATES if case.options.optimizer != "sgd" else SGD_RATES:
            torch.manual_seed(case.options.seed)
            rates[rate] = _train(case, case.fresh(), batches, held, rate)
        further = [_train(case, copy.deepcopy(case.network), batches, held, rate) for rate in (own, own / 10)]
    return Probes(batch_loss(case, case.network, held), own, rates, min(further))


def race(case: Training, rate: float, steps: int) -> float:
    """Validation loss of an untrained network after `steps` steps at a rate that falls to 0 along half a cosine.

    A fair rival of the whole training where a probe is too short to be one; the model is left as it is.
    """
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(case.options.seed)
        return _train(case, case.fresh(), _batches(case, steps), _held_out(case), rate, fall=steps)


def _held_out(case: Training) -> list[tuple[Any, ...]]:
    held = spread(case.origins["validation"], HELD)
    return [case.batch(held[first : first + BATCH]) for first in range(0, len(held), BATCH)]


def _batches(case: Training, steps: int) -> Iterator[tuple[Any, ...]]:
    generator = np.random.default_rng(case.options.seed)
    rows = case.origins["train"]
    return (case.batch(rows[np.sort(generator.integers(0, len(rows), STEP_WINDOWS))]) for _ in range(steps))


def _train(
    case: Training, network: Any, batches: Iterable[tuple[Any, ...]], held: list[Any], rate: float, fall: int = 0
) -> float:
    """Validation loss after one pass over the batches; infinite where it diverged.

    fall: steps over which the rate falls to 0 along half a cosine; 0 holds it.
    """
    from tidegate.train.optimizer import Gradients, build_optimizer

    options = replace(case.options, learning_rate=rate)
    optimizer = build_optimizer(network, options)
    gradients = Gradients(network, options.clip or 1.0)
    network.train()
    for step, batch in enumerate(batches):
        for group in optimizer.param_groups if fall else ():
            group["lr"] = rate * 0.5 * (1.0 + math.cos(math.pi * step / fall))
        optimizer.zero_grad(set_to_none=True)
        loss = case.loss(network, batch)
        loss.backward()
        if not math.isfinite(float(loss.detach())) or not gradients.step():
            return math.inf
        optimizer.step()
    network.eval()
    found = batch_loss(case, network, held)
    return found if math.isfinite(found) else math.inf
