"""Chorales: a model of four-part music learned from MIDI files, that goes on, harmonises, and writes MIDI.

    python examples/chorales.py --data DIR --out runs/chorales

DIR holds MIDI files (say, chorales of Bach), or jsb-chorales-quarter.json.gz (czhuang/JSB-Chorales-dataset). Prints
nats of a frame beside the share of each pitch and n-grams of notes (RNN-RBM 6.27 and RNN-NADE 5.56 on the published
split of the JSB chorales, Boulanger-Lewandowski et al. 2012), and leaves a report that plays what was written.
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path
from typing import Any

import tidegate as tg
from tidegate.prepare.notes import chords_of


def main() -> None:
    """Read the command line and run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("runs/chorales"))
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    file, data, how = given.data / "jsb-chorales-quarter.json.gz", given.data, dict[str, Any](validation=0.1, test=0.1)
    if file.is_file():
        parts = json.loads(gzip.decompress(file.read_bytes()))
        data = parts["train"] + parts["valid"] + parts["test"]
        how = {"validation": len(parts["valid"]), "test": len(parts["test"]), "steps": 1}
    model = tg.LanguageModel(
        tokens="notes", hidden_size=200, num_layers=1, dropout=0.3, batch_size=8, learning_rate=8e-3,
        max_epochs=given.epochs, seed=given.seed,
    )  # fmt: skip
    model.fit(data, **how, out=given.out, overwrite=True)
    print(model.evaluate())
    print(f"report: {tg.report_run(given.out / 'report.html', model)}")
    chorale = chords_of(model.fitted_.parts.test[0])
    own = model.generate(chorale[:8], length=56, seed=given.seed)[0]
    print(f"continued:  {model.write_midi(given.out / 'continued.mid', own)}")
    tune = [max(chord, default=None) for chord in chorale]
    other = model.generate(melody=tune, seed=given.seed, temperature=0.5)[0]
    print(f"harmonised: {model.write_midi(given.out / 'harmonised.mid', other)}")


if __name__ == "__main__":
    main()
