"""Ridge regression on the same windows as the model: the linear method that it must beat.

It is solved from sums of products: windows are added in chunks and never kept.
Shapes: B windows, T past steps, K steps ahead, C targets, F known-ahead inputs, P groups of D known-ahead features.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError
from tidegate.core.translate import tr

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
Solution = tuple[Array, Array, Array | None]  # bias [K], window weights [T, K], known-ahead weights [P, D, K / P]
Level = Literal["none", "last"]

ALPHAS = tuple(10.0**power for power in range(-6, 3))  # penalties, relative to the variance of the features
LIMIT = 20_000  # training windows at most: more hardly change a few thousand coefficients
JOINT = 600  # up to so many known-ahead features every step sees those of all steps, beyond it only its own
_LEVELS: tuple[Level, ...] = ("none", "last")
_CHUNK = 1 << 22  # numbers gathered at once
_MOMENTS = 1 << 24  # numbers of accumulated products and solutions at once


class Moments:
    """Sums of products of one channel's features and targets, and the ridge regressions that follow from them.

    The known-ahead features form P groups of D, each for its own K / P steps; groups do not meet. Given the window's
    own block, each group is solved by its Schur complement, so that one eigendecomposition of [T, T] serves all groups
    and all penalties.

    Args:
        window: T.
        horizon: K.
        groups: P; 0 where there are no known-ahead features.
        depth: D, features in a group.
    """

    def __init__(self, window: int, horizon: int, groups: int, depth: int) -> None:
        self.steps = horizon // groups if groups else horizon
        self.n = 0
        self._window: tuple[Array, Array] | None = None  # the decomposition of the window's block
        self.x, self.y = np.zeros(window), np.zeros(horizon)
        self.xx, self.xy = np.zeros((window, window)), np.zeros((window, horizon))
        self.z = np.zeros((groups, depth))
        self.zz = np.zeros((groups, depth, depth))
        self.xz = np.zeros((window, groups * depth))
        self.zy = np.zeros((groups, depth, self.steps))

    def add(self, x: Array, y: Array, z: Array | None) -> None:
        """Windows x [B, T], targets y [B, K], known-ahead features z [P, B, D]."""
        self._window = None
        self.n += len(x)
        self.x += x.sum(axis=0)
        self.y += y.sum(axis=0)
        self.xx += x.T @ x
        self.xy += x.T @ y
        if z is not None:
            own = y.reshape(len(y), len(z), self.steps).transpose(1, 0, 2)  # [P, B, K / P]
            turned = z.transpose(0, 2, 1)
            self.z += z.sum(axis=1)
            self.zz += turned @ z
            self.xz += x.T @ z.transpose(1, 0, 2).reshape(len(x), -1)
            self.zy += turned @ own

    def less_last(self) -> Moments:
        """The sums as they are after each window's last value is taken off its window and its targets."""
        steps, (groups, depth) = self.steps, self.z.shape
        out = Moments(len(self.x), len(self.y), 0, 0)
        out.n, out.steps = self.n, steps
        last = self.xx[-1, -1]
        out.x, out.y = self.x - self.x[-1], self.y - self.x[-1]
        out.xx = self.xx - self.xx[:, -1:] - self.xx[-1:, :] + last
        out.xy = self.xy - self.xx[:, -1:] - self.xy[-1:, :] + last
        out.z, out.zz = self.z, self.zz
        out.xz = self.xz - self.xz[-1:]
        out.zy = self.zy - self.xz[-1].reshape(groups, depth, 1)
        return out

    def solve(self, alphas: Sequence[float], *, known: bool) -> list[Solution]:
        """The weights for each penalty: least mean squared error + alpha * variance of x * sum of squared weights.

        Known-ahead features are scaled to variance 1 first (their weights are given for the features as they came).
        The bias is not penalised.

        Args:
            alphas: the penalties.
            known: whether to use the known-ahead features.
        """
        n, mx, my = self.n, self.x / self.n, self.y / self.n
        if self._window is None:
            values, vectors = np.linalg.eigh(self.xx / n - np.outer(mx, mx))
            self._window = np.maximum(values, 0.0), vectors
        values, vectors = self._window
        penalties = [alpha * (float(values.mean()) or 1.0) for alpha in alphas]
        rotated = vectors.T @ (self.xy / n - np.outer(mx, my))  # [T, K]
        if not known:
            plain = [vectors @ (rotated / (values + penalty)[:, None]) for penalty in penalties]
            return [(my - mx @ past, past, None) for past in plain]
        groups, depth = self.z.shape
        mz = self.z / n
        variance = np.einsum("pdd->pd", self.zz) / n - mz**2
        varies = variance > 1e-10 * (mz**2 + 1e-12)
        unit = np.where(varies, 1.0 / np.sqrt(np.where(varies, variance, 1.0)), 0.0)
        own = my.reshape(groups, self.steps)
        zz = (self.zz / n - mz[:, :, None] * mz[:, None, :]) * unit[:, :, None] * unit[:, None, :]
        zy = (self.zy / n - mz[:, :, None] * own[:, None, :]) * unit[:, :, None]
        cross = vectors.T @ ((self.xz / n - np.outer(mx, mz)) * unit.reshape(-1))  # [T, P D]
        across = np.ascontiguousarray(cross.reshape(-1, groups, depth).transpose(1, 2, 0))  # [P, D, T]
        grouped = np.ascontiguousarray(rotated.reshape(-1, groups, self.steps).transpose(1, 0, 2))  # [P, T, K / P]
        solutions: list[Solution] = []
        for alpha, penalty in zip(alphas, penalties, strict=True):
            inverse = 1.0 / (values + penalty)
            shrunk = across * inverse
            schur = zz + alpha * np.eye(depth) - shrunk @ across.transpose(0, 2, 1)
            weights = np.linalg.solve(schur, zy - shrunk @ grouped)  # [P, D, K / P]
            rest = (grouped - across.transpose(0, 2, 1) @ weights).transpose(1, 0, 2).reshape(rotated.shape)
            past = vectors @ (inverse[:, None] * rest)
            weights = weights * unit[:, :, None]
            shift = np.einsum("pd,pdk->pk", mz, weights).reshape(-1)
            solutions.append((my - mx @ past - shift, past, weights))
        return solutions


class Gathers(Protocol):
    """What the regression needs of a prepared table; `tidegate.prepare.Prepared` has it."""

    def past(self, origins: Rows, window: int, /) -> NDArray[np.float32]: ...
    def future(self, origins: Rows, horizon: int, /) -> NDArray[np.float32]: ...
    def target(self, origins: Rows, horizon: int, /) -> tuple[NDArray[np.float32], NDArray[np.bool_]]: ...
    def invert(self, values: Array, origins: Rows, /) -> Array: ...


class Shape(NamedTuple):
    """What the features look like: T, K, C, P groups (0: no known-ahead features), and the columns to square."""

    window: int
    horizon: int
    targets: int
    groups: int = 0
    squares: tuple[int, ...] = ()


@dataclass(frozen=True)
class Ridge:
    """One linear map per target, shared by all series, in the prepared (scaled) unit.

        f = level + b + W' (x - level) + V' z

    with x the target's last T values, and z the known-ahead inputs and the squares of those that take more than two
    values (both heat and cold raise demand; the squares of sines and cosines give the calendar its second harmonic).

    Attributes:
        shape: of the features.
        levels: [C] "last" where each window's last value is taken off before and put back after, else "none".
        alphas: [C] the penalties chosen on the validation windows.
        bias: [C, K].
        past: [C, T, K].
        known: [C, P, D, K / P], or None for the method that does not see known-ahead inputs. One group holds the
            features of all steps (P = 1, D = K F), or each step has its own (P = K, D = F).
    """

    shape: Shape
    levels: tuple[Level, ...]
    alphas: tuple[float, ...]
    bias: Array
    past: Array
    known: Array | None

    def __call__(self, data: Gathers, origins: Rows) -> Array:
        """Forecasts [B, K, C] in the target's own unit."""
        out = np.empty((origins.size, self.shape.horizon, self.shape.targets))
        for rows, past, z in _features(data, origins, self.shape):
            for c, level in enumerate(self.levels):
                solution = self.bias[c], self.past[c], None if self.known is None else self.known[c]
                out[rows, :, c] = _apply(past[:, :, c], z, level, solution)
        return np.asarray(data.invert(out, origins), dtype=np.float64)


def fit_ridges(
    data: Gathers, train: Rows, validation: Rows, window: int, horizon: int, *, limit: int = LIMIT, again: bool = False
) -> dict[str, Ridge]:
    """Fit by least squares with a penalty; the penalty, and whether levels are taken off, by validation MAE.

    Args:
        data: the prepared table.
        train: origins of training windows; at most `limit`, spread evenly over them, are used. Windows with more than
            a tenth of their targets missing are left out; shorter gaps are filled forward.
        validation: origins that choose; where there are none, the last fifth of the training windows chooses.
        window: T, past steps of the target itself.
        horizon: K.
        limit: most windows to fit on. again: fit on the validation windows too, once they have chosen.

    Returns:
        "ridge", which sees the target's window, and where the table has any, "ridge_known", which also sees the
        known-ahead inputs of the K steps.

    Raises:
        DataError: no training window, or none with nine tenths of its targets observed.

    Source: Hoerl and Kennard (1970), doi:10.1080/00401706.1970.10488634.
    """
    if train.size == 0:
        raise DataError(
            tr("the training part has no window of {window} + {horizon} steps", window=window, horizon=horizon)
        )
    kept = train[_evenly(train.size, limit)]
    rest = kept[:0]
    if validation.size == 0:
        cut = kept.size - kept.size // 5
        kept, rest = kept[:cut], kept[cut:]
        validation = rest if rest.size else kept
    elif again:
        rest = validation[_evenly(validation.size, limit)]
    shape, depth = _shape(data, kept, window, horizon)
    validation = validation[_evenly(validation.size, max(300, min(5_000, 2_000_000 // (horizon * shape.targets))))]
    names = ("ridge", "ridge_known") if shape.groups else ("ridge",)
    sums = window * (window + horizon) + shape.groups * depth * (window + depth + horizon // max(shape.groups, 1))
    solutions = ((window + depth) * horizon + window * horizon) * len(ALPHAS)
    together = max(1, _MOMENTS // (len(_LEVELS) * (sums + solutions)))
    fits: dict[str, list[tuple[Level, float, Solution]]] = {name: [] for name in names}
    for begin in range(0, shape.targets, together):
        channels = range(begin, min(shape.targets, begin + together))
        plain = {c: Moments(window, horizon, shape.groups, depth) for c in channels}
        _accumulate(plain, data, kept, shape)
        moments = _levels(plain)
        best = _choose(moments, data, validation, shape, names)
        if rest.size:
            _accumulate(plain, data, rest, shape)
            moments = _levels(plain)
        for c in channels:
            for name in names:
                level, alpha = best[c, name]
                solution = moments[c, level].solve([alpha], known=name == "ridge_known")[0]
                fits[name].append((level, alpha, solution))
    return {name: _joined(shape, fits[name]) for name in names}


def _joined(shape: Shape, fits: list[tuple[Level, float, Solution]]) -> Ridge:
    weights = [solution[2] for _, _, solution in fits if solution[2] is not None]
    return Ridge(
        shape=shape if weights else shape._replace(groups=0, squares=()),
        levels=tuple(level for level, _, _ in fits),
        alphas=tuple(alpha for _, alpha, _ in fits),
        bias=np.stack([solution[0] for _, _, solution in fits]),
        past=np.stack([solution[1] for _, _, solution in fits]),
        known=np.stack(weights) if weights else None,
    )


def _shape(data: Gathers, origins: Rows, window: int, horizon: int) -> tuple[Shape, int]:
    """The shape of the features, and D."""
    targets = int(data.target(origins[:1], horizon)[0].shape[2])
    sample = data.future(origins[_evenly(origins.size, 1_000)], 1)[:, 0]
    if sample.shape[1] == 0:
        return Shape(window, horizon, targets), 0
    squares = tuple(f for f in range(sample.shape[1]) if np.unique(sample[:, f]).size > 2)
    width = sample.shape[1] + len(squares)
    groups = 1 if width * horizon <= JOINT else horizon
    return Shape(window, horizon, targets, groups, squares), width * (horizon // groups)


def _features(data: Gathers, origins: Rows, shape: Shape) -> Iterator[tuple[slice, Array, Array | None]]:
    """Chunks: where they stand in `origins`, the targets' past [B, T, C], known-ahead features [P, B, D] or None."""
    if origins.size == 0:
        return
    inputs = int(data.past(origins[:1], shape.window).shape[2])
    width = int(data.future(origins[:1], shape.horizon).shape[2]) + len(shape.squares)
    step = max(1, _CHUNK // (shape.window * inputs + shape.horizon * (width + shape.targets)))
    for begin in range(0, origins.size, step):
        rows = slice(begin, min(begin + step, origins.size))
        past = np.asarray(data.past(origins[rows], shape.window)[:, :, : shape.targets], dtype=np.float64)
        z = None
        if shape.groups:
            future = np.nan_to_num(np.asarray(data.future(origins[rows], shape.horizon), dtype=np.float64))
            future = np.concatenate([future, future[:, :, list(shape.squares)] ** 2], axis=2)
            z = future.reshape(len(future), shape.groups, -1).transpose(1, 0, 2)
        yield rows, np.nan_to_num(past), z


def _apply(x: Array, z: Array | None, level: Level, solution: Solution) -> Array:
    """[B, K] forecasts in the prepared unit."""
    bias, past, known = solution
    last = x[:, -1:] if level == "last" else np.zeros((len(x), 1))
    out = bias + last + (x - last) @ past
    if known is not None and z is not None:
        out = out + (z @ known).transpose(1, 0, 2).reshape(len(x), -1)
    return np.asarray(out)


def _accumulate(moments: dict[int, Moments], data: Gathers, origins: Rows, shape: Shape) -> None:
    """Add the windows to the sums of each target."""
    for rows, past, z in _features(data, origins, shape):
        values, seen = data.target(origins[rows], shape.horizon)
        for c, sums in moments.items():
            keep = seen[:, :, c].mean(axis=1) >= 0.9
            if not keep.any():
                continue
            x = past[keep, :, c]
            y = _filled(np.asarray(values[keep, :, c], dtype=np.float64), seen[keep, :, c], x[:, -1])
            sums.add(x, y, None if z is None else z[:, keep])
    for c, sums in moments.items():
        if sums.n == 0:
            raise DataError(
                tr("the training part has no window in which nine tenths of target {c} are observed", c=c + 1)
            )


def _levels(plain: dict[int, Moments]) -> dict[tuple[int, Level], Moments]:
    return {(c, level): sums if level == "none" else sums.less_last() for c, sums in plain.items() for level in _LEVELS}


def _filled(y: Array, seen: NDArray[np.bool_], last: Array) -> Array:
    """Targets [B, K] with gaps filled forward, at the front from the window's last value."""
    if seen.all():
        return y
    y = y.copy()
    y[:, 0] = np.where(seen[:, 0], y[:, 0], last)
    for k in range(1, y.shape[1]):
        y[:, k] = np.where(seen[:, k], y[:, k], y[:, k - 1])
    return y


def _choose(
    moments: dict[tuple[int, Level], Moments], data: Gathers, origins: Rows, shape: Shape, names: tuple[str, ...]
) -> dict[tuple[int, str], tuple[Level, float]]:
    """For each target and method the level and the penalty with the lowest absolute error over validation windows."""
    solved = {
        (c, level, name): sums.solve(ALPHAS, known=name == "ridge_known")
        for (c, level), sums in moments.items()
        for name in names
    }
    losses = {key: np.zeros(len(ALPHAS)) for key in solved}
    for rows, past, z in _features(data, origins, shape):
        values, seen = data.target(origins[rows], shape.horizon)
        for key, solutions in solved.items():
            c, level, _ = key
            observed = seen[:, :, c]
            y = np.where(observed, values[:, :, c], 0.0)
            for i, solution in enumerate(solutions):
                losses[key][i] += float(np.abs(_apply(past[:, :, c], z, level, solution) - y)[observed].sum())
    best: dict[tuple[int, str], tuple[Level, float]] = {}
    for c in {c for c, _ in moments}:
        for name in names:
            _, best[c, name] = min(
                (float(loss), (level, alpha))
                for level in _LEVELS
                for loss, alpha in zip(losses[c, level, name], ALPHAS, strict=True)
            )
    return best


def _evenly(count: int, limit: int) -> Rows:
    return np.unique(np.linspace(0, count - 1, min(count, limit)).astype(np.int64))
