"""What a process that makes one prediction holds in memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr

_PROGRAM = """
import json, pathlib, re, sys
from tidegate.runtime.network.timing import inputs_of
from tidegate.runtime.model import load
from tidegate.runtime.network.network import run_network
model = load(sys.argv[1])
for _ in range(3):
    run_network(model.spec, model.weights, **inputs_of(model.spec, 1))
status = pathlib.Path("/proc/self/status")  # what getrusage says counts the process that started this one
if status.exists():
    peak = int(re.search(r"VmHWM:\\s*(\\d+)", status.read_text()).group(1)) * 1024
else:
    import resource
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"peak": peak}))
"""


def peak_memory(folder: Path) -> int:
    """Bytes that a fresh process holds at most, which loads a model and predicts with it; no torch.

    Raises:
        ConfigError: that process failed, and what it said.
    """
    ran = subprocess.run([sys.executable, "-c", _PROGRAM, str(folder)], capture_output=True, text=True, check=False)
    if ran.returncode:
        why = (ran.stderr.strip().splitlines() or [str(ran.returncode)])[-1]
        raise ConfigError(tr("{folder} could not be measured: {why}", folder=folder, why=why))
    said: Mapping[str, Any] = json.loads(ran.stdout)
    return int(said["peak"])
