"""Synthetic series to train on: a mixture of priors, made for a whole batch at once. Nothing real is in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

VERSION = 1
CALENDAR = np.array([4, 5, 7, 7, 12, 12, 12, 24, 24, 24, 26, 30, 48, 48, 52, 60, 96, 144, 168, 288, 365], np.float64)
LONGER = np.array([2, 3, 4, 5, 7, 7, 7, 7, 12, 30.4, 52.2])
KINDS = ("structure", "process", "walk", "arma", "counts", "cycle", "intermittent", "structure_log")
SHARES = np.array([0.28, 0.11, 0.12, 0.12, 0.05, 0.06, 0.05, 0.21])


@dataclass
class Series:
    """y: [B, T]. seasons: [B, 2], the true lengths, the shorter first, 1 where there is none."""

    y: Array
    seasons: Array


def _pick(rng: np.random.Generator, share: float, B: int) -> NDArray[np.bool_]:
    return rng.random(B) < share


def _column(values: Array) -> Array:
    return np.asarray(values)[:, None]


def _unit(x: Array) -> Array:
    x = x - x.mean(1, keepdims=True)
    return np.asarray(x / (x.std(1, keepdims=True) + 1e-9))


def _recursion(shock: Array, coefficients: Array) -> Array:
    """x_t = sum_i a_i x_(t-i) + e_t, [B, T]; coefficients [B, p]."""
    B, T = shock.shape
    p = coefficients.shape[1]
    x = np.zeros((B, T + p))
    flipped = coefficients[:, ::-1]
    for t in range(T):
        x[:, t + p] = (x[:, t : t + p] * flipped).sum(1) + shock[:, t]
    return x[:, p:]


def _shocks(rng: np.random.Generator, B: int, T: int) -> Array:
    """Normal or heavy-tailed shocks, some with a wandering size."""
    e = rng.standard_normal((B, T))
    heavy = _pick(rng, 0.3, B)
    freedom = rng.choice([2.5, 3.0, 4.0, 6.0], B)
    chi = rng.chisquare(freedom[:, None], (B, T)) / freedom[:, None]
    e = np.where(_column(heavy), e / np.sqrt(np.maximum(chi, 0.02)), e)
    wander = _pick(rng, 0.2, B)
    level = np.cumsum(rng.standard_normal((B, T)), 1) * _column(rng.uniform(0.02, 0.12, B))
    level = level - _column(rng.uniform(0.0, 0.02, B)) * 0 - level.mean(1, keepdims=True)
    return np.where(_column(wander), e * np.exp(np.clip(level, -2.0, 2.0)), e)


def _periods(rng: np.random.Generator, B: int, T: int) -> tuple[Array, Array]:
    """Two season lengths of each row; most are short enough to be seen three times."""
    one = rng.choice(CALENDAR, B)
    free = np.exp(rng.uniform(np.log(3.0), np.log(max(8.0, T / 3)), B))
    free = np.where(_pick(rng, 0.7, B), np.round(free), free)
    one = np.where(_pick(rng, 0.25, B), free, one)
    for _ in range(4):
        one = np.where((one > T / 3.5) & _pick(rng, 0.8, B), rng.choice(CALENDAR, B), one)
    two = one * rng.choice(LONGER, B)
    other = rng.choice(CALENDAR, B)
    two = np.where(_pick(rng, 0.25, B) & (other > 1.3 * one), other, two)
    return one, two


def _season(rng: np.random.Generator, period: Array, T: int) -> Array:
    """Seasonal curves of unit size, [B, T]: harmonics, tables, peaks, plateaus; some change slowly."""
    B = len(period)
    t = np.arange(T)[None]
    phase = t / period[:, None] + rng.random((B, 1))
    harmonics = rng.integers(1, 8, B)
    decay = rng.uniform(0.2, 1.6, B)
    drift = np.where(_pick(rng, 0.3, B), rng.uniform(0.0, 1.2, B), 0.0)
    turn = np.cumsum(rng.standard_normal((B, T)), 1) / np.sqrt(T) * drift[:, None]
    s = np.zeros((B, T))
    for j in range(1, 8):
        size = rng.standard_normal(B) / j**decay * ((j <= harmonics) & (j < period / 2 + 0.01))
        s += size[:, None] * np.sin(
            2 * np.pi * (j * phase + rng.random((B, 1))) + turn * (1 if j == 1 else rng.normal())
        )
    s = _unit(s)
    whole = np.maximum(np.round(period).astype(np.int64), 2)
    table = rng.standard_normal((B, int(min(whole.max(), 400))))
    table = np.where(rng.random(table.shape) < _column(rng.uniform(0.15, 1.0, B)), table, 0.0)
    smooth = _pick(rng, 0.4, B)
    table = np.where(_column(smooth), (table + np.roll(table, 1, 1) + np.roll(table, 2, 1)) / 1.7, table)
    place = (np.floor((phase % 1.0) * whole[:, None]).astype(np.int64)) % table.shape[1]
    listed = _unit(np.take_along_axis(table, place, 1))
    mix = rng.random(B)
    s = np.where(_column(mix < 0.2), listed, np.where(_column(mix < 0.35), 0.6 * s + 0.6 * listed, s))
    bend = rng.random(B)
    s = np.where(_column(bend < 0.15), np.exp(np.clip(s, -3, 3) * _column(rng.uniform(0.3, 1.2, B))), s)
    floor = np.quantile(s, 0.5, 1, keepdims=True) + _column(rng.uniform(-0.5, 0.5, B))
    s = np.where(_column((bend > 0.15) & (bend < 0.27)), np.maximum(s, floor), s)
    s = np.where(_column((bend > 0.27) & (bend < 0.33)), np.sign(s) * np.abs(s) ** 0.4, s)
    s = _unit(s)
    grow = _pick(rng, 0.2, B)
    size = np.cumsum(rng.standard_normal((B, T)), 1) / np.sqrt(T) * _column(rng.uniform(0.1, 0.8, B))
    return np.where(_column(grow), s * np.exp(np.clip(size, -2, 2)), s)


def _trend(rng: np.random.Generator, B: int, T: int) -> Array:
    t = np.arange(T)[None] / T
    r = rng.random(B)
    slope = _column(rng.normal(0, 3, B))
    line = slope * t
    power = slope * t ** _column(rng.uniform(0.4, 2.5, B))
    bends = line.copy()
    for _ in range(3):
        bends += _column(rng.normal(0, 6, B) * _pick(rng, 0.6, B)) * np.maximum(t - rng.random((B, 1)), 0)
    walk = np.cumsum(rng.standard_normal((B, T)), 1) * _column(np.exp(rng.uniform(np.log(0.01), np.log(0.3), B)))
    local = np.cumsum(np.cumsum(rng.standard_normal((B, T)), 1), 1)
    local = local / (local.std(1, keepdims=True) + 1e-9) * _column(rng.uniform(0.3, 3, B))
    logistic = _column(rng.normal(0, 4, B)) / (
        1 + np.exp(-(t - rng.uniform(0.1, 0.9, (B, 1))) * rng.uniform(5, 40, (B, 1)))
    )
    saturating = slope * (1 - np.exp(-t * rng.uniform(1, 10, (B, 1))))
    wave = _column(rng.normal(0, 1.5, B)) * np.sin(2 * np.pi * (t * rng.uniform(0.3, 3, (B, 1)) + rng.random((B, 1))))
    edges = [0.25, 0.42, 0.5, 0.62, 0.75, 0.81, 0.86, 0.92]
    parts = [np.zeros((B, T)), line, power, bends, walk, local, logistic, saturating, wave]
    which = np.searchsorted(edges, r)
    return np.stack(parts)[which, np.arange(B)]


def _noise(rng: np.random.Generator, B: int, T: int) -> Array:
    """Unit noise, half of it correlated in time."""
    e = _shocks(rng, B, T)
    phi = np.where(_pick(rng, 0.5, B), rng.uniform(-0.4, 0.97, B), 0.0)
    second = np.where(_pick(rng, 0.3, B) & (phi != 0), rng.uniform(-0.5, 0.3, B), 0.0) * (1 - np.abs(phi))
    x = _recursion(e, np.stack([phi, second], 1))
    return np.asarray(x / (x.std(1, keepdims=True) + 1e-9))


def _structure(rng: np.random.Generator, one: Array, two: Array, has: NDArray[np.bool_], T: int) -> Array:
    """Trend, up to two seasons and noise; [B, T]. has: [B, 2], which seasons there are."""
    B = len(one)
    t = np.arange(T)[None]
    s1, s2 = _season(rng, one, T), _season(rng, two, T)
    s1, s2 = s1 * has[:, :1], s2 * has[:, 1:]
    # A longer season may be days that differ: the shorter one's height and level change from cycle to cycle.
    ratio = np.maximum(np.round(two / one).astype(np.int64), 1)
    day = np.floor(t / one[:, None]).astype(np.int64) % ratio[:, None]
    heights = np.where(rng.random((B, 60)) < 0.35, rng.normal(0, 0.6, (B, 60)), rng.normal(0, 0.05, (B, 60)))
    levels = np.where(rng.random((B, 60)) < 0.35, rng.normal(0, 0.8, (B, 60)), 0.0)
    day = np.minimum(day, 59)
    types = s1 * np.take_along_axis(heights, day, 1) + np.take_along_axis(levels, day, 1)
    by_day = _pick(rng, 0.6, B) & has.all(1) & (ratio <= 60) & (ratio >= 2)
    s2 = np.where(_column(by_day), types, s2 * _column(rng.uniform(0.2, 1.2, B)))
    noise = _noise(rng, B, T) * _column(np.exp(rng.uniform(np.log(0.02), np.log(1.6), B)))
    s = s1 + s2
    noise = np.where(_column(_pick(rng, 0.15, B)), noise * (0.3 + np.abs(s)), noise)
    amplitude = _column(np.exp(rng.normal(0, 0.7, B)))
    trend = _trend(rng, B, T) * _column(np.where(_pick(rng, 0.5, B), T**0.0, np.minimum(1.0, rng.uniform(0.1, 1, B))))
    return np.asarray(trend + amplitude * s + noise)


def _process(rng: np.random.Generator, B: int, T: int) -> Array:
    """Stationary Gaussian processes through their spectra: smooth, rough, or of several scales."""
    f = np.fft.rfftfreq(2 * T)[None]
    length = np.exp(rng.uniform(np.log(2.0), np.log(T / 2), (B, 1)))
    smooth = np.exp(-0.5 * (2 * np.pi * f * length) ** 2)
    nu = rng.choice([0.5, 1.5, 2.5], (B, 1))
    rough = (1 + (2 * np.pi * f * length) ** 2) ** (-(nu + 0.5))
    power = np.where(rng.random((B, 1)) < 0.4, smooth, rough)
    shorter = (1 + (2 * np.pi * f * length / rng.uniform(3, 30, (B, 1))) ** 2) ** (-1.5)
    power = power / power.sum(1, keepdims=True)
    power = power + np.where(rng.random((B, 1)) < 0.3, rng.uniform(0, 0.5, (B, 1)), 0) * shorter / shorter.sum(
        1, keepdims=True
    )
    shape = power.shape
    wave = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) * np.sqrt(power)
    g = _unit(np.fft.irfft(wave, 2 * T, 1)[:, :T])
    return np.asarray(g + rng.standard_normal((B, T)) * np.exp(rng.uniform(np.log(0.005), np.log(0.7), (B, 1))))


def _walk(rng: np.random.Generator, B: int, T: int) -> Array:
    e = _shocks(rng, B, T)
    e = _recursion(e, np.stack([np.where(_pick(rng, 0.3, B), rng.uniform(-0.4, 0.5, B), 0.0)], 1))
    e = e + _column(np.where(_pick(rng, 0.4, B), rng.normal(0, 0.12, B), 0.0))
    y = np.cumsum(e, 1)
    noisy = y + rng.standard_normal((B, T)) * _column(np.where(_pick(rng, 0.4, B), np.exp(rng.normal(0, 1, B)), 0.0))
    growth = np.exp(np.clip(y * _column(rng.uniform(0.005, 0.05, B)), -6, 6))
    return np.where(_column(_pick(rng, 0.35, B)), growth, noisy)


def _arma(rng: np.random.Generator, B: int, T: int) -> Array:
    """Stable autoregressions of order up to 5, some with a moving average or a trend."""
    roots = [np.poly(_stable(rng)) for _ in range(B)]
    a = np.zeros((B, 5))
    for i, root in enumerate(roots):
        a[i, : len(root) - 1] = -root[1:]
    e = _shocks(rng, B, T + 100)
    back = np.concatenate([e[:, :1], e[:, :-1]], 1)
    e = e + back * _column(np.where(_pick(rng, 0.4, B), rng.uniform(-0.9, 0.9, B), 0.0))
    x = _recursion(e, a)[:, 100:]
    x = x / (x.std(1, keepdims=True) + 1e-9)
    return np.asarray(x + _trend(rng, B, T) * _column(rng.uniform(0, 0.8, B) * _pick(rng, 0.4, B)))


def _stable(rng: np.random.Generator) -> NDArray[np.complex128]:
    order = int(rng.integers(1, 6))
    roots: list[complex] = []
    while len(roots) < order:
        if order - len(roots) > 1 and rng.random() < 0.5:
            angle, size = rng.uniform(0.02, np.pi), rng.uniform(0.4, 0.995)
            roots += [size * np.exp(1j * angle), size * np.exp(-1j * angle)]
        else:
            roots.append(complex(rng.uniform(-0.8, 0.995) if rng.random() < 0.7 else rng.uniform(0.8, 0.995)))
    return np.asarray(roots)


def _cycle(rng: np.random.Generator, B: int, T: int) -> Array:
    """Cycles without a fixed length: driven oscillators, squared or rectified as sunspots are."""
    period = np.exp(rng.uniform(np.log(6.0), np.log(max(12.0, T / 4)), B))
    size = 1 - 0.5 / (period * rng.uniform(0.5, 6.0, B))
    size = np.clip(size, 0.7, 0.9995)
    a = np.stack([2 * size * np.cos(2 * np.pi / period), -(size**2)], 1)
    x = _unit(_recursion(rng.standard_normal((B, T + 200)), a)[:, 200:])
    r = _column(rng.random(B))
    x = np.where(r < 0.3, x**2, np.where(r < 0.5, np.maximum(x, -0.3), np.where(r < 0.65, np.abs(x), x)))
    noise = _noise(rng, B, T) * _column(np.exp(rng.uniform(np.log(0.01), np.log(0.6), B)))
    return np.asarray(x + noise * np.where(r < 0.5, 0.4 + np.abs(x), 1.0))


def _intermittent(rng: np.random.Generator, one: Array, T: int) -> Array:
    B = len(one)
    p = _column(rng.uniform(0.04, 0.6, B))
    swing = 1 + _column(rng.uniform(0, 0.9, B)) * np.sin(2 * np.pi * np.arange(T)[None] / one[:, None])
    size = rng.gamma(_column(rng.uniform(0.5, 4, B)), 1.0, (B, T)) * _column(rng.uniform(1, 20, B))
    y = np.where(rng.random((B, T)) < p * swing, size, 0.0)
    return np.where(_column(_pick(rng, 0.7, B)), np.ceil(y), y)


def make(seed: int, B: int, T: int) -> Series:
    """A batch of series; the same seed makes the same ones.

    Args:
        seed: any whole number. B: how many. T: how long.
    """
    rng = np.random.default_rng([VERSION, seed])
    kind = rng.choice(len(KINDS), B, p=SHARES)
    one, two = _periods(rng, B, T)
    has = np.stack([_pick(rng, 0.82, B), _pick(rng, 0.5, B)], 1)
    has[:, 1] &= (two <= T / 2) & (two >= 2)
    has[:, 1] &= has[:, 0]
    y = _structure(rng, one, two, has, T)
    log = np.clip(_unit(y) * _column(np.exp(rng.uniform(np.log(0.05), np.log(0.8), B))), -6, 6)
    y = np.where(_column(kind == 7), np.exp(log), y)
    keep = kind == 0
    for number, own in ((1, _process), (2, _walk), (3, _arma), (5, _cycle)):
        rows = np.flatnonzero(kind == number)
        if len(rows):
            x = own(rng, len(rows), T)
            season = _column(np.where(_pick(rng, 0.35, len(rows)), np.exp(rng.normal(-0.7, 0.7, len(rows))), 0.0))
            added = _season(rng, one[rows], T) * season * x.std(1, keepdims=True)
            y[rows] = x + added
            has[rows, 0] = season[:, 0] > 0
            has[rows, 1] = False
    rows = np.flatnonzero(kind == 4)
    if len(rows):
        rate = np.exp(
            np.clip(_unit(y[rows]) * rng.uniform(0.1, 1.0, (len(rows), 1)) + rng.uniform(-1, 4, (len(rows), 1)), -5, 8)
        )
        y[rows] = rng.poisson(rate)
    rows = np.flatnonzero(kind == 6)
    if len(rows):
        y[rows] = _intermittent(rng, one[rows], T)
        has[rows, 0] &= _pick(rng, 0.5, len(rows))
        has[rows, 1] = False
    del keep
    y = _disturb(rng, y, kind)
    length = np.where(has, np.stack([one, two], 1), 1.0)
    return Series(y, length)


def _disturb(rng: np.random.Generator, y: Array, kind: NDArray[np.int64]) -> Array:
    """Level shifts, outliers, passing pulses, rounding, a floor at zero; never the same as a whole."""
    B, T = y.shape
    size = y.std(1, keepdims=True) + 1e-9
    t = np.arange(T)[None]
    shift = _column(_pick(rng, 0.07, B) & (kind != 6))
    for _ in range(2):
        y = y + shift * (t > rng.uniform(0.05, 1.0, (B, 1)) * T) * rng.normal(0, 1.5, (B, 1)) * size
    outlier = _column(_pick(rng, 0.12, B)) & (rng.random((B, T)) < rng.uniform(0.001, 0.02, (B, 1)))
    y = y + outlier * rng.standard_t(3, (B, T)) * 3 * size
    pulse = _column(_pick(rng, 0.06, B))
    at = rng.random((B, 1)) * T
    y = (
        y
        + pulse
        * np.exp(-np.maximum(t - at, 0) / rng.uniform(2, 20, (B, 1)))
        * (t >= at)
        * rng.normal(0, 4, (B, 1))
        * size
    )
    clip = _column(_pick(rng, 0.06, B))
    y = np.where(clip, np.maximum(y - np.quantile(y, 0.3, 1, keepdims=True), 0), y)
    step = size / _column(rng.choice([2.0, 5.0, 10.0, 30.0], B))
    return np.where(_column(_pick(rng, 0.12, B)), np.round(y / step) * step, y)
