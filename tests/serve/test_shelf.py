"""What a server refuses to serve, in words."""

from types import SimpleNamespace
from typing import Any

import pytest

from tidegate.core.errors import ConfigError
from tidegate.serve.shelf import adapted


def test_a_task_that_is_not_served_is_refused_with_those_that_are() -> None:
    artifact: Any = SimpleNamespace(record=SimpleNamespace(task="juggler"))
    with pytest.raises(ConfigError, match="juggler is not served yet; served are forecaster"):
        adapted(artifact)
