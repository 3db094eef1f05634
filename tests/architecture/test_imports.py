"""What may be imported where: `import tidegate` is light; prediction needs neither torch nor dataframes."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.support import PACKAGE, ROOT, modules, run_python

HEAVY = ("torch", "pandas", "polars", "pyarrow", "sklearn", "scipy", "matplotlib", "statsmodels", "holidays")
LIGHT_LAYERS = ("core", "kernels", "prepare", "artifacts", "runtime", "data", "evaluate", "report", "cli")
LIGHT_LAYERS += ("demo_data", "pretrained")
# Prefixes of modules in a light layer that are for training alone.
NEEDS_TORCH = tuple(
    f"tidegate.kernels.{name}" for name in ("adam", "calls", "chunks", "eager", "operators", "packing", "reference")
)


def loaded_after(statements: str) -> set[str]:
    """Top-level names of all modules that are loaded after some statements in a fresh interpreter."""
    code = f"{statements}\nimport json, sys\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    return set(json.loads(run_python(code).splitlines()[-1]))


def test_importing_tidegate_imports_nothing_heavy() -> None:
    ours_to_avoid = {*HEAVY, "pydantic", "typer", "rich", "narwhals", "safetensors"}
    assert loaded_after("import tidegate") & ours_to_avoid == set()


def test_the_list_of_light_layers_is_up_to_date() -> None:
    layers = {folder.name for folder in PACKAGE.iterdir() if (folder / "__init__.py").exists()}
    assert layers - set(LIGHT_LAYERS) <= {"nn", "train", "tasks", "explain", "diagnose", "deploy", "serve", "studio"}


@pytest.mark.parametrize("layer", LIGHT_LAYERS)
def test_a_layer_of_the_base_install_imports_without_the_extras(layer: str) -> None:
    """Every module of the layer imports in an interpreter where the extras' libraries cannot be found."""
    names = [name for name in modules(layer) if not name.startswith(NEEDS_TORCH)]
    code = f"""
import importlib, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {HEAVY!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}} (blocked)", name=name)

sys.meta_path.insert(0, Absent())
for name in {names!r}:
    importlib.import_module(name)
"""
    assert run_python(code) == ""


def test_the_layers_import_in_one_direction() -> None:
    """import-linter's contracts hold; `.importlinter` is exhaustive, so a new folder must be given its place."""
    command = Path(sys.executable).with_name("lint-imports")
    program = str(command) if command.exists() else shutil.which("lint-imports")
    assert program is not None, "import-linter is not installed; make install"
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
