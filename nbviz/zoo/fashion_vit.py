"""A vision transformer of four blocks for Fashion-MNIST: patches of 4 × 4 pixels, 49 of them, and a class token.

Dosovitskiy et al., https://arxiv.org/abs/2010.11929, with the norms in front. ``train_fashion.py`` trained it,
``data/README.md`` is its card.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional

from nbviz.zoo.fashion_pictures import CLASSES, SIZE, preprocessing
from nbviz.zoo.registry import ZooNetwork, network
from nbviz.zoo.shipped import with_weights

PATCH, WIDTH, HEADS, BLOCKS = 4, 64, 4, 4
"""Pixels a side of a patch; length of a token; heads of a block; blocks."""


class Attention(nn.Module):
    """Self-attention in four heads: every token attends to every token."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)

    def forward(self, tokens: Tensor) -> Tensor:
        query, key, value = self.qkv(tokens).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        return self.out(mixed.transpose(1, 2).flatten(2))


class TransformerBlock(nn.Module):
    """Attention between tokens, then a small network on each; both added to their input."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(WIDTH), Attention()
        self.norm2 = nn.LayerNorm(WIDTH)
        self.mlp = nn.Sequential(
            OrderedDict(widen=nn.Linear(WIDTH, 2 * WIDTH), gelu=nn.GELU(), narrow=nn.Linear(2 * WIDTH, WIDTH))
        )

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.attention(self.norm1(tokens))
        return tokens + self.mlp(self.norm2(tokens))


class FashionViT(nn.Module):
    """Vision transformer: pictures (N, 1, 28, 28) → logits (N, 10), read from the class token."""

    def __init__(self) -> None:
        super().__init__()
        places = (SIZE[0] // PATCH) * (SIZE[1] // PATCH)
        self.patches = nn.Conv2d(1, WIDTH, PATCH, PATCH)
        # begun as the paper's: a token of zeros, positions of spread .02
        self.class_token = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.positions = nn.Parameter(0.02 * torch.randn(1, 1 + places, WIDTH))
        self.blocks = nn.Sequential(*(TransformerBlock() for _ in range(BLOCKS)))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, len(CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.class_token.expand(len(x), -1, -1), tokens], dim=1) + self.positions
        return self.head(self.norm(self.blocks(tokens))[:, 0])


@network("fashion_vit")
def fashion_vit() -> ZooNetwork:
    """Build the transformer with its Fashion-MNIST weights, in eval mode on the CPU."""
    net = with_weights(FashionViT, "fashion_vit.safetensors")
    net.nbviz_preprocessing = preprocessing()
    return ZooNetwork(net, "Fashion ViT", CLASSES)
