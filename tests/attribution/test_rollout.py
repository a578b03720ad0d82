"""Attention rollout: Abnar and Zuidema's formula, other readouts, refusals."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import nbviz
from tests.attention_networks import GRID, KINDS, build, picture, reference
from tests.networks import build as plain
from tests.networks import picture as plain_picture


def rolled(probabilities: list[Tensor]) -> Tensor:
    """Â_L ⋯ Â_1 by whole matrices, Â = (A + I) with rows normalised."""
    product = torch.eye(probabilities[0].shape[-1], dtype=torch.float64)
    for p in probabilities:
        mixing = p.mean(0) + torch.eye(p.shape[-1])
        product = (mixing / mixing.sum(-1, keepdim=True)) @ product
    return product


@pytest.mark.parametrize("kind", KINDS)
def test_is_abnars_formula(kind: str) -> None:
    probabilities, _ = reference(build("Written"), picture(), 0)
    found = nbviz.attribute(build(kind), picture(), 0, "rollout")
    wanted = rolled(probabilities)[0, 1:].unflatten(0, (GRID, GRID))
    assert torch.allclose(found.values, wanted, rtol=0, atol=1e-12)
    assert found.heat().shape == (16, 16) and not found.signed
    said = {name: found.facts[name] for name in ("grid", "prefix", "blocks", "heads", "reads", "calls", "layer")}
    assert said == {
        "grid": "4 × 4", "prefix": 1, "blocks": 3, "heads": 2, "reads": "the class token", "calls": 1,
        "layer": None,
    }  # fmt: skip


def test_without_a_class_token_it_is_the_mean_over_rows() -> None:
    probabilities, _ = reference(build("Written", prefix=0, read=0), picture(), 0)
    found = nbviz.attribute(build("Fused", prefix=0, read=0), picture(), 0, "rollout")
    assert torch.allclose(found.values.flatten(), rolled(probabilities).mean(0), rtol=0, atol=1e-12)
    assert found.values.sum() == pytest.approx(1)
    assert found.facts["reads"] == "the mean of 16 tokens"


def test_registers_are_left_out_and_never_read() -> None:
    probabilities, _ = reference(build("Written", prefix=4, read=1), picture(), 0)
    found = nbviz.attribute(build("Fused", prefix=4, read=1), picture(), 0, "rollout")
    assert torch.allclose(found.values.flatten(), rolled(probabilities)[0, 4:], rtol=0, atol=1e-12)


class Uniform(nn.Module):
    """A class token and patches that all attend alike."""

    def __init__(self) -> None:
        super().__init__()
        self.net = build("Fused")
        for block in self.net.blocks:
            block.into.weight.data[:16] = 0

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


def test_uniform_attention_in_closed_form() -> None:
    # Â = (1/n + I)/2: its third power has (1 − 1/8)/n off the diagonal
    found = nbviz.attribute(Uniform(), picture(), 0, "rollout")
    assert torch.allclose(found.values, torch.full((4, 4), (1 - 1 / 8) / 17, dtype=torch.float64), atol=1e-14)


def test_it_does_not_depend_on_the_class() -> None:
    one, two = (nbviz.attribute(build("Fused"), picture(), target, "rollout") for target in (0, 2))
    assert torch.equal(one.values, two.values)
    assert one.facts["score"] != two.facts["score"]


def test_a_network_without_attention_is_refused() -> None:
    with pytest.raises(nbviz.NbvizError, match=r"^Attention rollout needs self-attention; this network has none\.$"):
        nbviz.attribute(plain("inplace"), plain_picture(), 0, "rollout")


def test_windows_changing_tokens_and_changed_attention_are_refused() -> None:
    from torchvision.models import SwinTransformer

    swin = SwinTransformer([4, 4], 12, [1, 1], [2, 2], [4, 4], num_classes=5)
    with pytest.raises(nbviz.NbvizError, match="needs attention between all places; block 0 .* within windows of 16"):
        nbviz.attribute(swin, torch.randn(1, 3, 32, 32), 0, "rollout")
    with pytest.raises(nbviz.NbvizError, match="same tokens in all blocks; block 0 .* 16 that look at 16, the last 4"):
        nbviz.attribute(Shrinks(), picture(), 0, "rollout")
    with pytest.raises(nbviz.NbvizError, match="3 of this network's are changed first"):
        nbviz.attribute(Talks(), picture(), 0, "rollout")


class Shrinks(nn.Module):
    """Attention between 16 places, then between 4."""

    def __init__(self) -> None:
        super().__init__()
        net = build("Fused", blocks=2, prefix=0)
        self.patch, self.blocks, self.head = net.patch, net.blocks, net.head

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks[0](self.patch(x).flatten(2).transpose(1, 2))
        x = nn.functional.avg_pool2d(x.transpose(1, 2).unflatten(2, (4, 4)), 2)
        return self.head(self.blocks[1](x.flatten(2).transpose(1, 2)).mean(1))


class Talks(nn.Module):
    """Attention whose heads are mixed after the softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.net = build("Written")
        for block in self.net.blocks:
            block.mix = lambda q, k, v: ((q @ k.transpose(-1, -2)).softmax(-1) * 2).flip(1) @ v

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)
