"""Verdicts, and evaluations that can be left at any point.

A judgement is a generator: it yields (nothing) between any two passes of the network, so that whoever steps it
can drop it there, and returns its :class:`Verdict`. What explains is handed in as a callable, for a map's
sense is tested by asking for more maps: of another class, of other weights, of a picture a little changed.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

import torch

from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.passes.subject import Subject
from nbviz.pictures.picture import PictureLike
from nbviz.replica.guest import Pass

S = TypeVar("S")
T = TypeVar("T")
State = Literal["passed", "not passed", "can't tell"]
Steps = Generator[None, None, T]
"""Yields between passes; returns a T."""
BATCH = 4
"""Pictures per forward: more save little time, and take more memory than a small machine has."""


class Map(Protocol):
    """Map that is judged; an ``Attribution`` is one."""

    @property
    def values(self) -> torch.Tensor: ...
    @property
    def evidence(self) -> torch.Tensor: ...
    @property
    def size(self) -> tuple[int, int]: ...
    @property
    def facts(self) -> dict[str, Any]: ...
    def heat(self, size: tuple[int, int] | None = None) -> torch.Tensor: ...


Explain = Callable[[InstrumentedModel, PictureLike, Target], Iterator[Map]]
"""(model, picture, target) → maps that get better; the last is final."""


@dataclass(frozen=True)
class Verdict:
    """Outcome of one test for one map."""

    name: str
    """The dot's label: "converged", "this class", "these weights" or "hiding"."""
    state: State
    sentence: str
    """One sentence on the finding."""
    figures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Curve:
    """Score along a deletion or insertion curve."""

    shares: torch.Tensor
    """(n,) of the picture hidden (deletion) or shown (insertion), 0…1."""
    scores: torch.Tensor
    """(n,) float64, the target's."""

    @property
    def area(self) -> float:
        """Mean score along the curve; low is good for deletion, high for insertion."""
        return float(torch.trapezoid(self.scores, self.shares))


def settle(steps: Steps[T]) -> T:
    """Run a judgement to its end and return its result."""
    # by hand: a for loop throws away what a generator returns
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


def accompany(steps: Steps[T], answer: S) -> Generator[S, None, T]:
    """Run a judgement, yielding an answer between its passes; return its result."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value
        yield answer


def final(maps: Iterator[Map]) -> Steps[Map]:
    """Return the last of the maps, yielding between them."""
    last: Map | None = None
    for last in maps:
        yield
    if last is None:
        raise ValueError("The explanation ended without a map.")
    return last


def scored(
    model: InstrumentedModel, target: Target, batches: Callable[[], Iterator[torch.Tensor]]
) -> Iterator[torch.Tensor]:
    """Yield the target's scores of all pictures so far, float64 (n,), batch by batch, over one version of the weights.

    batches: makes an iterator of the network's inputs (N, C, H, W); called again should the weights move.
    """

    def work(run: Pass) -> Iterator[torch.Tensor]:
        scores: list[torch.Tensor] = []
        for batch in batches():
            subject = Subject(model, run, batch[:1], target)
            with torch.no_grad():
                # double: areas and correlations are sums over differences far smaller than the scores
                scores.append(subject.scores(batch).double().cpu())
            yield torch.cat(scores)

    yield from model.guest.steadily(work)


def all_scores(
    model: InstrumentedModel, target: Target, batches: Callable[[], Iterator[torch.Tensor]]
) -> Steps[torch.Tensor]:
    """Return the target's scores of all pictures, float64 (n,), yielding between batches; see :func:`scored`."""
    scores: torch.Tensor | None = None
    for scores in scored(model, target, batches):
        yield
    if scores is None:
        raise ValueError("There are no pictures to score.")
    return scores


def unable(name: str, sentence: str, **figures: float) -> Verdict:
    """Return a verdict of "can't tell"."""
    return Verdict(name, "can't tell", sentence, figures)
