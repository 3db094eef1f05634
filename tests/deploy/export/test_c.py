"""C headers, compiled with the machine's compiler and run: the bits of the 8-bit form, and float32 closely."""

from __future__ import annotations

import shutil
import subprocess
from types import SimpleNamespace

import numpy as np
import pytest

from tests.artifacts.test_storage import weights_of
from tests.deploy.shrink.runs import forecaster
from tests.nn.specs import build
from tidegate.artifacts.artifact import read_model
from tidegate.artifacts.spec import Decoder, Dropout, Head, Label, Normalise, Recurrent, Skip
from tidegate.artifacts.storage import as_stored
from tidegate.cli.main import run as command
from tidegate.core.errors import ConfigError
from tidegate.deploy.export.header import Header, export_c
from tidegate.deploy.shrink.forms import stored
from tidegate.runtime.forecast.decode import Decoding
from tidegate.runtime.network.network import run_network
from tidegate.runtime.network.recurrent import Loaded

CC = shutil.which("cc")
needs_cc = pytest.mark.skipif(CC is None, reason="no C compiler")
MAIN = """
#include <stdio.h>
#include "net.h"
int main(void) {
  static float in[%d], out[%d];
  if (fread(in, 4, %d, stdin) != %d) return 1;
  %s;
  fwrite(out, 4, %d, stdout);
  return 0;
}
"""


def model_of(spec, storage):
    """A bare model of a spec with random weights."""
    weights = Loaded(as_stored(spec, weights_of(spec), storage))
    plain = SimpleNamespace(target_transform="none", scale_by="all")
    names = [f"x{i}" for i in range(spec.past)]
    preparation = SimpleNamespace(options=plain, columns=(), statics=(), series=(), past_names=tuple(names),
                                  future_names=tuple(f"f{i}" for i in range(spec.future)))  # fmt: skip
    if spec.forecasts:
        decoding = Decoding(spec.horizon, True, tuple(np.linspace(0.1, 0.9, spec.outputs - 1)))
        return SimpleNamespace(
            spec=spec, weights=weights, task="forecaster", preparation=preparation, decoding=decoding
        )
    preparation = SimpleNamespace(input_names=names, channels=(), conditions=None)
    labels = SimpleNamespace(names=("a",) * spec.outputs)
    return SimpleNamespace(spec=spec, weights=weights, task="classifier", preparation=preparation, labels=labels,
                           deciding=SimpleNamespace(temperature=1.0))  # fmt: skip


def compiled(folder, text, call, sizes):
    (folder / "net.h").write_text(text)
    n, m = sizes
    (folder / "main.c").write_text(MAIN % (n, m, n, n, call, m))
    strict = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Wno-unused-function", "-Werror", "-pedantic"]
    subprocess.run([CC, *strict, "main.c", "-o", "main"], cwd=folder, check=True)

    def run(values):
        given = np.ascontiguousarray(values, np.float32).tobytes()
        made = subprocess.run([folder / "main"], input=given, capture_output=True, check=True)
        return np.frombuffer(made.stdout, np.float32)

    return run


def cell_spec(cell, last, *between, **how):
    layer = Recurrent(cell=cell, hidden_size=11, num_layers=2, **how)
    return build(last, *between, recurrent=layer, past=3, targets=2, outputs=3, future=2, window=12, horizon=4)


@needs_cc
@pytest.mark.parametrize("storage", ["int8", "float32"])
@pytest.mark.parametrize(
    "spec",
    [
        cell_spec("lstm", Head(hidden_size=6, lags=(3, 12)), Normalise(by="last")),
        cell_spec("peephole", Decoder(segment=2, position=3, lags=(4,)), Normalise(by="last")),
        cell_spec("coupled", Head(hidden_size=6), Dropout(), zoneout=0.2),
        cell_spec("gru", Decoder(), zoneout=0.1),
        cell_spec("gru", Decoder(lags=(3,)), Normalise(by="mean"), Skip()),
    ],
    ids=lambda spec: f"{spec.encoder.cell}-{spec.layers[-1].kind}-{len(spec.layers)}",
)
def test_a_forecasting_network(spec, storage, tmp_path):
    model = model_of(spec, storage)
    inputs, ahead = spec.window * spec.past, spec.horizon * spec.future
    out = spec.horizon * spec.targets * spec.outputs
    call = f"net_predict(in, in + {inputs}, out)"
    run = compiled(tmp_path, Header(model, "net").text(), call, (inputs + ahead, out))
    rng = np.random.default_rng(0)
    for size in (1, 30, 1e-3):
        past = (size * rng.normal(size=(1, spec.window, spec.past))).astype(np.float32)
        future = (size * rng.normal(size=(1, spec.horizon, spec.future))).astype(np.float32)
        expected = run_network(spec, model.weights, past, future).prepared().ravel()
        found = run(np.concatenate([past.ravel(), future.ravel()]))
        if storage == "int8" and spec.find("skip") is None:
            np.testing.assert_array_equal(found.view(np.int32), expected.view(np.int32))
        else:
            np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * max(size, 0.1))


@needs_cc
@pytest.mark.parametrize("pool", ["last", "max"])
def test_a_label(pool, tmp_path):
    spec = build(Label(hidden_size=7), recurrent=Recurrent(hidden_size=9), pool=pool, window=0, horizon=1, past=2,
                 outputs=4)  # fmt: skip
    model = model_of(spec, "int8")
    run = compiled(tmp_path, Header(model, "net").text(), "net_predict(in, 8, out)", (16, 4))
    past = np.random.default_rng(1).normal(size=(1, 8, 2)).astype(np.float32)
    expected = run_network(spec, model.weights, past).values.ravel()
    np.testing.assert_array_equal(run(past.ravel()).view(np.int32), expected.view(np.int32))


@needs_cc
def test_a_whole_model(tmp_path, capsys):
    """A run's model, fed with the table's own values, forecasts what it does; its code is small."""
    import tidegate as tg

    small = tmp_path / "small"
    small.mkdir()
    stored(read_model(forecaster()), "int8", small / "model")
    out = tmp_path / "net.h"
    assert command(["export", str(small), "--format", "c", "--out", str(out)]) == 0
    model = tg.load(small)
    table, spec = model.model_.context(), model.spec_
    prepared = model.preparation_.apply(table.extend(6))
    at = np.array([len(table)])
    past = prepared.past(at, spec.window)[0]
    own = model.preparation_.columns[0]
    past[:, 0] = past[:, 0] * own.scales[0] + own.offsets[0]
    values, room = np.concatenate([past.ravel(), prepared.future(at, 6).ravel()]), spec.window * spec.past
    more = 6 * max(spec.future, 1)
    call = f"static float room[{room}], ahead[{more}]; net_forecast(in, in + {room}, room, ahead, out)"
    run = compiled(tmp_path, out.read_text(), call, (len(values), 6 * spec.outputs))
    np.testing.assert_allclose(run(values)[:: spec.outputs], np.asarray(model.predict()["mean"]), rtol=1e-4)
    (tmp_path / "size.c").write_text(
        '#include "net.h"\nvoid f(float*a,float*b,float*c,float*d,float*e){net_forecast(a,b,c,d,e);}'
    )
    subprocess.run([CC, "-std=c99", "-Os", "-c", "size.c"], cwd=tmp_path, check=True)
    if shutil.which("size"):
        said = subprocess.run(["size", "-A", "size.o"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        code = sum(int(line.split()[1]) for line in said.splitlines() if line.startswith(".text"))
        assert code <= 8192


def test_what_has_no_form_in_c(tmp_path):
    spec = build(Label(), recurrent=Recurrent(bidirectional=True, hidden_size=4), window=0, horizon=1, past=2)
    with pytest.raises(ConfigError, match="bidirectional"):
        Header(model_of(spec, "int8"), "net")
    with pytest.raises(ConfigError, match="no name in C"):
        Header(model_of(spec, "int8"), "1net")
    with pytest.raises(ConfigError, match="layer norm"):
        Header(model_of(cell_spec("gru", Head(), layer_norm=True), "int8"), "net")
    assert export_c is not None
