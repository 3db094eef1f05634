"""ODE-RNN: a state that flows between observations, for series observed at irregular times."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tidegate.artifacts.layers import StateCell, cell_size
from tidegate.artifacts.spec import Recurrent
from tidegate.core.optional import require
from tidegate.nn.attention import padding
from tidegate.nn.draws import Dropout
from tidegate.nn.flow import State, recurrent


class StateFlow(nn.Module):
    """The learned motion of a state over an interval, solved by fourth-order Runge-Kutta steps of equal size.

        dh/dt = W2 tanh(W1 h + b1) + b2

    The solver is torchdiffeq's fixed-step `rk4` (the 3/8 rule), through which gradients flow.

    Args:
        size: H. steps: of the solver, for each interval however long.

    Raises:
        MissingExtraError: torchdiffeq is not installed.

    Source: Chen, Rubanova, Bettencourt and Duvenaud (2018), arXiv:1806.07366.
    """

    def __init__(self, size: int, steps: int = 2) -> None:
        super().__init__()
        self.solver: Any = require("torchdiffeq", extra="ode", purpose="train an ODE-RNN")
        self.steps = steps
        self.linear1, self.linear2 = nn.Linear(size, size), nn.Linear(size, size)

    def forward(self, h: Tensor, interval: Tensor) -> Tensor:
        """h [B, H] after `interval` [B] units of time."""
        scale = interval.unsqueeze(1)

        def motion(_: Tensor, state: Tensor) -> Tensor:
            return torch.as_tensor(scale * self.linear2(torch.tanh(self.linear1(state))))

        ends = h.new_tensor([0.0, 1.0])
        grid = torch.linspace(0, 1, self.steps + 1, dtype=h.dtype, device=h.device)
        options = {"grid_constructor": lambda *_: grid}
        return torch.as_tensor(self.solver.odeint(motion, h, ends, method="rk4", options=options)[-1])


class ODERNN(nn.Module):
    """Recurrent layers whose hidden state flows between observations and is updated at each of them.

        h' = ODE(h_(s-1), interval_s)               dh/dt = W2 tanh(W1 h + b1) + b2
        h_s, c_s = cell(x_s, (h', c_(s-1)))         where step s was observed, else h', c_(s-1)

    Args:
        inputs: D. hidden_size: H. num_layers: each with a motion of its own.
        cell: `lstm`, `gru`, `peephole`, `coupled` or `slstm`; a cell state c does not flow.
        steps: of the solver, for each interval. dropout: between layers, in training.

    Raises:
        MissingExtraError: torchdiffeq is not installed.

    Source: Rubanova, Chen and Duvenaud (2019), arXiv:1907.03907; with a cell state: Lechner and Hasani (2020),
    arXiv:2006.04418.
    """

    def __init__(
        self,
        inputs: int,
        hidden_size: int,
        num_layers: int = 1,
        cell: StateCell = "gru",
        steps: int = 2,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.hidden_size, self.cell_size = hidden_size, cell_size(cell, hidden_size)
        one = Recurrent(cell=cell, hidden_size=hidden_size)
        widths = [inputs] + [hidden_size] * (num_layers - 1)
        self.cells = nn.ModuleList(recurrent(one, width, bidirectional=False) for width in widths)
        self.flows = nn.ModuleList(StateFlow(hidden_size, steps) for _ in widths)
        self.dropout = Dropout(dropout)

    def forward(
        self,
        sequence: Tensor,
        intervals: Tensor | None = None,
        observed: Tensor | None = None,
        lengths: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Run the layers.

        Args:
            sequence: [B, S, D]. intervals: [B, S] time since the step before, at least 0; None is 1 everywhere.
            observed: [B, S]; x is not looked at where it is false. None is true everywhere.
            lengths: [B] steps of each row; past its end outputs are zero and the state stays.

        Returns:
            h of the last layer, [B, S, H], and the final h (and c) of every layer, [L, B, H].
        """
        batch, steps, _ = sequence.shape
        padded = padding(lengths, batch, steps)
        kept = torch.ones(batch, steps, dtype=torch.bool, device=sequence.device) if padded is None else ~padded
        intervals = sequence.new_ones(batch, steps) if intervals is None else intervals
        intervals = intervals * kept
        observed = kept if observed is None else observed & kept
        finals = []
        for level, (cell, flow) in enumerate(zip(self.cells, self.flows, strict=True)):
            if level:
                sequence = self.dropout(sequence)
            sequence, final = self._level(cell, flow, sequence, intervals, observed)
            finals.append(final)
        return sequence * kept.unsqueeze(2), tuple(torch.stack(parts) for parts in zip(*finals, strict=True))

    def _level(
        self, cell: nn.Module, flow: nn.Module, sequence: Tensor, intervals: Tensor, observed: Tensor
    ) -> tuple[Tensor, State]:
        widths = [self.hidden_size, self.cell_size] if self.cell_size else [self.hidden_size]
        state: State = tuple(sequence.new_zeros(len(sequence), width) for width in widths)
        outputs = []
        for step in range(sequence.shape[1]):
            before = (flow(state[0], intervals[:, step]), *state[1:])
            given = tuple(part.unsqueeze(0).contiguous() for part in before)
            _, found = cell(sequence[:, step : step + 1], given if len(widths) > 1 else given[0])
            after = found if isinstance(found, tuple) else (found,)
            seen = observed[:, step].unsqueeze(1)
            state = tuple(torch.where(seen, new[0], old) for new, old in zip(after, before, strict=True))
            outputs.append(state[0])
        return torch.stack(outputs, dim=1), state
