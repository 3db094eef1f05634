"""What a stream or a prediction refuses is said in the reader's language, without torch."""

import subprocess
import sys
from pathlib import Path

MODEL = Path(__file__).parent / "fixtures/model"
CODE = """
import sys
import numpy as np
from tidegate.core.errors import TidegateError
from tidegate.runtime.model import load
model, found = load(sys.argv[1]), []
stream = model.stream(series="north", fresh=True)
for wrong in (lambda: stream.update([1.0] * 50), lambda: stream.update({"nothing": 1.0}), lambda: stream.update(1.0)):
    try:
        wrong()
    except TidegateError as error:
        found.append(str(error))
assert "torch" not in sys.modules
print(len(found), sum(any("\\u4e00" <= c <= "\\u9fff" for c in text) for text in found))
"""


def test_errors_of_streams_are_translated(monkeypatch):
    monkeypatch.setenv("TIDEGATE_LANG", "zh_TW")
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(MODEL)], capture_output=True, text=True, check=False, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    count, chinese = map(int, done.stdout.split())
    assert count == chinese >= 2
