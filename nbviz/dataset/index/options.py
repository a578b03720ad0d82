"""Options of one index build, checked once and passed on whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nbviz.arguments import at_least


@dataclass(frozen=True)
class IndexOptions:
    """Choices of a build. NbvizError, with the argument's name, for a number that can't be."""

    layers: Sequence[str] | None = None
    """Names; None for all."""
    k: int = 9
    """Pictures per channel."""
    bottom: int = 0
    """Least pictures per channel."""
    sample: int = 0
    """Items of which every channel's peak is stored, for quantiles."""
    profile: int = 100
    """Strongest pictures that make the class profile, where there are labels."""
    batch: int | None = None
    """Pictures per forward; None for as many as the device takes well."""

    def __post_init__(self) -> None:
        for name, least in (("k", 1), ("bottom", 0), ("sample", 0), ("profile", 0)):
            # plain numbers: numpy's can't be written to a manifest
            object.__setattr__(self, name, at_least(name, getattr(self, name), least))
        if self.batch is not None:
            object.__setattr__(self, "batch", at_least("batch", self.batch, 1))
