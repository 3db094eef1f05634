"""The ODE-RNN against torchdiffeq with a tight tolerance, closed forms, and what unobserved steps may change."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
import torchdiffeq

from tests.nn.specs import build, inputs, network, run
from tests.runtime.test_equals_torch import same
from tests.tasks.forecast.models import STEADY, hours, means, quick, wave
from tidegate.artifacts.spec import Convolution, Decoder, Embed, Head, OdeRnn, Segment
from tidegate.core import optional
from tidegate.core.errors import ConfigError, MissingExtraError
from tidegate.nn.ode import ODERNN, StateFlow
from tidegate.runtime.network.layers import flow_state


def flow(size: int = 4, steps: int = 2) -> StateFlow:
    torch.manual_seed(0)
    made = StateFlow(size, steps).double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.5)
    return made


def test_many_steps_reach_the_exact_solution_and_few_come_close() -> None:
    chance = torch.Generator().manual_seed(0)  # of its own: what ran before in this process must not matter
    h = torch.randn(3, 4, dtype=torch.float64, generator=chance)
    interval = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
    reference = flow()

    def motion(_: Any, state: torch.Tensor) -> torch.Tensor:
        return reference.linear2(torch.tanh(reference.linear1(state)))

    with torch.no_grad():
        rows = [
            torchdiffeq.odeint(
                motion, h[row], torch.tensor([0.0, float(interval[row])]).double(), rtol=1e-10, atol=1e-12
            )
            for row in range(3)
        ]
        exact = torch.stack([row[-1] for row in rows])
        errors = [float((flow(steps=steps)(h, interval) - exact).abs().max()) for steps in (2, 4, 8, 64)]
    assert errors[0] < 0.01
    assert errors[3] < 1e-8
    for coarse, fine in pairwise(errors[:3]):
        assert 8 < coarse / fine < 40  # fourth order: half the step, a sixteenth of the error


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_numpy_takes_the_same_steps_as_torchdiffeq(steps: int) -> None:
    made = flow(6, steps).float()
    weights = {f"f.{name}": tensor.numpy() for name, tensor in made.state_dict().items()}
    h, interval = torch.randn(5, 6), torch.rand(5) * 3
    with torch.no_grad():
        expected = made(h, interval)
    np.testing.assert_allclose(flow_state(weights, "f", h.numpy(), interval.numpy(), steps), expected, atol=2e-6)


@pytest.mark.parametrize("cell", ["lstm", "gru", "peephole", "coupled"])
@pytest.mark.parametrize(
    "last", [Head(hidden_size=6), Decoder(lags=(4,), attention="additive")], ids=["head", "decoder"]
)
def test_networks_run_alike_in_numpy(cell: Any, last: Any) -> None:
    encoder = OdeRnn(cell=cell, hidden_size=8, num_layers=2, missing=(2,))
    same(build(last, Embed(size=3), recurrent=encoder, static=2, window=24))


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_state_that_does_not_move_gives_the_plain_recurrence(cell: Any) -> None:
    torch.manual_seed(0)
    layer = ODERNN(3, 5, num_layers=2, cell=cell).eval()
    reference = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell](3, 5, 2, batch_first=True)
    state = {}
    for level in range(2):
        for name, tensor in layer.cells[level].state_dict().items():
            state[name.replace("l0", f"l{level}")] = tensor
    reference.load_state_dict(state)
    x = torch.randn(4, 7, 3)
    with torch.no_grad():
        for part in layer.flows:
            part.linear2.weight.zero_()  # type: ignore[union-attr, operator]
            part.linear2.bias.zero_()  # type: ignore[union-attr, operator]
        (found, final), (expected, last) = layer(x), reference(x)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(final[0], last[0] if cell == "lstm" else last, atol=1e-6, rtol=0)


def test_between_observations_time_alone_counts() -> None:
    """Two unobserved steps of 1 are one interval of 2 (with as many solver steps), whatever their inputs."""
    torch.manual_seed(0)
    long, short = ODERNN(2, 4, steps=4).eval(), ODERNN(2, 4, steps=8).eval()
    short.load_state_dict(long.state_dict())
    x = torch.randn(1, 4, 2)
    seen = torch.tensor([[True, False, True, True]])
    with torch.no_grad():
        found, _ = long(x, observed=seen)
        moved = x.clone()
        moved[:, 1] = 99.0
        torch.testing.assert_close(long(moved, observed=seen)[0], found, rtol=0, atol=0)
        joined, _ = short(x[:, [0, 2, 3]], intervals=torch.tensor([[1.0, 2.0, 1.0]]))
    torch.testing.assert_close(found[:, [2, 3]], joined[:, [1, 2]], atol=1e-5, rtol=0)


def test_what_stands_in_the_padding_changes_nothing() -> None:
    torch.manual_seed(0)
    layer, x, lengths = ODERNN(2, 4, cell="lstm").eval(), torch.randn(3, 5, 2), torch.tensor([5, 3, 1])
    with torch.no_grad():
        found, final = layer(x, lengths=lengths)
        for row, length in enumerate(lengths.tolist()):
            alone, last = layer(x[row : row + 1, :length])
            torch.testing.assert_close(found[row, :length], alone[0])
            assert (found[row, length:] == 0).all()
            for mine, theirs in zip(final, last, strict=True):
                torch.testing.assert_close(mine[:, row], theirs[:, 0])


def test_a_network_skips_the_steps_that_are_marked_as_missing() -> None:
    spec = build(Head(hidden_size=6), recurrent=OdeRnn(hidden_size=5, missing=(2,)))
    built, (past, future, static) = network(spec), inputs(spec)
    past[:, :, 2] = 0
    past[:, 4:7, 2] = 1
    moved = past.copy()
    moved[:, 4:7, :2] = 9
    assert torch.equal(run(built, moved, future, static).values, run(built, past, future, static).values)
    moved[:, 7, :2] = 9
    assert not torch.allclose(run(built, moved, future, static).values, run(built, past, future, static).values)


def test_a_forecaster_with_gaps_reads_its_masks() -> None:
    y, z = wave(220), wave(220, seed=3)
    y[[40, 90, 91, 217, 218]] = np.nan
    table = {"time": hours(220), "y": y, "z": z}
    model = quick(network={"encoder": "ode_rnn"}).fit(table, target=["y"], progress=False)
    place = model.preparation_.past_names.index("y:missing")
    assert model.spec_.encoder.missing == (place,)
    assert np.isfinite(means(model.predict())).all()
    both = quick(network={"encoder": "ode_rnn"}).fit(table, target=["y", "z"], progress=False)
    assert both.spec_.encoder.missing == ()  # z is always there
    z[[50, 51]] = np.nan
    apart = quick(network={"encoder": "ode_rnn", "channels": "independent"}).fit(
        table, target=["y", "z"], progress=False
    )
    names = apart.preparation_.past_names
    assert apart.spec_.encoder.missing == (names.index("y:missing") - 1, names.index("z:missing") - 1)
    assert STEADY == {"anchor": 0}


def test_what_does_not_go_together_is_refused() -> None:
    for layer in (Segment(length=2, size=3), Convolution(channels=(2,))):
        with pytest.raises(ValueError, match="reads single steps"):
            build(Head(), layer, recurrent=OdeRnn())
    with pytest.raises(ValueError, match="missing 7"):
        build(Head(), recurrent=OdeRnn(missing=(7,)))
    for options, text in (
        ({"segment": 2}, "single steps"),
        ({"bidirectional": True}, "no direction"),
        ({"network": {"conv_channels": [3]}}, "single steps"),
    ):
        model = quick(**{**options, "network": {"encoder": "ode_rnn", **options.get("network", {})}})  # type: ignore[dict-item]
        with pytest.raises(ConfigError, match=text):
            model.check()


def test_without_torchdiffeq_the_extra_is_named_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(optional.importlib, "import_module", absent)
    with pytest.raises(MissingExtraError, match=r"\[ode\]"):
        quick(network={"encoder": "ode_rnn"}).check()
