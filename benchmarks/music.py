"""JSB chorales: nats of a frame, joint and independent, beside the published figures.

    python benchmarks/music.py --data DIR [--tokens notes|frames] [--epochs N]

DIR holds jsb-chorales-quarter.json.gz: `train`, `valid` and `test`, pieces as lists of the notes of each quarter
(published as czhuang/JSB-Chorales-dataset). A frame is foreseen after all before it in its piece; the first of a
piece is not counted. The epoch, and all settings, were chosen on the validation pieces; the test pieces are read
once.

Reach: independent at most 8.40 (LSTM 8.45, TCN 8.10 of Bai et al. 2018), joint at most 6.0 (RNN-RBM 6.27, RNN-NADE
5.56 of Boulanger-Lewandowski et al. 2012).
"""

from __future__ import annotations

import gzip
import json
import resource
from pathlib import Path
from typing import Any

from _common import arguments, data_file, report, show, start

REACH = {"notes": 6.0, "frames": 8.4}
SETTINGS: dict[str, dict[str, Any]] = {
    "notes": {"hidden_size": 200, "max_epochs": 50, "dropout": 0.3, "batch_size": 8},
    "frames": {"hidden_size": 256, "max_epochs": 90, "dropout": 0.25, "batch_size": 4, "preparation": {"transpose": 5}},
}
COMMON: dict[str, Any] = {"num_layers": 1, "learning_rate": 8e-3}


def main() -> None:
    """Train, and read the test pieces."""
    parser = arguments(__doc__, data="jsb-chorales-quarter.json.gz", threads=1)
    parser.add_argument("--tokens", choices=tuple(REACH), action="append")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--out", type=Path, help="folder of the runs, to go on after an interruption")
    given = start(parser)
    found: dict[str, float] = {}
    with gzip.open(data_file(given.data, "jsb-chorales-quarter.json.gz"), "rt", encoding="utf-8") as file:
        pieces = json.load(file)
    for tokens in given.tokens or REACH:
        found |= train(pieces, tokens, given)
    reached = all(found[name] <= most for name, most in REACH.items() if name in found)
    report("music", **found, reached=reached)


def train(pieces: dict[str, Any], tokens: str, given: Any) -> dict[str, float]:
    """Nats of a frame of the test pieces, beside the baselines, and processor seconds."""
    import tidegate as tg

    settings = {**SETTINGS[tokens], **COMMON}
    if given.epochs is not None:
        settings["max_epochs"] = given.epochs
    model = tg.LanguageModel(tokens=tokens, seed=given.seeds[0], **settings)
    begin = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    kept = {} if given.out is None else {"out": given.out / tokens, "resume": True}
    whole = pieces["train"] + pieces["valid"] + pieces["test"]
    model.fit(whole, validation=len(pieces["valid"]), test=len(pieces["test"]), steps=1, **kept)
    seconds = resource.getrusage(resource.RUSAGE_SELF).ru_utime - begin
    evaluation = model.evaluate()
    rows = [[name, f"{own[evaluation.criterion]:.3f}"] for name, own in evaluation.overall.items()]
    show([[tokens, evaluation.criterion], *rows])
    print(f"best validation {min(epoch.validation_loss for epoch in model.history_):.3f}, {seconds:,.0f} processor s")
    return {tokens: evaluation.overall["model"][evaluation.criterion], f"{tokens}_seconds": seconds}


if __name__ == "__main__":
    main()
