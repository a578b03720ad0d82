"""Hugging Face's image classifiers as they are: random weights, small configurations, nothing wrapped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

import nbviz
from nbviz import InstrumentedModel
from nbviz.circuits import head_layers
from nbviz.edits import Heads
from nbviz.errors import NbvizError, Refused
from nbviz.replica.torchvision_import import torchvision
from nbviz.session.inline import InlineRunner
from tests.networks import state_hash

torchvision()  # transformers imports it, and it may need help
transformers = pytest.importorskip("transformers")

LABELS = 5
NAMES = {i: f"thing {i}" for i in range(LABELS)}
VIT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48, "image_size": 64}
SWIN = {"embed_dim": 16, "depths": [1, 1], "num_heads": [2, 2], "window_size": 4, "image_size": 64}
STAGES = {"embedding_size": 16, "hidden_sizes": [16, 24], "depths": [1, 1]}
VISION = {"vision_config": VIT | {"patch_size": 16}}
CONVNEXT = {"hidden_sizes": [8, 16], "depths": [1, 1], "num_stages": 2}

CONFIGS: dict[str, dict[str, Any]] = {
    "BeitForImageClassification": VIT | {"patch_size": 16},
    "BitForImageClassification": STAGES | {"num_groups": 4},
    "CLIPForImageClassification": VISION,
    "ConvNextForImageClassification": CONVNEXT,
    "ConvNextV2ForImageClassification": CONVNEXT,
    "CvtForImageClassification": {"embed_dim": [16, 24, 32], "num_heads": [1, 2, 2], "depth": [1, 2, 3]},
    "Data2VecVisionForImageClassification": VIT | {"patch_size": 16},
    "DeiTForImageClassification": VIT,
    "DeiTForImageClassificationWithTeacher": VIT,
    "Dinov2ForImageClassification": VIT | {"patch_size": 16},
    "Dinov2WithRegistersForImageClassification": VIT | {"patch_size": 16},
    "DonutSwinForImageClassification": SWIN,
    "EfficientNetForImageClassification": {"width_coefficient": 0.25, "depth_coefficient": 0.1, "image_size": 64}
    | {"hidden_dim": 320},
    "FocalNetForImageClassification": {"embed_dim": 16, "depths": [1, 1], "image_size": 64}
    | {"focal_levels": [2, 2], "focal_windows": [3, 3], "hidden_sizes": [16, 32]},
    "HGNetV2ForImageClassification": {},
    "HieraForImageClassification": {"image_size": [64, 64], "depths": [1, 1], "num_heads": [1, 2], "embed_dim": 16}
    | {"query_stride": [2, 2], "num_query_pool": 1},
    "IJepaForImageClassification": VIT | {"patch_size": 16},
    "LevitForImageClassification": {"image_size": 64, "hidden_sizes": [16, 32, 48], "depths": [1, 1, 1]}
    | {"key_dim": [8, 8, 8], "num_attention_heads": [2, 2, 2]},
    "LevitForImageClassificationWithTeacher": {"image_size": 64, "hidden_sizes": [16, 32, 48], "depths": [1, 1, 1]}
    | {"key_dim": [8, 8, 8], "num_attention_heads": [2, 2, 2]},
    "MobileNetV1ForImageClassification": {"depth_multiplier": 0.25, "image_size": 64},
    "MobileNetV2ForImageClassification": {"depth_multiplier": 0.25, "image_size": 64},
    "MobileViTForImageClassification": {"hidden_sizes": [16, 24, 32], "neck_hidden_sizes": [8, 8, 16, 16, 24, 24, 32]}
    | {"image_size": 64, "num_attention_heads": 2},
    "MobileViTV2ForImageClassification": {"width_multiplier": 0.25, "image_size": 64},
    "PoolFormerForImageClassification": {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]},
    "PvtForImageClassification": {"image_size": 64, "hidden_sizes": [16, 16, 32, 32], "depths": [1, 1, 1, 1]}
    | {"num_attention_heads": [1, 1, 2, 2]},
    "PvtV2ForImageClassification": {"image_size": 64, "hidden_sizes": [16, 16, 32, 32], "depths": [1, 1, 1, 1]}
    | {"num_attention_heads": [1, 1, 2, 2]},
    "RegNetForImageClassification": STAGES | {"groups_width": 8},
    "ResNetForImageClassification": STAGES,
    "SegformerForImageClassification": {"hidden_sizes": [8, 8, 16, 16], "depths": [1, 1, 1, 1]}
    | {"num_attention_heads": [1, 1, 2, 2]},
    "SiglipForImageClassification": VISION,
    "Siglip2ForImageClassification": {"vision_config": VIT},
    "SwiftFormerForImageClassification": {"embed_dims": [16, 16, 32, 32], "depths": [1, 1, 1, 1]},
    "SwinForImageClassification": SWIN,
    "Swinv2ForImageClassification": SWIN,
    "TextNetForImageClassification": {},
    "ViTForImageClassification": VIT,
    "ViTMSNForImageClassification": VIT | {"patch_size": 16},
}
"""Class → what its configuration has that is not its default."""
REFUSED = {"Siglip2ForImageClassification": r"fails on an input of shape \(1, 3, 64, 64\): .*cannot be multiplied"}
"""Classes that take something else than a picture (patches, with their mask), and what is said of it."""
METHODS = ("saliency", "input_x_gradient", "grad_cam", "guided_backprop", "cam", "rollout")


def _network(name: str, **options: str) -> nn.Module:
    kind = getattr(transformers, name)
    torch.manual_seed(0)
    config = kind.config_class(num_labels=LABELS, id2label=NAMES, **CONFIGS[name], **options)
    net = kind(config).eval()
    for weight in net.parameters():
        if weight.dim() > 1:  # as they are drawn, the scores of some underflow to 0 for any picture
            nn.init.kaiming_normal_(weight)
    return net


def _picture() -> torch.Tensor:
    return torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))


CLASSES = pytest.mark.parametrize("name", sorted(set(CONFIGS) - set(REFUSED)))


@CLASSES
def test_a_classifier_is_explained_as_it_is(name: str) -> None:
    net, x = _network(name), _picture()
    with torch.no_grad():
        logits = net(x).logits[0]
    leaf = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(net(leaf).logits[0, 2], leaf)
    before = state_hash(net)  # some keep what a first forward computed
    model = InstrumentedModel(net)
    predicted = model.predict(x, top=LABELS)
    assert [score for *_, score in sorted(predicted, key=lambda one: one[1])] == pytest.approx(
        logits.tolist(), abs=1e-6
    )
    assert all(share == pytest.approx(float(logits.softmax(0)[i]), abs=1e-6) for _, i, share, _ in predicted)
    assert [word for word, *_ in predicted] == [NAMES[index] for _, index, *_ in predicted]
    found = nbviz.attribute(model, x, "thing 2", "saliency")
    assert torch.equal(torch.as_tensor(found.values).reshape(gradient.shape), gradient)
    assert found.facts["score"] == pytest.approx(float(logits[2]), abs=1e-6)
    _refusals_are_true(model, x, gradient)
    assert state_hash(net) == before and not net.training


def _refusals_are_true(model: InstrumentedModel, x: torch.Tensor, gradient: torch.Tensor) -> None:
    kinds = {type(module).__name__ for module in model.net.modules()}
    bias = any(
        "position_bias_mlp" in name for name, _ in model.net.named_modules()
    )  # has a ReLU that no picture comes through
    for method in METHODS:
        try:
            status = nbviz.attribute(model, x, 2, method).facts["status"]
        except Refused as error:
            said = str(error)
            assert not (gradient.any() and "No gradient leads" in said and "to the picture" in said), said
            assert not (method == "guided_backprop" and "ReLU" in kinds and not bias), said
        else:
            assert status in ("ok", "no positive evidence"), f"{method}: {status}"


# EfficientNet's scores stand at 1e-43 with weights as drawn here: whether a map can be had is decided by rounding
OPENED = sorted(set(CONFIGS) - set(REFUSED) - {"EfficientNetForImageClassification"})[::4]


@pytest.mark.parametrize("name", OPENED)
def test_a_classifier_opens(name: str) -> None:
    net = _network(name)
    with nbviz.Explorer(net, _picture(), runner=InlineRunner) as explorer:
        assert explorer.model.classes == tuple(NAMES.values())
        assert explorer.attribution is not None and explorer.attribution.facts["target"] in NAMES.values()


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_class_that_takes_no_picture_says_so(name: str) -> None:
    with pytest.raises(NbvizError, match=REFUSED[name]):
        InstrumentedModel(_network(name)).predict(_picture())


HEADS: dict[str, dict[str, Any]] = {
    "BeitForImageClassification": {"attn_implementation": "sdpa"},
    "CLIPForImageClassification": {"attn_implementation": "eager"},
    "CvtForImageClassification": {},
    "DeiTForImageClassification": {"attn_implementation": "eager"},
    "Dinov2ForImageClassification": {"attn_implementation": "sdpa"},
    "LevitForImageClassification": {},
    "MobileViTForImageClassification": {},
    "PvtForImageClassification": {},
    "SegformerForImageClassification": {},
    "SiglipForImageClassification": {"attn_implementation": "sdpa"},
    "SwinForImageClassification": {},
    "Swinv2ForImageClassification": {},
    "Data2VecVisionForImageClassification": {"attn_implementation": "sdpa"},
    "ViTForImageClassification": {"attn_implementation": "eager"},
}
"""Family → how its attention is computed, where there is a choice."""


@pytest.mark.parametrize("name", HEADS)
def test_a_head_off_is_its_columns_of_the_mixing_layer_at_zero(name: str) -> None:
    net = _network(name, **HEADS[name]).double()
    for weight in net.parameters():
        if weight.dim() > 1:
            nn.init.normal_(weight, std=0.3)
    model, x = InstrumentedModel(net), _picture().double()
    layers = head_layers(model, x)
    assert layers, "no layer's heads can be switched off"
    layer, heads = list(layers.items())[-1]
    edited = model.edited(Heads(layer, off=[heads - 1], of=heads))(x)
    assert not torch.equal(edited, model(x))
    assert any(torch.allclose(scores, edited, rtol=0, atol=1e-10) for scores in _muted(net, x, heads))


def _muted(net: nn.Module, x: torch.Tensor, heads: int) -> Iterator[torch.Tensor]:
    """Yield the scores with the last head's columns at zero, for each linear layer that might mix the heads."""
    for module in reversed(list(net.modules())):
        if not isinstance(module, nn.Linear) or module.in_features % heads:
            continue
        kept = module.weight.detach().clone()
        with torch.no_grad():
            module.weight[:, -module.in_features // heads :] = 0
            yield net(x).logits
            module.weight.copy_(kept)
