"""The numpy runtime runs padded rows as torch does, on the engine and without it."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.nn.lengths import of_any_length, padded, rows_alone
from tests.nn.specs import inputs, network, saying, specs
from tests.nn.test_lengths import whole
from tidegate.artifacts.spec import NetworkSpec
from tidegate.runtime.network.network import run_network
from tidegate.runtime.network.recurrent import Loaded

SAME = 2e-5


@given(st.one_of(specs(), saying()).filter(of_any_length))
@settings(max_examples=100)
def test_padded_rows_run_alike_in_numpy_and_torch_and_as_each_row_alone(spec: NetworkSpec) -> None:
    built, arrays = network(spec), inputs(spec, batch=4)
    past, lengths = padded(spec, arrays)
    weights = {name: tensor.numpy() for name, tensor in built.state_dict().items()}
    expected = whole(built, past, *arrays[1:], lengths=lengths)
    for own in (weights, Loaded(weights)):
        found = run_network(spec, own, past, *arrays[1:], lengths=lengths)
        np.testing.assert_allclose(found.prepared(), expected.prepared().numpy(), rtol=SAME, atol=SAME)
        if found.attention is not None:
            np.testing.assert_allclose(found.attention, expected.attention.numpy(), atol=SAME)
        alone = rows_alone(lambda *parts, own=own: run_network(spec, own, *parts), arrays, lengths)
        for row, one in enumerate(alone):
            count = one.values.shape[1]
            np.testing.assert_allclose(found.prepared()[row, :count], one.prepared()[0], rtol=SAME, atol=SAME)
            assert (found.values[row, count:] == 0).all()
