"""Cross-compile wheels for four systems with zig (`pip install ziglang`), and test those that can run here.

    python scripts/wheels.py [target ...]        into dist/; all targets where none is named

A wheel is the package without its library, as pip builds it where no compiler is asked for, with the library of one
target put into it: the library knows no Python, so one wheel serves all versions.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGETS = {  # name: zig's target, CMake's system and processor, the wheel's platform, the library
    "linux-x86_64": ("x86_64-linux-gnu.2.17", "Linux", "x86_64", "manylinux2014_x86_64", "libtidegate_native.so"),
    "linux-aarch64": ("aarch64-linux-gnu.2.17", "Linux", "aarch64", "manylinux2014_aarch64", "libtidegate_native.so"),
    "macos-arm64": ("aarch64-macos.11.0", "Darwin", "arm64", "macosx_11_0_arm64", "libtidegate_native.dylib"),
    "windows-x86_64": ("x86_64-windows-gnu", "Windows", "AMD64", "win_amd64", "tidegate_native.dll"),
}
CHECK = """
import numpy as np
from tidegate.kernels.library import native
from tidegate.kernels.run import Packed
from tidegate.kernels.stack import Stack
assert native() is not None
rng = np.random.default_rng(0)
w, u, b = (0.3 * rng.normal(size=shape).astype(np.float32) for shape in ((32, 3), (32, 8), (32,)))
x = rng.normal(size=(1, 5, 3)).astype(np.float32)
y = Packed(Stack("lstm"), [w, u, b, b]).forward(x)[0][0]
h, c = np.zeros(8), np.zeros(8)
for step in range(5):
    i, f, g, o = np.split(w @ x[0, step] + u @ h + 2 * b, 4)
    c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
    h = np.tanh(c) / (1 + np.exp(-o))
    assert np.allclose(y[step], h, atol=1e-5), (y[step], h)
print("the engine runs:", native().tg_isa().decode())
"""


def main() -> None:
    """Build each target's wheel, then install and run what this machine can."""
    wanted = sys.argv[1:] or list(TARGETS)
    unknown = set(wanted) - set(TARGETS)
    if unknown:
        sys.exit(f"unknown target {min(unknown)}; there are {', '.join(TARGETS)}")
    dist = ROOT / "dist"
    dist.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        plain = without_library(Path(scratch))
        for name in wanted:
            print(f"{name}: {tested(name, packed(name, plain, dist, Path(scratch)), Path(scratch))}", flush=True)


def run(*words: object, **env: str) -> None:
    """Run a command; its output is shown only where it fails."""
    own = [str(word) for word in words]
    found = subprocess.run(own, check=False, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True)
    if found.returncode:
        sys.exit(f"{' '.join(map(str, words))}\n{found.stdout[-4000:]}{found.stderr[-4000:]}")


def without_library(scratch: Path) -> Path:
    """The wheel of Python files alone, unpacked."""
    run(
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "-w",
        scratch / "plain",
        ROOT,
        SKBUILD_WHEEL_CMAKE="false",
    )
    run(sys.executable, "-m", "wheel", "unpack", "-d", scratch, next((scratch / "plain").glob("*.whl")))
    return next(scratch.glob("tidegate-*"))


def library(name: str) -> Path:
    """Build a target's library."""
    target, system, processor, _, file = TARGETS[name]
    tools = {}
    (ROOT / "build").mkdir(exist_ok=True)
    for tool, words in {"cxx": f"c++ -target {target}", "ar": "ar", "ranlib": "ranlib"}.items():
        tools[tool] = ROOT / "build" / f"wheel-{name}-{tool}"
        tools[tool].write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ziglang {words} "$@"\n')
        tools[tool].chmod(0o755)
    build = ROOT / "build" / f"wheel-{name}"
    run(
        *("cmake", "-S", ROOT, "-B", build, f"-DCMAKE_SYSTEM_NAME={system}", f"-DCMAKE_SYSTEM_PROCESSOR={processor}"),
        *(f"-DCMAKE_CXX_COMPILER={tools['cxx']}", f"-DCMAKE_AR={tools['ar']}", f"-DCMAKE_RANLIB={tools['ranlib']}"),
        "-DCMAKE_BUILD_TYPE=Release",
    )
    run("cmake", "--build", build, "--parallel", os.cpu_count() or 1)
    return next(path for path in build.rglob("*tidegate_native*") if path.suffix == Path(file).suffix)


def packed(name: str, plain: Path, dist: Path, scratch: Path) -> Path:
    """The wheel of a target."""
    _, _, _, tag, file = TARGETS[name]
    folder = scratch / name / plain.name
    shutil.copytree(plain, folder)
    shutil.copy(library(name), folder / "tidegate" / "kernels" / file)
    record = next(folder.glob("*.dist-info")) / "WHEEL"
    lines = [line for line in record.read_text().splitlines() if line and not line.startswith(("Tag:", "Root-Is"))]
    record.write_text("\n".join([*lines, "Root-Is-Purelib: false", f"Tag: py3-none-{tag}", ""]))
    run(sys.executable, "-m", "wheel", "pack", "-d", dist, folder)
    return next(dist.glob(f"tidegate-*-{tag}.whl"))


def tested(name: str, wheel: Path, scratch: Path) -> str:
    """Install a wheel in an environment of its own and run the engine; or say why not."""
    size = f"{wheel.name}, {wheel.stat().st_size / 1e6:.1f} MB"
    if name != f"{platform.system().lower()}-{platform.machine()}".replace("darwin", "macos"):
        return f"{size}; built, and not run: this machine is {platform.system()} {platform.machine()}"
    place = scratch / f"venv-{name}"
    run(sys.executable, "-m", "venv", place)
    python = next(path for path in (place / "bin/python", place / "Scripts/python.exe") if path.exists())
    run(python, "-m", "pip", "install", "-q", wheel)
    found = subprocess.run([python, "-c", CHECK], check=False, capture_output=True, text=True, cwd=scratch)
    if found.returncode:
        sys.exit(f"{wheel.name} does not run:\n{found.stderr}")
    return f"{size}; installed in a fresh environment: {found.stdout.strip()}"


if __name__ == "__main__":
    main()
