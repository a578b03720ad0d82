"""A segmentation network's class over a region: closed forms, where it is said, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import nbviz
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.region import Region
from nbviz.model.target import Target
from nbviz.passes.subject import resolved
from tests.networks import build, picture

WEIGHT = torch.tensor([[1.0, -2.0, 0.5], [-1.0, 1.0, 2.0], [0.0, 0.5, -1.0]], dtype=torch.float64)


def linear(stride: int = 1) -> nn.Module:
    """Each place's scores are WEIGHT times its pixel (the mean of a block of pixels with a stride)."""
    net = nn.Conv2d(3, 3, stride, stride=stride, bias=False).double()
    with torch.no_grad():
        net.weight.copy_(WEIGHT[:, :, None, None].expand_as(net.weight) / stride**2)
    return net


X = picture(dtype=torch.float64)
SCORES = torch.einsum("kc,nchw->nkhw", WEIGHT, X)[0]
MASK = torch.zeros(16, 16, dtype=torch.bool)
MASK[3:7, 5:10] = True


def test_by_default_a_class_is_explained_where_the_network_says_it() -> None:
    said = SCORES.argmax(0) == 1
    found = nbviz.attribute(linear(), X, 1, "saliency")
    wanted = WEIGHT[1][:, None, None] * said / said.sum()
    assert torch.allclose(found.values[0], wanted, rtol=0, atol=1e-12)
    assert found.facts["score"] == pytest.approx(float(SCORES[1][said].mean()))
    assert found.facts["target"] == "class 1, where it is said"


@pytest.mark.parametrize("target", [Target.region(2, mask=MASK), Target.region(2, box=(3, 5, 7, 10))])
def test_a_mask_and_a_box_choose_where(target: Target) -> None:
    found = nbviz.attribute(linear(), X, target, "saliency")
    assert torch.allclose(found.values[0], WEIGHT[2][:, None, None] * MASK / MASK.sum(), rtol=0, atol=1e-12)
    assert found.facts["score"] == pytest.approx(float(SCORES[2][MASK].mean()))


def test_a_contrast_keeps_the_first_class_s_region() -> None:
    said = SCORES.argmax(0) == 0
    found = nbviz.attribute(linear(), X, (0, 2), "saliency")
    assert found.facts["score"] == pytest.approx(float((SCORES[0] - SCORES[2])[said].mean()))
    assert found.facts["target"] == "class 0 rather than class 2, where it is said"


def test_a_region_stays_where_it_was_when_the_picture_changes() -> None:
    found = nbviz.attribute(linear(), X, 1, "occlusion", window=4, stride=4, fill="black")
    said = SCORES.argmax(0) == 1
    part = torch.where(said, SCORES[1], 0) / said.sum()
    wanted = part.unfold(0, 4, 4).unfold(1, 4, 4).sum((2, 3)).repeat_interleave(4, 0).repeat_interleave(4, 1)
    assert torch.allclose(found.values, wanted, rtol=0, atol=1e-12)


def test_maps_coarser_than_the_picture_take_part_of_a_place() -> None:
    blocks = SCORES.unfold(1, 4, 4).unfold(2, 4, 4).mean((3, 4))[1]
    box = nbviz.attribute(linear(4), X, Target.region(1, box=(2, 4, 8, 6)), "saliency")
    assert box.facts["score"] == pytest.approx(float((blocks[0, 1] + 2 * blocks[1, 1]) / 3))
    mask = torch.zeros(16, 16)
    mask[2:8, 4:6] = 1
    same = nbviz.attribute(linear(4), X, Target.region(1, mask=mask), "saliency")
    assert same.facts["score"] == pytest.approx(box.facts["score"])


def test_the_predicted_class_is_the_one_said_most_with_the_background_last() -> None:
    counts = torch.bincount(SCORES.argmax(0).flatten(), minlength=3)
    most = int(counts.argmax())
    assert resolved(InstrumentedModel(linear()), X, Target()).index == most
    names = ["a", "b", "c"]
    names[most] = "__background__"
    model = InstrumentedModel(linear(), classes=names)
    rest = [i for i in counts.argsort(descending=True).tolist() if i != most]
    assert [row[1] for row in model.predict(X)] == [*rest, most]
    assert [row[2] for row in model.predict(X)] == pytest.approx([float(counts[i]) / 256 for i in [*rest, most]])
    assert resolved(model, X, Target()).index == rest[0]
    inside = Target.region("predicted", mask=SCORES.argmax(0) == rest[1])
    assert resolved(model, X, inside).index == rest[1]


def test_a_class_that_is_said_nowhere_is_explained_over_the_whole_picture() -> None:
    net = linear()
    with torch.no_grad():
        net.weight[2] = net.weight[0]  # never above class 0
    found = nbviz.attribute(net, X, 2, "saliency")
    assert found.facts["target"] == "class 2, over the whole picture, for it is said nowhere"
    assert found.facts["score"] == pytest.approx(float(SCORES[0].mean()))


def test_what_the_network_says_where() -> None:
    said = InstrumentedModel(linear()).prediction(X)
    assert said.kind == "maps" and said.regions is not None
    assert np.array_equal(said.regions, SCORES.argmax(0).numpy())


def test_class_names_are_looked_up_later() -> None:
    model = InstrumentedModel(linear(), classes=["sky", "cat", "dog"])
    target = Target.region("cat", mask=MASK)
    assert nbviz.attribute(model, X, target, "saliency").facts["target"] == "cat, in a mask of 7.8 % of the picture"
    with pytest.raises(nbviz.NbvizError, match="Nearest: 'cat'"):
        nbviz.attribute(model, X, Target.region("cats", mask=MASK), "saliency")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"mask": MASK, "box": (0, 0, 1, 1)}, "a mask or a box, not both"),
        ({"mask": torch.zeros(16, 16)}, "no pixel in it"),
        ({"mask": torch.ones(3, 16, 16)}, r"A mask is \(H, W\).*not \(3, 16, 16\)"),
        ({"box": (1, 2, 3)}, r"A box is \(top, left, bottom, right\)"),
        ({"box": (5, 2, 3, 4)}, "is empty"),
    ],
)
def test_what_is_no_region_is_refused_in_words(given: dict[str, object], words: str) -> None:
    with pytest.raises(nbviz.NbvizError, match=words):
        Target.region(1, **given)  # type: ignore[arg-type]


def test_a_region_outside_the_picture_or_of_a_classifier_is_refused_in_words() -> None:
    with pytest.raises(nbviz.NbvizError, match="lies outside the picture, 16 × 16"):
        nbviz.attribute(linear(), X, Target.region(1, box=(20, 20, 30, 30)), "saliency")
    with pytest.raises(nbviz.NbvizError, match="one score per class"):
        nbviz.attribute(build("inplace"), picture(), Target.region(1, mask=MASK), "saliency")


def test_regions_are_equal_by_content_so_that_answers_are_kept() -> None:
    assert Target.region(1, mask=MASK) == Target.region(1, mask=MASK.clone().numpy())
    assert hash(Target.region(1, mask=MASK)) == hash(Target.region(1, mask=MASK.clone()))
    assert Target.region(1, mask=MASK) != Target.region(1, mask=~MASK)
    assert np.array_equal(Region.of_mask(MASK).mask(), MASK.numpy())


def test_gradients_of_torchvision_s_own_segmentation_networks() -> None:
    from nbviz.replica.torchvision_import import torchvision

    torch.manual_seed(0)
    net = torchvision().models.segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None).eval()
    x = torch.rand(1, 3, 64, 64)
    model = InstrumentedModel(net)
    assert model.predict(x, top=1)[0][2] > 0
    inner = x.clone().requires_grad_()
    out = net(inner)["out"]
    index = model.predict(x, top=1)[0][1]
    said = out[0].argmax(0) == index
    (wanted,) = torch.autograd.grad(out[0, index][said].mean(), inner)
    found = nbviz.attribute(model, x, "predicted", "saliency")
    assert torch.allclose(found.values, wanted, rtol=1e-4, atol=1e-7 + 1e-4 * float(wanted.abs().max()))
