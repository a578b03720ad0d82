"""Walk back from a class: where it stands, all that was walked to, and the paths that a person keeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nbviz.circuits import Step


@dataclass(frozen=True)
class Walked:
    """Node that was walked to."""

    layer: str = ""
    channel: int = 0
    effect: float | None = None
    """Loss of the node before it without it; None for the beginning."""
    width: float = 1.0
    """Its size beside the largest effect on that node, 0…1."""
    place: tuple[float, float] | None = None
    """(row, column) that was pinned for it, as fractions of the picture; None for where it is strongest."""


Path = tuple[Walked, ...]
START: Path = (Walked(),)


@dataclass(frozen=True)
class KeptPath:
    """Path of one picture and target."""

    image: str
    target: Any
    path: Path
    words: str


@dataclass
class Walk:
    """Paths that were walked from one class of one picture."""

    path: Path = START
    """From the class to the node on show."""
    visited: list[Path] = field(default_factory=lambda: [START])
    """Every path whose end was on show, in the order in which they came."""

    def go(self, path: Path) -> None:
        """Show the end of a path."""
        self.path = path
        # with all on the way: a path that is opened again brings its beginning along
        for end in range(1, len(path) + 1):
            if path[:end] not in self.visited:
                self.visited.append(path[:end])

    def into(self, step: Step, channel: int, place: tuple[float, float] | None = None) -> None:
        """Show a channel of the step on show, at a place."""
        # beside this node's largest: effects on two nodes have different units
        effect, most = float(step.effects[channel]), float(np.abs(step.effects).max()) or 1.0
        self.go((*self.path, Walked(step.source, channel, effect, abs(effect) / most, place)))

    def pin(self, place: tuple[float, float] | None) -> None:
        """Show the channel on show at another place."""
        old, new = self.path, (*self.path[:-1], replace(self.path[-1], place=place))
        # what was walked to from the old place was measured there, so that then both stay
        if new != old and not any(path[: len(old)] == old for path in self.visited if path != old):
            self.visited = [new if path == old else path for path in self.visited if path != new]
        self.go(new)


def overview(walk: Walk, step: Step | None, words: Callable[[Walked], str]) -> dict[str, Any]:
    """Return what was walked as a graph, the class first, and the channels of the step on show as leaves.

    nodes: [depth, place in its column 0…1, words, on the path, walked to]; edges: [from, to, width 0…1, inhibits].
    """
    paths = list(walk.visited)
    if step is not None:
        most = float(np.abs(step.effects).max()) or 1.0
        walked = {(*path[:-1], replace(path[-1], place=None)) for path in walk.visited}
        for channel in step.top:
            effect = float(step.effects[channel])
            leaf = (*walk.path, Walked(step.source, channel, effect, abs(effect) / most))
            paths += [leaf] if leaf not in walked else []
    columns: dict[int, list[Path]] = {}
    for path in paths:
        columns.setdefault(len(path), []).append(path)
    place = {path: at for column in columns.values() for path, at in zip(column, _spread(len(column)), strict=True)}
    nodes = [
        [len(path) - 1, place[path], words(path[-1]), path == walk.path[: len(path)], path in walk.visited]
        for path in paths
    ]
    edges = [
        [paths.index(path[:-1]), number, round(path[-1].width, 3), (path[-1].effect or 0) < 0]
        for number, path in enumerate(paths)
        if len(path) > 1
    ]
    return {"nodes": nodes, "edges": edges}


def _spread(count: int) -> Sequence[float]:
    return [round((place + 0.5) / count, 4) for place in range(count)]
