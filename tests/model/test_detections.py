"""A detector's box as target: its score, matched again on changed pictures, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import nbviz
from nbviz.attribution import Attribution
from nbviz.attribution.masks import Window
from nbviz.evaluation.measures.pointing import pointing
from nbviz.model.boxes import Box, components, ious
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.region import Region
from nbviz.model.scoring.outputs import Boxes
from nbviz.model.target import Target
from nbviz.passes.effective_field import effective_field
from nbviz.passes.receptive_field import ReceptiveFields
from nbviz.passes.subject import resolved
from nbviz.replica.torchvision_import import torchvision
from tests.networks import build, picture
from tests.task_networks import nms, with_nms


def test_a_box_s_score_is_what_is_explained() -> None:
    net, x = build("detects").eval(), picture()
    found = net(x)[0]
    for number in (0, 3):
        inner = x.clone().requires_grad_()
        score = net(inner)[0]["scores"][number]
        (wanted,) = torch.autograd.grad(score, inner)
        made = nbviz.attribute(net, x, Target.box(number), "saliency")
        assert torch.equal(made.values, wanted)
        assert made.facts["score"] == pytest.approx(found["scores"][number].item())
        assert made.facts["target"] == f"class {int(found['labels'][number])}, box {number}"


def test_a_class_is_its_best_box_and_predicted_is_the_best_of_all() -> None:
    net, x = build("detects").eval(), picture()
    found, model = net(x)[0], InstrumentedModel(net)
    first = int((found["labels"] == 2).nonzero()[0])
    left, top, right, bottom = found["boxes"][first].tolist()
    assert resolved(model, x, Target(2)) == Target(2, number=first, found=Box(top, left, bottom, right))
    assert resolved(model, x, Target()).number == 0
    best = [found["scores"][found["labels"] == label].max().item() for label in range(5)]
    assert model.logits(x) == pytest.approx(best)
    said = model.prediction(x)
    assert said.kind == "boxes" and len(said.boxes) == 20 and said.boxes[0].score == pytest.approx(max(best))


class Moving(nn.Module):
    """Three boxes given from outside; the score of each is a pixel."""

    def __init__(self, *frames: list[tuple[int, Box]]) -> None:
        super().__init__()
        self.frames, self.weight = frames, nn.Parameter(torch.ones(()))

    def forward(self, x: torch.Tensor) -> list[dict[str, torch.Tensor]]:
        return [self._one(image, self.frames[int(image[0, 0, 0])]) for image in x]

    def _one(self, image: torch.Tensor, boxes: list[tuple[int, Box]]) -> dict[str, torch.Tensor]:
        return {
            "boxes": torch.tensor([[b.left, b.top, b.right, b.bottom] for _, b in boxes]).view(-1, 4),
            "labels": torch.tensor([label for label, _ in boxes], dtype=torch.long),
            "scores": self.weight * image[1, 0, : len(boxes)],
        }


def test_on_a_changed_picture_the_box_of_that_label_that_overlaps_most_counts() -> None:
    here, near, far = Box(0, 0, 4, 4), Box(1, 0, 5, 4), Box(8, 8, 12, 12)
    net = Moving([(1, here), (1, far)], [(1, far), (2, here), (1, near)], [(1, far), (2, here)], [])
    x = torch.zeros(4, 3, 16, 16)
    x[:, 0, 0, 0] = torch.arange(4.0)
    x[:, 1, 0, :3] = torch.tensor([0.9, 0.6, 0.3])
    model = InstrumentedModel(net)
    target = resolved(model, x[:1], Target.box(0))
    scores = target.of(model.read(net(x)))
    assert scores.tolist() == pytest.approx([0.9, 0.3, 0.0, 0.0])
    gradient = torch.autograd.grad(scores.sum(), net.weight)[0]
    assert float(gradient) == pytest.approx(1.2)


def test_boxes_that_are_not_there_are_said_in_words() -> None:
    net = Moving([(1, Box(0, 0, 4, 4))], [])
    model = InstrumentedModel(net, classes=["nothing", "cat", "dog"])
    x = torch.zeros(1, 3, 16, 16)
    for target, words in [
        (Target.box(1), "finds 1 box in this picture, numbered from 0; there is no box 1"),
        ("dog", "finds no dog in this picture. It finds: cat"),
    ]:
        with pytest.raises(nbviz.NbvizError, match=words):
            nbviz.attribute(model, x, target, "saliency")
    with pytest.raises(nbviz.NbvizError, match="finds no box in this picture"):
        x[:, 0, 0, 0] = 1
        nbviz.attribute(model, x, "predicted", "saliency")
    with pytest.raises(nbviz.NbvizError, match="one score per class"):
        nbviz.attribute(build("inplace"), picture(), Target.box(0), "saliency")
    with pytest.raises(nbviz.NbvizError, match="by its number"):
        Target.box(-1)


def test_overlap_is_shared_over_joint_area() -> None:
    one, other = Box(0, 0, 4, 4), Box(2, 2, 6, 4)
    assert one.iou(other) == pytest.approx(4 / 20)
    assert ious(torch.tensor([[2.0, 2.0, 4.0, 6.0], [9.0, 9.0, 9.0, 9.0]]), one).tolist() == pytest.approx([0.2, 0])
    assert one.holds(0, 3.5) and not one.holds(4, 0)


def test_connected_parts_of_a_map() -> None:
    heat = torch.zeros(8, 10)
    heat[1:3, 1:4], heat[5:8, 6:10], heat[4, 5] = 1.0, 0.6, 0.5
    assert components(heat, 0.5) == [Box(4, 5, 8, 10), Box(1, 1, 3, 4)]
    assert components(heat, 0.7) == [Box(1, 1, 3, 4)]
    assert components(-heat, 0.5) == []


def test_nms_for_tests_keeps_the_best_of_those_that_overlap() -> None:
    boxes = torch.tensor([[0.0, 0, 4, 4], [0, 0, 4, 3], [5, 5, 9, 9], [0, 0, 1, 4]])
    assert nms(boxes, torch.tensor([0.5, 0.9, 0.1, 0.2]), 0.5).tolist() == [1, 3, 2]


def _tiny(module: Any, name: str) -> nn.Module:
    torch.manual_seed(0)
    sizes = {} if name.startswith("ssd") else {"min_size": 64, "max_size": 64}
    box = "box_" if name.startswith("faster") else ""
    limits = {f"{box}score_thresh": 0.0, f"{box}detections_per_img": 5}
    build_one = getattr(module.models.detection, name)
    net = build_one(weights=None, weights_backbone=None, num_classes=4, **limits, **sizes)
    with torch.no_grad():  # as they start, their scores hardly depend on the picture
        for part in net.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.momentum = 1.0
        net.backbone.train()(torch.rand(2, 3, 128, 128))
        if box:  # boxes as proposed, and scores that are not all 0 or 1
            nn.init.zeros_(net.roi_heads.box_predictor.bbox_pred.weight)
            nn.init.normal_(net.roi_heads.box_predictor.cls_score.weight, std=1e-3)
        for part in () if box else net.head.classification_head.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.xavier_normal_(part.weight, gain=0.3)
    return net.eval()


DETECTORS = (
    "retinanet_resnet50_fpn", "ssdlite320_mobilenet_v3_large", "fcos_resnet50_fpn", "fasterrcnn_mobilenet_v3_large_fpn",
)  # fmt: skip


@pytest.mark.parametrize("name", DETECTORS)
def test_torchvision_s_own_detectors(name: str) -> None:
    x = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with with_nms() as module:
        net = _tiny(module, name)
        model = InstrumentedModel(net)
        found = net(x)[0]
        made = nbviz.attribute(model, x, Target.box(0), "saliency")
        assert made.facts["score"] == pytest.approx(found["scores"][0].item(), rel=1e-4)
        assert made.values.any() and torch.isfinite(made.values).all()
        hidden = nbviz.attribute(model, x, Target.box(0), "occlusion", window=32, stride=32)
        assert hidden.facts["score"] == pytest.approx(made.facts["score"], rel=1e-4) and hidden.values.any()
        assert model.known is not None and model.known.scores == 4 and isinstance(model.read(net(x)), Boxes)


def test_missing_operators_are_named() -> None:
    module = torchvision()
    if module.extension._has_ops():
        pytest.skip("this torchvision has its operators")
    net = _tiny(module, "ssdlite320_mobilenet_v3_large")
    with pytest.raises(nbviz.NbvizError, match=r"compiled operators \(nms, roi_align and others\).*missing"):
        nbviz.attribute(net, torch.rand(1, 3, 64, 64), "predicted", "saliency")
    with pytest.raises(nbviz.NbvizError, match="compiled operators"):
        InstrumentedModel(net).layers()


def test_every_box_has_one_order() -> None:
    """A rectangle off the diagonal: a map's box, a receptive field's and pointing's mean one place."""
    net = nn.Sequential(nn.Conv2d(3, 2, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2))
    fields = ReceptiveFields(InstrumentedModel(net), (3, 40, 80))
    seen = [effective_field(net, torch.ones(1, 3, 40, 80), "0", 0, (6, 60)).box(1.0), fields.box("0", (6, 60))]
    assert seen == [(5, 59, 8, 62)] * 2 and all(isinstance(box, Box) for box in seen)
    heat = torch.zeros(40, 80)
    heat[seen[0].slices] = 1
    assert components(heat, 0.5) == [seen[0]] and Region.of_box(seen[0]).box == seen[0]
    judged = Attribution(heat, heat, (40, 80), {})
    for truth in (seen[0], tuple(seen[0])):
        pointed = pointing(judged, truth, tolerance=0)
        assert pointed is not None and (pointed.hit, pointed.inside, pointed.iou) == (1, 1, 1)
    assert Window(1, 2, 3, 4).pixels[1:] == Box(1, 2, 3, 4).slices


def test_a_box_that_is_not_found_has_a_score_of_zero_and_a_gradient() -> None:
    scores = torch.ones(2, requires_grad=True)
    boxes = [{"boxes": torch.tensor([[0.0, 0, 4, 4], [8, 8, 9, 9]]), "labels": torch.tensor([1, 1]), "scores": scores}]
    target = Target(index=2, number=0, found=Box(0, 0, 4, 4))
    score = target.of(Boxes(boxes, 3))
    assert score.tolist() == [0]
    assert torch.autograd.grad(score.sum(), scores)[0].tolist() == [0, 0]
