"""Writing, scoring and streaming need neither torch nor a dataframe library."""

import subprocess
import sys
from pathlib import Path

import tidegate as tg
from tests.tasks.language.corpora import QUICK, chain

CODE = """
import sys
for name in ("torch", "polars", "pandas", "scipy", "sklearn"):
    sys.modules[name] = None
import tidegate as tg
model = tg.load(sys.argv[1])
print(repr(model.generate("the ", length=30)[0].text))
print(round(float(model.predict_columns(["the cat sat"])["nats"][0]), 3))
print(round(float(model.stream().update("the cat sat").nats.sum()), 3))
"""


def test_a_saved_model_writes_and_scores_alone(tmp_path: Path) -> None:
    model = tg.LanguageModel(**{**QUICK, "max_epochs": 1}).fit(chain(400), progress=False)
    model.save(tmp_path / "model")
    run = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path / "model")], capture_output=True, text=True, check=True
    )
    text, scored, streamed = run.stdout.splitlines()
    assert text == repr(model.generate("the ", length=30)[0].text)
    assert scored == streamed == f"{model.predict(['the cat sat'])['nats'][0]:.3f}"
