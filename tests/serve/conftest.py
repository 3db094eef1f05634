"""Models to serve, made once."""

from pathlib import Path

import pytest

from tests.serve.models import build


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A saved model of every task."""
    return build(tmp_path_factory.mktemp("served"))
