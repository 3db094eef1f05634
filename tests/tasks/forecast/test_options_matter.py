"""No option is silently ignored: each changes the spec, the weights or the forecasts."""

import inspect
from dataclasses import fields
from functools import cache
from typing import Any

import numpy as np
import pytest

import tidegate as tg
from tests.tasks.forecast.models import BRIEF, QUICK, STEADY, hours, made, means, wave
from tidegate.prepare import AugmentOptions
from tidegate.tasks.forecast.choices import NetworkOptions
from tidegate.train.options import TrainOptions

BASE: dict[str, Any] = {
    **QUICK,
    "num_layers": 2,
    "max_epochs": 3,
    "network": STEADY,
    "training": {"steps_per_epoch": 3, "refit": False},
}
LONG = {"max_epochs": 8, "learning_rate": 0.05}
"""A change of each option, and the other options that give it something to do."""
OPTIONS: list[tuple[str, Any, dict[str, Any]]] = [
    ("horizon", 5, {}),
    ("window", 14, {}),
    ("cell", "gru", {}),
    ("hidden_size", 7, {}),
    ("num_layers", 1, {}),
    ("dropout", 0.5, {}),
    ("bidirectional", True, {}),
    ("pooling", "attention", {}),
    ("segment", 3, {}),
    ("normalise", "last", {}),
    ("normalise", "mean", {}),
    ("normalise", "standard", {}),
    ("normalise", "scale", {}),
    ("scale", "minmax", {}),
    ("scale", "robust", {}),
    ("scale", "none", {}),
    ("scale_by", "shared", {}),
    ("fill", "linear", {}),
    ("fill", "bfill", {}),
    ("fill", "seasonal", {}),
    ("calendar", (), {}),
    ("holidays", "US", {}),
    ("loss", "mse", {}),
    ("loss", "huber", {}),
    ("loss", "pinball", {"quantiles": [0.3]}),
    ("quantiles", [0.2], {}),
    ("level", 80, {}),
    ("optimizer", "adamw", {"training": {"weight_decay": 0.1}}),
    ("optimizer", "sgd", {}),
    ("learning_rate", 0.01, {}),
    ("schedule", "step", {"training": {"step_epochs": 1}}),
    ("schedule", "one_cycle", {}),
    ("schedule", "constant", {}),
    ("batch_size", 16, {}),
    ("max_epochs", 2, {}),
    ("patience", 1, {"min_delta": 0.05, **LONG}),
    ("min_delta", 5.0, {"patience": 1, **LONG}),
    ("clip", 0.001, {"optimizer": "sgd"}),
    ("seed", 1, {}),
    ("ensemble_size", 2, {}),
    ("refit", True, {}),
    ("pretrained", True, {}),
    ("network.head", "direct", {}),
    ("network.decoder_segment", 2, {}),
    ("network.head_size", 5, {"network": {"head": "direct"}}),
    ("network.head_dropout", 0.5, {}),
    ("network.lags", [3], {}),
    ("network.anchor", 4, {}),
    ("network.channels", "independent", {}),
    ("network.channel_size", 3, {"network": {"channels": "independent"}}),
    ("network.embed", 3, {}),
    ("network.batch_norm", True, {}),
    ("network.layer_norm", True, {}),
    ("network.recurrent_dropout", 0.4, {}),
    ("network.zoneout", 0.4, {}),
    ("network.forget_bias", 1.0, {}),
    ("network.encoder", "transformer", {"network": {"num_heads": 2}}),
    ("network.encoder", "ode_rnn", {}),
    ("network.solver_steps", 1, {"network": {"encoder": "ode_rnn"}}),
    ("network.num_heads", 3, {"network": {"encoder": "transformer", "num_heads": 2}}),
    ("network.feedforward", 9, {"network": {"encoder": "transformer", "num_heads": 2}}),
    ("network.positions", "learned", {"network": {"encoder": "transformer", "num_heads": 2}}),
    ("network.self_attention", True, {"network": {"num_heads": 2}}),
    ("network.conv_channels", [4], {}),
    ("network.conv_kernel", 2, {"network": {"conv_channels": [4]}}),
    ("network.conv_stride", 2, {"network": {"conv_channels": [4]}}),
    ("network.conv_padding", "same", {"network": {"conv_channels": [4]}}),
    ("network.attention", "additive", {}),
    ("network.attention", "dot", {}),
    ("network.attention", "general", {}),
    ("network.attention", "concat", {}),
    ("network.teacher_forcing", 0.0, {}),
    ("network.teacher_forcing", 0.5, {"network": {"teacher_forcing": 1.0}}),
    ("network.forcing_schedule", "linear", {"network": {"teacher_forcing": 1.0}}),
    ("network.forcing_schedule", "inverse_sigmoid", {"network": {"teacher_forcing": 1.0}}),
    ("network.block", 3, {}),
    ("preparation.mask", False, {}),
    ("preparation.target_transform", "log1p", {}),
    ("preparation.target_transform", "log", {}),
    ("preparation.target_transform", "difference", {}),
    ("preparation.difference_lag", 5, {"preparation": {"target_transform": "difference"}}),
    ("preparation.keep_level", False, {"preparation": {"target_transform": "difference"}}),
    ("preparation.season", 7, {"fill": "seasonal"}),
    ("training.weight_decay", 0.5, {}),
    ("training.step_epochs", 1, {"schedule": "step", "training": {"step_epochs": 2}}),
    ("training.factor", 0.1, {"schedule": "step", "training": {"step_epochs": 1}}),
    ("training.plateau_patience", 0, {"schedule": "plateau", "max_epochs": 12, "learning_rate": 0.2, "patience": 0}),
    ("training.warmup", 0.5, {}),
    ("training.steps_per_epoch", 2, {}),
    ("training.average", 0.5, {"training": {"average": 0.0}}),
    ("training.precision", "bfloat16", {}),
    ("augment.noise", 0.5, {}),
    ("augment.jitter", 3, {}),
    ("augment.scaling", 0.5, {}),
]
GROUPS = {
    "network": NetworkOptions,
    "preparation": tg.PrepareOptions,
    "training": TrainOptions,
    "augment": AugmentOptions,
}

CHOOSING = {"preset", "time_limit"}  # tried in tests/tasks/search


@cache
def table() -> dict[str, np.ndarray]:
    rows = 200
    y, z = wave(2 * rows) + 20, wave(2 * rows, seed=1)
    y[rows:] *= 3
    for column in (y, z):
        column[[30, 31, 32, 80, 81, 199, 230, 231, 398, 399]] = np.nan
    return {
        "series": np.repeat(np.array(["a", "b"], dtype=object), rows),
        "time": np.tile(hours(rows), 2),
        "y": y,
        "z": z,
        "size": np.repeat([1.0, 2.0], rows),
    }


def merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    joined = {**one, **other}
    for name in GROUPS:
        if name in one and name in other:
            joined[name] = {**one[name], **other[name]}
    return joined


_fitted: dict[str, Any] = {}


def outcome(options: dict[str, Any]) -> Any:
    """Spec, weights, forecasts and learning rates of a training."""
    key = repr(sorted(options.items(), key=str))
    if key not in _fitted:
        model = made(options)
        model.fit(table(), target=["y", "z"], series="series", static=["size"], progress=False)
        weights = [tensor.numpy() for tensor in model.fitted_.network.state_dict().values()]
        _fitted[key] = model.spec_, weights, means(model.predict()), len(model.history_)
    return _fitted[key]


@pytest.mark.parametrize(("name", "value", "given"), OPTIONS, ids=[f"{name}={value}" for name, value, _ in OPTIONS])
def test_an_option_does_something(name: str, value: Any, given: dict[str, Any]) -> None:
    base = merged(BASE, given)
    group, dot, key = name.partition(".")
    change = {group: {key: value}} if dot else {name: value}
    spec, weights, forecasts, epochs = outcome(base)
    other_spec, other_weights, other_forecasts, other_epochs = outcome(merged(base, change))
    same = (
        spec == other_spec
        and epochs == other_epochs
        and all(np.array_equal(a, b) for a, b in zip(weights, other_weights, strict=True))
        and np.array_equal(forecasts, other_forecasts)
    )
    assert not same


def test_every_option_is_tried() -> None:
    tried = {name.rpartition(".")[2] for name, _, _ in OPTIONS}
    named = {name for name in inspect.signature(tg.Forecaster.__init__).parameters if name != "self"}
    assert named - set(GROUPS) - CHOOSING <= tried
    for group, kind in GROUPS.items():
        own = {field.name for field in fields(kind)}
        assert own <= tried, (group, own - tried)
    assert BRIEF == {"steps_per_epoch": 4, "refit": False}
