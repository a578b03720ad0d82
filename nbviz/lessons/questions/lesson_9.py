"""Lesson 9, Transformers look differently."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from nbviz import zoo
from nbviz.lessons.question import question

PICTURES = 600


@question(
    9,
    hints=(
        "`without(block, head)` makes the network without a head; blocks are counted from 0.",
        "Subtract its scores from `whole`, take the `chosen` classes' with `.gather(1, chosen)`, then their mean.",
    ),
    way="""
with torch.no_grad():
    fallen = (whole - without(3, 0)(pictures)).gather(1, chosen).mean().item()
fallen
""",
    meaning="Far less than head 2 of the first block, which looked past the clothes.",
    absolute=0.01,
)
def last_block() -> object:
    """By how much does the mean score of the answers fall without head 0 of the last block?"""
    net, pictures = _pictures()
    edited = copy.deepcopy(net)
    with torch.no_grad():
        # the first 16 columns are what head 0 of four hands on
        edited.get_submodule("blocks.3.attention.out").get_parameter("weight")[:, :16] = 0
        whole = net(pictures)
        fallen = (whole - edited(pictures)).gather(1, whole.argmax(1, keepdim=True)).mean().item()
    return fallen


@question(
    9,
    hints=(
        "What the class token spends on the patches is `attention[:, 2]`, 49 numbers per picture.",
        "The 50 numbers sum to 1, so the rest is its own: 1 minus the sum of the 49; then the mean over the pictures.",
    ),
    way="float(1 - attention[:, 2].sum(-1).mean())",
    meaning="Next to nothing: what that head looks at are patches.",
    part=0.03,
)
def class_token() -> object:
    """Which share of its attention does the class token spend on itself in the first block's head 2?"""
    net, pictures = _pictures()
    with torch.no_grad():
        tokens = net.get_submodule("patches")(pictures).flatten(2).transpose(1, 2)
        first = net.get_parameter("class_token").expand(len(pictures), -1, -1)
        tokens = torch.cat([first, tokens], 1) + net.get_parameter("positions")
        rows = net.get_submodule("blocks.0.attention.qkv")(net.get_submodule("blocks.0.norm1")(tokens))
        query, key, _ = rows.unflatten(-1, (3, 4, 16)).permute(2, 0, 3, 1, 4)[:, :, 2]
        right = (query[:, :1] @ key.transpose(-1, -2) / 4).softmax(-1)[:, 0, 0].mean().item()
    return right


def _pictures() -> tuple[nn.Module, Tensor]:
    model, fashion = zoo.load("fashion_vit"), zoo.fashion()
    return model.net, torch.stack([model.transform(fashion[index][0])[0] for index in range(PICTURES)])
