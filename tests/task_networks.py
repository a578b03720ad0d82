"""Tiny networks that put out maps or boxes instead of one score per class, and torchvision's missing operator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch import nn
from torch.nn import functional

CLASSES = 5


class Segments(nn.Module):
    """A map a class at the input's size, beside an auxiliary one, as torchvision's networks put out."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(inplace=True))
        # centred, so that untrained scores differ from place to place in what they say
        self.down = nn.Sequential(nn.Conv2d(6, 8, 3, 2, 1), nn.ReLU(inplace=True), nn.InstanceNorm2d(8))
        self.head, self.aux = nn.Conv2d(8, CLASSES, 1, bias=False), nn.Conv2d(6, CLASSES, 1)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        early = self.stem(x)
        late = self.head(self.down(early))
        out = functional.interpolate(late, size=x.shape[2:], mode="bilinear", align_corners=False)
        return {"out": out, "aux": self.aux(early)}


class Detects(nn.Module):
    """A score a class for each quarter of the picture, each with its box, as torchvision's detectors put out."""

    def __init__(self, classes: int = CLASSES) -> None:
        super().__init__()
        self.num_classes = classes
        self.body = nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(6, 8, 3, stride=2, padding=1), nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
        )  # fmt: skip
        self.scores, self.shifts = nn.Conv2d(8, classes, 1), nn.Conv2d(8, 4, 1)

    def forward(self, images: torch.Tensor | list[torch.Tensor]) -> list[dict[str, torch.Tensor]]:
        batch = torch.stack(list(images))
        felt = self.body(batch)
        height, width = batch.shape[2] / 2, batch.shape[3] / 2
        corners = [(c * width, r * height, (c + 1) * width, (r + 1) * height) for r in (0, 1) for c in (0, 1)]
        scores = self.scores(felt).flatten(2).mT.sigmoid()
        boxes = torch.tensor(corners).to(felt) + self.shifts(felt).flatten(2).mT.tanh()
        return [self._one(*one) for one in zip(scores, boxes, strict=True)]

    def _one(self, scores: torch.Tensor, boxes: torch.Tensor) -> dict[str, torch.Tensor]:
        labels = torch.arange(self.num_classes, device=scores.device).repeat(4)
        order = scores.flatten().argsort(descending=True)
        found = {"boxes": boxes.repeat_interleave(self.num_classes, 0), "labels": labels, "scores": scores.flatten()}
        return {name: tensor[order] for name, tensor in found.items()}


def nms(boxes: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """Non-maximum suppression in plain torch."""
    left, order = torch.ones(len(boxes), dtype=torch.bool), scores.argsort(descending=True, stable=True)
    low, high = boxes[:, None, :2].maximum(boxes[None, :, :2]), boxes[:, None, 2:].minimum(boxes[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(2)
    area = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(1)
    same = shared / (area[:, None] + area[None] - shared) > iou_threshold
    for i in order.tolist():
        if left[i]:
            left &= ~same[i]
            left[i] = True
    return order[left[order]]


@contextmanager
def with_nms() -> Iterator[Any]:
    """torchvision with an nms for the CPU, where it has none of its own."""
    from nbviz.replica.torchvision_import import torchvision

    module = torchvision()
    if module.extension._has_ops():
        yield module
        return
    with torch.library._scoped_library("torchvision", "IMPL") as library:
        library.impl("nms", nms, "CPU")
        with mock.patch.object(module.extension, "_has_ops", lambda: True):
            yield module
