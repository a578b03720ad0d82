"""Networks trained on coloured shapes: the evidence for what they say lies where the shape is."""

from __future__ import annotations

from typing import Any

import pytest

import nbviz
from nbviz.evaluation import pointing
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.passes.subject import resolved
from tests.shapes import NAMES, detector, draw, segmenter

METHODS: dict[str, dict[str, Any]] = {"occlusion": {"window": 8, "stride": 4, "fill": "blur"}, "grad_cam": {}}
SCENES = [scene for scene in map(draw, range(30)) if len({label for label, _ in scene.boxes}) == 2][:6]


@pytest.fixture(scope="module")
def segments() -> InstrumentedModel:
    return InstrumentedModel(segmenter(), classes=NAMES)


@pytest.fixture(scope="module")
def detects() -> InstrumentedModel:
    return InstrumentedModel(detector(), classes=NAMES)


@pytest.mark.parametrize("method", METHODS)
def test_a_class_s_evidence_lies_on_its_shape(segments: InstrumentedModel, method: str) -> None:
    hits, overlaps = [], []
    for scene in SCENES:
        x = scene.image[None]
        targets = [NAMES[label] for label, _ in scene.boxes]
        made = nbviz.attribute(segments, x, targets, method, **METHODS[method])
        for (_, box), found in zip(scene.boxes, made, strict=True):
            pointed = pointing(found, box, tolerance=4)
            assert pointed is not None
            hits.append(pointed.hit)
            overlaps.append(max(one.iou(box) for one in found.boxes(0.3)))
    assert sum(hits) >= len(hits) - 1
    assert sum(overlap > 0.5 for overlap in overlaps) >= len(overlaps) - 2


@pytest.mark.parametrize("method", METHODS)
def test_a_box_s_evidence_lies_in_it_and_not_in_the_other(detects: InstrumentedModel, method: str) -> None:
    hits = []
    for scene in SCENES:
        x = scene.image[None]
        said = detects.prediction(x)
        assert len(said.boxes) == len(scene.boxes)
        found = nbviz.attribute(detects, x, [Target.box(i) for i in range(len(said.boxes))], method, **METHODS[method])
        for one, made in zip(said.boxes, found, strict=True):
            truth = max((box for label, box in scene.boxes if label == one.label), key=one.box.iou)
            assert one.box.iou(truth) > 0.5
            pointed = pointing(made, truth, tolerance=4)
            assert pointed is not None
            hits.append(pointed.hit)
    assert sum(hits) >= len(hits) - 1


def test_hiding_a_box_takes_its_score_away_and_leaves_the_other(detects: InstrumentedModel) -> None:
    scene = SCENES[0]
    x, boxes = scene.image[None], detects.prediction(scene.image[None]).boxes
    hidden = x.clone()
    top, left, bottom, right = (int(edge) for edge in boxes[0].box)
    hidden[:, :, max(0, top - 1) : bottom + 1, max(0, left - 1) : right + 1] = 0.45
    scores = []
    for number in (0, 1):
        target = resolved(detects, x, Target.box(number))
        scores.append(target.of(detects.read(detector()(hidden)))[0].item())
    assert scores[0] == 0 and scores[1] == pytest.approx(boxes[1].score, abs=0.1)
