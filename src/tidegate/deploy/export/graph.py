"""A network's spec and weights as an ONNX graph, layer by layer as `tidegate.runtime.network` computes them.

Shape letters: B batch, T steps, I inputs, D width of the sequence, H units, K horizon, C targets, O outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.inputs import lag_rows
from tidegate.artifacts.shapes import conv_padding, decoder_stack
from tidegate.artifacts.spec import NetworkSpec, Recurrent
from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr
from tidegate.deploy.export.nodes import Graph, Weights

# Blocks of our rows in the order in which ONNX has them: LSTM i o f c, GRU z r h.
BLOCKS = {"lstm": (0, 3, 1, 2), "peephole": (0, 3, 1, 2), "gru": (1, 0, 2)}


class Builder:
    """The layers of one network over a graph.

    Args:
        graph: to add to. spec, weights: of one member.
        lengths: name of [B] int64 steps of each row; None where all have all. state: names of h0 (and c0) [L, B, H].
    """

    def __init__(
        self, graph: Graph, spec: NetworkSpec, weights: Weights, lengths: str | None, state: Sequence[str] = ()
    ) -> None:
        self.g, self.spec, self.weights, self.lengths, self.start = graph, spec, weights, lengths, state
        self.future: str | None = None
        self.static: str | None = None
        self.loc: str | None = None
        self.scale: str | None = None
        self.branch_: str | None = None
        self.linear_: str | None = None
        self.ends: list[tuple[str, ...]] = []
        self.context = self.output = self.targets = self.sequence = ""

    def build(self, past: str, future: str | None, static: str | None) -> None:
        """Add every layer; `output`, `loc`, `scale` and `ends` then name what they give."""
        g, spec = self.g, self.spec
        self.sequence, self.future, self.static = past, future, static
        count = spec.targets
        if spec.channels == "independent":
            self._apart(past, future, static)
            count = 1
        if spec.find("tokens") is None and count:
            self.targets = g.part(self.sequence, 2, 0, count)
        for index, layer in enumerate(spec.layers):
            add = getattr(self, f"_{layer.kind}", None)
            if add is None:
                raise ConfigError(
                    tr("ONNX export does not know the layer {layer} yet; see the page on deployment", layer=layer.kind)
                )
            add(layer, f"layers.{index}")

    def _apart(self, past: str, future: str | None, static: str | None) -> None:
        """Independent channels become rows, [B * C]."""
        g, spec = self.g, self.spec
        C, others = spec.targets, spec.past - spec.targets
        own = g.op("Transpose", g.part(past, 2, 0, C), perm=[0, 2, 1])
        parts = [g.shape(own, -1, spec.window, 1)]
        self._many(C, past, others, parts)
        self.sequence = g.concat(parts, 2)
        if future is not None:
            wide = g.spread(g.op("Unsqueeze", future, g.ints(1)), 1, C)
            self.future = g.shape(wide, -1, spec.horizon, spec.future)
        if static is None and not spec.channel_size:
            return
        ones = g.op("Mul", g.shape(self.targets_of(self.sequence), -1, C, 1), g.const(0.0))  # [B, C, 1]
        parts = []
        if static is not None:
            parts.append(g.op("Add", g.op("Unsqueeze", static, g.ints(1)), ones))
        if spec.channel_size:
            parts.append(g.op("Add", g.const(self.weights["channel.weight"][None]), ones))
        self.static = g.shape(g.concat(parts, 2), -1, spec.static + spec.channel_size)

    def targets_of(self, sequence: str) -> str:
        """One finite number a row, [B * C, 1, 1]: of the first step."""
        return self.g.part(self.g.part(sequence, 1, 0, 1), 2, 0, 1)

    def _many(self, count: int, past: str, others: int, parts: list[str]) -> None:
        if others:
            g = self.g
            rest = g.op("Unsqueeze", g.part(past, 2, count, count + others), g.ints(1))
            parts.append(g.shape(g.spread(rest, 1, count), -1, self.spec.window, others))

    def _within(self) -> str:
        """[B, T, 1] of 1 at the steps that a row has, else 0."""
        g = self.g
        assert self.lengths is not None
        steps = g.op("Squeeze", g.op("Slice", g.op("Shape", self.sequence), g.ints(1), g.ints(2)), g.ints(0))
        places = g.op("Range", g.const(0, np.int64), steps, g.const(1, np.int64))
        inside = g.op("Less", places, g.op("Unsqueeze", self.lengths, g.ints(1)))
        return str(g.op("Unsqueeze", g.op("Cast", inside, to=1), g.ints(2)))

    def _clear(self, x: str) -> str:
        """x with zeros past each row's end, even where it was not finite."""
        g = self.g
        if self.lengths is None:
            return x
        return str(g.op("Where", g.op("Cast", self._within(), to=9), x, g.const(0.0)))

    def _mean(self, x: str) -> str:
        """[B, 1, D], over the steps of each row."""
        g = self.g
        if self.lengths is None:
            return str(g.op("ReduceMean", x, axes=[1], keepdims=1))
        total = g.op("ReduceSum", self._clear(x), g.ints(1), keepdims=1)
        counts = g.op("Unsqueeze", g.op("Cast", self.lengths, to=1), g.ints(1, 2))
        return str(g.op("Div", total, counts))

    def _last(self, x: str) -> str:
        """[B, D], the last step of each row."""
        g = self.g
        if self.lengths is None:
            return str(g.op("Gather", x, g.const(-1, np.int64), axis=1))
        last = g.op("Unsqueeze", g.op("Sub", self.lengths, g.const(1, np.int64)), g.ints(1))
        return str(g.op("GatherND", x, last, batch_dims=1))

    def _lagged(self, lags: Sequence[int]) -> str:
        rows = [lag_rows(self.spec.window, self.spec.horizon, lag) for lag in lags]
        return self.g.concat(
            [self.g.op("Gather", self.targets, self.g.const(own, np.int64), axis=1) for own in rows], 2
        )

    def _tokens(self, layer: Any, at: str) -> None:
        if layer.pairs:
            raise ConfigError(tr("ONNX export knows no pairs of tokens: fit with pairs=0"))
        if getattr(self.spec.layers[-1], "bag", 0):
            raise ConfigError(tr("ONNX export knows no bag of words: fit with network={shown}", shown='{"bag": False}'))
        self.sequence = self.g.op("Gather", self.g.const(self.weights[f"{at}.embedding.weight"]), self.sequence)

    def _normalise(self, layer: Any, at: str) -> None:
        g, x = self.g, self.targets
        width = 1 if self.spec.channels == "independent" else self.spec.targets
        floor = g.const(1e-4)
        if layer.by == "scale":
            size = g.op("Abs", x)
            if layer.period and self.lengths is None:
                size = g.part(size, 1, -layer.period, 2**31)
            elif layer.period:
                raise ConfigError(tr("ONNX export knows a scale over a period only for rows of one length"))
            self.scale = g.op("Max", self._mean(size), floor)
            self.targets = g.op("Div", x, self.scale)
        else:
            last = layer.by == "last"
            self.loc = g.op("Unsqueeze", self._last(x), g.ints(1)) if last else self._mean(x)
            self.targets = self._clear(g.op("Sub", x, self.loc))
            if layer.by == "standard":
                spread = g.op("Sqrt", self._mean(g.op("Mul", self.targets, self.targets)))
                self.scale = g.op("Max", spread, floor)
                self.targets = g.op("Div", self.targets, self.scale)
        self.sequence = g.concat([self.targets, g.part(self.sequence, 2, width, 2**31)], 2)

    def _skip(self, layer: Any, at: str) -> None:
        g = self.g
        weight = self.weights[f"{at}.weight"].transpose(0, 2, 1)  # [C, T, K]
        product = g.op("MatMul", g.op("Unsqueeze", g.op("Transpose", self.targets, perm=[0, 2, 1]), g.ints(2)),
                       g.const(weight))  # fmt: skip
        found = g.op("Squeeze", product, g.ints(2))  # [B, C, K]
        found = g.op("Add", found, g.const(self.weights[f"{at}.bias"]))
        self.linear_ = g.op("Transpose", found, perm=[0, 2, 1])
        self.share = float(self.weights[f"{at}.share"][0])

    def _branch(self, layer: Any, at: str) -> None:
        g, x = self.g, self.sequence
        for index, kernel in enumerate(layer.kernels):
            x = self._convolve(x, f"{at}.convs.{index}.weight", kernel, "same")
            x = g.op("Relu", self._normed(x, f"{at}.norms.{index}"))
            if layer.squeeze_excite and index < len(layer.channels) - 1:
                few = g.op("MatMul", self._mean(x), g.const(self.weights[f"{at}.squeezes.{index}.weight"].T))
                gate = g.op("MatMul", g.op("Relu", few), g.const(self.weights[f"{at}.excites.{index}.weight"].T))
                x = g.op("Mul", x, g.op("Sigmoid", gate))
        self.branch_ = g.op("Squeeze", self._mean(x), g.ints(1))

    def _convolution(self, layer: Any, at: str) -> None:
        if layer.stride > 1:
            raise ConfigError(tr("ONNX export knows no convolution with a stride: fit with stride=1"))
        for index in range(len(layer.channels)):
            x = self._convolve(self.sequence, f"{at}.convs.{index}.conv.weight", layer.kernel, layer.padding)
            x = self.g.op("Add", x, self.g.const(self.weights[f"{at}.convs.{index}.conv.bias"]))
            self.sequence = self._clear(self.g.op("Relu", x))

    def _convolve(self, x: str, name: str, kernel: int, padding: str) -> str:
        g, pads = self.g, list(conv_padding(1, kernel, 1, padding))
        columns = g.op("Transpose", self._clear(x), perm=[0, 2, 1])
        found = g.op("Conv", columns, g.const(self.weights[name]), kernel_shape=[kernel], pads=pads)
        return str(g.op("Transpose", found, perm=[0, 2, 1]))

    def _normed(self, x: str, at: str) -> str:
        w = self.weights
        gain = w[f"{at}.weight"] / np.sqrt(w[f"{at}.running_var"] + np.float32(1e-5))
        centred = self.g.op("Sub", x, self.g.const(w[f"{at}.running_mean"]))
        return str(self.g.op("Add", self.g.op("Mul", centred, self.g.const(gain)), self.g.const(w[f"{at}.bias"])))

    def _batch_norm(self, layer: Any, at: str) -> None:
        self.sequence = self._normed(self.sequence, f"{at}.norm")

    def _segment(self, layer: Any, at: str) -> None:
        if self.lengths is not None:
            raise ConfigError(tr("ONNX export knows segments only for rows of one length"))
        g, steps = self.g, self.spec.window // layer.length
        width = self.weights[f"{at}.linear.weight"].shape[1]
        joined = g.shape(self.sequence, -1, steps, width)
        self.sequence = g.op("Relu", g.linear(self.weights, f"{at}.linear", joined))

    def _embed(self, layer: Any, at: str) -> None:
        g = self.g
        assert self.static is not None
        self.static = g.linear(self.weights, f"{at}.linear", self.static)
        zeros = g.op("Mul", g.part(self.sequence, 2, 0, 1), g.const(0.0))  # [B, S, 1]
        self.sequence = g.concat([self.sequence, self._each_step(self.static, zeros)], 2)

    def _each_step(self, vector: str, zeros: str) -> str:
        return str(self.g.op("Add", self.g.op("Unsqueeze", vector, self.g.ints(1)), zeros))

    def _recurrent(self, layer: Any, at: str) -> None:
        self.sequence, self.ends = self._stack(layer, f"{at}.rnn", self.sequence, [], self.lengths)

    def _stack(
        self, layer: Recurrent, at: str, x: str, start: Sequence[tuple[str, ...]], lengths: str | None
    ) -> tuple[str, list[tuple[str, ...]]]:
        if layer.layer_norm or layer.zoneout:
            what = "layer_norm" if layer.layer_norm else "zoneout"
            raise ConfigError(tr("ONNX's recurrent operators have no {what}: fit without it", what=what))
        if layer.cell not in (*BLOCKS, "coupled"):
            raise ConfigError(
                tr("ONNX has no operator for cell={cell!r}: fit with lstm, gru, peephole or coupled", cell=layer.cell)
            )
        g, ends = self.g, []
        steps = "" if lengths is None else g.op("Cast", lengths, to=6)
        x = g.op("Transpose", x, perm=[1, 0, 2])
        for level in range(layer.num_layers):
            own = [g.op("Unsqueeze", part, g.ints(0)) for part in start[level]] if start else []
            if not start and self.start and at == self._encoder():
                own = [g.part(part, 0, level, level + 1) for part in self.start]
            hidden, *states = self._layer(layer, at, level, x, steps, own)
            x = g.shape(g.op("Transpose", hidden, perm=[0, 2, 1, 3]), 0, 0, -1)
            ends.append(tuple(g.op("ReduceMean", state, axes=[0], keepdims=0) for state in states))
        return str(g.op("Transpose", x, perm=[1, 0, 2])), ends

    def _encoder(self) -> str:
        return f"layers.{self.spec.layers.index(self.spec.encoder)}.rnn"

    def _layer(self, layer: Recurrent, at: str, level: int, x: str, steps: str, start: list[str]) -> list[str]:
        g, cell, H = self.g, layer.cell, layer.hidden_size
        tails = [f"l{level}", f"l{level}_reverse"] if layer.bidirectional else [f"l{level}"]
        named = {name: [self._blocks(cell, f"{at}.{name}_{tail}", H) for tail in tails] for name in
                 ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}  # fmt: skip
        both = [np.concatenate(pair) for pair in zip(named["bias_ih"], named["bias_hh"], strict=True)]
        inputs = [x, *(g.const(np.stack(own)) for own in (named["weight_ih"], named["weight_hh"], both)), steps]
        how = {"hidden_size": H, "direction": "bidirectional" if layer.bidirectional else "forward"}
        if start and layer.bidirectional:
            start = [g.op("Concat", part, part, axis=0) for part in start]
        if cell == "gru":
            return list(g.op("GRU", *inputs, *start, outputs=2, linear_before_reset=1, **how))
        inputs += start or ["", ""]
        if cell == "peephole":
            own = [self.weights[f"{at}.weight_peephole_{tail}"].reshape(3, H)[[0, 2, 1]].ravel() for tail in tails]
            inputs.append(g.const(np.stack(own)))
        return list(g.op("LSTM", *inputs, outputs=3, **how))

    def _blocks(self, cell: str, name: str, H: int) -> NDArray[np.float32]:
        own = self.weights[name]
        parts = np.split(own, len(own) // H)
        if cell == "coupled":  # the input gate 1 - sigmoid(f) is sigmoid(-f)
            f, g, o = parts
            return np.concatenate([-f, o, f, g])
        return np.concatenate([parts[place] for place in BLOCKS[cell]])

    def _pool(self, layer: Any, at: str) -> None:
        g, x = self.g, self.sequence
        if layer.by == "attention":
            score = g.linear(self.weights, f"{at}.score", x)
            if self.lengths is not None:
                score = g.op("Where", g.op("Cast", self._within(), to=9), score, g.const(-np.inf))
            shares = g.op("Softmax", score, axis=1)
            self.context = g.op("ReduceSum", g.op("Mul", shares, x), g.ints(1), keepdims=0)
        elif layer.by == "mean":
            self.context = g.op("Squeeze", self._mean(x), g.ints(1))
        elif layer.by == "max":
            if self.lengths is not None:
                x = g.op("Where", g.op("Cast", self._within(), to=9), x, g.const(-np.inf))
            self.context = g.op("ReduceMax", x, axes=[1], keepdims=0)
        else:
            self.context = self._last(x)
            ahead = self.spec.encoder.hidden_size
            if layer.by == "ends" and self.spec.encoder_width > ahead:
                first = g.op("Gather", x, g.const(0, np.int64), axis=1)
                self.context = g.concat([g.part(self.context, 1, 0, ahead), g.part(first, 1, ahead, 2**31)], 1)
        self.pooled = layer.by
        if self.branch_ is not None:
            self.context = g.concat([self.context, self.branch_], 1)

    def _dropout(self, layer: Any, at: str) -> None:
        """Nothing is dropped once training is over."""

    def _ahead(self, steps: int) -> str:
        """[B, steps, 1] of zeros, to spread vectors over."""
        g = self.g
        zero = g.op("Mul", g.part(self.context, 1, 0, 1), g.const(0.0))
        return g.spread(g.op("Unsqueeze", zero, g.ints(1)), 1, steps)

    def _head(self, layer: Any, at: str) -> None:
        g, K = self.g, self.spec.horizon
        parts = [g.shape(g.linear(self.weights, f"{at}.context", self.context), -1, K, layer.hidden_size)]
        if self.future is not None:
            parts.append(self.future)
        if layer.lags:
            parts.append(self._lagged(layer.lags))
        if self.spec.find("embed") is not None and self.static is not None:
            parts.append(self._each_step(self.static, self._ahead(K)))
        hidden = g.op("Relu", g.linear(self.weights, f"{at}.output", g.concat(parts, 2)))
        self.output = g.linear(self.weights, f"{at}.final", hidden)

    def _decoder(self, layer: Any, at: str) -> None:
        if layer.attention is not None or layer.feedback is not None:
            what = "attention" if layer.attention is not None else "feedback"
            raise ConfigError(tr("ONNX export knows no decoder with {what}: fit without it", what=what))
        g, steps = self.g, self.spec.horizon // layer.segment
        parts, zeros = [], self._ahead(steps)
        if self.future is not None:
            parts.append(g.shape(self.future, -1, steps, layer.segment * self.spec.future))
        if layer.lags:
            count = 1 if self.spec.channels == "independent" else self.spec.targets
            parts.append(g.shape(self._lagged(layer.lags), -1, steps, layer.segment * len(layer.lags) * count))
        if layer.position:
            parts.append(g.op("Add", zeros, g.const(self.weights[f"{at}.position"])))
        if self.spec.find("embed") is not None and self.static is not None:
            parts.append(self._each_step(self.static, zeros))
        if self.pooled == "attention":
            parts.append(self._each_step(self.context, zeros))
        inputs = g.concat(parts, 2) if parts else zeros
        hidden, _ = self._stack(decoder_stack(self.spec), f"{at}.rnn", inputs, self.ends, None)
        count = self.weights[f"{at}.output.weight"].shape[0] // layer.segment
        self.output = g.shape(g.linear(self.weights, f"{at}.output", hidden), -1, self.spec.horizon, count)

    def _label(self, layer: Any, at: str) -> None:
        g = self.g
        x = self.sequence if layer.kind == "tag" else g.op("Unsqueeze", self.context, g.ints(1))
        if layer.kind == "label" and self.spec.find("embed") is not None and self.static is not None:
            x = g.concat([x, g.op("Unsqueeze", self.static, g.ints(1))], 2)
        if layer.hidden_size:
            x = g.op("Relu", g.linear(self.weights, f"{at}.hidden", x))
        x = g.linear(self.weights, f"{at}.final", x)
        self.output = self._clear(x) if layer.kind == "tag" else x

    _tag = _label

    def _next(self, layer: Any, at: str) -> None:
        g, x = self.g, self.sequence
        if not layer.tied:
            self.output = g.linear(self.weights, f"{at}.final", x)
            return
        own = self.weights.get(f"{at}.map.weight")
        if own is not None:
            x = g.op("MatMul", x, g.const(own.T))
        scores = g.op("MatMul", x, g.const(self.weights["layers.0.embedding.weight"].T))
        self.output = g.op("Add", scores, g.const(self.weights[f"{at}.bias"]))

    def values(self) -> str:
        """What the network predicts in its normalised scale: [B, K, C, O]; [B, S, 1, O] of what is said."""
        g, spec = self.g, self.spec
        if not spec.forecasts:
            return g.shape(self.output, 0, 0, 1, spec.outputs)
        count = 1 if spec.channels == "independent" else spec.targets
        found = g.shape(self.output, -1, spec.horizon, count, spec.outputs)
        if self.linear_ is not None:
            found = g.op("Mul", found, g.const(self.share))
            found = g.op("Add", found, g.op("Unsqueeze", self.linear_, g.ints(3)))
        if spec.anchor:
            found = g.op("Add", found, g.op("Unsqueeze", self._lagged((spec.anchor,)), g.ints(3)))
        return self._together(found, spec.outputs, 1) if spec.channels == "independent" else found

    def _together(self, x: str, outputs: int, steps: int) -> str:
        """Rows of independent channels as channels again: [B * C, K, 1, O] -> [B, K, C, O]."""
        spread = self.g.shape(x, -1, self.spec.targets, self.spec.horizon if steps else 1, outputs)
        return str(self.g.op("Transpose", spread, perm=[0, 2, 1, 3]))

    def undone(self, values: str) -> str:
        """[B, K, C, O] in the prepared scale; of what is said, as it is."""
        g = self.g
        if not self.spec.forecasts:
            return values
        for kind, part in (("Mul", self.scale), ("Add", self.loc)):
            if part is None:
                continue
            own = g.op("Unsqueeze", part, g.ints(3))
            if self.spec.channels == "independent":
                own = self._together(own, 1, 0)
            values = g.op(kind, values, own)
        return values
