"""Least squares from sums of products: windows are added in chunks and never kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Solution = tuple[Array, Array, Array | None]  # bias [K], window weights [T, K], known-ahead weights [P, D, K / P]


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
