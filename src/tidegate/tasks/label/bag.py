"""A bag of words beside a network that reads texts: fitted by itself, joined as far as the validation part wants it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tidegate.artifacts.bag import bag_scores, term_weights, terms
from tidegate.core import limit
from tidegate.core.optional import require
from tidegate.core.table import Note
from tidegate.evaluate.label.baselines.linear import Deadline, choose_strength, logistic
from tidegate.nn.network import Ensemble, Network
from tidegate.prepare.sequence.prepared import PreparedSequences

PAIRS = 1 << 16  # rows that pairs of tokens share
FEWEST, FEWEST_HELD = 100, 50  # training and validation texts, below which there is none
SECONDS, SHARE_LEAST = 60.0, 0.02
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Bag:
    """A linear model of the terms of texts. F terms, O classes.

    Attributes:
        idf: [F]. weight: [F, O]. bias: [O]. strength: inverse penalty that was chosen.
    """

    idf: NDArray[np.float32]
    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    strength: float

    def scores(self, prepared: PreparedSequences, index: NDArray[np.int64]) -> NDArray[np.float32]:
        """[M, O] of the texts `index`."""
        parts = [bag_scores(_tokens(prepared, some), PAIRS, self.idf, self.weight, self.bias) for some in _some(index)]
        return np.concatenate(parts)

    def join(
        self, network: NDArray[Any], prepared: PreparedSequences, held: NDArray[np.int64], truth: NDArray[np.int64],
        notes: list[Note],
    ) -> tuple[tuple[float, float], NDArray[np.float32]] | None:  # fmt: skip
        """What both scores are multiplied by, and their sum [M, O]; None where the bag adds nothing.

        Args:
            network: [M, O] scores of the validation texts `held`, whose classes are `truth`. notes: told to.
        """
        if len(held) < FEWEST_HELD:
            return None
        alone = self.scores(prepared, held)
        own = shares(network, alone, truth)
        if own[1] < SHARE_LEAST:
            return None
        both = np.asarray(own[0] * network + own[1] * alone, np.float32)
        losses = (f"{_log_loss(z, truth):.3f}" for z in (network, alone, both))
        message = (
            "A bag of words, a linear model of words and pairs of them, is part of the network (network.bag): the "
            "validation part's log loss is {network} without it, {bag} of it alone and {both} of both."
        )
        notes.append(Note("bag", message, dict(zip(("network", "bag", "both"), losses, strict=True))))
        return own, both


def fit_bag(
    prepared: PreparedSequences, index: NDArray[np.int64], truth: NDArray[np.int64], sizes: tuple[int, int], *,
    groups: NDArray[Any] | None, seed: int, strength: float | None = None,
) -> Bag | None:  # fmt: skip
    """Fit it on the texts `index`; None where all have one class.

    Args:
        prepared: token ids. truth: [M] classes of the texts. sizes: V and O.
        groups: [M] kept apart while the strength is chosen. seed: of that. strength: chosen before.
    """
    from scipy.sparse import csr_array

    if len(np.unique(truth)) < sizes[1]:
        return None
    parts = [terms(_tokens(prepared, some), sizes[0], PAIRS) for some in _some(index)]
    firsts = np.cumsum([0, *(len(some) for some in _some(index))])
    rows, places, counts = (np.concatenate(own) for own in zip(*parts, strict=True))
    rows = rows + np.repeat(firsts[:-1], [len(part[0]) for part in parts])
    wide, texts = sizes[0] + PAIRS, len(index)
    frequency = np.bincount(places, minlength=wide)
    idf = np.where(frequency > 0, np.log((1 + texts) / (1 + frequency)) + 1, 0.0)
    x = csr_array((term_weights((rows, places, counts), idf, texts), (rows, places)), shape=(texts, wide))
    deadline = Deadline(min(SECONDS, limit.left()))
    if strength is None:
        strength = choose_strength(x, truth, sizes[1], groups=groups, seed=seed, deadline=deadline)
    model = logistic(x, truth, strength)
    weight, bias = model.coef_.T, model.intercept_
    if sizes[1] == 2:  # one score for the second class
        weight, bias = np.concatenate([-weight / 2, weight / 2], axis=1), np.concatenate([-bias / 2, bias / 2])
    return Bag(idf.astype(np.float32), np.ascontiguousarray(weight, np.float32), bias.astype(np.float32), strength)


def shares(network: NDArray[Any], bag: NDArray[Any], truth: NDArray[np.int64]) -> tuple[float, float]:
    """What the scores [M, O] of both are multiplied by so that the classes of a validation part are most probable."""
    optimize = require("scipy.optimize", extra="train", purpose="join a bag of words")
    both = np.stack([np.asarray(own, np.float64) for own in (network, bag)])
    hit = np.eye(both.shape[2])[truth]

    def loss(weights: Floats) -> tuple[float, Floats]:
        z = np.tensordot(weights, both, axes=1)
        z -= z.max(axis=1, keepdims=True)
        p = np.exp(z)
        p /= p.sum(axis=1, keepdims=True)
        value = -np.log(np.maximum((p * hit).sum(axis=1), 1e-300)).mean()
        held = (weights @ weights) / (2 * len(truth))  # as if one more text asked for small ones
        return float(value + held), (np.einsum("kmo,mo->k", both, p - hit) + weights) / len(truth)

    found = optimize.minimize(loss, [0.5, 0.5], jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * 2)
    return float(found.x[0]), float(found.x[1])


def with_bag(network: Network | Ensemble, bag: Bag, own: tuple[float, float]) -> Network | Ensemble:
    """The same network, or each member, whose last layer adds the bag's scores; both multiplied by their shares."""
    if isinstance(network, Ensemble):
        joined = Ensemble([with_bag(member, bag, own) for member in network.members])  # type: ignore[misc, arg-type]
        joined.eval()
        return joined
    spec = network.spec
    last, at = spec.layers[-1], f"layers.{len(spec.layers) - 1}"
    label = last.model_copy(update={"bag": PAIRS})
    found = Network(spec.model_copy(update={"layers": (*spec.layers[:-1], label)}))
    weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    for name in (f"{at}.final.weight", f"{at}.final.bias"):
        weights[name] *= own[0]
    parts = {"idf": bag.idf, "weight": own[1] * bag.weight, "bias": own[1] * bag.bias}
    found.load_state_dict(weights | {f"{at}.bag.{name}": torch.from_numpy(part) for name, part in parts.items()})
    found.eval()
    return found


def _log_loss(scores: NDArray[Any], truth: NDArray[np.int64]) -> float:
    z = np.asarray(scores, np.float64)
    z -= z.max(axis=1, keepdims=True)
    return float((np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(z)), truth]).mean())


def _some(index: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return [index[first : first + 1024] for first in range(0, len(index), 1024)]


def _tokens(prepared: PreparedSequences, index: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(prepared.gather(index)[0], np.int64)
