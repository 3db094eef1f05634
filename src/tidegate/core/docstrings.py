"""What a docstring says of each argument: the help of a command, and what classes hand down to those below them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping

SECTION = r"^( *)(?:{}):\n((?:\1 +.*\n|\n(?=\1 ))*)"
WIDTH = 116


def arguments(docstring: str | None, names: Iterable[str]) -> dict[str, str]:
    """The text that the section `Args` (or `Attributes`) has for each of some names; several may share one.

    Args:
        docstring: of a function or a class. names: of its arguments; others are not looked for.

    >>> arguments(
    ...     "Draw.\\n\\nArgs:\\n    one, two: ends of\\n        a line. width: of it.\\n", ["one", "two", "width"]
    ... )
    {'one': 'ends of a line.', 'two': 'ends of a line.', 'width': 'of it.'}
    """
    section = re.search(SECTION.format("Args|Attributes"), f"{docstring or ''}\n", re.MULTILINE)
    if section is None:
        return {}
    one = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    parts = re.split(rf"(?:^|(?<=\. ))((?:{one})(?:, (?:{one}))*): ", " ".join(section[2].split()))
    pairs = zip(parts[1::2], parts[2::2], strict=True)
    return {name: text.strip() for named, text in pairs for name in named.split(", ")}


def completed(docstring: str, inherited: Mapping[str, str]) -> str:
    """A docstring with arguments that it leaves out put at the end of its section `Args`."""
    found = re.search(SECTION.format("Args"), docstring, re.MULTILINE)
    if found is None:
        return docstring
    inner = f"{found[1]}    "
    lines = [
        textwrap.fill(f"{name}: {text}", WIDTH, initial_indent=inner, subsequent_indent=f"{inner}    ")
        for name, text in inherited.items()
    ]
    return docstring[: found.end(2)] + "".join(f"{line}\n" for line in lines) + docstring[found.end(2) :]
