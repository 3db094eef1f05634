"""Explaining what is said of a sequence: the same methods as for forecasts, on sequences of any length.

Shape letters: M sequences, R background sequences, B rows of a call, T steps of one sequence, I channels, O outputs
(the logits of classes, or estimates).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError
from tidegate.explain.deletion import Faithfulness, prediction_faithfulness
from tidegate.explain.groups import Group, Groups, by_block, by_feature, by_feature_and_block
from tidegate.explain.inputs import Array, Floats, Inputs, Layout, Rows
from tidegate.explain.shapley import Attribution, shapley

Answer = Callable[[NDArray[Any], Rows], NDArray[Any]]
"""Outputs [B, O] of past [B, T, I] float32, or [B, T] int64 tokens, and lengths [B]."""

UNKNOWN = 1  # the token that stands for a word that is taken away
WORD = "word"
FEWEST = 3  # groups below which no order can be told from another


@dataclass
class OneSequence:
    """One sequence as an `Explainable`, at its own length, so that nothing is padded.

    Args:
        answer: the model. values: [T, I] float32, or [T] tokens. channels: [I] names.
        background: sequences of any length that stand for what is taken away, each stretched or thinned to T steps; of
            tokens none, as the unknown word stands for them.
        spec, weights: of the network, for its gates and attention.
    """

    answer: Answer
    values: NDArray[Any]
    channels: tuple[str, ...] = ()
    others: Sequence[NDArray[Any]] = ()
    spec: Any = None
    weights: Mapping[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tokens = self.values.ndim == 1
        steps = len(self.values)
        if not steps:
            raise ConfigError("a sequence without a step has nothing to explain")
        if not self.tokens and not len(self.others):
            raise ConfigError("sequences of numbers need others, to put in the place of what is taken away")
        names = (WORD,) if self.tokens else self.channels
        if not self.tokens and len(names) != self.values.shape[1]:
            raise ConfigError(f"{len(names)} names for {self.values.shape[1]} channels")
        self.layout = Layout(steps, 0, names)
        others = [np.full(steps, UNKNOWN)] if self.tokens else [fitted(other, steps) for other in self.others]
        self.windows, self.background = _inputs([self.values]), _inputs(others)

    def predict(self, inputs: Inputs, rows: Rows) -> Floats:
        """Outputs [B, O]."""
        past: NDArray[Any] = inputs.past
        if self.tokens:
            past = np.rint(past[:, :, 0]).astype(np.int64)
        lengths = np.full(len(past), past.shape[1], dtype=np.int64)
        return np.asarray(self.answer(past, lengths), dtype=np.float64).reshape(len(past), -1)

    def score(self, predictions: Floats, rows: Rows) -> float:
        """One sequence alone has no score.

        Raises:
            ConfigError: always; see `tidegate.explain.samples`.
        """
        raise ConfigError("the score of one sequence says nothing: use channel_importance on a sample")


def fitted(values: NDArray[Any], steps: int) -> NDArray[Any]:
    """A sequence [L, ...] stretched or thinned to so many steps: step t is step floor(t L / T) of it."""
    return np.asarray(values[np.arange(steps) * len(values) // steps])


def _inputs(sequences: Sequence[NDArray[Any]]) -> Inputs:
    past = np.stack([np.asarray(each, dtype=np.float32).reshape(len(each), -1) for each in sequences])
    none = np.zeros((len(past), 0), dtype=np.float32)
    return Inputs(past, none[:, None], none)


@dataclass(frozen=True)
class LabelExplanation:
    """What one answer rests on: shares of one output, each with its check.

    Attributes:
        output: which one (the logit of a class), by name. attributions: Shapley values [G, 1] by "channel", by "block"
            of steps and by both ("cell"); of tokens by "word" alone.
        faithfulness: deletion tests of the same names, where there are enough groups.
    """

    output: str
    attributions: Mapping[str, Attribution]
    faithfulness: Mapping[str, Faithfulness]

    def __str__(self) -> str:
        lines = []
        for name, found in self.attributions.items():
            lines.append(
                f"{self.output} {found.prediction[0]:.4g} = {found.base[0]:.4g} without the sequence, by {name}:"
            )
            order = np.argsort(-found.size)[:10]
            lines += [f"  {found.values[place, 0]:+.4g}  {found.groups.all[place]}" for place in order]
            lines.append(f"  {found.residual[0]:+.2g}  residual (additivity)")
        for name, test in self.faithfulness.items():
            lines.append(f"deletion test, {name}: {test.ratio:.2f} times random, beats {test.beaten:.0%} of orders")
        return "\n".join(lines)


def explain_label(
    answer: Answer,
    values: NDArray[Any],
    *,
    output: int,
    name: str = "",
    channels: Sequence[str] = (),
    background: Sequence[NDArray[Any]] = (),
    block: int | None = None,
    permutations: int = 64,
    seed: int = 0,
    only: Sequence[str] = (),
) -> LabelExplanation:
    """Shapley values of one output for one sequence, by channel, by block of steps and by both, or by word.

    Args:
        answer: past, lengths -> outputs [B, O], such as logits. values: [T, I], or [T] tokens.
        output: which of the O outputs. name: of it.
        channels: [I] names. background: sequences [L, I], such as 16 drawn from the training part; none of tokens.
        block: steps of a block; None takes an eighth of the sequence.
        permutations: pairs of orders of sampled values. seed: of these.
        only: of "channel", "block" and "cell", those that are wanted; () takes all.

    Raises:
        ConfigError: no step, no background, or a block that is none.
    """

    def alone(past: NDArray[Any], lengths: Rows) -> NDArray[Any]:
        return np.asarray(answer(past, lengths)).reshape(len(past), -1)[:, output : output + 1]

    one = OneSequence(alone, values, tuple(channels), background)
    if one.tokens:
        kinds = {"word": by_block(one.layout, 1)}
    else:
        block = -(-len(values) // 8) if block is None else block
        kinds = {"channel": by_feature(one.layout), "block": by_block(one.layout, block)}
        kinds["cell"] = by_feature_and_block(one.layout, block)
        kinds = {kind: groups for kind, groups in kinds.items() if not only or kind in only}
    found = {kind: shapley(one, 0, groups, permutations=permutations, seed=seed) for kind, groups in kinds.items()}
    checks = {
        kind: prediction_faithfulness(one, 0, each.groups, each.reach, orders=20, seed=seed)
        for kind, each in found.items()
        if len(each.groups) >= FEWEST
    }
    return LabelExplanation(name or str(output), found, checks)


def steps_of(group: Group, length: int) -> tuple[int, int]:
    """First step of a group and the one after its last, counted from the sequence's beginning."""
    if group.first is None or group.end is None:
        return 0, length
    return length + group.first, length + group.end


def word_shares(found: LabelExplanation, words: Sequence[str]) -> list[tuple[str, float]]:
    """Each word of a text with its share, in the order of the text."""
    each = found.attributions["word"]
    places = [steps_of(group, len(words))[0] for group in each.groups.all]
    shares = dict(zip(places, each.values[:, 0].tolist(), strict=True))
    return [(word, shares[place]) for place, word in enumerate(words)]


__all__ = ["Answer", "Groups", "LabelExplanation", "OneSequence", "explain_label", "fitted", "steps_of", "word_shares"]
