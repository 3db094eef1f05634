"""Names and shapes of a network's tensors, from its spec alone.

The torch network is held to this list by a test, and a loaded artifact by the reader: no tensor may
be missing, extra or of another shape, and the total is known before anything is allocated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from tidegate.artifacts import layers as of
from tidegate.artifacts import readers
from tidegate.artifacts.layers import FORECASTS, SAYS, cell_size
from tidegate.artifacts.pieces import (
    Shape,
    attention_shapes,
    batch_norm_shapes,
    linear_shapes,
    multihead_shapes,
    norm_shapes,
    recurrent_shapes,
    stack_shapes,
)
from tidegate.artifacts.spec import NetworkSpec

ENDS = (*FORECASTS, *SAYS)
SQUEEZE = 16  # channels of a branch for each unit that gates them


@dataclass(frozen=True)
class Sizes:
    """Sizes of what flows between the layers of one network, at one place in it.

    Attributes:
        targets: target channels of one pass (1 where channels are independent).
        steps: S, length of the sequence, 0 for any; width: D, features of each of its steps.
        static: size of the embedded static vector, 0 before it is embedded.
        context: size of the pooled vector. branch: size of what a branch joins to it.
    """

    targets: int
    steps: int
    width: int
    static: int = 0
    context: int = 0
    branch: int = 0


def raw_static(spec: NetworkSpec) -> int:
    """Size of the static vector before it is embedded."""
    return spec.static + spec.channel_size


def walk(spec: NetworkSpec) -> list[Sizes]:
    """Sizes before each layer, and after the last: one more than there are layers."""
    targets = 1 if spec.channels == "independent" else spec.targets
    sizes = Sizes(targets, spec.window, spec.past - spec.targets + targets)
    found = [sizes]
    for layer in spec.layers:
        if isinstance(layer, of.Embed):
            sizes = replace(sizes, static=layer.size, width=sizes.width + layer.size)
        elif isinstance(layer, readers.Tokens):
            sizes = replace(sizes, width=layer.size)
        elif isinstance(layer, (readers.Frames, readers.Pictures)):
            steps = math.prod(layer.grid) if isinstance(layer, readers.Pictures) else sizes.steps
            sizes = replace(sizes, steps=steps, width=layer.channels[-1])
        elif isinstance(layer, of.Branch):
            sizes = replace(sizes, branch=layer.channels[-1])
        elif isinstance(layer, of.Convolution):
            steps = sizes.steps
            for _ in layer.channels:
                steps = -(-steps // layer.stride)
            sizes = replace(sizes, steps=steps, width=layer.channels[-1])
        elif isinstance(layer, of.Segment):
            sizes = replace(sizes, steps=sizes.steps // layer.length, width=layer.size)
        elif isinstance(layer, of.Recurrent):
            sizes = replace(sizes, width=layer.hidden_size * (2 if layer.bidirectional else 1))
        elif isinstance(layer, (of.OdeRnn, of.Transformer)):
            sizes = replace(sizes, width=layer.hidden_size)
        elif isinstance(layer, of.Pool):
            sizes = replace(sizes, context=sizes.width + sizes.branch)
        found.append(sizes)
    return found


def decoder_inputs(spec: NetworkSpec, layer: of.Decoder, sizes: Sizes, *, attended: bool) -> int:
    """Features of one decoder step."""
    per_step = spec.future + len(layer.lags) * sizes.targets
    context = sizes.context if attended else 0
    fed = layer.segment * sizes.targets if layer.feedback is not None else 0
    looked_up = sizes.width if layer.attention == "additive" else 0
    return max(1, layer.segment * per_step + layer.position + sizes.static + context + fed + looked_up)


def decoder_stack(spec: NetworkSpec) -> of.Recurrent:
    """The recurrence of the decoder: the encoder's in one direction, or one layer of its cell and size."""
    encoder = spec.encoder
    if isinstance(encoder, of.Recurrent):
        return encoder.model_copy(update={"bidirectional": False})
    layers = encoder.num_layers if isinstance(encoder, of.OdeRnn) else 1
    return of.Recurrent(cell=encoder.cell, hidden_size=encoder.hidden_size, num_layers=layers, dropout=encoder.dropout)


def conv_padding(steps: Any, kernel: int, stride: int, padding: str) -> tuple[Any, Any]:
    """Zeros before and after a sequence, so that ceil(steps / stride) outputs come of it; steps: a number or many."""
    total = (-(-steps // stride) - 1) * stride + kernel - steps
    return (total, 0) if padding == "causal" else (total // 2, total - total // 2)


def head_inputs(spec: NetworkSpec, layer: of.Head, sizes: Sizes) -> int:
    """Features of one step of a head: its share of the context, known-ahead inputs, lags and statics."""
    return layer.hidden_size + spec.future + len(layer.lags) * sizes.targets + sizes.static


def branch_shapes(prefix: str, layer: of.Branch, width: int) -> dict[str, Shape]:
    """Tensors of a branch: a kernel and a norm each, and of all but the last what gates its channels."""
    shapes: dict[str, Shape] = {}
    widths = pairwise((width, *layer.channels))
    for number, ((inputs, channels), kernel) in enumerate(zip(widths, layer.kernels, strict=True)):
        shapes[f"{prefix}.convs.{number}.weight"] = (channels, inputs, kernel)
        shapes |= batch_norm_shapes(f"{prefix}.norms.{number}", channels)
        if layer.squeeze_excite and number < len(layer.channels) - 1:
            few = max(1, channels // SQUEEZE)
            shapes[f"{prefix}.squeezes.{number}.weight"] = (few, channels)
            shapes[f"{prefix}.excites.{number}.weight"] = (channels, few)
    return shapes


def label_inputs(layer: of.Label | of.Tag | of.Ctc, sizes: Sizes) -> int:
    """Features that a label reads: context and embedded static inputs, or of a tag those of one step."""
    return sizes.context + sizes.static if isinstance(layer, of.Label) else sizes.width


def transformer_shapes(prefix: str, layer: of.Transformer, sizes: Sizes) -> dict[str, Shape]:
    """Tensors of a of.Transformer encoder, each layer those of torch.nn.TransformerEncoderLayer."""
    width = layer.hidden_size
    shapes = linear_shapes(f"{prefix}.linear", sizes.width, width) | norm_shapes(f"{prefix}.norm", width)
    if layer.positions == "learned":
        shapes[f"{prefix}.position"] = (sizes.steps, width)
    for index in range(layer.num_layers):
        block = f"{prefix}.blocks.{index}"
        shapes |= multihead_shapes(f"{block}.self_attn", width)
        shapes |= linear_shapes(f"{block}.linear1", width, layer.feedforward)
        shapes |= linear_shapes(f"{block}.linear2", layer.feedforward, width)
        shapes |= norm_shapes(f"{block}.norm1", width) | norm_shapes(f"{block}.norm2", width)
    return shapes


def ode_shapes(prefix: str, layer: of.OdeRnn, width: int) -> dict[str, Shape]:
    """Tensors of an ODE-RNN: of each layer a cell and the two dense layers of its state's motion."""
    shapes: dict[str, Shape] = {}
    for level in range(layer.num_layers):
        inputs = width if level == 0 else layer.hidden_size
        shapes |= recurrent_shapes(f"{prefix}.cells.{level}", layer.cell, inputs, layer.hidden_size, 1, 1)
        for name in ("linear1", "linear2"):
            shapes |= linear_shapes(f"{prefix}.flows.{level}.{name}", layer.hidden_size, layer.hidden_size)
    return shapes


def tensor_shapes(spec: NetworkSpec) -> dict[str, Shape]:
    """Name and shape of every tensor in `weights.safetensors`; those of an ensemble stand below `members.<number>`."""
    if spec.members > 1:
        own = tensor_shapes(spec.member)
        return {f"members.{number}.{name}": shape for number in range(spec.members) for name, shape in own.items()}
    shapes: dict[str, Shape] = {}
    if spec.channel_size:
        shapes["channel.weight"] = (spec.targets, spec.channel_size)
    for index, (layer, sizes) in enumerate(zip(spec.layers, walk(spec), strict=False)):
        at = f"layers.{index}"
        if layer.kind in ENDS:
            shapes |= _last_shapes(at, spec, layer, sizes)
        else:
            shapes |= _layer_shapes(at, spec, layer, sizes)
    return shapes


def _first_shapes(
    at: str, spec: NetworkSpec, layer: readers.Tokens | readers.Frames | readers.Pictures | of.Skip, sizes: Sizes
) -> dict[str, Shape]:
    if isinstance(layer, of.Skip):
        outputs = (sizes.targets, spec.horizon)
        return {f"{at}.weight": (*outputs, spec.window), f"{at}.bias": outputs, f"{at}.share": (1,)}
    if isinstance(layer, readers.Tokens):
        words: dict[str, Shape] = {f"{at}.embedding.weight": (layer.vocabulary, layer.size)}
        return words | ({f"{at}.pairs.weight": (layer.pairs, layer.size)} if layer.pairs else {})
    shapes: dict[str, Shape] = {}
    for number, (inputs, channels) in enumerate(pairwise((layer.colours, *layer.channels))):
        shapes[f"{at}.convs.{number}.weight"] = (channels, inputs, layer.kernel, layer.kernel)
        if isinstance(layer, readers.Pictures):
            shapes |= batch_norm_shapes(f"{at}.norms.{number}", channels)
        else:
            shapes[f"{at}.convs.{number}.bias"] = (channels,)
    return shapes | (
        {f"{at}.position": (math.prod(layer.grid), channels)} if isinstance(layer, readers.Pictures) else {}
    )


def _layer_shapes(at: str, spec: NetworkSpec, layer: of.Layer, sizes: Sizes) -> dict[str, Shape]:
    shapes: dict[str, Shape] = {}
    if isinstance(layer, (readers.Tokens, readers.Frames, readers.Pictures, of.Skip)):
        shapes = _first_shapes(at, spec, layer, sizes)
    elif isinstance(layer, of.Branch):
        shapes = branch_shapes(at, layer, sizes.width)
    elif isinstance(layer, of.Embed):
        shapes = linear_shapes(f"{at}.linear", raw_static(spec), layer.size)
    elif isinstance(layer, of.Convolution):
        for number, (inputs, channels) in enumerate(pairwise((sizes.width, *layer.channels))):
            shapes[f"{at}.convs.{number}.conv.weight"] = (channels, inputs, layer.kernel)
            shapes[f"{at}.convs.{number}.conv.bias"] = (channels,)
    elif isinstance(layer, of.Segment):
        shapes = linear_shapes(f"{at}.linear", layer.length * sizes.width, layer.size)
    elif isinstance(layer, of.Recurrent):
        directions = 2 if layer.bidirectional else 1
        shapes = stack_shapes(f"{at}.rnn", layer, sizes.width, directions)
    elif isinstance(layer, of.OdeRnn):
        shapes = ode_shapes(f"{at}.ode", layer, sizes.width)
    elif isinstance(layer, of.Transformer):
        shapes = transformer_shapes(f"{at}.encoder", layer, sizes)
    elif isinstance(layer, of.BatchNorm):
        shapes = batch_norm_shapes(f"{at}.norm", sizes.width)
    elif isinstance(layer, of.SelfAttention):
        shapes = multihead_shapes(f"{at}.block.attention", sizes.width) | norm_shapes(f"{at}.block.norm", sizes.width)
    elif isinstance(layer, of.Pool) and layer.by == "attention":
        shapes = linear_shapes(f"{at}.score", sizes.width, 1)
    return shapes


def next_map(spec: NetworkSpec) -> tuple[int, int] | None:
    """Shape of the map from states to vectors of tied tokens; None where they have one width."""
    size = int(spec.find("tokens").size)
    return None if size == spec.encoder_width else (size, spec.encoder_width)


def _next_shapes(at: str, spec: NetworkSpec, layer: of.Next) -> dict[str, Shape]:
    if not layer.tied:
        return linear_shapes(f"{at}.final", spec.encoder_width, spec.outputs)
    shape = next_map(spec)
    return {f"{at}.bias": (spec.outputs,)} | ({f"{at}.map.weight": shape} if shape else {})


def write_stack(layer: of.Write | of.Series) -> of.Recurrent:
    """The recurrence that writes tokens or numbers."""
    return of.Recurrent(
        cell=layer.cell,
        hidden_size=layer.hidden_size,
        num_layers=layer.num_layers,
        dropout=layer.dropout if layer.num_layers > 1 else 0.0,
        forget_bias=layer.forget_bias,
    )


def write_inputs(layer: of.Write, sizes: Sizes) -> int:
    """Features of one step: the token before it, and what is looked up before it."""
    looked_up = sizes.width if layer.attention == "additive" else layer.hidden_size if layer.feeding else 0
    return layer.size + looked_up


def write_states(layer: of.Write | of.Series) -> int:
    """Numbers that the recurrence is started with: h, and c where the cell has one, of all layers."""
    return layer.num_layers * (layer.hidden_size + cell_size(layer.cell, layer.hidden_size))


def series_inputs(spec: NetworkSpec, layer: of.Series, width: int) -> int:
    """Features of one step: the row before it, and what is looked up before it."""
    return spec.outputs // layer.steps + (width if layer.attention == "additive" else 0)


def series_shapes(at: str, spec: NetworkSpec, layer: of.Series, width: int) -> dict[str, Shape]:
    """Tensors of a decoder of numbers."""
    inputs, hidden = series_inputs(spec, layer, width), layer.hidden_size
    shapes = linear_shapes(f"{at}.start", width, write_states(layer))
    shapes |= recurrent_shapes(f"{at}.rnn", layer.cell, inputs, hidden, layer.num_layers, 1)
    if layer.attention is not None:
        shapes |= attention_shapes(at, layer.attention, hidden, width)
    return shapes | linear_shapes(f"{at}.output", hidden, spec.outputs // layer.steps)


def write_shapes(at: str, spec: NetworkSpec, layer: of.Write, sizes: Sizes) -> dict[str, Shape]:
    """Tensors of a decoder that writes tokens."""
    hidden, size, outputs = layer.hidden_size, layer.size, spec.outputs
    shapes: dict[str, Shape] = {} if layer.shared else {f"{at}.embedding.weight": (outputs, size)}
    shapes |= linear_shapes(f"{at}.start", sizes.width, write_states(layer))
    shapes |= recurrent_shapes(f"{at}.rnn", layer.cell, write_inputs(layer, sizes), hidden, layer.num_layers, 1)
    if layer.attention is not None:
        shapes |= attention_shapes(at, layer.attention, hidden, sizes.width)
    if layer.copying:
        shapes |= linear_shapes(f"{at}.gate", hidden + size, 1)
    if not layer.tied:
        return shapes | linear_shapes(f"{at}.final", hidden, outputs)
    return shapes | {f"{at}.bias": (outputs,)} | ({f"{at}.map.weight": (size, hidden)} if size != hidden else {})


def bag_shapes(at: str, spec: NetworkSpec, pairs: int) -> dict[str, Shape]:
    """Tensors of a linear model of tokens and of so many rows of pairs."""
    terms = spec.find("tokens").vocabulary + pairs
    return {f"{at}.idf": (terms,), f"{at}.weight": (terms, spec.outputs), f"{at}.bias": (spec.outputs,)}


def _last_shapes(at: str, spec: NetworkSpec, layer: of.Layer, sizes: Sizes) -> dict[str, Shape]:
    if isinstance(layer, of.Write):
        return write_shapes(at, spec, layer, sizes)
    if isinstance(layer, of.Series):
        return series_shapes(at, spec, layer, sizes.width)
    if isinstance(layer, of.Next):
        return _next_shapes(at, spec, layer)
    if isinstance(layer, (of.Label, of.Tag, of.Ctc)):
        width, hidden = label_inputs(layer, sizes), layer.hidden_size
        shapes = linear_shapes(f"{at}.hidden", width, hidden) if hidden else {}
        shapes |= linear_shapes(f"{at}.final", hidden or width, spec.outputs)
        return shapes | (bag_shapes(f"{at}.bag", spec, layer.bag) if isinstance(layer, of.Label) and layer.bag else {})
    if isinstance(layer, of.Head):
        shapes = linear_shapes(f"{at}.context", sizes.context, spec.horizon * layer.hidden_size)
        shapes |= linear_shapes(f"{at}.output", head_inputs(spec, layer, sizes), layer.hidden_size)
        return shapes | linear_shapes(f"{at}.final", layer.hidden_size, sizes.targets * spec.outputs)
    assert isinstance(layer, of.Decoder)
    shapes = {}
    if layer.position:
        shapes[f"{at}.position"] = (spec.horizon // layer.segment, layer.position)
    stack = decoder_stack(spec)
    inputs = decoder_inputs(spec, layer, sizes, attended=spec.find("pool").by == "attention")
    shapes |= stack_shapes(f"{at}.rnn", stack, inputs, 1)
    if layer.attention is not None:
        shapes |= attention_shapes(at, layer.attention, stack.hidden_size, sizes.width)
    return shapes | linear_shapes(f"{at}.output", stack.hidden_size, layer.segment * sizes.targets * spec.outputs)
