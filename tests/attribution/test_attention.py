"""Raw attention: the class token's row of one block, head by head; its options; windows."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import nbviz
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
def test_options_that_are_not_there_are_refused_with_those_that_are(
    options: dict[str, Any], words: str
) -> None:
    with pytest.raises(nbviz.NbvizError, match=words):
        nbviz.attribute(build("Fused"), picture(), 0, "attention", **options)


def test_a_window_as_wide_as_the_picture_is_shown_and_smaller_ones_are_refused() -> None:
    from torchvision.models import SwinTransformer

    torch.manual_seed(0)
    swin, x = SwinTransformer([4, 4], 12, [1, 1], [2, 2], [4, 4], num_classes=5), torch.randn(1, 3, 32, 32)
    found = nbviz.attribute(swin, x, 0, "attention")
    assert found.values.shape == (4, 4) and found.values.sum() == pytest.approx(1, abs=1e-5)
    with pytest.raises(
        nbviz.NbvizError, match="block 0 of this network attends within 4 windows of 16 places"
    ):
        nbviz.attribute(swin, x, 0, "attention", block=0)


def test_a_network_without_attention_is_refused() -> None:
    with pytest.raises(nbviz.NbvizError, match=r"^Attention needs self-attention; this network has none\.$"):
        nbviz.attribute(plain("inplace"), plain_picture(), 0, "attention")
