"""Everything that explains one forecast and the model behind it, and the way it is put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, MissingExtraError
from tidegate.core.frequency import Frequency
from tidegate.core.table import Note
from tidegate.explain.attention import Attention, trace_attention
from tidegate.explain.deletion import Faithfulness, metric_faithfulness, prediction_faithfulness
from tidegate.explain.gates import Gates, trace_gates
from tidegate.explain.gradients import gather, integrated_gradients
from tidegate.explain.groups import Groups, by_block, by_feature, by_feature_and_block
from tidegate.explain.inputs import Explainable, Floats
from tidegate.explain.permutation import Importance, permutation_importance
from tidegate.explain.shapley import Attribution, sampled_shapley, shapley

SHAPLEY_SAMPLE = 16
LARGEST_SAMPLING = 20_000  # windows predicted for one sampled attribution, about


@dataclass(frozen=True)
class Case:
    """The forecast that is explained, in the reader's units and clock.

    Attributes:
        series: its name, "" for a single one. target: name. frequency: of the rows. zone: of the clock, or "".
        past_time: [T]; history: [T]. time: [K]; mean, actual: [K] (NaN where not yet known).
        quantiles: [K, Q] of `levels`.
        seasons: lengths of the cycles, in steps, that the model was built on.
    """

    series: str
    target: str
    frequency: Frequency
    zone: str
    past_time: NDArray[Any]
    history: Floats
    time: NDArray[Any]
    mean: Floats
    actual: Floats
    quantiles: Floats
    levels: tuple[float, ...]
    seasons: tuple[int, ...] = ()


@dataclass(frozen=True)
class Explanation:
    """What one forecast, and the model as a whole, looked at; each answer with its check beside it.

    Attributes:
        case: the forecast.
        attributions: Shapley values of the forecast by "feature", by "block" of steps, and by both ("cell"); with torch
            and captum "gradient", a value for every cell.
        sample_attributions: [n, G] root mean square over the steps of the Shapley values by feature of n other
            forecasts; None without them.
        importance: permutation importance by "feature" and by "block" on the sample; empty where nothing can be scored.
        faithfulness: deletion tests: "feature", "block", "cell", "attention" of the whole forecast, "gradient" of its
            mean, and "importance" of the metric.
        gates: of every recurrent layer for this forecast; sample_gates: for the sample, on which statistics rest.
        attention: of this forecast; empty where no layer attends.
        metric: its name. block: steps of a block.
        notes: what was chosen and what could not be done.
    """

    case: Case
    attributions: Mapping[str, Attribution]
    sample_attributions: Floats | None
    importance: Mapping[str, Importance]
    faithfulness: Mapping[str, Faithfulness]
    gates: tuple[Gates, ...]
    sample_gates: tuple[Gates, ...]
    attention: tuple[Attention, ...]
    metric: str
    block: int
    notes: tuple[Note, ...]

    def __str__(self) -> str:
        found = self.attributions["feature"]
        lines = [f"forecast {found.prediction.mean():.4g} = {found.base.mean():.4g} without knowing the window"]
        for index in np.argsort(-found.reach):
            lines.append(f"  {found.values[index].mean():+.4g}  {found.groups.all[index]}")
        lines.append(f"  {found.residual.mean():+.2g}  residual (additivity)")
        for name, importance in self.importance.items():
            lines.append(f"permutation importance by {name}, {self.metric} {importance.score:.4g}:")
            for index in np.argsort(-importance.mean):
                group = importance.groups.all[index]
                lines.append(f"  {importance.mean[index]:+.4g} \u00b1 {importance.error[index]:.2g}  {group}")
        for name, test in self.faithfulness.items():
            lines.append(f"deletion test, {name}: {test.ratio:.2f} times random, beats {test.beaten:.0%} of orders")
        return "\n".join(lines)


def explain(
    one: Explainable,
    sample: Explainable,
    case: Case,
    *,
    block: int,
    metric: str,
    slope: NDArray[Any] | None = None,
    permutations: int = 128,
    repeats: int = 5,
    seed: int = 0,
    notes: tuple[Note, ...] = (),
) -> Explanation:
    """Explain one prediction and the model on a sample.

    Args:
        one: a model whose first window is explained. sample: the same model with M scored windows.
        case: what to show of the forecast. block: steps of a block. metric: the name of what `score` gives.
        slope: [K, C, O] for `integrated_gradients`; None leaves them out.
        permutations: pairs of orders of sampled Shapley values, at most; fewer where there are hundreds of groups.
        repeats: of permutation importance. seed: of all.
        notes: what was chosen before.

    Raises:
        ConfigError: sizes below what a method needs.
    """
    layout = one.layout
    features, blocks = by_feature(layout), by_block(layout, block)
    cells = by_feature_and_block(layout, block)
    said = list(notes)

    def pairs(groups: Groups, most: int = permutations) -> dict[str, int]:
        return {"permutations": max(2, min(most, LARGEST_SAMPLING // (2 * len(groups)))), "seed": seed}

    found = {
        "feature": shapley(one, 0, features, **pairs(features)),
        "block": shapley(one, 0, blocks, **pairs(blocks)),
        "cell": sampled_shapley(one, 0, cells, **pairs(cells)),
    }
    checks: dict[str, Faithfulness] = {}
    for name, attribution in found.items():
        _check(
            checks, name, prediction_faithfulness, one, 0, attribution.groups, attribution.reach, seed=seed,
            orders=20 if name == "cell" else 50,
        )  # fmt: skip
    if slope is not None:
        try:
            found["gradient"] = integrated_gradients(one, 0, slope)
            sizes = np.abs(gather(found["gradient"], cells))
            _check(
                checks, "gradient", prediction_faithfulness, one, 0, cells, sizes, seed=seed, orders=20, whole=False
            )  # fmt: skip
        except MissingExtraError:
            message = "Integrated gradients were left out: they need pip install 'tidegate[train,explain]'."
            said.append(Note("gradients", message))
        except ConfigError:
            message = "Integrated gradients were left out: the network is applied to its own forecasts."
            said.append(Note("gradients", message))
    attention = trace_attention(one)
    if attention:
        weights = attention[-1].by_group(blocks, 0, layout.window)
        _check(checks, "attention", prediction_faithfulness, one, 0, blocks, weights, seed=seed)
    importance: dict[str, Importance] = {}
    sampled = None
    if len(sample.windows.past) > 1:
        for name, groups in (("feature", features), ("block", blocks)):
            importance[name] = permutation_importance(sample, groups, repeats=repeats, seed=seed)
        ranked = importance["feature"]
        _check(checks, "importance", metric_faithfulness, sample, ranked.groups, ranked.mean, seed=seed)
        few = pairs(features, min(permutations, 8))
        rows = np.linspace(0, len(sample.windows.past) - 1, SHAPLEY_SAMPLE).astype(np.int64)
        sampled = np.stack([shapley(sample, int(row), features, **few).reach for row in dict.fromkeys(rows.tolist())])
    else:
        said.append(Note("importance", "There are too few windows with known outcomes to shuffle."))
    try:
        gates = trace_gates(one), trace_gates(sample if importance else one)
    except ConfigError:
        gates = (), ()
        said.append(Note("gates", "Gates were left out: the network has none that can be shown."))
    return Explanation(
        case,
        found,
        sampled,
        importance,
        checks,
        *gates,
        attention,
        metric,
        block,
        tuple(said),
    )


def _check(checks: dict[str, Faithfulness], name: str, test: Any, *arguments: Any, **options: Any) -> None:
    """Run a deletion test, where there are enough groups for one."""
    groups = next(item for item in arguments if hasattr(item, "labels"))
    if len(groups) > 2:
        checks[name] = test(*arguments, **options)
