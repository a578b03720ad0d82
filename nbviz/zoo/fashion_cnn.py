"""A residual network of six blocks for Fashion-MNIST: small enough to train in minutes, with real weights.

Laid out as He et al. did for small pictures, https://arxiv.org/abs/1512.03385, section 4.2. ``train_fashion.py``
trained it, ``data/README.md`` is its card.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from nbviz.zoo.fashion_pictures import CLASSES, preprocessing
from nbviz.zoo.registry import ZooNetwork, network
from nbviz.zoo.shipped import with_weights

# outputs, stride
_BLOCKS = ((16, 1), (16, 1), (32, 2), (32, 1), (64, 2), (64, 1))


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)


class ResidualBlock(nn.Module):
    """Two convolutions, added to what came in; a 1×1 convolution fits the shapes where they differ."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.norm1 = _conv(inputs, outputs, 3, stride), nn.BatchNorm2d(outputs)
        self.relu1 = nn.ReLU()
        self.conv2, self.norm2 = _conv(outputs, outputs, 3), nn.BatchNorm2d(outputs)
        same = stride == 1 and inputs == outputs
        self.shortcut = (
            nn.Identity()
            if same
            else nn.Sequential(OrderedDict(conv=_conv(inputs, outputs, 1, stride), norm=nn.BatchNorm2d(outputs)))
        )
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        inner = self.relu1(self.norm1(self.conv1(x)))
        return self.relu2(self.norm2(self.conv2(inner)) + self.shortcut(x))


class FashionCNN(nn.Module):
    """Residual network: pictures (N, 1, 28, 28) → logits (N, 10); any height and width from 4 pixels up."""

    def __init__(self) -> None:
        super().__init__()
        width = _BLOCKS[0][0]
        self.stem = nn.Sequential(OrderedDict(conv=_conv(1, width, 3), norm=nn.BatchNorm2d(width), relu=nn.ReLU()))
        blocks = []
        for outputs, stride in _BLOCKS:
            blocks.append(ResidualBlock(width, outputs, stride))
            width = outputs
        self.blocks = nn.Sequential(*blocks)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(width, len(CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.pool(self.blocks(self.stem(x))).flatten(1))


@network("fashion_cnn")
def fashion_cnn() -> ZooNetwork:
    """Build the residual network with its Fashion-MNIST weights, in eval mode on the CPU."""
    net = with_weights(FashionCNN, "fashion_cnn.safetensors")
    net.nbviz_preprocessing = preprocessing()
    return ZooNetwork(net, "Fashion CNN", CLASSES)
