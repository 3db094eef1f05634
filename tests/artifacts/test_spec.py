"""The spec as JSON, and what it refuses."""

import json
from typing import Any

import pytest
from hypothesis import given, settings

from tests.nn.specs import build, specs
from tidegate.artifacts.spec import (
    Convolution,
    Decoder,
    Embed,
    Head,
    NetworkSpec,
    Pool,
    Recurrent,
    Segment,
    SelfAttention,
    Transformer,
)
from tidegate.core.errors import ArtifactError


@given(specs())
@settings(max_examples=40)
def test_a_spec_survives_json(spec: NetworkSpec) -> None:
    text = json.dumps(spec.model_dump(mode="json"))
    assert NetworkSpec.from_json(json.loads(text)) == spec
    assert NetworkSpec.from_json(text) == spec


def state() -> dict[str, Any]:
    spec = build(Head(hidden_size=6, lags=(3,)))
    return json.loads(json.dumps(spec.model_dump(mode="json")))


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"window": "12"}, "window"),
        ({"window": 0}, "window"),
        ({"window": 12.5}, "window"),
        ({"window": True}, "window"),
        ({"window": 10**9}, "window"),
        ({"horizon": None}, "horizon"),
        ({"surprise": 1}, "surprise"),
        ({"targets": 9}, "targets"),
        ({"channels": "both"}, "channels"),
        ({"channel_size": 2}, "channel_size"),
        ({"anchor": 13}, "lag 13"),
        ({"layers": []}, "layers"),
        ({"layers": 5}, "layers"),
        ({"layers": [{"kind": "exec"}]}, "layers.0"),
        ({"layers": [{"kind": "recurrent", "cell": "rnn"}]}, "layers.0"),
        ({"layers": [{"kind": "recurrent", "dropout": 1.0}]}, "layers.0"),
        ({"layers": [{"kind": "recurrent", "dropout": float("nan")}]}, "layers.0"),
    ],
)
def test_a_spec_that_cannot_be_is_refused(change: dict[str, Any], place: str) -> None:
    with pytest.raises(ArtifactError, match=place.replace(".", r"\.")):
        NetworkSpec.from_json({**state(), **change})


@pytest.mark.parametrize("value", [None, 5, "{", [], {}, "null"])
def test_what_is_not_a_spec_is_refused(value: Any) -> None:
    with pytest.raises(ArtifactError, match=r"model\.json"):
        NetworkSpec.from_json(value)


def test_a_missing_size_is_named() -> None:
    given = state()
    del given["past"]
    with pytest.raises(ArtifactError, match="past"):
        NetworkSpec.from_json(given)


@pytest.mark.parametrize(
    ("layers", "text"),
    [
        ((Pool(), Head()), "layers"),
        ((Recurrent(), Head()), "layers"),
        ((Recurrent(), Pool()), "head or a decoder"),
        ((Recurrent(), Pool(), Head(), Decoder()), "head or a decoder"),
        ((Pool(), Recurrent(), Head()), "in this order"),
        ((Recurrent(), Recurrent(), Pool(), Head()), "each once"),
        ((Recurrent(), Embed(), Pool(), Head()), "in this order"),
        ((Segment(length=5, size=3), Recurrent(), Pool(), Head()), "segment length 5"),
        ((Recurrent(), Pool(), Decoder(segment=3)), "decoder's segment 3"),
        ((Recurrent(), Pool(), Head(lags=(24,))), "lag 24"),
        ((Recurrent(), Transformer(), Pool(), Head()), "one of"),
        ((Recurrent(), Convolution(channels=(2,)), Pool(), Head()), "in this order"),
        ((Convolution(channels=(2,), kernel=2, stride=3), Recurrent(), Pool(), Head()), "skip steps"),
        (
            (Convolution(channels=(2, 2), kernel=2, stride=2), Segment(length=2, size=3), Recurrent(), Pool(), Head()),
            "convolved window 3",
        ),
        ((Transformer(hidden_size=6), Pool(), Head()), "4 heads do not divide a width of 6"),
        ((Recurrent(hidden_size=6), SelfAttention(), Pool(), Head()), "4 heads do not divide a width of 6"),
    ],
)
def test_layers_that_do_not_fit_are_refused(layers: tuple[Any, ...], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        NetworkSpec(window=12, horizon=4, past=3, layers=layers)
