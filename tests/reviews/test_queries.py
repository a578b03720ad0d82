"""Detectors that put out a score and a box per query are refused with the adapter that reads them, and it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import nn

import nbviz
from nbviz.errors import NbvizError
from nbviz.reviews import DetectionReview


@dataclass
class Queries:
    logits: torch.Tensor
    pred_boxes: torch.Tensor


class Detr(nn.Module):
    """Scores and boxes of sixteen queries, as DETR's own code and Hugging Face's put them out."""

    def __init__(self, named: bool) -> None:
        super().__init__()
        self.named, self.conv, self.score, self.box = named, nn.Conv2d(3, 8, 8, 8), nn.Linear(8, 6), nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> Any:
        felt = self.conv(x).flatten(2).mT
        logits, boxes = self.score(felt), self.box(felt).sigmoid()
        return Queries(logits, boxes) if self.named else {"pred_logits": logits, "pred_boxes": boxes}


class Processed(nn.Module):
    """The adapter that the refusal shows, with what a processor does."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: torch.Tensor) -> list[dict[str, torch.Tensor]]:
        out, (height, width) = self.net(x), x.shape[-2:]
        scores, labels = out.logits.softmax(-1)[..., :-1].max(-1)
        middle, sides = out.pred_boxes.split(2, -1)
        boxes = torch.cat([middle - sides / 2, middle + sides / 2], -1) * torch.tensor([width, height] * 2)
        return [{"scores": s, "labels": n, "boxes": b} for s, n, b in zip(scores, labels, boxes, strict=True)]


@pytest.mark.parametrize("named", [True, False])
def test_a_detector_of_queries_is_refused_with_the_adapter_and_read_through_it(named: bool) -> None:
    data = [(torch.rand(3, 32, 32), {"boxes": [[1.0, 2, 9, 9]], "labels": [1]}) for _ in range(3)]
    data = [(x, {name: torch.tensor(values) for name, values in target.items()}) for x, target in data]
    with pytest.raises(NbvizError, match=r"logits' and 'pred_boxes'\), as DETR does.*\n  class Boxes"):
        nbviz.review(Detr(named).eval(), data, progress=False)
    if named:
        review = nbviz.review(Processed(Detr(named)).eval(), data, progress=False)
        assert isinstance(review, DetectionReview) and review.summary["boxes"]["objects"] == 3
