"""Code blocks of the Markdown pages, and running them as a reader would."""

import re
import shlex
import textwrap
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.architecture.support import ROOT

FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>[\w-]*)[^\n]*\n(?P<code>.*?)^(?P=indent)```", re.MULTILINE | re.DOTALL
)
SETUP = re.compile(r"<!-- setup\n(?P<code>.*?)-->", re.DOTALL)
SLOW = re.compile(r"<!-- slow -->\s*\Z")
RUN = {"python", "bash"}
KNOWN = RUN | {"text", "json", "toml", "csv", "c", "ini", "dockerfile"}  # the others are shown, never run
# What a reader does around tidegate, and the tests need not: checked for spelling where they can be, not run.
NOT_RUN = {"pip", "git", "cd", "python3", "python", "source", "ls", "cat", "head"}


@dataclass(frozen=True)
class Block:
    """One block: its language ("python", "bash"), code, line of the page, whether it takes minutes."""

    language: str
    code: str
    line: int
    slow: bool


def blocks(page: Path) -> list[Block]:
    """What is run of a page, in order: python and bash blocks, and python hidden in `<!-- setup ... -->`."""
    text = page.read_text("utf-8")
    found = []
    for match in FENCE.finditer(text):
        language = match["language"]
        line = text.count("\n", 0, match.start("code")) + 1
        if language not in KNOWN:
            raise AssertionError(f"{page}:{line}: a block of {language!r}; name one of {sorted(KNOWN)}")
        if language in RUN:
            slow = SLOW.search(text, 0, match.start()) is not None
            found.append(Block(language, textwrap.dedent(match["code"]), line, slow))
    for match in SETUP.finditer(text):
        found.append(Block("python", match["code"], text.count("\n", 0, match.start("code")) + 1, slow=False))
    return sorted(found, key=lambda block: block.line)


def run(page: Path, *, slow: bool, command: Callable[[list[str]], int], environment: MutableMapping[str, str]) -> None:
    """Run a page's blocks in the current folder, in one namespace.

    Args:
        page: the Markdown file.
        slow: run the blocks that take minutes too.
        command: runs `tidegate` with arguments, returns the exit code.
        environment: where `export NAME=value` goes.
    """
    namespace: dict[str, Any] = {"__name__": "__page__"}
    for block in blocks(page):
        if block.slow and not slow:
            continue
        if block.language == "python":
            source = "\n" * (block.line - 1) + block.code
            exec(compile(source, str(page), "exec"), namespace)
        else:
            _run_lines(block, page, command, environment)


def _run_lines(
    block: Block, page: Path, command: Callable[[list[str]], int], environment: MutableMapping[str, str]
) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    for line in block.code.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["export"]:
            words = words[1:]
        settings = []
        while words and re.match(r"^[A-Z_]+=", words[0]):
            settings.append(words.pop(0).split("=", 1))
        if not words:
            environment.update(dict(settings))
            continue
        where = f"{page}:{block.line}: {line}"
        if words[0] == "tidegate":
            before = dict(environment)
            environment.update(dict(settings))
            code = command(words[1:])
            for name, _ in settings:
                environment.pop(name)
                environment.update({name: before[name]} if name in before else {})
            assert code == 0, f"{where}: exit code {code}"
        elif words[0] == "make":
            assert [word for word in words[1:] if "=" not in word and word not in targets] == [], where
        else:
            assert words[0] in NOT_RUN, f"{where}: {words[0]} is neither run nor known"
