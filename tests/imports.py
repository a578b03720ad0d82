"""The import graph of a package as its files have it: imports for types alone and those in functions included."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

Graph = Mapping[str, set[str]]
"""Module → the modules it imports, of the package alone."""


@cache
def tree_of(path: Path) -> ast.Module:
    """Parse a file, once for all that is asked of it."""
    return ast.parse(path.read_text(encoding="utf-8"))


def import_graph(package: Path) -> Graph:
    """Read the imports of every module of a package."""
    files = {_name(package, path): path for path in package.rglob("*.py")}
    return {name: set(_imported(path, files)) - {name} for name, path in files.items()}


def _name(package: Path, path: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(path: Path, files: Mapping[str, Path]) -> Iterator[str]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module is not None, f"{path}: a relative import"
            named = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (
                name if name in files else node.module for name in named if name in files or node.module in files
            )
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in files)


def circles(graph: Graph) -> list[set[str]]:
    """Return the groups of modules in which each leads to every other."""
    reach = {name: _reached(graph, name) for name in graph}
    groups = {frozenset(one for one in reach[name] if name in reach[one]) for name in graph if name in reach[name]}
    return [set(group) for group in groups]


def _reached(graph: Graph, start: str) -> set[str]:
    seen, left = set[str](), list(graph[start])
    while left:
        if (name := left.pop()) not in seen:
            seen.add(name)
            left += graph[name]
    return seen


def borrowed(package: Path) -> Iterator[tuple[str, str, str]]:
    """Yield (module, the one it imports from, name) of names that the other has only imported itself.

    A package's own names, and those imported ``as`` themselves, are meant to be had there.
    """
    files = {_name(package, path): path for path in package.rglob("*.py")}
    trees = {name: tree_of(path) for name, path in files.items()}
    made = {name: set(_made(tree)) for name, tree in trees.items() if files[name].name != "__init__.py"}
    for module, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module in made:
                yield from ((module, node.module, a.name) for a in node.names if a.name not in made[node.module])


def _made(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names if alias.asname == alias.name)
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            yield from ast.literal_eval(node.value)


_ROLE = re.compile(r":(?:func|class|meth|attr|mod):`~?([\w.]+)`")


def dangling(package: Path) -> Iterator[tuple[str, str]]:
    """Yield (file, name) of docstrings' references to names that stand nowhere in a package, nor in Python's own."""
    nodes = [node for path in package.rglob("*.py") for node in ast.walk(tree_of(path))]
    known = {name for path in package.rglob("*.py") for name in (path.stem, *_made(tree_of(path)))}
    known |= {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    for path in package.rglob("*.py"):
        parts = [name.split(".") for name in _ROLE.findall(path.read_text(encoding="utf-8"))]
        missing = [name for name in parts if name[-1] not in known and name[0] not in sys.stdlib_module_names]
        yield from ((str(path.relative_to(package)), ".".join(name)) for name in missing)


def twins(package: Path) -> dict[str, list[str]]:
    """Return the bodies of three statements or more that functions of several modules have, with where they stand."""
    places: dict[str, list[str]] = {}
    for path in package.rglob("*.py"):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) is not None else node.body
                if sum(isinstance(part, ast.stmt) for part in ast.walk(ast.Module(body, []))) > 2:
                    words = "\n".join(map(ast.unparse, body))
                    for number, argument in enumerate(node.args.args):
                        words = re.sub(rf"\b{argument.arg}\b", f"_{number}", words)
                    places.setdefault(words, []).append(f"{path.relative_to(package)}:{node.name}")
    return {words: where for words, where in places.items() if len({one.split(":")[0] for one in where}) > 1}
