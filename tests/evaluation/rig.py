"""Networks whose right map is known, and maps made by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from nbviz.attribution import Attribution, explain
from nbviz.attribution.baselines import blurred
from nbviz.evaluation import Explain
from nbviz.model.instrumented import InstrumentedModel

SIZE = 28


def picture(seed: int = 0, size: int = SIZE) -> torch.Tensor:
    """Blotches, (1, 3, H, W), so that blurring changes something."""
    noise = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return noise + 4 * blurred(noise, 2.0)


class Linear(nn.Module):
    """Scores that are sums over pixels: hiding parts does what their exact map says."""

    def __init__(self, classes: int = 6, size: int = SIZE) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(7)
        self.weight = nn.Parameter(torch.randn(classes, 3 * size * size, generator=generator, dtype=torch.float64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1) @ self.weight.T


class Constant(nn.Module):
    """Scores that depend on nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.scores = nn.Parameter(torch.arange(6.0, dtype=torch.float64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.scores.expand(len(x), -1) + 0 * x.mean()


def hand_made(values: torch.Tensor, size: int = SIZE, **facts: Any) -> Attribution:
    """A map by hand: (h, w) signed, or (1, C, H, W) drawn as the size of its channel sum."""
    evidence = values if values.dim() == 2 else values[0].sum(0).abs()
    return Attribution(values, evidence, (size, size), facts)


def by(method: str, **options: Any) -> Explain:
    """Explains by a registered method."""

    def maps(model: InstrumentedModel, image: Any, target: Any) -> Iterator[Attribution]:
        yield from explain(model, image, target, method, None, **options)

    return maps
