"""No module imports itself by way of others, whether at the top of a file or inside a function."""

import ast
from functools import cache
from pathlib import Path

from tests.architecture.support import PACKAGE


@cache
def modules() -> dict[str, Path]:
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = ("tidegate", *path.relative_to(PACKAGE).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(path: Path) -> set[str]:
    """Modules of the package that a file names in an import."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in modules() else node.module for name in whole}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & set(modules())


def reached(start: str, edges: dict[str, set[str]]) -> set[str]:
    """Everything that a module imports, directly or by way of others."""
    found: set[str] = set()
    waiting = list(edges[start])
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += edges[name]
    return found


def test_no_module_imports_itself_by_way_of_others() -> None:
    edges = {name: imported(path) - {name} for name, path in modules().items()}
    assert {name for name in edges if name in reached(name, edges)} == set()
