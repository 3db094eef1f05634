"""The engine on torch's OpenMP threads: the same bits as on its own, also after a fork."""

from __future__ import annotations

import os
import signal

import pytest
import torch

from tidegate.kernels.library import native
from tidegate.kernels.operators import adopt_openmp
from tidegate.nn import recurrent

pytestmark = pytest.mark.skipif(native() is None, reason="the native library is not built")


def trained() -> list[torch.Tensor]:
    torch.manual_seed(0)
    layer = recurrent.LSTM(8, 64, 2)
    x = torch.randn(60, 32, 8, requires_grad=True)
    output, _ = layer(x)
    output.square().sum().backward()
    assert x.grad is not None
    return [output.detach(), x.grad, *(p.grad for p in layer.parameters())]  # type: ignore[list-item]


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate.kernels.calls.threads", lambda: 2)


def test_the_bits_do_not_depend_on_whose_threads_work(threads: None) -> None:
    library = native()
    assert library is not None
    if not adopt_openmp():
        pytest.skip("torch has no OpenMP runtime here")
    adopted = trained()
    library.tg_use_openmp(None)
    try:
        own = trained()
    finally:
        adopt_openmp()
    assert all(torch.equal(a, b) for a, b in zip(adopted, own, strict=True))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_works_on(threads: None) -> None:
    adopt_openmp()
    expected = trained()[0]
    library = native()
    assert library is not None
    x, read = torch.zeros(60, 32, 8), os.pipe()
    with torch.no_grad():
        torch.manual_seed(0)
        layer = recurrent.LSTM(8, 64, 2)
        before = layer(x)[0].sum().item()
        child = os.fork()
        if child == 0:
            signal.alarm(60)  # a child that hangs is a failure, not a pause
            torch.set_num_threads(1)  # torch's own parallel regions hang in a child of fork
            os.write(read[1], repr(layer(x)[0].sum().item()).encode())
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert float(os.read(read[0], 100)) == before
    assert torch.equal(trained()[0], expected)
    os.close(read[0])
    os.close(read[1])
