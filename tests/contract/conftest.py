"""The models of the contract, made once for all its tests."""

import pytest

from tests.contract.world import World, build


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A tiny model of every task."""
    return build(tmp_path_factory.mktemp("contract"))
