"""What heads look at: known probabilities, places, figures, rollouts; windows; networks without attention."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import nbviz
from nbviz.attention.heads import AttentionHeads, HeadBlock, gathering
from nbviz.attention.views import AttentionView, BlockSeen, Query, Seen
from nbviz.edits import Channels, Transform
from nbviz.model.instrumented import as_picture
from nbviz.model.layers import grid_layers
from nbviz.model.target import Target
from nbviz.passes.evidence import evidence
from nbviz.passes.graph import attention_count
from nbviz.passes.graph.attention_count import attention_blocks
from tests.attention_networks import GRID, HEADS, KINDS, Transformer, Written, build, picture, reference
from tests.networks import build as plain
from tests.networks import picture as plain_picture
from tests.networks import state_hash

TOKENS = GRID * GRID + 1
HERE = (0.3, 0.6)
"""In row 1, column 2."""
NUMBER = 1 + GRID * 1 + 2


def gathered(net: nn.Module, x: Tensor, target: Target | None = None) -> tuple[AttentionHeads, list[HeadBlock | str]]:
    """What is known of a network's attentions, and they themselves, last first."""
    model = nbviz.InstrumentedModel(net)
    model.trace(x)

    def work(run: object) -> tuple[AttentionHeads, list[HeadBlock | str]]:
        with gathering(model, run, as_picture(x), target) as (known, blocks):  # type: ignore[arg-type]
            return known, list(blocks)

    return model.guest.steady(work)


def looked(net: nn.Module, x: Tensor, query: Query = "reads", target: Target | None = None) -> Seen:
    looking = AttentionView(query, target is not None)
    for block in gathered(net, x, target)[1]:
        assert isinstance(block, HeadBlock)
        looking.add(block)
    return looking.seen()


class Known(Written):
    """Attention whose probabilities are given: (heads, tokens, tokens)."""

    def __init__(self, given: Tensor) -> None:
        super().__init__()
        self.given = nn.Parameter(given.log()[None])

    def mix(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return self.given.softmax(-1).expand(len(v), -1, -1, -1) @ v


def known() -> tuple[Transformer, Tensor]:
    """A network of one block and its probabilities: head 0 spreads evenly, head 1 looks at the next token."""
    given = torch.full((HEADS, TOKENS, TOKENS), 1 / TOKENS, dtype=torch.float64)
    given[1] = torch.eye(TOKENS, dtype=torch.float64).roll(1, 1)
    torch.manual_seed(0)
    return Transformer(lambda: Known(given), blocks=1).double().eval(), given


def test_known_probabilities_are_shown_as_they_are() -> None:
    net, given = known()
    (block,) = looked(net, picture()).blocks
    assert (block.layer, block.heads, block.windows, block.prefix_tokens) == ("blocks.0", 2, 1, 1)
    assert block.maps.shape == (HEADS + 1, GRID, GRID)
    assert np.allclose(block.maps[0], 1 / TOKENS) and block.uniform(0)
    first = np.zeros((GRID, GRID))
    first[0, 0] = 1
    assert np.allclose(block.maps[1], first) and not block.uniform(1)
    assert np.allclose(block.maps[2], (block.maps[0] + block.maps[1]) / 2)
    assert np.allclose(block.prefix, [1 / TOKENS, 0, 0.5 / TOKENS])
    assert np.allclose(block.entropy[:2], [math.log2(TOKENS), 0], atol=1e-5)
    assert block.most == math.log2(TOKENS)


def test_from_a_patch_every_head_shows_that_patchs_row() -> None:
    net, given = known()
    (block,) = looked(net, picture(), HERE).blocks
    assert np.unravel_index(block.maps[1].argmax(), (GRID, GRID)) == (1, 3)
    assert block.distance[1] == pytest.approx(1)
    spots = np.array([(i // GRID, i % GRID) for i in range(GRID * GRID)], float)
    assert block.distance[0] == pytest.approx(np.linalg.norm(spots - [1, 2], axis=1).mean(), rel=1e-5)


def test_distance_of_the_class_token_is_the_mean_over_all_patches_as_queries() -> None:
    net, given = known()
    (block,) = looked(net, picture()).blocks
    spots = np.array([(i // GRID, i % GRID) for i in range(GRID * GRID)], float)
    apart = np.linalg.norm(spots[:, None] - spots, axis=2)
    assert block.distance[0] == pytest.approx(apart.mean(), rel=1e-5)
    nexts = [apart[i, i + 1] for i in range(GRID * GRID - 1)]  # the last one's next is the class token
    assert block.distance[1] == pytest.approx(np.mean(nexts), rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("query", "rows"), [("reads", [0]), ("mean", range(1, TOKENS)), (HERE, [NUMBER])])
def test_maps_are_the_rows_of_the_formula(kind: str, query: Query, rows: list[int]) -> None:
    wanted, _ = reference(build("Written"), picture(), 0)
    seen = looked(build(kind), picture(), query)
    assert [block.number for block in seen.blocks] == [0, 1, 2] and not seen.no_rollout
    for block, p in zip(seen.blocks, wanted, strict=True):
        row = p[:, list(rows)].mean(1)
        assert np.allclose(block.maps[:HEADS].reshape(HEADS, -1), row[:, 1:], atol=1e-6)
        assert np.allclose(block.maps[HEADS].reshape(-1), row.mean(0)[1:], atol=1e-6)
        assert np.allclose(block.entropy[:HEADS], -(row * row.log2()).sum(1), atol=1e-4)
        assert block.layer.startswith(f"blocks.{block.number}")


@pytest.mark.parametrize("query", ["reads", "mean", HERE])
def test_rollouts_are_abnars_up_to_each_block(query: Query) -> None:
    wanted, _ = reference(build("Written"), picture(), 0)
    start = {"reads": slice(0, 1), "mean": slice(1, None), HERE: slice(NUMBER, NUMBER + 1)}[query]
    product = torch.eye(TOKENS, dtype=torch.float64)
    for block, p in zip(looked(build("Fused"), picture(), query).blocks, wanted, strict=True):
        mixing = p.mean(0) + torch.eye(TOKENS)
        product = mixing / mixing.sum(-1, keepdim=True) @ product
        assert block.rollout is not None
        assert np.allclose(block.rollout.ravel(), product[start, 1:].mean(0), atol=1e-6)


def test_the_last_rollouts_are_those_of_the_methods() -> None:
    net, x = build("Fused"), picture()
    for target, method in ((None, "rollout"), (Target(2), "gradient_rollout")):
        rolled = looked(net, x, target=target).blocks[-1].rollout
        assert rolled is not None
        assert np.allclose(rolled, nbviz.attribute(net, x, 2, method).values, atol=1e-6)


def test_weighted_by_the_gradient_of_a_class_only_what_speaks_for_it_is_left() -> None:
    wanted, slopes = reference(build("Written"), picture(), 2)
    seen = looked(build("Fused"), picture(), HERE, Target(2))
    for block, p, slope in zip(seen.blocks, wanted, slopes, strict=True):
        positive = (p * slope).clamp(min=0)[:, NUMBER]
        assert np.allclose(block.maps[:HEADS].reshape(HEADS, -1), positive[:, 1:], atol=1e-7)
    assert not np.any(seen.blocks[-1].maps) and np.isnan(seen.blocks[-1].entropy).all()  # the head reads no patch


@pytest.mark.parametrize(("prefix", "read", "words"), [(3, 1, "the class token"), (0, 0, "the mean of 16 tokens")])
def test_registers_are_no_places_and_count_as_prefix(prefix: int, read: int, words: str) -> None:
    net = build("Fused", prefix=prefix, read=read)
    known, blocks = gathered(net, picture())
    assert known.reads == words and known.nbytes == 4 * 3 * HEADS * (16 + prefix) ** 2
    last = blocks[0]
    assert isinstance(last, HeadBlock) and (last.prefix, last.grid) == (prefix, (GRID, GRID))
    seen = looked(net, picture()).blocks[-1]
    assert np.allclose(seen.prefix + seen.maps.sum((1, 2)), 1, atol=1e-6)
    assert (seen.prefix > 0).all() == (prefix > 0)


def test_a_pooling_query_has_a_row_of_its_own_and_starts_the_rollout() -> None:
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    net = timm.create_model(
        "vit_base_patch16_siglip_224", img_size=64, num_classes=5, embed_dim=24, depth=2, num_heads=3
    ).eval()
    x = torch.randn(1, 3, 64, 64)
    for query in ("reads", HERE):
        seen = looked(net, x, query)
        assert [block.maps.shape for block in seen.blocks] == [(4, 4, 4)] * 3 and not seen.no_rollout
        assert seen.blocks[-1].maps.sum() == pytest.approx(4, abs=1e-4)
        assert seen.blocks[-1].rollout is not None
    assert np.allclose(looked(net, x).blocks[-1].rollout, nbviz.attribute(net, x, 0, "rollout").values, atol=1e-6)


def swin(depths: list[int], classes: int = 5) -> nn.Module:
    from torchvision.models import SwinTransformer

    torch.manual_seed(0)
    return SwinTransformer([4, 4], 12, depths, [2, 2], [4, 4], num_classes=classes)


def test_windows_are_shown_where_they_lie_and_refuse_a_rollout() -> None:
    net, x = swin([2, 1]), torch.randn(1, 3, 32, 32)
    place = (0.9, 0.1)
    seen = looked(net, x, place)
    assert "stays within windows of 16" in seen.no_rollout
    plain, shifted, whole = seen.blocks
    assert [block.maps.shape for block in seen.blocks] == [(3, 8, 8), (3, 8, 8), (3, 4, 4)]
    inside = np.isfinite(plain.maps[0])
    assert inside[4:, :4].all() and inside.sum() == 16
    # shifted by two: the window of row 7, column 0 is rows 6, 7, 0, 1 and columns 6, 7, 0, 1
    inside = np.isfinite(shifted.maps[0])
    assert inside[np.ix_([6, 7, 0, 1], [6, 7, 0, 1])].all() and inside.sum() == 16
    assert np.isfinite(whole.maps).all()
    for block in seen.blocks:
        assert np.nansum(block.maps, (1, 2)) == pytest.approx(1, abs=1e-5)
        assert block.rollout is None and block.most == 4 and np.isfinite(block.distance).all()


def test_windows_together_are_as_the_method_attention_shows_them() -> None:
    net, x = swin([2, 1]), torch.randn(1, 3, 32, 32)
    blocks = looked(net, x).blocks
    assert len(blocks) == 3
    for number, block in enumerate(blocks):
        wanted = nbviz.attribute(net, x, 0, "attention", block=number).values
        assert np.allclose(block.maps[-1], wanted, atol=1e-6)


def test_gathering_leaves_the_network_alone() -> None:
    net = build("Fused")
    before = state_hash(net)
    gathered(net, picture(), Target(1))
    assert state_hash(net) == before
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())


def test_a_network_is_known_to_have_attention_once_its_graph_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    for net, x, blocks in ((build("Fused"), picture(), 3), (plain("inplace"), plain_picture(), 0)):
        model = nbviz.InstrumentedModel(net)
        assert attention_blocks(model) is None
        evidence(model, as_picture(x), Target(0))
        assert attention_blocks(model) == blocks
        for edit in (Transform("rotate", 9.0), Channels(grid_layers(model.layers())[0].name, off=[0])):
            edited = nbviz.InstrumentedModel(net).edited(edit)
            evidence(edited, as_picture(x), Target(0))
            assert edited.origin is not None and attention_blocks(edited.origin) == (blocks or None)
    monkeypatch.setattr(attention_count, "attentions", None)  # not looked for again
    evidence(model, as_picture(x), Target(1))


def test_without_attention_it_is_refused_in_words() -> None:
    with pytest.raises(nbviz.NbvizError, match=r"needs self-attention; this network has none"):
        gathered(plain("inplace"), plain_picture())


def test_a_zero_row_has_no_figures_and_no_complaint() -> None:
    block = HeadBlock(0, "", torch.zeros(1, 2, 5, 5), torch.full((5,), 0.2), (2, 2), 1, None)
    looking = AttentionView((0.1, 0.1), weighted=True)
    looking.add(block)
    (seen,) = looking.seen().blocks
    assert isinstance(seen, BlockSeen) and not seen.maps.any() and not seen.uniform(0)
    assert np.isnan(seen.entropy).all() and np.isnan(seen.prefix).all() and np.isnan(seen.distance).all()
