"""HTML and SVG text that is escaped by construction."""

from __future__ import annotations

import re
from html import escape
from typing import TypeAlias

VOID = frozenset({"meta", "br", "hr", "img", "col", "wbr"})

# What XML 1.0 and HTML have no way to show: control characters and lone surrogates.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


class Markup(str):
    """Text that is markup already; every other string is escaped when it is put into an element."""

    __slots__ = ()


Child: TypeAlias = "str | Markup | None"


def text(value: object) -> Markup:
    """A value as escaped text; characters that no page may hold become U+FFFD."""
    return Markup(escape(_UNPRINTABLE.sub("\ufffd", str(value)), quote=True))


def join(*children: Child) -> Markup:
    """Children one after another; plain strings are escaped, None is left out."""
    parts = [child if isinstance(child, Markup) else text(child) for child in children if child is not None]
    return Markup("".join(parts))


def coded(words: str) -> Markup:
    """Text with what stands between backticks as code.

    >>> coded("lower `dropout`")
    'lower <code>dropout</code>'
    """
    return join(*(el("code", part) if place % 2 else part for place, part in enumerate(words.split("`"))))


def el(tag: str, *children: Child, **attributes: object) -> Markup:
    """One element, `<tag attribute="...">children</tag>`.

    Args:
        tag: the element's name.
        children: plain strings are escaped; `Markup` is kept; None is left out.
        attributes: a trailing underscore is dropped (`class_`), other underscores become hyphens;
            None leaves an attribute out. Values are escaped.

    >>> el("td", "a < b", class_="num")
    '<td class="num">a &lt; b</td>'
    """
    pairs = [
        f' {name.rstrip("_").replace("_", "-")}="{text(value)}"'
        for name, value in attributes.items()
        if value is not None
    ]
    opening = f"<{tag}{''.join(pairs)}>"
    return Markup(opening if tag in VOID else f"{opening}{join(*children)}</{tag}>")


def shape(tag: str, *children: Child, **attributes: object) -> Markup:
    """One SVG element; like `el`, closed in itself when it has no children. `viewBox` keeps its capital."""
    filled = el(tag, *children, **attributes)
    ending = f"></{tag}>"
    return Markup(filled.removesuffix(ending) + "/>") if filled.endswith(ending) and not children else filled
