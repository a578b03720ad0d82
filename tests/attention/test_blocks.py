"""Attention from autograd's nodes against an explicit reference, however written; real architectures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

import nbviz
from nbviz.attention.blocks import NetworkAttention
from nbviz.model.target import Target
from nbviz.passes.graph.attention_nodes import attentions, gradients, hidden
from nbviz.passes.subject import Subject
from nbviz.replica.guest import Pass
from tests.attention_networks import GRID, HEADS, KINDS, build, picture, reference
from tests.networks import state_hash

EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
TOKENS = GRID * GRID + 1


def opened(net: nn.Module, x: Tensor) -> NetworkAttention:
    """The attention of one forward of a network, outside any request."""
    model = nbviz.InstrumentedModel(net)
    model.trace(x)
    return NetworkAttention(Subject(model, Pass(net.eval(), x.device), x, Target(0)))


@dataclass(frozen=True)
class AttentionMaps:
    """Attention of every head of every block: (heads, tokens, tokens) each."""

    blocks: tuple[Tensor, ...]
    grid: tuple[int, int]
    prefix: int


def attention_maps(net: nn.Module, x: Tensor) -> AttentionMaps:
    """Attention probabilities of a picture, from one forward of a replica."""
    model = nbviz.InstrumentedModel(net)
    model.trace(x)

    def work(run: Pass) -> AttentionMaps:
        network = NetworkAttention(Subject(model, run, x, Target.ensure("predicted", model)))
        layout = network.layout(network.trunk[-1])
        blocks = tuple(block.probabilities()[0].float() for block in network.trunk)
        return AttentionMaps(blocks, (layout.height, layout.width), layout.prefix)

    return model.guest.steady(work)


@EVERY_KIND
def test_probabilities_and_gradients_are_those_of_the_formula(kind: str) -> None:
    wanted, slopes = reference(build("Written"), picture(), 1)
    score = build(kind)(picture().requires_grad_())[0, 1]
    blocks, changed = attentions(score)
    assert (len(blocks), changed) == (3, 0)
    assert {block.shape for block in blocks} == {(1, HEADS, TOKENS, TOKENS)}
    for block, found, p, slope in zip(blocks, gradients(score, blocks), wanted, slopes, strict=True):
        assert torch.allclose(block.probabilities()[0], p, rtol=0, atol=1e-12)
        assert torch.allclose(found[0], slope, rtol=1e-10, atol=1e-12)


@EVERY_KIND
def test_looking_changes_neither_output_nor_gradient_by_a_bit(kind: str) -> None:
    net, x = build(kind), picture().requires_grad_()
    wanted = net(x)
    (slope,) = torch.autograd.grad(wanted[0, 0], x)
    before = state_hash(net)
    scores = net(x)
    blocks, _ = attentions(scores[0, 0])
    for block, _ in zip(blocks, gradients(scores[0, 0], blocks), strict=True):
        block.probabilities(), block.value()
    assert torch.equal(scores, wanted)
    assert torch.equal(torch.autograd.grad(scores[0, 0], x)[0], slope)
    assert kind == "Written" or state_hash(net) == before  # it keeps what it computes on itself


class Fused(nn.Module):
    """Fused attention of a picture with itself, with any of its options."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.options = options

    def forward(self, q: Tensor) -> Tensor:
        keys = q[:, : q.shape[1] // 2] if self.options.get("enable_gqa") else q
        return functional.scaled_dot_product_attention(q, keys, keys * 2, **self.options)


def _explicit(q: Tensor, scale: float = 0.5, mask: Tensor | None = None) -> Tensor:
    scores = q @ q.transpose(-1, -2) * scale
    return (scores if mask is None else scores + mask).softmax(-1)


LOWER = torch.ones(5, 5).tril().bool()
SOFT = torch.randn(5, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
OPTIONS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({}, {}),
    "scale": ({"scale": 0.3}, {"scale": 0.3}),
    "causal": ({"is_causal": True}, {"mask": torch.zeros(5, 5).masked_fill(~LOWER, -torch.inf).double()}),
    "bool mask": ({"attn_mask": LOWER}, {"mask": torch.zeros(5, 5).masked_fill(~LOWER, -torch.inf).double()}),
    "float mask": ({"attn_mask": SOFT}, {"mask": SOFT}),
}


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("backend", [SDPBackend.FLASH_ATTENTION, SDPBackend.MATH])
def test_every_option_of_fused_attention_is_followed(option: str, backend: SDPBackend) -> None:
    given, meant = OPTIONS[option]
    q = torch.randn(1, 2, 5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True)
    with sdpa_kernel(backend):
        output = Fused(**given)(q)
    (block,), _ = attentions(output)
    wanted = _explicit(q.detach(), **meant)
    assert torch.allclose(block.probabilities()[0], wanted[0], rtol=0, atol=1e-12)
    weights = torch.randn(output.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    (found,) = gradients((output * weights).sum(), [block])
    assert torch.allclose(found, weights @ (2 * q.detach()).transpose(-1, -2), rtol=0, atol=1e-12)


def test_grouped_queries_and_half_precision() -> None:
    q = torch.randn(1, 4, 5, 4, dtype=torch.bfloat16, requires_grad=True)
    output = Fused(enable_gqa=True)(q)
    (block,), _ = attentions(output)
    (slope,) = gradients(output.sum(), [block])
    assert block.shape == slope.shape == (1, 4, 5, 5)
    assert block.probabilities().dtype == torch.float32
    wanted = (q.float() @ q[:, :2].float().repeat_interleave(2, 1).transpose(-1, -2) / 2).softmax(-1)
    assert torch.allclose(block.probabilities(), wanted.detach(), rtol=0, atol=2e-2)


def test_a_query_that_may_look_nowhere_looks_nowhere() -> None:
    mask = LOWER.clone()
    mask[0] = False
    (block,), _ = attentions(Fused(attn_mask=mask)(torch.randn(1, 2, 5, 4, requires_grad=True)))
    assert not block.probabilities()[0, :, 0].any()
    assert torch.allclose(block.probabilities()[0, :, 1:].sum(-1), torch.ones(2, 4))


def _talking(x: Tensor) -> Tensor:
    p = (x @ x.transpose(-1, -2)).softmax(-1)
    return (p + p.flip(1)) @ x


def test_what_is_no_attention_is_not_taken_for_it() -> None:
    x = torch.randn(1, 3, 5, 5, requires_grad=True)
    others = {
        "class probabilities": functional.softmax(x.mean((2, 3)), -1),
        "a mixture of channels": functional.softmax(x, 1) * x,
        "a gate over places": functional.softmax(x.flatten(2), -1) * x.flatten(2),
        "softmax over queries": x.softmax(-2) @ x,
        "a linear layer after a softmax": functional.linear(x.flatten(2).softmax(-1), torch.randn(4, 25)),
    }
    assert {name: attentions(output) for name, output in others.items()} == dict.fromkeys(others, ((), 0))
    assert attentions(_talking(x)) == ((), 1)


def test_hidden_code_is_noticed() -> None:
    x = torch.randn(1, 2, 5, 4, requires_grad=True)
    secret = torch.utils.checkpoint.checkpoint(Fused(), x, use_reentrant=True)
    assert attentions(secret) == ((), 0) and hidden(secret)
    assert not hidden(Fused()(x))


@EVERY_KIND
def test_tokens_are_found_in_the_picture_and_the_read_ones_known(kind: str) -> None:
    found = opened(build(kind), picture())
    layout = found.layout(found.blocks[0])
    assert (layout.height, layout.width, layout.prefix) == (GRID, GRID, 1)
    assert found.readers == "the class token"
    assert torch.equal(found.reads, functional.one_hot(torch.tensor(0), TOKENS).double())


@pytest.mark.parametrize(
    ("prefix", "read", "words"),
    [(1, 1, "the class token"), (2, 2, "the mean of 2 class tokens"), (3, 1, "the class token")]
    + [(0, 0, "the mean of 16 tokens"), (1, 0, "the mean of 16 tokens"), (1, 17, "the mean of 17 tokens")],
)
def test_class_tokens_registers_and_pooling(prefix: int, read: int, words: str) -> None:
    found = opened(build("Fused", prefix=prefix, read=read), picture())
    assert found.layout(found.blocks[0]).prefix == prefix
    assert found.readers == words
    start, count = (0, read) if read else (prefix, 16)
    wanted = torch.zeros(prefix + 16, dtype=torch.float64)
    wanted[start : start + count] = 1 / count
    assert torch.allclose(found.reads, wanted)


def test_maps_are_those_of_the_formula_and_the_network_is_left_alone() -> None:
    net = build("Fused")
    before = state_hash(net)
    maps = attention_maps(net, picture())
    wanted, _ = reference(build("Written"), picture(), 0)
    assert (maps.grid, maps.prefix, len(maps.blocks)) == ((GRID, GRID), 1, 3)
    for found, p in zip(maps.blocks, wanted, strict=True):
        assert found.dtype == torch.float32
        assert torch.allclose(found, p.float(), rtol=0, atol=1e-6)
    assert state_hash(net) == before


def _timm(name: str, **options: Any) -> nn.Module:
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    return timm.create_model(name, **{"img_size": 64, "num_classes": 5, **options}).eval()


SMALL: dict[str, Any] = {"embed_dim": 24, "depth": 2, "num_heads": 3}
REAL: dict[str, tuple[dict[str, Any], tuple[int, int], int, str, int]] = {
    "vit_tiny_patch16_224": (SMALL, (4, 4), 1, "the class token", 3),
    "deit_tiny_distilled_patch16_224": (SMALL, (4, 4), 2, "the mean of 2 class tokens", 3),
    "vit_small_patch14_reg4_dinov2": ({**SMALL, "img_size": 70}, (5, 5), 5, "the class token", 3),
    "vit_base_patch16_siglip_224": (SMALL, (4, 4), 0, "a pooling query", 3),
    "beit_base_patch16_224": (SMALL, (4, 4), 1, "the mean of 16 tokens", 3),
}


@pytest.mark.parametrize("name", REAL)
def test_timms_transformers(name: str) -> None:
    options, grid, prefix, readers, heads = REAL[name]
    net, x = _timm(name, **options), torch.randn(1, 3, *[options.get("img_size", 64)] * 2)
    maps = attention_maps(net, x)
    assert (maps.grid, maps.prefix, len(maps.blocks)) == (grid, prefix, 2)
    assert all(block.shape == (heads, *[prefix + grid[0] * grid[1]] * 2) for block in maps.blocks)
    assert all(torch.allclose(block.sum(-1), torch.ones(())) for block in maps.blocks)
    assert opened(net, x).readers == readers


def test_fused_or_not_is_the_same_attention() -> None:
    net, x = _timm("vit_tiny_patch16_224", **SMALL), torch.randn(1, 3, 64, 64)
    kinds, found = [], []
    for fused in (True, False):
        for block in net.blocks:
            block.attn.fused_attn = fused
        kinds.append(opened(net, x).blocks[0].fused)
        found.append(attention_maps(net, x).blocks)
    assert kinds == [True, False]
    assert all(torch.allclose(*pair, rtol=0, atol=1e-6) for pair in zip(*found, strict=True))


def test_torchvisions_vit() -> None:
    from torchvision.models import VisionTransformer

    net = VisionTransformer(image_size=32, patch_size=8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=16)
    maps = attention_maps(net, torch.randn(1, 3, 32, 32))
    assert (maps.grid, maps.prefix, len(maps.blocks)) == ((4, 4), 1, 2)
    assert maps.blocks[0].shape == (2, 17, 17)


@pytest.mark.parametrize("written", ["sdpa", "eager"])
def test_hugging_faces_vit(written: str) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16, image_size=32,
        patch_size=8, num_labels=5, attn_implementation=written,
    )  # fmt: skip
    net, x = transformers.ViTForImageClassification(config).eval(), torch.randn(1, 3, 32, 32)
    maps = attention_maps(net, x)
    assert (maps.grid, maps.prefix) == ((4, 4), 1)
    eager = transformers.ViTForImageClassification(config)
    eager.load_state_dict(net.state_dict())
    eager.set_attn_implementation("eager")
    with torch.no_grad():
        wanted = eager.eval()(x, output_attentions=True).attentions
    for found, p in zip(maps.blocks, wanted, strict=True):
        assert torch.allclose(found, p[0], rtol=0, atol=1e-6)


def test_windows_are_refused_in_words() -> None:
    from torchvision.models import SwinTransformer

    net = SwinTransformer([4, 4], 12, [1, 1], [2, 2], [4, 4], num_classes=5)
    found = opened(net, torch.randn(1, 3, 32, 32))
    assert [block.windows for block in found.blocks] == [4, 1]
    with pytest.raises(nbviz.NbvizError, match=r"block 0 of this network attends within windows of 16 places"):
        attention_maps(net, torch.randn(1, 3, 32, 32))
