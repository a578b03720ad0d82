"""Answers of work that goes through pictures: how many of them so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, eq=False)
class Counted:
    """Base of an answer that is there when all pictures were looked at."""

    noun: ClassVar[str] = "pictures"
    pictures: int
    total: int

    @property
    def complete(self) -> bool:
        """True once the answer is there."""
        raise NotImplementedError

    @property
    def done(self) -> float:
        """0…1; 1 only with the answer."""
        return 1.0 if self.complete else min(0.99, self.pictures / max(1, self.total))

    @property
    def progress(self) -> str:
        """``"120 of 60,000 pictures"``."""
        return f"{self.pictures:,} of {self.total:,} {self.noun}"
