"""Recurrent layers with the surface of `torch.nn.LSTM` and `torch.nn.GRU`, run by the native engine.

    lstm      i, f, o = sigmoid(W x + U h + b)   g = tanh(...)   c' = f c + i g        h' = o tanh(c')
    peephole  the same with i and f also seeing p c, o seeing p c'     (Gers and Schmidhuber 2000)
    coupled   c' = f c + (1 - f) g                                     (Greff et al. 2017, CIFG)
    gru       r, z = sigmoid(...)   n = tanh(W x + b + r (U h + b'))   h' = (1 - z) n + z h   (Cho et al. 2014)

Weights have torch's names and layout: a `state_dict` of `torch.nn.LSTM` or `torch.nn.GRU` loads both ways.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from tidegate.core.errors import ConfigError
from tidegate.kernels.operators import is_native, recurrent
from tidegate.kernels.stack import GATE_NAMES, Stack


class Gates(NamedTuple):
    """Gate activations of every step: `names`, and `values` [L*D, T, B, E, H] (batch_first: [L*D, B, T, E, H])."""

    names: tuple[str, ...]
    values: Tensor

    def __getattr__(self, name: str) -> Tensor:
        if name in self.names:
            return self.values.select(3, self.names.index(name))
        raise AttributeError(f"no gate {name!r}; there are {', '.join(self.names)}.")


class _Engine(nn.RNNBase):
    """What all cells share; `cell` and the shapes of the weights differ."""

    cell: str
    options: Stack
    torch_layer: Any = None  # what runs where the library is absent and nothing asks for more than it can

    def _is_plain(self) -> bool:
        o = self.options
        return o.recurrent_dropout == o.zoneout_h == o.zoneout_c == 0 and not o.norm

    def _set_options(
        self,
        recurrent_dropout: float,
        zoneout: float | tuple[float, float],
        forget_bias: float | None,
        layer_norm: bool,
    ) -> None:
        zoneout_h, zoneout_c = zoneout if isinstance(zoneout, tuple) else (zoneout, zoneout)
        for name, p in (("recurrent_dropout", recurrent_dropout), ("zoneout", zoneout_h), ("zoneout", zoneout_c)):
            if not 0 <= p < 1:
                raise ConfigError(f"{name} is {p}; set it to a probability from 0 to below 1.")
        self.options = Stack(
            self.cell,
            self.num_layers,
            2 if self.bidirectional else 1,
            self.bias,
            recurrent_dropout=recurrent_dropout,
            zoneout_h=zoneout_h,
            zoneout_c=zoneout_c if self.cell != "gru" else 0.0,
            norm=layer_norm,
        )
        if self.cell == "peephole":
            self._add_weight("weight_peephole", 3 * self.hidden_size)
        if layer_norm:
            if self.proj_size:
                raise ConfigError("layer_norm needs proj_size=0; leave one of them out.")
            self._add_weight("weight_norm", self.options.norm_size(self.hidden_size))
        if self.cell == "peephole" or layer_norm:
            self.reset_parameters()
        self.forget_bias = forget_bias
        if forget_bias is not None:
            self._set_forget_bias(forget_bias)

    def _add_weight(self, prefix: str, size: int) -> None:
        """One more vector for every layer and direction, after those that it has."""
        names: list[list[str]] = []
        for index, own in enumerate(self._all_weights):
            name = f"{prefix}_l{index // 2}{'_reverse' * (index % 2)}" if self.bidirectional else f"{prefix}_l{index}"
            reference: Any = self.weight_ih_l0
            self.register_parameter(name, nn.Parameter(reference.new_empty(size)))
            names.append([*own, name])
        self._all_weights = names
        self._flat_weights_names = [name for own in names for name in own]
        self._flat_weights = [getattr(self, name) for name in self._flat_weights_names]

    def reset_parameters(self) -> None:
        """Torch's start; scales of the layer norm at one, its shift at zero."""
        super().reset_parameters()
        for name, parameter in self.named_parameters():
            if name.startswith("weight_norm"):
                nn.init.ones_(parameter)
                if self.cell != "gru":
                    nn.init.zeros_(parameter[-self.hidden_size :])

    def _set_forget_bias(self, value: float) -> None:
        block = {"lstm": 1, "peephole": 1, "coupled": 0}.get(self.cell)
        if block is None or not self.bias:
            raise ConfigError("forget_bias needs a cell with a forget gate and bias=True.")
        H = self.hidden_size
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                if name.startswith("bias_"):
                    parameter[block * H : (block + 1) * H] = value if name.startswith("bias_ih") else 0.0

    def _stack(self, gates: bool) -> Stack:
        stochastic = self.training and (
            (self.dropout > 0 and self.num_layers > 1) or self.options.recurrent_dropout > 0
            or self.options.zoneout_h > 0 or self.options.zoneout_c > 0
        )  # fmt: skip
        if self.training and stochastic:
            between = self.dropout if self.num_layers > 1 else 0.0
            return replace(self.options, train=True, dropout=float(between))
        if self.training or self.options.zoneout_h == self.options.zoneout_c == 0:
            return replace(self.options, train=gates or torch.is_grad_enabled(), recurrent_dropout=0.0)
        return replace(self.options, recurrent_dropout=0.0)

    def _run(
        self, x: Tensor, h0: Tensor | None, c0: Tensor | None, lengths: Tensor | None, gates: bool
    ) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """x: [T, B, I]."""
        stack = self._stack(gates)
        weights: list[Tensor] = [weight for weight in self._flat_weights if weight is not None]
        seed = None
        if stack.train and (stack.dropout or stack.recurrent_dropout or stack.zoneout_h or stack.zoneout_c):
            seed = torch.randint(0, 1 << 62, ())
        dtype = x.dtype
        wide_only = dtype in (torch.bfloat16, torch.float16) or weights[0].dtype != dtype
        if wide_only:
            wide = torch.float64 if weights[0].dtype == torch.float64 else torch.float32
            x, weights = x.to(wide), [w.to(wide) for w in weights]
            h0, c0 = (None if s is None else s.to(wide) for s in (h0, c0))
        with torch.autocast(x.device.type, enabled=False) if wide_only else nullcontext():
            y, h, c, trace = recurrent(stack, x, h0, c0, weights, lengths, seed, gates)
        if y.dtype != dtype:
            y, h, c = y.to(dtype), h.to(dtype), c.to(dtype)
        return y, h, c, trace

    def _check_states(self, x: Tensor, hx: Any, batch: int) -> tuple[Tensor | None, Tensor | None]:
        shape = (self.options.layers * self.options.directions, batch, self.hidden_size)
        states = () if hx is None else (hx,) if self.cell == "gru" else tuple(hx)
        for index, state in enumerate(states):
            place = "hidden" if self.cell == "gru" else f"hidden[{index}]"
            self.check_hidden_size(state, shape, f"Expected {place} size {{}}, got {{}}")
            if state.dtype != x.dtype and not torch.is_autocast_enabled(x.device.type):
                raise RuntimeError(
                    f"Input and hidden tensors are not the same dtype, found {x.dtype} and {state.dtype}"
                )
        return (*states, None, None)[:2]

    def _arrange(
        self, input: Tensor | PackedSequence, hx: Any, lengths: Tensor | None
    ) -> tuple[Tensor, Any, Tensor | None]:
        """x [T, B, I], states [L*D, B, H] in the same order of rows, and the rows' lengths."""
        if isinstance(input, PackedSequence):
            if lengths is not None:
                raise ConfigError("lengths are part of a PackedSequence; leave `lengths` out.")
            x, lengths = pad_packed_sequence(PackedSequence(input.data, input.batch_sizes))
            return x, None if hx is None else self.permute_hidden(hx, input.sorted_indices), lengths
        if input.dim() not in (2, 3):
            raise ValueError(f"{type(self).__name__}: Expected input to be 2D or 3D, got {input.dim()}D instead")
        if input.dim() == 3:
            return input.transpose(0, 1) if self.batch_first else input, hx, lengths
        if hx is not None:
            hx = hx.unsqueeze(1) if self.cell == "gru" else tuple(state.unsqueeze(1) for state in hx)
        return input.unsqueeze(1), hx, lengths

    def _check_input(self, x: Tensor, lengths: Tensor | None) -> None:
        if not torch.is_autocast_enabled(x.device.type):
            self.check_input(x, None)
        elif x.shape[-1] != self.input_size:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {x.shape[-1]}"
            )
        if x.shape[0] == 0:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
        if lengths is None:
            return
        if lengths.shape != x.shape[1:2] or bool((lengths < 0).any() or (lengths > x.shape[0]).any()):
            raise ConfigError(f"lengths must be {x.shape[1]} whole numbers from 0 to {x.shape[0]}, one for each row.")

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: Any = None,
        *,
        lengths: Tensor | None = None,
        return_gates: bool = False,
    ) -> tuple[Any, ...]:
        """Run the layers.

        Args:
            input: [T, B, I], with batch_first [B, T, I], unbatched [T, I], or a PackedSequence.
            hx: h_0 (gru) or (h_0, c_0), [L*D, B, H]; zeros if absent.
            lengths: [B], steps of each row; outputs past a row's end are zero and its last state is the one at its end.
            return_gates: also return `Gates`.

        Returns:
            (output, h_n) for gru, else (output, (h_n, c_n)), as torch does; with return_gates the gates as third.
        """
        packed = input if isinstance(input, PackedSequence) else None
        if self.torch_layer is not None and lengths is None and not return_gates and self._is_plain():
            data = input if packed is None else packed.data
            if data.dtype in (torch.float32, torch.float64) and not is_native(data):  # type: ignore[union-attr, arg-type]
                return self.torch_layer.forward(self, input, hx)  # type: ignore[no-any-return]
        x, hx, lengths = self._arrange(input, hx, lengths)
        batched = packed is not None or input.dim() == 3  # type: ignore[union-attr]
        self._check_input(x, lengths)
        h0, c0 = self._check_states(x, hx, x.shape[1])
        y, h, c, trace = self._run(x, h0, c0, lengths, return_gates)
        output: Any = y
        if packed is not None:
            data = pack_padded_sequence(y, lengths).data  # type: ignore[arg-type]
            output = PackedSequence(data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)
        elif not batched:
            output, h, c = y.squeeze(1), h.squeeze(1), c.squeeze(1) if self.cell != "gru" else c
        elif self.batch_first:
            output = y.transpose(0, 1)
        state: Any = h if self.cell == "gru" else (h, c)
        if packed is not None:
            state = self.permute_hidden(state, packed.unsorted_indices)
        if not return_gates:
            return output, state
        assert trace is not None
        return output, state, Gates(GATE_NAMES[self.cell], trace.transpose(1, 2) if self.batch_first else trace)


class LSTM(_Engine, nn.LSTM):
    """Drop-in for `torch.nn.LSTM`, same arguments and weights; `proj_size` runs on torch's own layer.

    Args:
        *args, **kwargs: of `torch.nn.LSTM`.
        recurrent_dropout: dropout of the state that enters the recurrent product, one mask for all steps (Gal 2016).
        zoneout: share of units that keep their old state, or one share for h and one for c (Krueger 2017).
        forget_bias: starting bias of the forget gate; None leaves torch's start, 1 remembers from the beginning.
        layer_norm: normalise the input product, the recurrent product (each over all gates of a row) and the cell state
            inside the cell (Ba, Kiros and Hinton 2016); adds `weight_norm_l{k}`: scales of both products [G*H each],
            scale and shift of the cell state [H each].
    """

    cell = "lstm"
    torch_layer: Any = nn.LSTM

    def __init__(self, *args: Any, recurrent_dropout: float = 0.0, zoneout: float | tuple[float, float] = 0.0,
                 forget_bias: float | None = None, layer_norm: bool = False, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(*args, **kwargs)
        self._set_options(recurrent_dropout, zoneout, forget_bias, layer_norm)

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: Any = None,
        *,
        lengths: Tensor | None = None,
        return_gates: bool = False,
    ) -> tuple[Any, ...]:
        if self.proj_size == 0:
            return super().forward(input, hx, lengths=lengths, return_gates=return_gates)
        if lengths is not None or return_gates:
            raise ConfigError("lengths and return_gates need proj_size=0; pack the sequence instead.")
        return nn.LSTM.forward(self, input, hx)


class GRU(_Engine, nn.GRU):
    """Drop-in for `torch.nn.GRU`, same arguments and weights; `recurrent_dropout`, `zoneout` and `layer_norm` (of both products) as in `LSTM`."""

    cell = "gru"
    torch_layer: Any = nn.GRU

    def __init__(self, *args: Any, recurrent_dropout: float = 0.0, zoneout: float = 0.0, layer_norm: bool = False,
                 **kwargs: Any) -> None:  # fmt: skip
        super().__init__(*args, **kwargs)
        self._set_options(recurrent_dropout, (zoneout, 0.0), None, layer_norm)


class PeepholeLSTM(LSTM):
    """LSTM whose gates see the cell state. Besides torch's weights: `weight_peephole_l{k}` [3*H], for i, f and o."""

    cell = "peephole"
    torch_layer = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if kwargs.get("proj_size"):
            raise ConfigError("PeepholeLSTM has no proj_size; leave it out.")
        super().__init__(*args, **kwargs)


class CoupledLSTM(_Engine):
    """LSTM whose input gate is 1 - f: weights of 3 blocks, f, g and o; arguments as `LSTM`, without proj_size."""

    cell = "coupled"

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
                 batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, *,
                 recurrent_dropout: float = 0.0, zoneout: float | tuple[float, float] = 0.0,
                 forget_bias: float | None = None, layer_norm: bool = False, **kwargs: Any) -> None:  # fmt: skip
        # torch sizes weights by mode: GRU has three blocks too
        super().__init__(
            "GRU", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, **kwargs
        )
        self._set_options(recurrent_dropout, zoneout, forget_bias, layer_norm)

    def permute_hidden(self, hx: Any, permutation: Tensor | None) -> Any:
        """Both states in another order of rows."""
        return hx if permutation is None else tuple(s.index_select(1, permutation) for s in hx)
