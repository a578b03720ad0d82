"""Gradient rollout: Chefer's formula with gradients by an explicit reference, readouts, classes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import nbviz
from tests.attention_networks import GRID, KINDS, build, picture, reference
from tests.networks import build as plain
from tests.networks import picture as plain_picture


def rolled(probabilities: list[Tensor], slopes: list[Tensor]) -> Tensor:
    """R after R += Ā·R block by block, by whole matrices."""
    relevance = torch.eye(probabilities[0].shape[-1], dtype=torch.float64)
    for p, slope in zip(probabilities, slopes, strict=True):
        relevance = relevance + (p * slope).clamp(min=0).mean(0) @ relevance
    return relevance


@pytest.mark.parametrize("kind", KINDS)
def test_is_chefers_formula(kind: str) -> None:
    found = nbviz.attribute(build(kind), picture(), 2, "gradient_rollout")
    wanted = rolled(*reference(build("Written"), picture(), 2))[0, 1:].unflatten(0, (GRID, GRID))
    assert torch.allclose(found.values, wanted, rtol=1e-10, atol=1e-12)
    assert found.facts["calls"] == 1 and found.facts["reads"] == "the class token"


def test_without_a_class_token_it_is_the_mean_over_rows_less_what_rows_start_with() -> None:
    found = nbviz.attribute(build("Fused", prefix=0, read=0), picture(), 1, "gradient_rollout")
    wanted = rolled(*reference(build("Written", prefix=0, read=0), picture(), 1)) - torch.eye(16)
    assert torch.allclose(found.values.flatten(), wanted.mean(0), rtol=1e-10, atol=1e-12)
    assert (found.values >= 0).all()


def test_a_faint_score_is_not_lost_beside_the_identity() -> None:
    net = build("Fused", prefix=0, read=0)
    found = nbviz.attribute(net, picture(), lambda scores: scores[:, 1] * 1e-14, "gradient_rollout")
    probabilities, slopes = reference(build("Written", prefix=0, read=0), picture(), 1)
    wanted = sum((p * s).clamp(min=0).mean(0).mean(0) for p, s in zip(probabilities, slopes, strict=True))
    assert torch.allclose(found.values.flatten() * 1e14, wanted, rtol=1e-9, atol=0)


def test_it_depends_on_the_class() -> None:
    one, two = (nbviz.attribute(build("Fused"), picture(), target, "gradient_rollout") for target in (0, 2))
    assert not torch.allclose(one.values / one.values.sum(), two.values / two.values.sum(), rtol=0.05)


def test_a_contrast_is_that_of_the_difference() -> None:
    net = build("Fused")
    found = nbviz.attribute(net, picture(), (0, 2), "gradient_rollout")
    wanted = nbviz.attribute(net, picture(), lambda scores: scores[:, 0] - scores[:, 2], "gradient_rollout")
    assert torch.allclose(found.values, wanted.values, rtol=1e-10, atol=1e-14)


def test_a_score_that_attention_does_not_reach_has_no_evidence() -> None:
    net = build("Fused")
    net.head.weight.data[1] = 0
    found = nbviz.attribute(net, picture(), 1, "gradient_rollout")
    assert not found.values.any() and found.facts["status"] == "no evidence"
    assert found.facts["reads"] == "the class token"


def test_a_pooling_query_reads_the_tokens() -> None:
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    net = timm.create_model(
        "vit_base_patch16_siglip_224", img_size=64, num_classes=5, embed_dim=24, depth=2, num_heads=3
    ).eval()
    found = nbviz.attribute(net, torch.randn(1, 3, 64, 64), 1, "gradient_rollout")
    assert found.values.shape == (4, 4) and found.values.any()
    assert found.facts["reads"] == "a pooling query" and found.facts["blocks"] == 3


def test_a_network_without_attention_is_refused() -> None:
    with pytest.raises(nbviz.NbvizError, match=r"^Gradient rollout needs self-attention; this network has none\.$"):
        nbviz.attribute(plain("inplace"), plain_picture(), 0, "gradient_rollout")
