"""One virtual environment per peer, with a torch built for the CPU and nothing of CUDA."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

TORCH = "torch>=2.8,<2.14"
# lightning 2.6.2 and 2.6.3 were malicious uploads, so its version is pinned beside the library's own.
LIGHTNING = "pytorch-lightning==2.6.6"
PEERS = {"neuralforecast": ["neuralforecast==3.3.0", LIGHTNING], "darts": ["darts[torch]==0.48.1", LIGHTNING]}


def ensure(name: str, folder: Path, torch_index: str | None) -> Path:
    """The Python of the peer's virtual environment; made and filled on the first call, or when the pins changed.

    Args:
        name: a key of PEERS.
        folder: where the environments are kept.
        torch_index: package index to take torch from; None leaves it to pip's own configuration.
    """
    venv = folder / name
    python, stamp, wanted = venv / "bin" / "python", venv / "installed.json", [TORCH, *PEERS[name]]
    if stamp.exists() and json.loads(stamp.read_text()) == wanted:
        return python
    print(f"installing {name} into {venv}", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    index = ["--index-url", torch_index] if torch_index else []
    plan = json.loads(_pip(python, "--dry-run", "--report", "-", *index, TORCH))
    _refuse_cuda(name, [item["metadata"]["name"] for item in plan["install"]])
    # torch comes first: a library that asked for it would take the CUDA build and gigabytes beside it.
    _pip(python, *index, TORCH)
    _pip(python, *PEERS[name], TORCH)
    _refuse_cuda(name, [entry.name for entry in site_packages(python).iterdir()])
    stamp.write_text(json.dumps(wanted))
    return python


def site_packages(python: Path) -> Path:
    """The folder that holds what an environment has installed."""
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return Path(subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip())


def megabytes(folder: Path) -> int:
    """Disk space of a folder's files in MB (1 MB = 2**20 bytes, whole blocks)."""
    blocks = sum(entry.lstat().st_blocks for entry in folder.rglob("*"))
    return round(blocks * 512 / 2**20)


def _pip(python: Path, *arguments: str) -> str:
    command = [str(python), "-m", "pip", "install", "--quiet", "--quiet", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"failed: {' '.join(command)}")
    return done.stdout


def _refuse_cuda(name: str, packages: list[str]) -> None:
    if any(package.lower().startswith("nvidia") for package in packages):
        sys.exit(
            f"{name}: pip chose a torch built for CUDA (nvidia-* packages), several GB. "
            "Pass --torch-index https://download.pytorch.org/whl/cpu, or set PIP_FIND_LINKS to a folder with "
            "a CPU wheel."
        )
