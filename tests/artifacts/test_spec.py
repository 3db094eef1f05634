"""The spec as JSON, and what it refuses."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.nn.specs import build, saying, specs
from tidegate.artifacts.spec import (
    Branch,
    Convolution,
    Decoder,
    Embed,
    Frames,
    Head,
    Label,
    NetworkSpec,
    Normalise,
    OdeRnn,
    Pool,
    Recurrent,
    Segment,
    SelfAttention,
    Tag,
    Tokens,
    Transformer,
)
from tidegate.core.errors import ArtifactError


@given(st.one_of(specs(), saying()))
@settings(max_examples=80)
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
        ({"targets": 0}, "targets 0"),
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


@pytest.mark.parametrize(
    ("layers", "sizes", "text"),
    [
        ((Recurrent(), Pool(), Label(), Tag()), {}, "either a head or a decoder, or a label or a tag"),
        ((Recurrent(), Pool(), Decoder(), Label()), {}, "either a head or a decoder, or a label or a tag"),
        ((Recurrent(), Pool(), Label()), {"horizon": 2}, "a label has horizon 1, got 2"),
        ((Recurrent(), Pool(), Label()), {"future": 1}, "a label has future 0, got 1"),
        ((Recurrent(), Pool(), Label()), {"anchor": 1}, "a label has anchor 0, got 1"),
        ((Recurrent(), Pool(), Label()), {"channels": "independent"}, "a label has channels 'joint'"),
        ((Recurrent(), Label()), {}, "layers must have a pool"),
        ((Recurrent(), Pool(), Tag()), {}, "none where they end in one of"),
        ((Segment(length=2, size=3), Recurrent(), Tag()), {}, "a tag is for every step"),
        ((Convolution(channels=(2,), stride=2), Recurrent(), Tag()), {}, "a tag is for every step"),
        ((Branch(), Recurrent(), Tag()), {}, "a tag is for every step"),
        ((Branch(), Recurrent(), Pool(), Decoder()), {"window": 5, "targets": 1}, "take a head"),
        ((Normalise(), Recurrent(), Pool(), Label()), {"targets": 0}, "normalise rescales the targets"),
        ((Tokens(vocabulary=9), Recurrent(), Pool(), Label()), {"past": 2}, "tokens have past 1 and targets 0"),
        ((Tokens(vocabulary=9), Recurrent(), Pool(), Head()), {"window": 5}, "tokens and frames belong to"),
        ((Tokens(vocabulary=9), Frames(height=8, width=8), Recurrent(), Pool(), Label()), {}, "not both"),
        ((Frames(height=8, width=8), Recurrent(), Pool(), Label()), {"past": 63}, "frames have past 64"),
        ((Tokens(vocabulary=9), OdeRnn(missing=(0,)), Pool(), Label()), {"past": 1, "targets": 0}, "missing names"),
        ((Transformer(positions="learned"), Pool(), Label()), {}, "learned positions need a window"),
        ((Recurrent(), Pool(), Head()), {}, "window 0"),
    ],
)
def test_layers_that_say_nothing_of_a_sequence_are_refused(layers: Any, sizes: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        NetworkSpec(layers=layers, **{"window": 0, "horizon": 1, "past": 3, **sizes})


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        ({"kind": "tokens", "vocabulary": 1}, "greater than or equal to 2"),
        ({"kind": "tokens", "vocabulary": 2**21}, "less than or equal to"),
        ({"kind": "frames", "height": 3, "width": 9}, "cannot be halved 2 times"),
        ({"kind": "frames", "height": 9, "width": 9, "kernel": 2}, "odd size"),
        ({"kind": "branch", "channels": [], "kernels": []}, "at least 1 item"),
        ({"kind": "branch", "kernels": [8]}, "3 channels need as many kernels, got 1"),
        ({"kind": "pool", "by": "median"}, "Input should be"),
        ({"kind": "label", "hidden_size": -1}, "greater than or equal to 0"),
    ],
)
def test_sizes_of_a_layer_are_bounded(layer: dict[str, Any], text: str) -> None:
    with pytest.raises(ArtifactError, match=text):
        NetworkSpec.from_json({**state(), "layers": [layer, *state()["layers"]]})
