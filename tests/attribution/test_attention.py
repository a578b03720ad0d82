"""Raw attention: the class token's row of one block, head by head; its options; windows."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import nbviz
from nbviz.passes.graph.attention_nodes import attentions
from tests.attention_networks import GRID, KINDS, build, picture, reference
from tests.networks import build as plain
from tests.networks import picture as plain_picture

LAST = reference(build("Written"), picture(), 0)[0][-1][:, 0, 1:].unflatten(-1, (GRID, GRID))


@pytest.mark.parametrize("kind", KINDS)
def test_is_the_class_tokens_row_of_the_last_block(kind: str) -> None:
    found = nbviz.attribute(build(kind), picture(), 0, "attention")
    assert torch.allclose(found.values, LAST.mean(0), rtol=0, atol=1e-12)
    assert (found.facts["block"], found.facts["head"], found.facts["heads"]) == (2, "mean", 2)


@pytest.mark.parametrize(
    ("head", "wanted"), [("mean", LAST.mean(0)), ("max", LAST.amax(0)), ("1", LAST[1]), (0, LAST[0])]
)
def test_a_head_by_number_and_all_together(head: str | int, wanted: torch.Tensor) -> None:
    found = nbviz.attribute(build("Fused"), picture(), 0, "attention", head=head)
    assert torch.allclose(found.values, wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("block", [0, 1, 2, -3])
def test_any_block(block: int) -> None:
    found = nbviz.attribute(build("Fused"), picture(), 0, "attention", block=block)
    wanted = reference(build("Written"), picture(), 0)[0][block].mean(0)[0, 1:]
    assert torch.allclose(found.values.flatten(), wanted, rtol=0, atol=1e-12)
    assert found.facts["block"] == block % 3


def test_without_a_class_token_it_is_the_mean_over_rows() -> None:
    found = nbviz.attribute(build("Fused", prefix=0, read=0), picture(), 0, "attention", block=1)
    wanted = reference(build("Written", prefix=0, read=0), picture(), 0)[0][1].mean((0, 1))
    assert torch.allclose(found.values.flatten(), wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"head": "2"}, 'head=\'2\' is not in this block: "mean", "max" or 0 to 1'),
        ({"head": "median"}, "head='median' is not in this block"),
        ({"block": 3}, "block=3 is not in this network: it has 0 to 2; -1 is the last"),
        ({"block": -4}, "block=-4 is not in this network"),
    ],
)
def test_options_that_are_not_there_are_refused_with_those_that_are(options: dict[str, Any], words: str) -> None:
    with pytest.raises(nbviz.NbvizError, match=words):
        nbviz.attribute(build("Fused"), picture(), 0, "attention", **options)


def _swin(depths: list[int]) -> nn.Module:
    from torchvision.models import SwinTransformer

    torch.manual_seed(0)
    return SwinTransformer([4, 4], 12, depths, [2, 2], [4, 4], num_classes=5)


def test_a_window_as_wide_as_the_picture_is_no_window() -> None:
    found = nbviz.attribute(_swin([1, 1]), torch.randn(1, 3, 32, 32), 0, "attention")
    assert found.values.shape == (4, 4) and found.values.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("head", ["mean", "max", "1"])
def test_windows_are_shown_where_they_lie(head: str) -> None:
    net, x = _swin([2, 1]), torch.randn(1, 3, 32, 32)
    found = nbviz.attribute(net, x, 0, "attention", block=1, head=head)
    block = attentions(net.eval()(x.clone().requires_grad_())[0, 0])[0][1]
    looked = block.probabilities().mean(2)  # (windows, heads, places)
    merged = {"mean": looked.mean(1), "max": looked.amax(1), "1": looked[:, 1]}[head]
    grid = merged.view(2, 2, 4, 4).permute(0, 2, 1, 3).reshape(8, 8).roll((2, 2), (0, 1))
    assert torch.allclose(found.values, grid, rtol=0, atol=1e-6)
    assert (found.facts["windows"], found.facts["grid"]) == (4, "8 × 8")


def test_a_window_wider_than_the_picture_is_shown_without_its_padding() -> None:
    net, x = _swin([1, 1]), torch.randn(1, 3, 24, 24)
    found = nbviz.attribute(net, x, 0, "attention")
    block = attentions(net.eval()(x.clone().requires_grad_())[0, 0])[0][-1]
    real = [row * 4 + column for row in range(3) for column in range(3)]
    wanted = block.probabilities()[0][:, real].mean((0, 1))[real]
    assert torch.allclose(found.values.flatten(), wanted, rtol=0, atol=1e-6)


def test_windows_that_cannot_be_placed_are_refused() -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 4, 4), Strips(), nn.Flatten(), nn.LazyLinear(3))
    net(torch.zeros(1, 3, 16, 16))
    with pytest.raises(
        nbviz.NbvizError, match="can't tell where the windows of 4 tokens of block 0 lie in the picture"
    ):
        nbviz.attribute(net, torch.randn(1, 3, 16, 16), 0, "attention")


class Strips(nn.Module):
    """Attention within rows that a convolution has mixed."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(8, 8, 3, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = nn.functional.conv2d(x, self.weight, padding=1).permute(0, 2, 3, 1)[0][:, None]
        return nn.functional.scaled_dot_product_attention(rows, rows, rows)[None]


def test_a_network_without_attention_is_refused() -> None:
    with pytest.raises(nbviz.NbvizError, match=r"^Attention needs self-attention; this network has none\.$"):
        nbviz.attribute(plain("inplace"), plain_picture(), 0, "attention")
