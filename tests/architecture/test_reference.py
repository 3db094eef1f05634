"""Everything that the reference pages name can be imported: the site's build would fail on it, minutes later."""

import importlib
import re

import pytest

from tests.architecture.support import PACKAGE

NAME = re.compile(r"^::: (\S+)", re.MULTILINE)
PAGES = (PACKAGE.parents[1] / "docs").rglob("*.md")
NAMED = sorted({name for page in PAGES for name in NAME.findall(page.read_text("utf-8"))})


@pytest.mark.parametrize("name", NAMED)
def test_a_name_of_the_reference_is_there(name: str) -> None:
    module, _, own = name.rpartition(".")
    try:
        importlib.import_module(name)
    except ImportError:
        assert hasattr(importlib.import_module(module), own)
