"""Options that are said to be without effect are, and all others are not said to be: by the network that is built."""

from __future__ import annotations

from typing import Any

import pytest

import tidegate as tg
from tests.tasks.label import data
from tidegate.prepare.sequence.preparation import SequencePreparation
from tidegate.tasks.label.build import build_label_spec, make_plan
from tidegate.tasks.label.options import ClassTraining, label_choices, unused

KINDS = {"numbers": (data.waves, False), "text": (data.reviews, False), "tags": (data.steps, True)}
CHANGES: dict[str, Any] = {
    "pooling": "last", "segment": 2, "normalise": "mean", "batch_norm": True, "layer_norm": True,
    "recurrent_dropout": 0.2, "zoneout": 0.1, "num_heads": 2, "feedforward": 8, "self_attention": True,
    "conv_channels": (4,), "conv_kernel": 5, "conv_padding": "causal", "branch": (8, 8, 8), "branch_kernels": (5, 3, 3),
    "squeeze": True, "embed": 8, "token_dropout": 0.2, "pairs": 64, "frame_channels": (4, 8), "head_size": 5,
}  # fmt: skip
BESIDE = [{}, {"encoder": "transformer"}, {"conv_channels": (4,)}, {"self_attention": True}, {"branch": ()}]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("beside", BESIDE, ids=str)
def test_what_is_said_to_be_without_effect_leaves_the_network_as_it_is(kind: str, beside: dict[str, Any]) -> None:
    make, tags = KINDS[kind]
    sequences = make(12)
    model = tg.Classifier(hidden_size=8)
    preparation = SequencePreparation.fit(sequences, range(12), model.preparation)

    def built(network: dict[str, Any]) -> tuple[Any, set[str]]:
        choices = label_choices(tg.Classifier(hidden_size=8, network=network), ClassTraining, {})
        plan = make_plan(choices.recurrent, choices.network, preparation, 12, tags=tags)
        notes = unused(choices, preparation, tags=tags, branch=bool(plan.branch), decodes=False)
        named = {name for note in notes for name in note.values["names"].split(", ")}
        return build_label_spec(plan, choices.recurrent, choices.network, preparation, 2, tags=tags), named

    plain, _ = built(beside)
    for name, value in CHANGES.items():
        if name in beside:
            continue
        try:
            spec, named = built({**beside, name: value})
        except tg.TidegateError:
            continue  # refused, which is said louder
        assert (spec == plain) == (name in named), name
