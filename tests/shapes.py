"""Pictures of coloured shapes, and a segmenter and a detector trained on them in seconds: evidence that is real.

A disc is reddish, a square greenish, a triangle bluish, each of a random tint, on grainy gray.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from nbviz.model.boxes import Box

NAMES = ("background", "disc", "square", "triangle")
SIZE = 64


@dataclass(frozen=True, eq=False)
class Shapes:
    """A picture and what is in it."""

    image: torch.Tensor
    """(3, SIZE, SIZE) in 0…1."""
    mask: torch.Tensor
    """int64 (SIZE, SIZE), the class of each pixel."""
    boxes: list[tuple[int, Box]]


def draw(seed: int, count: int = 2) -> Shapes:
    """A picture with so many shapes that don't overlap."""
    random = np.random.default_rng(seed)
    image = 0.45 + 0.08 * random.standard_normal((3, SIZE, SIZE))
    mask, boxes = np.zeros((SIZE, SIZE), np.int64), list[tuple[int, Box]]()
    rows, columns = np.mgrid[:SIZE, :SIZE]
    while len(boxes) < count:
        label, half = int(random.integers(1, 4)), int(random.integers(7, 13))
        row, column = (int(random.integers(half + 1, SIZE - half - 1)) for _ in range(2))
        box = Box(row - half, column - half, row + half, column + half)
        if any(box.iou(other) > 0 for _, other in boxes):
            continue
        down, right = rows - row + 0.5, columns - column + 0.5
        inside = {
            1: down**2 + right**2 < half**2,
            2: np.maximum(abs(down), abs(right)) < half,
            3: (abs(down) < half) & (abs(right) < (down + half) / 2),
        }[label]
        tint = random.uniform(0.05, 0.45, 3)
        tint[label - 1] = random.uniform(0.7, 1.0)
        image = np.where(inside, tint[:, None, None] + 0.05 * random.standard_normal(image.shape), image)
        mask[inside] = label
        boxes.append((label, box))
    return Shapes(torch.from_numpy(image.clip(0, 1)).float(), torch.from_numpy(mask), boxes)


def _body(width: int = 24) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 12, 3, padding=1), nn.ReLU(), nn.Conv2d(12, width, 3, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(width, width, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.ReLU(),
        nn.Conv2d(width, width, 3, padding=2, dilation=2), nn.ReLU(),
    )  # fmt: skip


class Segmenter(nn.Module):
    """A map a class at the picture's size, in a dict, as torchvision's."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = _body(), nn.Conv2d(24, len(NAMES), 1)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        scores = self.head(self.body(x))
        return {"out": functional.interpolate(scores, x.shape[2:], mode="bilinear", align_corners=False)}


class Detector(nn.Module):
    """Centres and sizes on a grid of a quarter of the picture; a box at each local maximum above 0.3."""

    def __init__(self) -> None:
        super().__init__()
        self.num_classes = len(NAMES)
        self.body, self.head = _body(), nn.Conv2d(24, len(NAMES) + 2, 1)

    def grids(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Scores (N, classes, h, w) before the sigmoid and half sizes (N, 2, h, w) in pixels."""
        found = self.head(self.body(x))
        return found[:, : len(NAMES)], 16 * found[:, len(NAMES) :].sigmoid()

    def forward(self, images: torch.Tensor | list[torch.Tensor]) -> list[dict[str, torch.Tensor]]:
        scores, sizes = self.grids(torch.stack(list(images)))
        scores = scores.sigmoid()
        peaks = (functional.max_pool2d(scores, 5, 1, 2) == scores) & (scores > 0.3)
        return [_boxes(*one) for one in zip(scores, sizes, peaks, strict=True)]


def _boxes(scores: torch.Tensor, sizes: torch.Tensor, peaks: torch.Tensor) -> dict[str, torch.Tensor]:
    labels, rows, columns = peaks.nonzero().unbind(1)
    order = scores[labels, rows, columns].argsort(descending=True)
    labels, rows, columns = labels[order], rows[order], columns[order]
    centre = torch.stack([columns, rows], 1) * 4 + 2.0
    half = sizes[:, rows, columns].T
    boxes = torch.cat([centre - half, centre + half], 1)
    return {"boxes": boxes, "labels": labels, "scores": scores[labels, rows, columns]}


@cache
def segmenter(steps: int = 160) -> Segmenter:
    """A trained segmenter."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net, weights = Segmenter(), torch.tensor([0.2, 1.0, 1.0, 1.0])
        for batch in _batches(net, steps):
            images, masks = (torch.stack([getattr(one, name) for one in batch]) for name in ("image", "mask"))
            functional.cross_entropy(net(images)["out"], masks, weights).backward()
    return net.eval()


@cache
def detector(steps: int = 300) -> Detector:
    """A trained detector."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = Detector()
        nn.init.constant_(net.head.bias[: len(NAMES)], -4.0)
        for batch in _batches(net, steps):
            scores, sizes = net.grids(torch.stack([one.image for one in batch]))
            _loss(scores, sizes, batch).backward()
    return net.eval()


def _loss(scores: torch.Tensor, sizes: torch.Tensor, batch: list[Shapes]) -> torch.Tensor:
    wanted, loss = torch.zeros_like(scores), scores.new_zeros(())
    for number, one in enumerate(batch):
        for label, box in one.boxes:
            row, column = int((box.top + box.bottom) / 8), int((box.left + box.right) / 8)
            wanted[number, label, row, column] = 1
            half = scores.new_tensor([box.right - box.left, box.bottom - box.top]) / 2
            loss = loss + 0.02 * (sizes[number, :, row, column] - half).abs().sum()
    p = scores.sigmoid()
    near = functional.max_pool2d(wanted, 3, 1, 1) - wanted  # beside a centre nothing is asked
    focal = wanted * (1 - p) ** 2 * functional.logsigmoid(scores)
    focal = focal + (1 - wanted) * (1 - near) * p**2 * functional.logsigmoid(-scores)
    return (loss - focal.sum()) / len(batch)


def _batches(net: nn.Module, steps: int) -> Iterator[list[Shapes]]:
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, steps)
    for step in range(steps):
        optimizer.zero_grad()
        yield [draw(1000 + 12 * step + i) for i in range(12)]
        optimizer.step()
        rate.step()
