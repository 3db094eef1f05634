"""The numpy runtime gives torch's figures, for networks and for whole forecasters, before and after saving."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tidegate as tg
from tests.nn.specs import build, inputs, network, run, saying, specs
from tests.tasks.forecast.models import (
    RICH_COLUMNS,
    ROWS,
    fitted_plain,
    fitted_rich,
    hours,
    means,
    plain,
    quick,
    rich,
    rich_future,
    wave,
)
from tidegate.artifacts.spec import Decoder, Head, NetworkSpec, Normalise, Recurrent
from tidegate.kernels.library import native
from tidegate.kernels.stack import CELLS, knows
from tidegate.runtime.network.cells import sigmoid
from tidegate.runtime.network.network import run_network
from tidegate.runtime.network.recurrent import Loaded

SAME = 1e-5


def same(spec: NetworkSpec, batch: int = 3, seed: int = 0, scale: float = 1.0) -> None:
    built = network(spec, seed)
    past, future, static = inputs(spec, batch, seed)
    past = past * np.float32(scale) if scale != 1 else past
    weights = {name: tensor.numpy() for name, tensor in built.state_dict().items()}
    expected = run(built, past, future, static)
    for own in (weights, Loaded(weights)):  # in numpy, and on the engine
        normed = getattr(spec.encoder, "layer_norm", False)  # a norm also magnifies what was rounded
        close(run_network(spec, own, past, future, static), expected, SAME * (5 if normed else 1))


def close(found: Any, expected: Any, limit: float) -> None:
    for name in ("values", "loc", "scale"):
        assert getattr(found, name).shape == getattr(expected, name).shape
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name).numpy(), rtol=limit, atol=limit)
    for name in ("attention", "decoder_attention", "self_attention"):
        mine, theirs = getattr(found, name), getattr(expected, name)
        assert (mine is None) == (theirs is None)
        if mine is not None:
            np.testing.assert_allclose(mine, theirs.numpy(), atol=limit)
            np.testing.assert_allclose(mine.sum(axis=-1), 1.0, atol=SAME)
    np.testing.assert_allclose(found.prepared(), expected.prepared().numpy(), rtol=limit, atol=limit)


@given(st.one_of(specs(), saying()))
@settings(max_examples=200)
def test_any_network_runs_alike_in_numpy_and_torch(spec: NetworkSpec) -> None:
    same(spec)


@pytest.mark.parametrize("cell", ["lstm", "gru", "slstm", "mlstm"])
@pytest.mark.parametrize("last", [Head(hidden_size=24, lags=(24,)), Decoder(position=8, lags=(24,))])
def test_a_network_of_ordinary_size_stays_within_the_limit(cell: str, last: Any) -> None:
    heads = {"num_heads": 4} if cell in ("slstm", "mlstm") else {}
    recurrent = Recurrent(cell=cell, hidden_size=32, num_layers=2, **heads)
    spec = build(last, Normalise(by="standard"), recurrent=recurrent, window=168, horizon=24, future=4, outputs=3)
    same(spec, batch=4)


def test_extreme_inputs_neither_warn_nor_overflow() -> None:
    same(build(Head(hidden_size=6), recurrent=Recurrent(cell="gru", hidden_size=5)), scale=1e4)
    assert sigmoid(np.array([-1e30, 0.0, 1e30], dtype=np.float32)).tolist() == [0.0, 0.5, 1.0]


def saved(model: tg.Forecaster, folder: Path) -> tg.Forecaster:
    return tg.load(model.save(folder / "model"))


def test_every_kind_of_column_survives_saving(tmp_path: Path) -> None:
    model = fitted_rich()
    assert {"wind:missing", "y:missing"} <= set(model.preparation_.past_names)
    loaded = saved(model, tmp_path)
    future = rich_future()
    before, after = model.predict(future=future), loaded.predict(future=future)
    np.testing.assert_allclose(means(after), means(before), rtol=SAME, atol=SAME)
    assert means(before).shape == (12, 4)
    assert list(after.columns) == list(before.columns) == ["place", "time", "mean", "q0.1", "q0.5", "q0.9"]
    for name in ("place", "time"):
        assert after[name].to_list() == before[name].to_list()
    first = before["time"][0]
    assert (str(first.tzinfo), first.isoformat()) == ("Europe/Paris", "2024-01-17T16:00:00+01:00")


def test_a_loaded_model_reads_new_rows_as_the_fitted_one_does(tmp_path: Path) -> None:
    model, loaded = fitted_rich(), saved(fitted_rich(), tmp_path)
    rows, future = rich(120), rich_future(120)
    before, after = model.predict(rows, future=future), loaded.predict(rows, future=future)
    assert type(before) is type(after)
    np.testing.assert_allclose(means(after), means(before), rtol=SAME, atol=SAME)
    assert not np.allclose(means(after), means(loaded.predict(future=rich_future())))


@pytest.mark.parametrize(
    "options",
    [
        {"preparation": {"target_transform": "difference", "difference_lag": 24}},
        {"preparation": {"target_transform": "log1p"}},
        {"network": {"block": 2}},
        {"network": {"block": 3}, "loss": "pinball", "quantiles": [0.1, 0.5, 0.9]},
        {"normalise": "standard", "network": {"head": "direct", "batch_norm": True, "anchor": 6}},
        {"normalise": "scale", "bidirectional": True, "cell": "gru", "segment": 3},
        {"network": {"attention": "additive", "teacher_forcing": 0.5}},
        {"network": {"attention": "dot", "anchor": 6}, "pooling": "attention", "segment": 3},
        {"network": {"attention": "general", "decoder_segment": 2}, "bidirectional": True},
        {
            "network": {"attention": "concat", "teacher_forcing": 1.0, "forcing_schedule": "linear", "block": 3},
            "loss": "pinball",
        },
        {"network": {"conv_channels": [4, 3], "conv_stride": 2, "self_attention": True, "num_heads": 3}},
        {"network": {"layer_norm": True, "forget_bias": 1}, "num_layers": 2},
        {"network": {"layer_norm": True, "attention": "additive", "recurrent_dropout": 0.3}, "bidirectional": True},
        {"network": {"zoneout": 0.2, "layer_norm": True}, "cell": "gru"},
        {"network": {"zoneout": 0.2}, "cell": "coupled"},
        {"network": {"layer_norm": True, "zoneout": 0.1, "head": "direct"}, "cell": "peephole"},
        {"network": {"encoder": "transformer", "num_heads": 2, "positions": "learned"}, "segment": 2, "cell": "gru"},
        {"network": {"encoder": "transformer", "num_heads": 2, "head": "direct"}, "pooling": "attention"},
        {"network": {"encoder": "ode_rnn"}, "num_layers": 2},
        {"network": {"encoder": "ode_rnn", "channels": "independent", "solver_steps": 1}, "cell": "gru"},
        {"fill": "linear", "scale": "robust"},
        {"fill": "seasonal", "scale": "minmax", "preparation": {"season": 24}},
    ],
    ids=str,
)
def test_options_survive_saving(options: dict[str, Any], tmp_path: Path) -> None:
    table = {"time": hours(220), "y": wave(220), "z": wave(220, seed=3)}
    table["y"][[40, 90, 91, 217, 218, 219]] = np.nan
    model = quick(level=50, **options).fit(table, target=["y", "z"], progress=False)
    before, after = model.predict(), saved(model, tmp_path).predict()
    assert np.isfinite(means(before)).all()
    np.testing.assert_allclose(means(after), means(before), rtol=SAME, atol=SAME)
    assert after["target"].to_list() == ["y", "z"] * 6


def test_independent_channels_survive_saving(tmp_path: Path) -> None:
    table = {"time": hours(220), "y": wave(220), "z": 5 * wave(220, seed=3)}
    model = quick(network={"channels": "independent", "channel_size": 2}).fit(table, target=["y", "z"], progress=False)
    assert model.spec_.channels == "independent"
    np.testing.assert_allclose(means(saved(model, tmp_path).predict()), means(model.predict()), rtol=SAME)


def test_rows_without_times_survive_saving(tmp_path: Path) -> None:
    model = quick().fit(wave(220), progress=False)
    before, after = model.predict(), saved(model, tmp_path).predict()
    np.testing.assert_allclose(means(after), means(before), rtol=SAME)
    assert after["step"].to_list() == before["step"].to_list() == list(range(220, 226))


def test_evaluation_of_new_rows_is_the_same_after_loading(tmp_path: Path) -> None:
    rows = plain(90, seed=5)
    before = quick().fit(plain(), out=tmp_path / "run", progress=False).evaluate(rows)
    after = tg.load(tmp_path / "run").evaluate(rows)
    assert before.verdict.key == after.verdict.key
    assert before.overall["model"] == pytest.approx(after.overall["model"], rel=1e-4)


def test_a_model_saved_without_context_asks_for_rows(tmp_path: Path) -> None:
    model = fitted_plain()
    loaded = tg.load(model.save(tmp_path / "model", context=False))
    with pytest.raises(tg.TidegateError, match="saved without the end of its training table"):
        loaded.predict()
    np.testing.assert_allclose(means(loaded.predict(plain())), means(model.predict()), rtol=SAME)


def test_recursive_decoding_feeds_the_network_its_own_forecasts() -> None:
    """By hand: forecast a block, append it to the table as if it had come, forecast the next block."""
    model = quick(network={"block": 2}).fit(plain(), progress=False)
    assert model.decoding_.calibration is None
    expected, table = [], plain()
    step = quick(network={"block": 2})
    step.__dict__.update(model.__dict__)
    step.decoding_ = type(model.decoding_)(2, True, ())
    for _ in range(3):
        block = means(step.predict(table))[:, 0]
        expected += block.tolist()
        length = len(table["y"]) + 2
        table = {"time": hours(length), "y": np.concatenate([table["y"], block])}
    np.testing.assert_allclose(means(model.predict())[:, 0], expected, rtol=1e-5)


def test_recursion_of_quantiles_alone_goes_along_the_median() -> None:
    model = quick(network={"block": 2}, loss="pinball", quantiles=[0.1, 0.5, 0.9]).fit(plain(), progress=False)
    median = model.predict()["q0.5"].to_numpy()
    step = quick()
    step.__dict__.update(model.__dict__)
    step.decoding_ = type(model.decoding_)(2, False, (0.1, 0.5, 0.9), model.decoding_.calibration)
    first = step.predict(plain())
    table = {"time": hours(ROWS + 2), "y": np.concatenate([plain()["y"], first["mean"].to_numpy()])}
    np.testing.assert_allclose(median[2:4], step.predict(table)["mean"].to_numpy(), rtol=1e-5)


def test_known_ahead_rows_are_asked_for_by_name() -> None:
    model = fitted_rich()
    with pytest.raises(tg.TidegateError, match=r"'heat', 'weather' is known ahead.*6 steps.*future_frame"):
        model.predict()
    late = {name: values[[0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]] for name, values in rich_future().items()}
    north = {name: values[:6] for name, values in rich_future().items()}
    blank = rich_future()
    blank["heat"][3] = np.nan
    for future, lacking in ((late, "north"), (north, "south"), (blank, "north")):  # the others are forecast
        assert lacking not in model.predict(future=future)["place"].to_list()
        note = next(note for note in model.answer_notes_ if note.kind == "no_future")
        assert note.values == {"count": 1, "total": 2, "names": lacking}
    neither = {name: values[[0, 6]] for name, values in rich_future().items()}
    with pytest.raises(tg.TidegateError, match="lacks the row for 2024-01-17 "):
        model.predict(future=neither)
    with pytest.raises(tg.TidegateError, match="'heat'"):
        model.predict(future={name: values for name, values in rich_future().items() if name != "heat"})


def test_future_frame_gives_the_rows_to_fill_in() -> None:
    model = fitted_rich()
    frame = model.future_frame()
    assert list(frame.columns) == ["place", "time", "heat", "weather"]
    assert frame["place"].to_list() == ["north"] * 6 + ["south"] * 6
    filled = {name: frame[name].to_list() for name in ("place", "time")}
    filled |= {name: rich_future()[name] for name in ("heat", "weather")}
    np.testing.assert_array_equal(means(model.predict(future=filled)), means(model.predict(future=rich_future())))


def test_a_series_shorter_than_the_window_is_named() -> None:
    with pytest.raises(tg.TidegateError, match="11 rows; a forecast looks at 12"):
        fitted_plain().predict(plain(11))
    assert len(fitted_plain().predict(plain(12))) == 6


def test_rich_columns_are_used(tmp_path: Path) -> None:
    """Each kind of covariate moves the forecast: none is lost on the way to the runtime."""
    loaded = saved(fitted_rich(), tmp_path)
    rows, future = rich(), rich_future()
    base = means(loaded.predict(rows, future=future))
    for name in ("heat", "weather", "wind", "kind", "size"):
        changed = {key: values.copy() for key, values in rows.items()}
        changed[name] = {
            "weather": np.full(len(rows["y"]), "snow", dtype=object),
            "kind": np.full(len(rows["y"]), "hill", dtype=object),
        }.get(name, rows["size"] + 3.0)
        assert np.abs(means(loaded.predict(changed, future=future)) - base).max() > 1e-6, name
    for name in ("heat", "weather"):
        changed = {key: values.copy() for key, values in future.items()}
        changed[name] = np.full(12, "snow", dtype=object) if name == "weather" else future["heat"] + 2
        assert np.abs(means(loaded.predict(rows, future=changed)) - base).max() > 1e-6, name
    assert RICH_COLUMNS["observed"] == ["wind"]


def test_calibrated_intervals_are_saved(tmp_path: Path) -> None:
    for model in (fitted_plain(), fitted_rich()):
        assert model.decoding_.calibration is not None
        assert np.abs(model.decoding_.calibration[..., 1:]).max() > 1e-3
        assert (model.decoding_.calibration[..., 0] == 0).all()
        calibration = saved(model, tmp_path).decoding_.calibration
        np.testing.assert_array_equal(calibration, model.decoding_.calibration)


@pytest.mark.skipif(native() is None, reason="the native library was not built")
@pytest.mark.parametrize("cell", [cell for cell in sorted(CELLS) if knows(cell)])
def test_stacks_are_packed_once(cell: str) -> None:
    spec = build(Head(hidden_size=24), recurrent=Recurrent(cell=cell, hidden_size=8, num_layers=2, bidirectional=True))
    batch = inputs(spec, 3, 0)
    weights = Loaded({name: tensor.numpy() for name, tensor in network(spec, 0).state_dict().items()})
    first = run_network(spec, weights, *batch)
    prefix = f"layers.{[layer.kind for layer in spec.layers].index('recurrent')}.rnn"
    packed = weights.packed(spec.find("recurrent"), prefix)
    assert packed is not None
    assert weights.packed(spec.find("recurrent"), prefix) is packed
    copied = pickle.loads(pickle.dumps(weights))
    np.testing.assert_array_equal(run_network(spec, copied, *batch).values, first.values)
