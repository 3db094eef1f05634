"""Run by `.ci/run` with the Python of an environment that has the base install alone: no torch, no compiler.

Not a test module: everything here is what a user of `pip install tidegate` may rely on.
"""

import gzip
import importlib.util
import json
import os
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

ABSENT = ("torch", "pandas", "polars", "pyarrow", "sklearn", "scipy", "matplotlib", "holidays")
MOST_MEGABYTES = 100


def check(condition: bool, message: str) -> None:
    """Stop with a message where something does not hold."""
    if not condition:
        sys.exit(f"base install: {message}")


def extras_are_absent() -> None:
    """The environment is what it should be; otherwise nothing below proves anything."""
    found = [name for name in ABSENT if importlib.util.find_spec(name)]
    check(not found, f"these should not be installed: {found}")


def installation_is_small() -> None:
    """All that came with tidegate, without pip's own files and bytecode, stays under the promised 100 MB."""
    folder = Path(sysconfig.get_path("purelib"))
    ours = [part for part in folder.iterdir() if part.name.split("-")[0] not in ("pip", "setuptools", "pkg_resources")]
    files = [file for part in ours for file in ([part] if part.is_file() else part.rglob("*")) if file.is_file()]
    size = sum(file.stat().st_size for file in files if file.suffix != ".pyc") / 1e6
    print(f"  {size:.0f} MB beside Python")
    check(size < MOST_MEGABYTES, f"the base install takes {size:.0f} MB, more than {MOST_MEGABYTES}")


def package_is_complete() -> None:
    """Files that are not Python are in the wheel."""
    import tidegate
    from tidegate import demo_data
    from tidegate.core.translate import catalogue

    folder = Path(tidegate.__file__).parent
    check("site-packages" in folder.parts, f"tidegate is imported from {folder}, not from the environment")
    check((folder / "py.typed").exists(), "py.typed is missing")
    check(len(catalogue("zh_TW")) > 0, "the catalogues of translations are missing")
    with gzip.open(demo_data.path(), "rt", encoding="utf-8") as lines:
        check(sum(1 for _ in lines) == 32_048, "the demo data are not whole")


def command_line_runs() -> None:
    """`tidegate info` and `--help` answer, in both languages."""
    if importlib.util.find_spec("tidegate.cli.main") is None:
        return
    program = Path(sys.executable).with_name("tidegate")
    for language in ("en", "zh_TW"):
        for arguments in (["info"], ["--help"]):
            done = subprocess.run(
                [str(program), *arguments],
                capture_output=True,
                text=True,
                check=False,
                env={**os.environ, "TIDEGATE_LANG": language, "PYTHONIOENCODING": "utf-8"},
            )
            check(done.returncode == 0, f"tidegate {' '.join(arguments)} failed:\n{done.stderr}")


def predicts_from_an_artifact() -> None:
    """An artifact made with torch predicts the same without it, from its own context and from a file."""
    import numpy as np

    import tidegate

    fixtures = Path(__file__).parents[1] / "runtime" / "fixtures"
    expected = json.loads((fixtures / "expected.json").read_text(encoding="utf-8"))
    begin = time.perf_counter()
    model = tidegate.load(fixtures / "model")
    found = model.forecast_columns(future=fixtures / "future.csv")
    seconds = time.perf_counter() - begin
    again = model.forecast_columns(fixtures / "past.csv", future=fixtures / "future.csv")
    for columns in (found, again):
        for name, values in expected.items():
            apart = float(np.abs(columns[name] - np.asarray(values)).max())
            check(apart < 1e-4, f"{name} differs from torch by {apart:.2g}")
    print(f"  loads and predicts in {seconds:.2f} s, within {apart:.1g} of torch")


def runs_without_the_native_engine() -> None:
    """The compiler was taken away while this was installed, and the installation went on without the library."""
    from tidegate.kernels.library import instruction_set

    check(instruction_set() is None, "a native library was built although there was no compiler")


CHECKS = (
    runs_without_the_native_engine,
    extras_are_absent,
    installation_is_small,
    package_is_complete,
    command_line_runs,
    predicts_from_an_artifact,
)


def main() -> None:
    """All checks, with their times."""
    begin = time.perf_counter()
    for step in CHECKS:
        start = time.perf_counter()
        step()
        print(f"{step.__name__}: {time.perf_counter() - start:.2f} s")
    print(f"base install: all well in {time.perf_counter() - begin:.2f} s")


if __name__ == "__main__":
    main()
