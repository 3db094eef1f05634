"""Everything that explains one prediction and the model behind it, whatever its task, and how it is put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, MissingExtraError
from tidegate.core.notebook import Notebook
from tidegate.core.table import Note
from tidegate.explain.deletion import FEWEST, Faithfulness, metric_faithfulness, prediction_faithfulness
from tidegate.explain.gates import Attention, Gates, trace_attention, trace_gates
from tidegate.explain.gradients import gather, integrated_gradients
from tidegate.explain.groups import Groups, steps_of
from tidegate.explain.inputs import Answer, Case, Explainable, Floats
from tidegate.explain.permutation import Importance, permutation_importance
from tidegate.explain.shapley import Attribution, shapley

SHAPLEY_SAMPLE = 16
LARGEST_SAMPLING = 20_000  # windows predicted for one sampled attribution, about
LISTED = 10


@dataclass(frozen=True, repr=False)
class Explanation(Notebook):
    """What one prediction, and the model as a whole, rests on; each answer with its check beside it.

    Attributes:
        case: what is explained: a forecast (`Case`), or an answer about a sequence (`Answer`); None where only arrays
            were given.
        attributions: Shapley values by "feature", by "block" of steps, and by both ("cell"), or by "word"; with torch
            and captum "gradient", a value for every cell. Of a forecast [G, K], of an answer [G, 1].
        faithfulness: deletion tests of the same names, where there are enough groups; "attention" of a forecast, and
            "importance" of the metric.
        importance: permutation importance by "feature" and by "block" on a sample; empty where nothing can be scored.
        sample_attributions: [n, G] root mean square over the steps of the Shapley values by feature of n other
            predictions; None without them.
        gates: of every recurrent layer for this prediction; sample_gates: for the sample, on which statistics rest.
        attention: of this prediction; empty where no layer attends.
        metric: the name of what `importance` scores. notes: what was chosen and what could not be done.
    """

    case: Any
    attributions: Mapping[str, Attribution]
    faithfulness: Mapping[str, Faithfulness]
    importance: Mapping[str, Importance] = field(default_factory=dict)
    sample_attributions: Floats | None = None
    gates: tuple[Gates, ...] = ()
    sample_gates: tuple[Gates, ...] = ()
    attention: tuple[Attention, ...] = ()
    metric: str = ""
    notes: tuple[Note, ...] = ()

    def __str__(self) -> str:
        lines = []
        for name, found in self.attributions.items():
            if name in ("cell", "gradient"):
                continue
            whole, base = found.prediction.mean(), found.base.mean()
            lines.append(f"prediction {whole:.4g} = {base:.4g} without knowing the input, by {name}:")
            for index in np.argsort(-found.reach)[:LISTED]:
                lines.append(f"  {found.mean[index]:+.4g}  {self.named(found, index)}")
            lines.append(f"  {found.residual.mean():+.2g}  residual (additivity)")
        for name, importance in self.importance.items():
            lines.append(f"permutation importance by {name}, {self.metric} {importance.score:.4g}:")
            for index in np.argsort(-importance.mean)[:LISTED]:
                group = importance.groups.all[index]
                lines.append(f"  {importance.mean[index]:+.4g} \u00b1 {importance.error[index]:.2g}  {group}")
        for name, test in self.faithfulness.items():
            lines.append(f"deletion test, {name}: {test.ratio:.2f} times random, beats {test.beaten:.0%} of orders")
        return "\n".join(lines)

    def named(self, found: Attribution, index: int) -> str:
        """A group of an attribution: of a text its word, else its feature and steps."""
        words, group = getattr(self.case, "words", ()), found.groups.all[index]
        return str(words[steps_of(group, len(words))[0]]) if words else str(group)


def explain(
    one: Explainable,
    groups: Mapping[str, Groups],
    case: Case | Answer | None = None,
    *,
    sample: Explainable | None = None,
    importance: Mapping[str, Importance] | None = None,
    metric: str = "",
    slope: NDArray[Any] | None = None,
    inside: bool = False,
    permutations: int = 128,
    repeats: int = 5,
    orders: int = 50,
    seed: int = 0,
    notes: tuple[Note, ...] = (),
) -> Explanation:
    """Explain one prediction, and the model on a sample.

    Args:
        one: a model whose first window is explained.
        groups: how inputs are grouped, by name: "feature", "block", "cell", or "word". case: what to show of it.
        sample: the same model with M scored windows; None scores none. importance: on a sample, where it was measured
            elsewhere. metric: the name of what `score` gives.
        slope: [K, C, O] for `integrated_gradients`; None leaves them out.
        inside: whether gates and attention are looked at.
        permutations: pairs of orders of sampled Shapley values, at most; fewer where there are hundreds of groups.
        repeats: of permutation importance. orders: random ones of a deletion test. seed: of all.
        notes: what was chosen before.

    Raises:
        ConfigError: sizes below what a method needs.
    """
    told = list(notes)
    found: dict[str, Attribution] = {}
    checks: dict[str, Faithfulness] = {}

    def check(name: str, groups: Groups, sizes: Floats, count: int = orders, *, whole: bool = True) -> None:
        if len(groups) >= FEWEST:
            checks[name] = prediction_faithfulness(one, 0, groups, sizes, orders=count, seed=seed, whole=whole)

    for name, each in groups.items():
        found[name] = shapley(one, 0, each, permutations=_pairs(each, permutations), seed=seed)
        check(name, each, found[name].reach, min(orders, 20) if name == "cell" else orders)
    if slope is not None:
        try:
            found["gradient"] = integrated_gradients(one, 0, slope)
            check("gradient", groups["cell"], np.abs(gather(found["gradient"], groups["cell"])), 20, whole=False)
        except MissingExtraError:
            message = "Integrated gradients were left out: they need pip install '.[train,explain]'."
            told.append(Note("gradients", message))
        except ConfigError:
            message = "Integrated gradients were left out: the network is applied to its own forecasts."
            told.append(Note("gradients", message))
    attention = trace_attention(one) if inside else ()
    if attention:
        check("attention", groups["block"], attention[-1].by_group(groups["block"], 0, one.layout.window))
    sampled = None
    measured = dict(importance or {})
    if sample is not None and len(sample.windows.past) > 1:
        for name in ("feature", "block"):
            measured[name] = permutation_importance(sample, groups[name], repeats=repeats, seed=seed)
        ranked = measured["feature"]
        if len(ranked.groups) >= FEWEST:
            checks["importance"] = metric_faithfulness(sample, ranked.groups, ranked.mean, seed=seed)
        sampled = _sampled(sample, groups["feature"], _pairs(groups["feature"], min(permutations, 8)), seed)
    elif sample is not None:
        told.append(Note("importance", "There are too few windows with known outcomes to shuffle."))
    gates: tuple[Gates, ...] = ()
    usual: tuple[Gates, ...] = ()
    if inside:
        try:
            gates, usual = trace_gates(one), trace_gates(sample if sample is not None and measured else one)
        except ConfigError:
            told.append(Note("gates", "Gates were left out: the network has none that can be shown."))
    return Explanation(case, found, checks, measured, sampled, gates, usual, attention, metric, tuple(told))


def _pairs(groups: Groups, most: int) -> int:
    return max(2, min(most, LARGEST_SAMPLING // (2 * len(groups))))


def _sampled(sample: Explainable, groups: Groups, permutations: int, seed: int) -> Floats:
    """[n, G] how far each group usually moves a prediction."""
    rows = np.linspace(0, len(sample.windows.past) - 1, SHAPLEY_SAMPLE).astype(np.int64)
    return np.stack(
        [
            shapley(sample, int(row), groups, permutations=permutations, seed=seed).reach
            for row in dict.fromkeys(rows.tolist())
        ]
    )
