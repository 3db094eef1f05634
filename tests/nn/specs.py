"""Small network specs for the tests of both implementations."""

from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st

from tidegate.artifacts.spec import (
    ORDER,
    BatchNorm,
    Branch,
    Convolution,
    Ctc,
    Decoder,
    Dropout,
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
    Series,
    Skip,
    Tag,
    Tokens,
    Transformer,
)
from tidegate.nn.network import Network


def build(last: Any, *between: Any, recurrent: Any = None, pool: str = "last", **sizes: Any) -> NetworkSpec:
    """A spec of the given layers; `between` are put where they belong."""
    layers = [recurrent or Recurrent(hidden_size=5), Pool(by=pool), last, *between]
    layers.sort(key=lambda layer: ORDER.index(layer.kind))
    given = {"window": 12, "horizon": 4, "past": 3, **sizes}
    return NetworkSpec(layers=tuple(layers), **given)


@st.composite
def specs(draw: st.DrawFn) -> NetworkSpec:
    """Any network that a spec of these sizes can say."""
    targets = draw(st.integers(1, 3))
    independent = targets > 1 and draw(st.booleans())
    channel_size = draw(st.integers(0, 3)) if independent else 0
    static = draw(st.integers(0, 2))
    between: list[Any] = []
    if draw(st.booleans()):
        by = draw(st.sampled_from(["last", "mean", "standard", "scale"]))
        between.append(Normalise(by=by, period=draw(st.sampled_from([0, 5])) if by == "scale" else 0))
    skip = draw(st.booleans())
    if skip:
        between.append(Skip())
    if draw(st.booleans()):
        channels, kernel = draw(st.sampled_from([(4,), (3, 2)])), draw(st.sampled_from([1, 2, 3]))
        between.append(Convolution(channels=channels, kernel=kernel, padding=draw(st.sampled_from(["causal", "same"]))))
    if draw(st.booleans()):
        between.append(Segment(length=draw(st.sampled_from([2, 4])), size=4))
    if static + channel_size:
        between.append(Embed(size=3))
    if draw(st.booleans()):
        between.append(BatchNorm())
    if draw(st.booleans()):
        between.append(SelfAttention(num_heads=draw(st.sampled_from([1, 2]))))
    if draw(st.booleans()):
        between.append(Dropout(rate=0.3))
    lags = draw(st.sampled_from([(), (3,), (12, 2)]))
    if draw(st.booleans()):
        last: Any = Head(hidden_size=6, lags=lags)
    else:
        last = Decoder(
            segment=draw(st.sampled_from([1, 2])),
            position=draw(st.sampled_from([0, 3])),
            lags=lags,
            attention=draw(st.sampled_from([None, "additive", "general", "concat"])),
            feedback=draw(st.sampled_from([None, 0])),
        )
    sizes: Any = {"cell": draw(st.sampled_from(["lstm", "gru"])), "hidden_size": 6, "dropout": 0.2}
    sizes["num_layers"] = draw(st.integers(1, 2))
    more = {"layer_norm": draw(st.booleans()), "zoneout": draw(st.sampled_from([0.0, 0.3])), "recurrent_dropout": 0.1}
    recurrent: Any = Recurrent(bidirectional=draw(st.booleans()), **more, **sizes)
    if draw(st.integers(0, 3)) == 0:
        positions = draw(st.sampled_from(["sinusoidal", "learned"]))
        recurrent = Transformer(num_heads=draw(st.sampled_from([1, 3])), feedforward=7, positions=positions, **sizes)
    past = targets + draw(st.integers(0, 3))
    if draw(st.integers(0, 5)) == 0:
        between = [layer for layer in between if layer.kind not in ("convolution", "segment")]
        missing = draw(st.sampled_from([(), (past - targets,)]))
        recurrent = OdeRnn(solver_steps=draw(st.integers(1, 3)), missing=missing, **sizes)
    return build(
        last,
        *between,
        recurrent=recurrent,
        pool=draw(st.sampled_from(["last", "attention"])),
        past=past,
        future=draw(st.integers(0, 2)),
        static=static,
        targets=targets,
        outputs=draw(st.integers(1, 3)),
        channels="independent" if independent else "joint",
        channel_size=channel_size,
        anchor=0 if skip else draw(st.sampled_from([0, 1, 5, 12])),
    )


@st.composite
def saying(draw: st.DrawFn) -> NetworkSpec:
    """Any network that says something about sequences of any length."""
    size, between = draw(st.sampled_from([0, 4])), []
    looks = draw(st.sampled_from([None, "additive", "general", "concat"]))
    series = Series(steps=3, hidden_size=4, num_layers=2, attention=looks, cell=draw(st.sampled_from(["lstm", "gru"])))
    last: Any = draw(st.sampled_from([Label(hidden_size=size), Tag(hidden_size=size), Ctc(hidden_size=size), series]))
    tag, sizes = not isinstance(last, Label), {"past": draw(st.integers(1, 3)), "targets": draw(st.integers(0, 1))}
    first = draw(st.sampled_from(["numbers", "tokens", "frames"]))
    if first == "tokens":
        between.append(Tokens(vocabulary=7, size=3, dropout=0.2, pairs=draw(st.sampled_from([0, 11]))))
    elif first == "frames":
        channels, kernel = draw(st.sampled_from([(3,), (2, 4)])), draw(st.sampled_from([1, 3]))
        between.append(Frames(height=5, width=4, colours=2, channels=channels, kernel=kernel))
    elif sizes["targets"] and draw(st.booleans()):
        between.append(Normalise(by=draw(st.sampled_from(["last", "mean", "standard", "scale"]))))
    if first != "numbers":
        sizes = {"past": 1 if first == "tokens" else 40, "targets": 0}
    if not tag and draw(st.booleans()):
        between.append(Branch(channels=(17, 5), kernels=(4, 3), dropout=0.1, squeeze_excite=draw(st.booleans())))
    if draw(st.booleans()):
        stride = 1 if tag else draw(st.integers(1, 2))
        between.append(Convolution(channels=(4,), stride=stride, padding=draw(st.sampled_from(["causal", "same"]))))
    if not tag and draw(st.booleans()):
        between.append(Segment(length=5, size=4))
    static = draw(st.integers(0, 2))
    between += [Embed(size=3)] * bool(static)
    between += [layer for layer in (BatchNorm(), SelfAttention(num_heads=2), Dropout(rate=0.3)) if draw(st.booleans())]
    encoder: Any = Recurrent(
        cell=draw(st.sampled_from(["lstm", "gru", "peephole", "coupled"])),
        hidden_size=6,
        num_layers=draw(st.integers(1, 2)),
        bidirectional=draw(st.booleans()),
        layer_norm=draw(st.booleans()),
        zoneout=draw(st.sampled_from([0.0, 0.3])),
    )
    if draw(st.integers(0, 3)) == 0:
        encoder = Transformer(hidden_size=6, num_heads=3, feedforward=7)
    pools = [Pool(by=draw(st.sampled_from(["last", "attention", "mean", "max", "ends"])))] * (not tag)
    layers = sorted([encoder, last, *pools, *between], key=lambda layer: ORDER.index(layer.kind))
    outputs = draw(st.integers(2 if isinstance(last, Ctc) else 1, 3)) * (3 if isinstance(last, Series) else 1)
    return NetworkSpec(window=0, horizon=1, static=static, outputs=outputs, layers=tuple(layers), **sizes)


def network(spec: NetworkSpec, seed: int = 0) -> Network:
    """A network in evaluation mode whose tensors, statistics included, are all far from their defaults."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        built = Network(spec).eval()
        with torch.no_grad():
            for name, tensor in built.state_dict().items():
                fresh = torch.randn_like(tensor) * 0.3
                tensor.copy_(fresh.abs() + 0.5 if name.endswith("running_var") else fresh)
    return built


def inputs(spec: NetworkSpec, batch: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Past, future and static inputs of a batch."""
    rng = np.random.default_rng(seed)
    steps = spec.window or 12
    shapes = ((batch, steps, spec.past), (batch, spec.horizon, spec.future), (batch, spec.static))
    past, future, static = (rng.normal(size=shape).astype(np.float32) for shape in shapes)
    tokens = spec.find("tokens")
    return past if tokens is None else rng.integers(0, tokens.vocabulary, (batch, steps)), future, static


def run(built: Network, *arrays: np.ndarray) -> Any:
    """The network's output for numpy inputs."""
    with torch.no_grad():
        return built(*map(torch.from_numpy, arrays))
