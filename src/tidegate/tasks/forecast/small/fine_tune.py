"""The pretrained forecaster in torch, trained on with the user's own series, and how much of that is kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tidegate.core.errors import SplitError
from tidegate.core.table import Note, Table
from tidegate.core.translate import tr
from tidegate.data.split import Split
from tidegate.nn.recurrent import LSTM
from tidegate.prepare import Prepared
from tidegate.runtime.forecast.decode import Decoding, beside, reach
from tidegate.runtime.pretrained.candidates import CANDIDATES
from tidegate.runtime.pretrained.filters import PATCH
from tidegate.runtime.pretrained.forecast import SHORTEST, inputs_of
from tidegate.runtime.pretrained.inputs import DECODED, ENCODED, WINDOW
from tidegate.runtime.pretrained.network import LEVELS, Network, load_network
from tidegate.tasks.fit import Validation
from tidegate.tasks.options import FitOptions
from tidegate.train.checkpoint import Checkpoint
from tidegate.train.history import History
from tidegate.train.loop import train
from tidegate.train.losses import asinh_pinball
from tidegate.train.options import TrainOptions
from tidegate.train.progress import NO_PROGRESS, Progress

NORMAL = (-1.28, -0.84, -0.52, -0.25, 0.0, 0.25, 0.52, 0.84, 1.28)


class PretrainedNetwork(nn.Module):
    """Quantiles of patches of the horizon.

    e = silu(W x)              a patch's inputs
    h = LSTM(e)                two layers, over the patches up to the origin
    d = silu(W [h, e] + V z)   z: what the candidates forecast for a patch of the horizon
    d = d + silu(U d)
    quantile_q = sum_c softmax(a)_c candidate_c + r exp(g) o_q     a, g, o linear in d
    """

    def __init__(self, hidden: int = 192, wide: int = 256) -> None:
        super().__init__()
        self.embed = nn.Linear(ENCODED, hidden)
        self.recurrent = LSTM(hidden, hidden, 2, batch_first=True, forget_bias=1.0)
        self.context = nn.Linear(2 * hidden, wide)
        self.ahead = nn.Linear(DECODED, wide, bias=False)
        self.inner = nn.Linear(wide, wide)
        self.out = nn.Linear(wide, CANDIDATES + 1 + PATCH * len(LEVELS))
        nn.init.normal_(self.out.weight, std=0.01)
        with torch.no_grad():
            self.out.bias.zero_()
            self.out.bias[CANDIDATES + 1 :] = torch.tensor(NORMAL).repeat(PATCH)

    def encode(self, x: Tensor) -> Tensor:
        """[B, S, ENCODED] -> [B, S, 2 * hidden]."""
        e = nn.functional.silu(self.embed(x))
        return torch.cat([self.recurrent(e)[0], e], 2)

    def decode(self, h: Tensor, z: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
        """Centre [R, J, PATCH] and quantiles [R, J, PATCH, 9], in units of the scale.

        h: [R, 2 * hidden]. z: [R, J, DECODED]. candidates: [R, J, C, PATCH], in the same units.
        """
        d = nn.functional.silu(self.context(h)[:, None] + self.ahead(z))
        d = d + nn.functional.silu(self.inner(d))
        o = self.out(d)
        weights = torch.softmax(o[..., :CANDIDATES], -1)
        centre = (weights[..., None] * candidates).sum(2)
        size = torch.exp(torch.clamp(o[..., CANDIDATES : CANDIDATES + 1], -4.0, 4.0))
        offsets = (o[..., CANDIDATES + 1 :] * size).reshape(*o.shape[:2], PATCH, len(LEVELS))
        return centre, centre[..., None] + offsets

    def forward(self, x: Tensor, z: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
        """What `decode` gives after the last patch of x [B, S, ENCODED], R = B."""
        return self.decode(self.encode(x)[:, -1], z, candidates)


RATE = 3e-4  # the usual learning rate is for networks that know nothing yet
EPOCHS, PATIENCE, BATCH = 20, 4, 32  # where they are left open
MOST = 1_500  # training origins that are looked at
CHOOSING = 200  # validation origins that choose the share
CHUNK = 128
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
WORTH = 0.995  # times the error without fine-tuning, at most
TUNED = (
    "The pretrained forecaster was fine-tuned on {count} windows of the training part, at a learning rate of {rate}: "
    "its weights go {share} of the way to the fine-tuned ones (error on the validation part {tuned}, without "
    "fine-tuning {plain}, in units of the scaled target)."
)
KEPT = (
    "Fine-tuning on {count} windows of the training part does not help on the validation part (error {tuned}, without "
    "it {plain}, in units of the scaled target): the pretrained forecaster answers as it is."
)
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Examples:
    """Windows as the pretrained network reads them; those of one group have as many patches.

    Attributes:
        groups: tensors [M_g, ...] each: x, z, mixed, target and where it was observed (see `inputs_of`).
    """

    groups: list[tuple[Tensor, ...]]

    @classmethod
    def of(cls, table: Table, origins: NDArray[np.int64], horizon: int) -> Examples:
        """Those of origins [M], each target on its own; the row before an origin must be observed."""
        longest, hints = reach(table.frequency), table.frequency.seasons()
        starts = table.starts[table.series_of(origins)]
        found: dict[int, list[tuple[Array, Array]]] = {}
        for name in table.schema.targets:
            y = np.asarray(table.columns[name], dtype=np.float64)
            for origin, start in zip(origins.tolist(), starts.tolist(), strict=True):
                past, ahead = y[max(start, origin - longest) : origin], y[origin : origin + horizon]
                past = past[np.isfinite(past).argmax() :]
                if np.isfinite(past).sum() >= SHORTEST and np.isfinite(past[-1]) and np.isfinite(ahead).any():
                    found.setdefault(min(WINDOW, -(-len(past) // PATCH)), []).append((past, ahead))
        groups = []
        for count, own in sorted(found.items()):
            own.sort(key=lambda pair: len(pair[0]))
            chunks = [own[low : low + CHUNK] for low in range(0, len(own), CHUNK)]
            parts = [_tensors(chunk, horizon, hints, count) for chunk in chunks]
            groups.append(tuple(torch.cat(each) for each in zip(*parts, strict=True)))
        return cls(groups)

    def __len__(self) -> int:
        return sum(len(group[0]) for group in self.groups)

    def places(self, size: int) -> list[NDArray[np.int64]]:
        """[m, 2] group and place of each example, at most `size` of one group together."""
        found = []
        for g, group in enumerate(self.groups):
            every = np.stack([np.full(len(group[0]), g), np.arange(len(group[0]))], axis=1)
            found += [every[low : low + size] for low in range(0, len(every), size)]
        return found

    def gather(self, places: NDArray[np.int64]) -> tuple[Tensor, ...]:
        """The batch of places [m, 2] of one group."""
        return tuple(tensor[torch.from_numpy(places[:, 1])] for tensor in self.groups[places[0, 0]])


def _tensors(
    pairs: Sequence[tuple[Array, Array]], horizon: int, hints: Sequence[int], count: int
) -> tuple[Tensor, ...]:
    own = inputs_of([past for past, _ in pairs], horizon, hints, count)
    y = np.full((len(pairs), own.mixed.shape[1] * PATCH), np.nan)
    y[:, :horizon] = np.stack([ahead for _, ahead in pairs])
    unit = own.unit[:, :, 0]
    seen = np.isfinite(y) & (unit > 0)  # a series that has stood still has no scale: the runtime repeats its value
    target = np.where(seen, (y - own.level[:, :, 0]) / np.where(unit > 0, unit, 1.0), 0.0)
    shape = (len(pairs), -1, PATCH)
    arrays = own.x, own.z, own.mixed, target.reshape(shape).astype(np.float32), seen.reshape(shape).astype(np.float32)
    return tuple(torch.from_numpy(array) for array in arrays)


class _Batches:
    """Shuffled examples, each batch of one group; a pure function of seed and epoch."""

    def __init__(self, examples: Examples, size: int, seed: int) -> None:
        self.examples, self.size, self.seed = examples, size, seed

    def __len__(self) -> int:
        return len(self.examples.places(self.size))

    def epoch(self, epoch: int, start: int) -> Iterator[tuple[Tensor, ...]]:
        """Batches of an epoch from step `start` on."""
        rng = np.random.default_rng([self.seed, epoch])
        found = []
        for group in self.examples.places(len(self.examples)):
            mixed = rng.permutation(group)
            found += [mixed[low : low + self.size] for low in range(0, len(mixed), self.size)]
        for step in rng.permutation(len(found))[start:]:
            yield self.examples.gather(found[step])


def _loss(network: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
    x, z, mixed, target, seen = batch
    centre, quantiles = network(x, z, mixed)
    return asinh_pinball(centre, quantiles, target, seen, LEVELS)


def options_of(options: FitOptions, auto: Sequence[str]) -> TrainOptions:
    """Those of a fine-tuning: what was left open is brief, and the usual learning rate a smaller one."""
    usual = {"batch_size": BATCH, "max_epochs": EPOCHS, "patience": PATIENCE}
    changes: dict[str, Any] = {name: value for name, value in usual.items() if name in auto}
    if options.learning_rate == TrainOptions().learning_rate:
        changes["learning_rate"] = RATE
    return replace(options, **changes)


def fine_tune(
    prepared: Prepared,
    split: Split,
    origins: tuple[NDArray[np.int64], NDArray[np.int64]],
    decoding: Decoding,
    options: TrainOptions,
    notes: list[Note],
    fingerprint: Any = None,
    progress: Progress = NO_PROGRESS,
) -> tuple[Decoding, History]:
    """Train the pretrained network on, stop early, and take the part of the change that the validation part supports.

    The weights become w_0 + a (w - w_0): a is the one of five shares with the lowest error on the validation part,
    shrunk by n / (n + 2) for n validation windows that do not overlap, and 0 where fine-tuning does not lower it by
    half a percent.

    Args:
        prepared, split: the table. origins: of training and validation windows. decoding: in which the pretrained
            forecaster stands alone, its shares from the training part. options: as `options_of` gives them.
        notes: what came of it is added. fingerprint, progress: as of `Trainer`.

    Raises:
        SplitError: no training window can be learned from.

    Source: Wortsman et al. (2022), robust fine-tuning of zero-shot models, arXiv:2109.01903.
    """
    K, table = decoding.horizon, prepared.table
    first, second = origins
    training = Examples.of(table, _thin(first, MOST), K)
    judging = Examples.of(table, _thin(second, CHOOSING), K)
    if not len(training) or not len(judging):
        raise SplitError(tr("no window of the training part or of the validation part can be fine-tuned on"))
    start = {name: np.array(weight) for name, weight in load_network().weights.items()}
    network = PretrainedNetwork(len(start["embed.bias"]))
    network.load_state_dict({name: torch.from_numpy(weight) for name, weight in start.items()})
    looked_at = Validation(_loss, judging.places(CHUNK), judging.gather, lambda batch: int(batch[4].sum()))
    if progress.bar is not None:
        progress.bar.max_epochs = options.max_epochs
    kept = None if progress.checkpoints is None else Checkpoint(progress.checkpoints / "fine_tune", fingerprint)
    how: dict[str, Any] = {"checkpoint": kept, "resume": progress.resume, "progress": progress.bar}
    batches = _Batches(training, options.batch_size, options.seed)
    history = train(network, batches, _loss, looked_at, options, **how)
    change = {name: tensor.numpy() - start[name] for name, tensor in network.state_dict().items()}

    def moved(share: float) -> Decoding:
        weights = {name: (start[name] + share * own).astype(np.float16) for name, own in change.items()}
        return replace(decoding, tuned=Network(weights) if share else None)

    places = _thin(second, CHOOSING)
    errors = [_error(moved(share), prepared, places) for share in SHARES]
    best = int(np.argmin(errors))
    apart = max(1, int(np.diff(split.validation).sum()) // K)
    prepared.memory.clear()  # of what the candidates forecast
    share = SHARES[best] * apart / (apart + 2) if errors[best] <= WORTH * errors[0] else 0.0
    said = {"count": len(training), "plain": f"{errors[0]:.4f}"}
    said |= {"tuned": f"{(errors[best] if share else min(errors[1:])):.4f}"}
    said |= {"share": f"{100 * share:.0f} %", "rate": f"{options.learning_rate:g}"}
    notes.append(Note("fine-tuned", TUNED if share else KEPT, said))
    return moved(share), history


def _thin(origins: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    return origins[np.unique(np.linspace(0, len(origins) - 1, most).astype(np.int64))]


def _error(decoding: Decoding, prepared: Prepared, origins: NDArray[np.int64]) -> float:
    """Mean absolute error of what the pretrained forecaster answers, in the prepared scale."""
    actual, seen = prepared.target(origins, decoding.horizon, np.float64)
    found = beside(decoding, prepared, origins)[..., 0 if decoding.point else decoding.middle]
    seen &= np.isfinite(found)
    return float(np.abs(found - actual)[seen].mean())
