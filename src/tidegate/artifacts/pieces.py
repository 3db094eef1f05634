"""Names and shapes of the tensors of a network's pieces: recurrences, attention, dense layers and norms."""

from __future__ import annotations

from collections.abc import Sequence

from tidegate.artifacts.spec import GATES, Recurrent

Shape = tuple[int, ...]


def attention_shapes(prefix: str, kind: str, query: int, width: int) -> dict[str, Shape]:
    """Tensors of a decoder's attention over states of some width, and of what joins their context to its state."""
    shapes: dict[str, Shape] = {}
    if kind == "additive":
        shapes[f"{prefix}.attention.query.weight"] = (query, query)
        shapes |= linear_shapes(f"{prefix}.attention.key", width, query)
    elif kind == "general":
        shapes[f"{prefix}.attention.key.weight"] = (query, width)
    elif kind == "concat":
        shapes[f"{prefix}.attention.both.weight"] = (query, query + width)
    if kind in ("additive", "concat"):
        shapes[f"{prefix}.attention.score.weight"] = (1, query)
    if kind != "additive":
        shapes[f"{prefix}.combine.weight"] = (query, width + query)
    return shapes


def recurrent_shapes(
    prefix: str,
    cell: str,
    inputs: int,
    hidden: int,
    layers: int,
    directions: int,
    *,
    norm: bool = False,
    heads: int = 1,
) -> dict[str, Shape]:
    """Tensors of torch.nn.LSTM and torch.nn.GRU, and beside them those of peepholes and of a norm inside the cell.

    Of an slstm, `weight_hh` holds each head's block; of an mlstm, which has none, rows are q, k, v, o [H each], i and f
    [heads each].
    """
    matrix = cell == "mlstm"
    gates = 4 * hidden + 2 * heads if matrix else GATES[cell] * hidden
    shapes: dict[str, Shape] = {}
    for level in range(layers):
        width = inputs if level == 0 else hidden * directions
        for direction in range(directions):
            tail = f"l{level}" + ("_reverse" if direction else "")
            shapes[f"{prefix}.weight_ih_{tail}"] = (gates, width)
            shapes[f"{prefix}.bias_ih_{tail}"] = (gates,)
            if not matrix:
                shapes[f"{prefix}.weight_hh_{tail}"] = (gates, hidden // heads)
                shapes[f"{prefix}.bias_hh_{tail}"] = (gates,)
            if cell == "peephole":
                shapes[f"{prefix}.weight_peephole_{tail}"] = (3 * hidden,)
            if norm:  # scales of both products; of a cell state scale and shift; of what an mlstm reads the scale
                size = hidden if matrix else 2 * gates + (0 if cell == "gru" else 2 * hidden)
                shapes[f"{prefix}.weight_norm_{tail}"] = (size,)
    return shapes


def stack_shapes(prefix: str, layer: Recurrent, inputs: int, directions: int) -> dict[str, Shape]:
    """Tensors of the recurrent stack of a spec."""
    sizes = (inputs, layer.hidden_size, layer.num_layers, directions)
    return recurrent_shapes(prefix, layer.cell, *sizes, norm=layer.layer_norm, heads=layer.num_heads)


def linear_shapes(prefix: str, inputs: int, outputs: int) -> dict[str, Shape]:
    """Tensors of a dense layer."""
    return {f"{prefix}.weight": (outputs, inputs), f"{prefix}.bias": (outputs,)}


def norm_shapes(prefix: str, width: int, names: Sequence[str] = ("weight", "bias")) -> dict[str, Shape]:
    """Tensors of a norm."""
    return {f"{prefix}.{name}": (width,) for name in names}


def batch_norm_shapes(prefix: str, width: int) -> dict[str, Shape]:
    """Tensors of batch normalisation, its statistics among them."""
    return norm_shapes(prefix, width, ("weight", "bias", "running_mean", "running_var"))


def multihead_shapes(prefix: str, width: int) -> dict[str, Shape]:
    """Tensors of torch.nn.MultiheadAttention."""
    shapes: dict[str, Shape] = {f"{prefix}.in_proj_weight": (3 * width, width), f"{prefix}.in_proj_bias": (3 * width,)}
    return shapes | linear_shapes(f"{prefix}.out_proj", width, width)
