"""The repository as the architecture tests see it."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "tidegate"


def modules(*layers: str) -> list[str]:
    """Dotted names of all modules of some layers (of the whole package where none is named)."""
    folders = [PACKAGE / layer for layer in layers] or [PACKAGE]
    files = sorted(file for folder in folders for file in folder.rglob("*.py"))
    names = (".".join(file.relative_to(ROOT / "src").with_suffix("").parts) for file in files)
    return [name.removesuffix(".__init__") for name in names if not name.endswith("__main__")]


def python_files(*folders: str) -> list[Path]:
    """All Python files of some folders of the repository."""
    return sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))


def run_python(code: str, **environment: str) -> str:
    """Run code in a fresh interpreter that finds tidegate; its standard output, an AssertionError where it failed."""
    path = os.pathsep.join([str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
