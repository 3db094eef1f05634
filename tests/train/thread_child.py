"""Fits one model of every kind and prints a digest of its weights and one of its answers, as JSON.

Sizes are such that torch, left to itself, would divide the work among its threads.
"""

from __future__ import annotations

import hashlib
import json
import sys
from typing import Any

import numpy as np

import tidegate as tg
from tests.tasks.caption.pictures import bars
from tests.tasks.transcribe.voices import RATE, spoken
from tests.tasks.translate.models import SIZES, reversed_digits

DRAW = np.random.default_rng(0)
HOURS = np.datetime64("2024-01-01T00:00") + np.arange(400).astype("timedelta64[h]")
TABLE = {
    "time": HOURS,
    "y": 50 + 10 * np.sin(np.arange(400) * np.pi / 12) + DRAW.normal(size=400),
    "z": DRAW.normal(size=400).cumsum(),
}
SEQUENCES = [DRAW.normal(size=(40 + k % 20, 3)) + k % 2 for k in range(80)]
TEXTS = [f"{['good', 'bad'][k % 2]} word{k % 17} thing{k % 23} of day {k}" for k in range(80)]
WEAR = DRAW.normal(size=80)
BRIEF: dict[str, Any] = {"max_epochs": 1, "batch_size": 64, "training": {"steps_per_epoch": 2}}


def forecaster(**network: Any) -> Any:
    fixed = {"normalise": None, "anchor": 0, "segment": 1} | network
    model = tg.Forecaster(horizon=12, window=48, hidden_size=40, num_layers=1, **BRIEF, network=fixed)
    return model.fit(TABLE, time="time", target=["y", "z"], progress=False)


def classifier(cell: str = "lstm", **network: Any) -> Any:
    model = tg.Classifier(cell=cell, hidden_size=40, **BRIEF, network=network)
    return model.fit(SEQUENCES, ["a", "b"] * 40, progress=False)


def regressor(**network: Any) -> Any:
    model = tg.Regressor(hidden_size=40, **BRIEF, network=network)
    return model.fit(SEQUENCES, WEAR, progress=False)


def texts() -> Any:
    return tg.Classifier(hidden_size=40, **BRIEF).fit(TEXTS, ["a", "b"] * 40, progress=False)


def detector() -> Any:
    model = tg.AnomalyDetector(window=48, hidden_size=40, **BRIEF)
    return model.fit(TABLE, time="time", target=["y", "z"], progress=False)


def language(**options: Any) -> Any:
    model = tg.LanguageModel(tokens="char", hidden_size=96, num_layers=1, batch_size=32, max_epochs=1, **options)
    return model.fit("\n".join(TEXTS * 12), progress=False)


def translator() -> Any:
    options: dict[str, Any] = {**SIZES, "hidden_size": 48, "max_epochs": 1, "training": {"batch_tokens": 1_000}}
    return tg.Translator(**options).fit(reversed_digits(500), validation=40, test=40, progress=False)


def transcriber() -> Any:
    waves, texts, _ = spoken(24)
    model = tg.Transcriber(hidden_size=48, num_layers=1, max_epochs=1, preparation={"tokens": "char"})
    return model.fit(waves, texts, rate=RATE, mels=16, progress=False)


def captioner() -> Any:
    model = tg.Captioner(hidden_size=48, max_epochs=1, network={"channels": (16, 32)})
    return model.fit(*bars(60), size=32, validation=8, test=8, progress=False)


FITS: dict[str, Any] = {
    "forecaster": lambda: forecaster(head_size=384, head="direct"),
    "decoder": lambda: forecaster(attention="additive"),
    "self-attention": lambda: forecaster(self_attention=True, batch_norm=True),
    "forecast transformer": lambda: forecaster(encoder="transformer", positions="learned"),
    "convolutions": lambda: forecaster(conv_channels=(32,)),
    "pooling": lambda: classifier(pooling="attention", branch=(32, 32, 32)),
    "transformer": lambda: classifier(encoder="transformer", branch=()),
    "regressor": lambda: regressor(branch=(), head_size=64),
    "texts": texts,
    "detector": detector,
    "slstm": lambda: classifier(branch=(), cell="slstm"),
    "mlstm": lambda: classifier(branch=(), cell="mlstm"),
    "language": language,
    "translator": translator,
    "transcriber": transcriber,
    "captioner": captioner,
}


def digest(arrays: list[Any]) -> str:
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()[:16]


def outcome(model: Any) -> tuple[str, str]:
    """Digests of the weights and of the answers."""
    if isinstance(model, tg.AnomalyDetector):
        columns = model.score_columns()
        return digest(list(model.detector_.weights.values())), digest([columns["score"], columns["p_value"]])
    weights = [value.numpy() for value in model.fitted_.network.state_dict().values()]
    if isinstance(model, tg.Forecaster):
        return digest(weights), digest([model.forecast_columns()["mean"]])
    if not isinstance(model, (tg.Classifier, tg.Regressor)):  # of models that write, the scores of what they write
        return digest(weights), digest([np.frombuffer(json.dumps(model.evaluate().to_json()).encode(), np.uint8)])
    reads = any(layer.kind == "tokens" for layer in model.fitted_.spec.layers)
    answers = model.predict_proba if isinstance(model, tg.Classifier) else model.predict
    return digest(weights), digest([answers(TEXTS if reads else SEQUENCES)])


if __name__ == "__main__":
    print(json.dumps({name: outcome(FITS[name]()) for name in sys.argv[1:] or FITS}))
