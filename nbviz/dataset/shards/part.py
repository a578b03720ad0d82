"""Parts: results of some pieces of a data set; two of them merge into one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Self

import torch

MAX_REASONS, EXAMPLES = 20, 5
"""Reasons that are kept, and those that a sentence has."""


@dataclass
class Problems:
    """Items that were left out of a pass."""

    reasons: dict[int, str] = field(default_factory=dict)
    """The first of them, by number, and why."""
    count: int = 0

    def add(self, number: int, sentence: str) -> None:
        """Count one item, and note why while there are few."""
        self.count += 1
        if len(self.reasons) < MAX_REASONS:
            self.reasons[number] = sentence

    def sentences(self, items: int) -> list[str]:
        """Return one sentence about them, of a data set of ``items``; none where every item was read."""
        if not self.reasons:
            return []
        shown = [f"item {number} ({self.reasons[number].rstrip('.')})" for number in self._examples()]
        shown += ["…"] if self.count > EXAMPLES else []
        return [f"{self.count} of {items} items could not be used: {', '.join(shown)}"]

    def _examples(self) -> list[int]:
        """Return the numbers of a few of them, of every kind of reason where they have room."""
        ranks: dict[str, int] = {}
        turns = list[tuple[int, int]]()
        for number, sentence in sorted(self.reasons.items()):
            kind = sentence.rpartition(": ")[2]  # a file's name stands before it
            ranks[kind] = ranks.get(kind, 0) + 1
            turns.append((ranks[kind], number))
        return sorted(number for _, number in sorted(turns)[:EXAMPLES])


@dataclass
class Part(ABC):
    """Tensors of some pieces of a data set, on the CPU."""

    pieces: tuple[int, ...]
    tensors: dict[str, torch.Tensor]
    problems: dict[int, str] = field(default_factory=dict)
    """The first items left out, and why."""
    left_out: int = 0
    seen: int = 0
    """Pictures that were read."""

    @abstractmethod
    def merge_tensors(self, other: Self) -> dict[str, torch.Tensor]:
        """Merge the tensors of both; the same whatever the order."""

    def merge(self, other: Self) -> Self:
        """Merge both; the same whatever the order."""
        # sorted before it is cut, or the order of merging would decide which are told
        problems = dict(sorted({**self.problems, **other.problems}.items())[:MAX_REASONS])
        pieces = tuple(sorted(self.pieces + other.pieces))
        tensors = self.merge_tensors(other)
        return type(self)(pieces, tensors, problems, self.left_out + other.left_out, self.seen + other.seen)

    def leave_out(self, number: int, sentence: str) -> None:
        """Note an item that could not be read, or answered."""
        self.left_out += 1
        if len(self.problems) < MAX_REASONS:
            self.problems[number] = sentence

    def sentences(self, items: int) -> list[str]:
        """Return one sentence about what was left out of a data set of ``items``, or none."""
        return Problems(self.problems, self.left_out).sentences(items)
