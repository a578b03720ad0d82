"""The import graph of a package as its files have it: imports for types alone and those in functions included."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

Graph = Mapping[str, set[str]]
"""Module → the modules it imports, of the package alone."""


def import_graph(package: Path) -> Graph:
    """Read the imports of every module of a package."""
    files = {_name(package, path): path for path in package.rglob("*.py")}
    return {name: set(_imported(path, files)) - {name} for name, path in files.items()}


def _name(package: Path, path: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(path: Path, files: Mapping[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
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
