"""Finds the messages that the package shows its users, by reading its source."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Formatter

SENTENCE = re.compile(r"^(?:[A-Z0-9]|\{)\S*\s\S")


@dataclass(frozen=True)
class Found:
    """A message, or a call whose message cannot be read from the source (`text` is None)."""

    where: str
    text: str | None


def places(message: str) -> set[str]:
    """Names of the `{named}` places of a message."""
    return {name for _, name, _, _ in Formatter().parse(message) if name is not None}


def messages(file: Path, label: str) -> list[Found]:
    """All messages of one file: arguments of `tr(...)` and of `Note(kind, message)`.

    An argument that is a name is looked up in what the module assigns to that name; where that is no literal (a
    parameter), every literal of the module that reads like a sentence is taken. What is read from elsewhere
    (`note.message`, `state["message"]`) is checked where it was made. Texts without a word need no translation.
    """
    tree = ast.parse(file.read_text("utf-8"))
    found: list[Found] = []
    for node, scopes in _calls(tree, [tree]):
        argument = _message_of(node)
        if argument is None:
            continue
        constants = _constants(scopes)
        where = f"{label}:{argument.lineno}"
        if isinstance(argument, ast.JoinedStr):
            found.append(Found(f"{where}: an f-string cannot be translated", None))
            continue
        texts = list(_literals(argument, constants))
        if not texts and isinstance(argument, ast.Name):
            texts = list(_sentences(tree))
        found += [Found(where, text) for text in texts if has_words(text)]
    return found


def has_words(message: str) -> bool:
    """Whether a message says anything beside its places."""
    return any(character.isalpha() for text, *_ in Formatter().parse(message) for character in text)


def _message_of(node: ast.Call) -> ast.expr | None:
    name = (
        node.func.id
        if isinstance(node.func, ast.Name)
        else node.func.attr
        if isinstance(node.func, ast.Attribute)
        else ""
    )
    if name == "tr" and node.args:
        return node.args[0]
    if name == "Note":
        given = [keyword.value for keyword in node.keywords if keyword.arg == "message"]
        return given[0] if given else node.args[1] if len(node.args) > 1 else None
    return None


def _calls(node: ast.AST, scopes: list[ast.AST]) -> Iterator[tuple[ast.Call, list[ast.AST]]]:
    """All calls below a node, each with the module and the functions around it."""
    inner = [*scopes, node] if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else scopes
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            yield child, inner
        yield from _calls(child, inner)


def _constants(scopes: list[ast.AST]) -> dict[str, list[ast.expr]]:
    """Name to the values that the module itself, or the functions around a call, assign to it."""
    module, *functions = scopes
    nodes = [*ast.iter_child_nodes(module), *(node for function in functions for node in ast.walk(function))]
    named: dict[str, list[ast.expr]] = {}
    for node in nodes:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    named.setdefault(target.id, []).append(node.value)
    return named


def _literals(argument: ast.expr, constants: dict[str, list[ast.expr]]) -> Iterator[str]:
    """The texts that an expression can be: a literal, the arms of a condition, values of a constant it names."""
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        yield argument.value
    elif isinstance(argument, ast.IfExp):
        yield from _literals(argument.body, constants)
        yield from _literals(argument.orelse, constants)
    elif isinstance(argument, ast.Dict):
        for value in argument.values:
            yield from _literals(value, constants)
    elif isinstance(argument, ast.Tuple | ast.List | ast.Set):
        for value in argument.elts:
            yield from _literals(value, constants)
    elif isinstance(argument, ast.Subscript):
        yield from _literals(argument.value, constants)
    elif isinstance(argument, ast.Name) and argument.id in constants:
        for value in constants[argument.id]:
            yield from _literals(value, {})
    elif isinstance(argument, ast.Call) and isinstance(argument.func, ast.Attribute) and argument.func.attr == "get":
        yield from _literals(argument.func.value, constants)


def _sentences(tree: ast.Module) -> Iterator[str]:
    """Literals that read like a sentence, without docstrings, errors' texts and pieces of f-strings."""
    skipped: set[int] = set()
    for node in ast.walk(tree):
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node, ast.Raise | ast.JoinedStr) or docstring:
            skipped |= {id(part) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in skipped:
            continue
        if SENTENCE.match(node.value):
            yield node.value
