"""Recurrent layers with the surface of `torch.nn.LSTM` and `torch.nn.GRU`, run by the native engine.

    lstm      i, f, o = sigmoid(W x + U h + b)   g = tanh(...)   c' = f c + i g        h' = o tanh(c')
    peephole  the same with i and f also seeing p c, o seeing p c'     (Gers and Schmidhuber 2000)
    coupled   c' = f c + (1 - f) g                                     (Greff et al. 2017, CIFG)
    gru       r, z = sigmoid(...)   n = tanh(W x + b + r (U h + b'))   h' = (1 - z) n + z h   (Cho et al. 2014)

Weights have torch's names and layout: a `state_dict` of `torch.nn.LSTM` or `torch.nn.GRU` loads both ways.
"""

from __future__ import annotations

import functools
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from tidegate.core.errors import ConfigError
from tidegate.kernels.calls import NAMES, Packing, plan
from tidegate.kernels.eager import is_plain
from tidegate.kernels.library import warn_if_missing
from tidegate.kernels.operators import is_native, recurrent
from tidegate.kernels.stack import GATE_NAMES, STATES, Stack
from tidegate.nn.draws import dropout, source
from tidegate.nn.projection import projected, repays


class Gates(NamedTuple):
    """Gate activations of every step: `names`, and `values` [L*D, T, B, E, H] (batch_first: [L*D, B, T, E, H])."""

    names: tuple[str, ...]
    values: Tensor

    def __getattr__(self, name: str) -> Tensor:
        if name in self.names:
            return self.values.select(3, self.names.index(name))
        raise AttributeError(f"no gate {name!r}; there are {', '.join(self.names)}.")


@functools.lru_cache(512)
def _variant(options: Stack, training: bool, dropout: float, keep: bool) -> Stack:
    """The stack of one call. keep: for backward, or for the gates."""
    if training and (dropout or options.recurrent_dropout or options.zoneout_h or options.zoneout_c):
        return replace(options, train=True, dropout=dropout)
    if training or options.zoneout_h == options.zoneout_c == 0:
        return replace(options, train=keep, recurrent_dropout=0.0)
    return replace(options, recurrent_dropout=0.0)


def _check_device(x: Tensor, other: Tensor, name: str) -> None:
    if x.device != other.device:
        raise RuntimeError(
            f"Input and {name} tensors are not at the same device, "
            f"found input tensor at {x.device} and {name} tensor at {other.device}"
        )


def _autocasts(x: Tensor) -> bool:
    kind = x.device.type
    return (kind == "cpu" or torch.amp.is_autocast_available(kind)) and torch.is_autocast_enabled(kind)


def _check_lengths(lengths: Tensor, T: int, B: int) -> None:
    wrong = lengths.shape != (B,) or lengths.is_floating_point()
    if wrong or (lengths.device.type != "meta" and bool((lengths < 0).any() or (lengths > T).any())):
        raise ConfigError(f"lengths must be {B} whole numbers from 0 to {T}, one for each row.")


class _Engine(nn.RNNBase):
    """What all cells share; `cell` and the shapes of the weights differ."""

    cell: str
    options: Stack
    weight_dropout: float = 0.0  # of the recurrent weights, drawn anew at each call in training
    torch_layer: Any = None  # what runs where the library is absent and nothing asks for more than it can

    def _is_plain(self) -> bool:
        o = self.options
        return o.recurrent_dropout == o.zoneout_h == o.zoneout_c == 0 and not o.norm

    def _repays_engine(self, data: Tensor) -> bool:
        """Whether the engine runs and is faster than torch's own layer."""
        few = self.proj_size > 0 and self.checkpoint_every is None and not repays(self.hidden_size, self.proj_size)
        return is_native(data, self.cell) and not few

    def _set_options(self, recurrent_dropout: float, zoneout: float | tuple[float, float], forget_bias: float | None,
                     layer_norm: bool, checkpoint_every: int | None) -> None:  # fmt: skip
        if checkpoint_every is not None and (not isinstance(checkpoint_every, int) or checkpoint_every < 1):
            raise ConfigError(f"checkpoint_every is {checkpoint_every!r}; set it to a number of steps, or None.")
        self.checkpoint_every = checkpoint_every
        self._packing = Packing()
        zoneout_h, zoneout_c = zoneout if isinstance(zoneout, tuple) else (zoneout, zoneout)
        for name, p in (("recurrent_dropout", recurrent_dropout), ("zoneout", zoneout_h), ("zoneout", zoneout_c)):
            if not 0 <= p < 1:
                raise ConfigError(f"{name} is {p}; set it to a probability from 0 to below 1.")
        if self.proj_size and (recurrent_dropout or zoneout_h):
            raise ConfigError("recurrent_dropout and zoneout of h need proj_size=0; zoneout=(0, p) keeps c alone.")
        self.options = Stack(
            self.cell,
            self.num_layers,
            2 if self.bidirectional else 1,
            self.bias,
            recurrent_dropout=recurrent_dropout,
            zoneout_h=zoneout_h,
            zoneout_c=zoneout_c if STATES.get(self.cell, 1) == 1 else 0.0,
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
        block = {"lstm": 1, "peephole": 1, "coupled": 0, "slstm": 1}.get(self.cell)
        if block is None or not self.bias:
            raise ConfigError("forget_bias needs a cell with a forget gate and bias=True.")
        H = self.hidden_size
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                if name.startswith("bias_"):
                    parameter[block * H : (block + 1) * H] = value if name.startswith("bias_ih") else 0.0

    def _weights(self) -> list[Tensor]:
        """By name at every call, so that parametrizations, `functional_call` and replaced weights are seen."""
        own = self._parameters
        found: list[Any] = [own[n] if n in own else getattr(self, n) for n in self._flat_weights_names]
        if self.weight_dropout and self.training:
            pairs = zip(self._flat_weights_names, found, strict=True)
            found = [dropout(w, self.weight_dropout) if n.startswith("weight_hh") else w for n, w in pairs]
        return found

    def _run(
        self, x: Tensor, h0: Tensor | None, c0: Tensor | None, lengths: Tensor | None, gates: bool, packed: bool
    ) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """x: [T, B, I]."""
        weights = self._weights()
        inputs = (x, h0, c0, *weights)
        needs_grad = torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in inputs)
        between = float(self.dropout) if self.num_layers > 1 else 0.0
        stack = _variant(self.options, self.training, between, gates or needs_grad)
        seed: int | Tensor | None = None
        if stack.train and (stack.dropout or stack.recurrent_dropout or stack.zoneout_h or stack.zoneout_c):
            seed = torch.randint(0, 1 << 62, (), generator=source())
            seed = int(seed.item()) if is_plain(seed) else seed
        every = self.checkpoint_every if stack.train else None
        dtype, autocast = x.dtype, _autocasts(x)
        run = projected if self.proj_size else recurrent
        if dtype in NAMES and weights[0].dtype == dtype and not autocast:
            if (
                not (gates or needs_grad or stack.train or self.proj_size)
                and is_native(x, self.cell)
                and is_plain(*inputs)
            ):
                this = plan(stack, dtype, x.shape[2], self.hidden_size)
                this.check(x, (h0, c0), weights, lengths)
                own = self._packing.get(this, weights)
                return *this.forward(x, (h0, c0), weights, lengths, packed=own)[:3], None
            return run(stack, x, h0, c0, weights, lengths, seed, gates, every)
        result = self._result_type(x, h0, c0, packed) if autocast else dtype
        if torch.bfloat16 in (result, dtype):
            stack = replace(stack, bfloat16=True)
        wide = torch.float64 if weights[0].dtype == torch.float64 else torch.float32
        x, weights = x.to(wide), [w.to(wide) for w in weights]
        h0, c0 = (None if s is None else s.to(wide) for s in (h0, c0))
        with torch.autocast(x.device.type, enabled=False) if autocast else nullcontext():
            y, h, c, trace = run(stack, x, h0, c0, weights, lengths, seed, gates, every)
        of_h = torch.get_autocast_dtype(x.device.type) if autocast and self.proj_size else result
        return y.to(of_h), h.to(of_h), c.to(result), trace

    def _result_type(self, x: Tensor, h0: Tensor | None, c0: Tensor | None, packed: bool) -> torch.dtype:
        """The type that torch's layers give under autocast; of c alone with a projection."""
        low = torch.get_autocast_dtype(x.device.type)
        if self.cell != "gru" and not packed and not self.proj_size and x.dtype in (torch.float32, low):
            return low
        states = [s.dtype for s in (None if self.proj_size else h0, c0) if s is not None]
        return functools.reduce(torch.promote_types, states, torch.promote_types(x.dtype, low))

    def _check_states(self, x: Tensor, hx: Any, batch: int) -> tuple[Tensor | None, Tensor | None]:
        if hx is None:
            return None, None
        lead = (self.options.layers * self.options.directions, batch)
        gru = self.cell == "gru"
        states = [hx] if gru else [hx[0], hx[1]]
        for index, state in enumerate(states):
            width = self.options.cell_size(self.hidden_size) if index else self.proj_size or self.hidden_size
            shape = (*lead, width)
            if state.shape != shape:
                name = "hidden" if gru else f"hidden[{index}]"
                self.check_hidden_size(state, shape, f"Expected {name} size {{}}, got {{}}")
            _check_device(x, state, "hidden")
            if state.dtype != x.dtype and not _autocasts(x):
                raise RuntimeError(
                    f"Input and hidden tensors are not the same dtype, found {x.dtype} and {state.dtype}"
                )
        return states[0], None if gru else states[1]

    def _arrange(
        self, input: Tensor | PackedSequence, hx: Any, lengths: Tensor | None
    ) -> tuple[Tensor, Any, Tensor | None]:
        """x [T, B, I], states [L*D, B, H] in the same order of rows, and the rows' lengths."""
        if isinstance(input, PackedSequence):
            if lengths is not None:
                raise ConfigError("lengths are part of a PackedSequence; leave `lengths` out.")
            x, lengths = pad_packed_sequence(PackedSequence(input.data, input.batch_sizes))
            return x, None if hx is None else self.permute_hidden(hx, input.sorted_indices), lengths
        dim = input.dim()
        if dim not in (2, 3):
            raise ValueError(f"{type(self).__name__}: Expected input to be 2D or 3D, got {dim}D instead")
        if hx is not None:
            self._check_dims(hx, dim)
        if dim == 3:
            return input.transpose(0, 1) if self.batch_first else input, hx, lengths
        if hx is not None:
            hx = hx.unsqueeze(1) if self.cell == "gru" else (hx[0].unsqueeze(1), hx[1].unsqueeze(1))
        return input.unsqueeze(1), hx, lengths

    def _check_dims(self, hx: Any, dim: int) -> None:
        dims = [hx.dim()] if self.cell == "gru" else [hx[0].dim(), hx[1].dim()]
        if any(d != dim for d in dims):
            case = "batched 3-D" if dim == 3 else "unbatched 2-D"
            if self.cell == "gru":
                raise RuntimeError(f"For {case} input, hx should also be {dim}-D but got {dims[0]}-D tensor")
            raise RuntimeError(
                f"For {case} input, hx and cx should also be {dim}-D but got ({dims[0]}-D, {dims[1]}-D) tensors"
            )

    def _check_input(self, x: Tensor, lengths: Tensor | None) -> None:
        name = self._flat_weights_names[0]
        first: Any = self._parameters[name] if name in self._parameters else getattr(self, name)
        _check_device(x, first, "parameter")
        if x.dtype != first.dtype and not _autocasts(x):
            raise ValueError(
                f"RNN input dtype ({x.dtype}) does not match weight dtype ({first.dtype}). "
                f"Convert input: input.to({first.dtype}), or convert model: model.to({x.dtype})"
            )
        if x.shape[-1] != self.input_size:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {x.shape[-1]}"
            )
        if x.shape[0] == 0:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
        if lengths is not None:
            _check_lengths(lengths, x.shape[0], x.shape[1])

    def flatten_parameters(self) -> None:
        """Nothing to do: the engine packs the weights itself."""

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
        data: Any = input if packed is None else packed.data
        if not torch.compiler.is_compiling() and isinstance(data, Tensor) and data.device.type == "cpu":
            warn_if_missing()
        torchs_own = self.torch_layer is not None and lengths is None and not return_gates and self._is_plain()
        if torchs_own and isinstance(data, Tensor) and data.dtype in NAMES and not self._repays_engine(data):
            return self.torch_layer.forward(self, input, hx)  # type: ignore[no-any-return]
        x, hx, lengths = self._arrange(input, hx, lengths)
        batched = packed is not None or data.dim() == 3
        self._check_input(x, lengths)
        h0, c0 = self._check_states(x, hx, x.shape[1])
        y, h, c, trace = self._run(x, h0, c0, lengths, return_gates, packed is not None)
        output: Any = y
        if packed is not None:
            rows = pack_padded_sequence(y, lengths).data  # type: ignore[arg-type]
            output = PackedSequence(rows, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)
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
    """Drop-in for `torch.nn.LSTM`, same arguments and weights.

    A projection (`proj_size`) of very few of many units runs on torch's own layer where nothing of ours is asked for.

    Args:
        *args, **kwargs: of `torch.nn.LSTM`.
        recurrent_dropout: dropout of the state that enters the recurrent product, one mask for all steps (Gal 2016).
        zoneout: share of units that keep their old state, or one share for h and one for c (Krueger 2017).
        forget_bias: starting bias of the forget gate; None leaves torch's start, 1 remembers from the beginning.
        layer_norm: normalise the input product, the recurrent product (each over all gates of a row) and the cell state
            inside the cell (Ba, Kiros and Hinton 2016); adds `weight_norm_l{k}`: scales of both products [G*H each],
            scale and shift of the cell state [H each].
        checkpoint_every: for long sequences: keep only the states at every so many steps, and recompute the rest in
            backward. Results are the same, a training step takes about 40 % longer; about sqrt(T) needs least memory.
    """

    cell = "lstm"
    torch_layer: Any = nn.LSTM

    def __init__(self, *args: Any, recurrent_dropout: float = 0.0, zoneout: float | tuple[float, float] = 0.0,
                 forget_bias: float | None = None, layer_norm: bool = False,
                 checkpoint_every: int | None = None, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(*args, **kwargs)
        self._set_options(recurrent_dropout, zoneout, forget_bias, layer_norm, checkpoint_every)


class GRU(_Engine, nn.GRU):
    """Drop-in for `torch.nn.GRU`, same arguments and weights; others of ours as in `LSTM`, but for `forget_bias`."""

    cell = "gru"
    torch_layer: Any = nn.GRU

    def __init__(self, *args: Any, recurrent_dropout: float = 0.0, zoneout: float = 0.0,
                 layer_norm: bool = False, checkpoint_every: int | None = None, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(*args, **kwargs)
        self._set_options(recurrent_dropout, (zoneout, 0.0), None, layer_norm, checkpoint_every)


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
                 forget_bias: float | None = None, layer_norm: bool = False,
                 checkpoint_every: int | None = None, **kwargs: Any) -> None:  # fmt: skip
        # torch sizes weights by mode: GRU has three blocks too
        super().__init__(
            "GRU", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, **kwargs
        )
        self._set_options(recurrent_dropout, zoneout, forget_bias, layer_norm, checkpoint_every)

    def permute_hidden(self, hx: Any, permutation: Tensor | None) -> Any:
        """Both states in another order of rows."""
        return hx if permutation is None else tuple(s.index_select(1, permutation) for s in hx)
