"""Layouts of real architectures with random weights: convolutions, tokens with prefixes, windows, mixers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nbviz.model.layouts.layout import AxisEvidence, Layout, evidence, infer_layouts, probe_batch


def layouts_of(net: nn.Module, hw: tuple[int, int]) -> dict[str, Layout]:
    found: dict[str, AxisEvidence] = {}

    def watch(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            first = output[0] if isinstance(output, tuple) else output
            if isinstance(first, Tensor):
                found[name] = evidence(first, hw, module)

        return hook

    for name, module in net.eval().named_modules():
        module.register_forward_hook(watch(name))
    with torch.inference_mode():
        net(probe_batch(torch.randn(1, 3, *hw, generator=torch.Generator().manual_seed(0))))
    return infer_layouts(found, hw)


def torchvision_net(name: str, **options: Any) -> nn.Module:
    from torchvision import models

    return getattr(models, name)(weights=None, **options)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize(
    ("name", "hw", "options"),
    [
        ("resnet18", (64, 64), {}),
        ("resnet18", (64, 112), {}),
        ("densenet121", (64, 64), {}),
        ("mobilenet_v3_small", (64, 64), {}),
        ("googlenet", (64, 64), {"init_weights": False}),
    ],
)
def test_convolutional_networks_are_known_throughout(name: str, hw: tuple[int, int], options: dict) -> None:
    found = layouts_of(torchvision_net(name, **options), hw)
    assert {layout.kind for layout in found.values()} == {"map", "vector"}
    assert found[""].kind == "vector"


def test_vgg_with_its_in_place_activations() -> None:
    from torchvision.models import vgg

    # The features of VGG-11; its three linear layers alone would take half a gigabyte.
    net = nn.Sequential(vgg.make_layers(vgg.cfgs["A"]), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))
    found = layouts_of(net, (64, 64))
    assert all(found[f"0.{index}"].kind == "map" for index in range(len(net[0])))
    assert {found[str(index)].kind for index in (1, 2, 3)} == {"vector"}


def test_convnext_permutes_inside() -> None:
    found = layouts_of(torchvision_net("convnext_tiny"), (128, 128))
    assert found["features.1.0.block.0"] == Layout("map", 32, 32)
    for inside in range(1, 6):
        assert found[f"features.1.0.block.{inside}"].kind == "map_last"
    assert found["features.1.0"] == Layout("map", 32, 32)


def test_torchvision_vit() -> None:
    from torchvision.models import VisionTransformer

    found = layouts_of(VisionTransformer(64, 16, 4, 4, 96, 192), (64, 64))
    assert found["conv_proj"] == Layout("map", 4, 4)
    inside = [layout for name, layout in found.items() if name.startswith("encoder")]
    assert {(layout.kind, layout.height, layout.prefix) for layout in inside} == {("tokens", 4, 1)}


def test_swin_is_channels_last() -> None:
    found = layouts_of(torchvision_net("swin_t"), (64, 64))
    kinds = Counter(layout.kind for name, layout in found.items() if name.startswith("features"))
    assert kinds["map_last"] > 100 and kinds["map"] <= 2 and not kinds["tokens"]


def test_maxvit_windows_are_refused() -> None:
    from torchvision.models import MaxVit

    net = MaxVit((64, 64), 16, 4, [24, 24], [2, 2], 8, 0.0)
    found = layouts_of(net, (64, 64))
    # Inside its windows a layer has two axes that are no grid; outside it has maps.
    inside = {layout.kind for name, layout in found.items() if "attn_layer" in name or "mlp_layer" in name}
    outside = {layout.kind for name, layout in found.items() if name.endswith("window_attention")}
    assert (inside, outside) == ({"none"}, {"map"})


@pytest.mark.parametrize(
    ("name", "options", "size", "tokens"),
    [
        ("vit_tiny_patch16_224", {"img_size": 96, "depth": 3}, 96, Layout("tokens", 6, 6, 1)),
        ("deit_tiny_distilled_patch16_224", {"img_size": 96, "depth": 3}, 96, Layout("tokens", 6, 6, 2)),
        ("vit_small_patch14_reg4_dinov2", {"img_size": 112, "depth": 3}, 112, Layout("tokens", 8, 8, 5)),
        ("mixer_s32_224", {}, 224, Layout("tokens", 7, 7, 0)),
    ],
)
def test_timm_tokens(name: str, options: dict[str, int], size: int, tokens: Layout) -> None:
    timm = pytest.importorskip("timm")
    found = layouts_of(timm.create_model(name, pretrained=False, **options), (size, size))
    for block in range(3):
        layout = found[f"blocks.{block}"]
        assert (layout.kind, layout.height, layout.width, layout.prefix) == (
            tokens.kind,
            tokens.height,
            tokens.width,
            tokens.prefix,
        )
    heads = [layout for name, layout in found.items() if name.endswith(("q_norm", "k_norm"))]
    assert all(layout.kind == "none" for layout in heads), "heads are no channels"
