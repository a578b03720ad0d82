"""The stage Attention: offered where there is attention, one sheet of heads, one large, from any patch, in words."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import nbviz
from nbviz.attention.views import BlockSeen
from nbviz.drawing.overlay import BAD, GAP
from nbviz.errors import NbvizError
from nbviz.explorer import Explorer
from nbviz.panels.attention.attention_page import labels, sheet
from nbviz.panels.attention.attention_stage import AttentionStage
from nbviz.session.inline import InlineRunner
from tests.attention.test_heads import swin
from tests.attention_networks import WIDTH, build
from tests.networks import build as plain
from tests.panels.rig import say

CLASSES = ["ant", "bee", "cat"]
PATCH = (0.3, 0.6)


def opened(net: nn.Module, size: int = 16, **options: Any) -> Explorer:
    made = torch.Generator().manual_seed(1)
    pictures = {name: torch.rand(3, size, size, generator=made) for name in ("one", "two")}
    return Explorer(net.float(), pictures, runner=InlineRunner, method="saliency", **options)


@pytest.fixture()
def explorer() -> Iterator[Explorer]:
    with opened(build("Fused"), classes=CLASSES) as made:
        made.selection.stage = "attention"
        yield made


@pytest.fixture()
def stage(explorer: Explorer) -> AttentionStage:
    found = explorer.panels["attention"]
    assert isinstance(found, AttentionStage)
    return found


def tabs(explorer: Explorer) -> list[str]:
    return [tab[0] for tab in explorer.panels["stages"].tabs.tabs]  # type: ignore[attr-defined]


def said(runs: list[Any]) -> str:
    return "".join(run if isinstance(run, str) else run[0] for run in runs)


def indices(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


def test_it_is_offered_where_there_is_attention_and_nowhere_else(explorer: Explorer) -> None:
    assert "attention" in tabs(explorer)
    with opened(plain("inplace")) as other:
        assert "attention" not in tabs(other)
        other.selection.stage = "attention"
        assert other.panels["stages"].tabs.chosen == "channels"  # type: ignore[attr-defined]
        assert other.panels["attention"].request(other.selection) is None


def test_while_it_is_not_on_show_it_asks_for_nothing(explorer: Explorer, stage: AttentionStage) -> None:
    assert stage.request(explorer.selection) is not None
    explorer.selection.stage = "channels"
    assert stage.request(explorer.selection) is None


def test_it_opens_on_the_class_token_and_the_last_layers_mean(stage: AttentionStage) -> None:
    view = stage.view
    assert view.state == "ready" and view.about == "3 layers · 2 heads · 4 × 4 patches"
    assert [row[:2] for row in view.rows] == [[str(i), f"blocks.{i}"] for i in range(3)]
    assert view.head == [2, 2] and view.place is None and view.query == "reads"
    assert said(view.caption) == "each map: what the class token looks at; brightest: each map's own peak"
    assert said(view.title) == "Mean of 2 heads of blocks.2, from the class token"
    assert [name for name, *_ in view.figures] == ["peak", "there", "entropy", "distance", "class token"]
    assert indices(view.sheet).shape == (3 * 5 - 1, 3 * 5 - 1) and indices(view.map).shape == (4, 4)
    assert view.alt.endswith("over the picture in gray") and len(view.words) == 3


def test_a_click_on_a_head_shows_it_large_and_computes_nothing(explorer: Explorer, stage: AttentionStage) -> None:
    before, asked = stage.view.map, stage.request(explorer.selection)
    say(stage.view, event="head", row=1, column=0)
    assert explorer.selection.head == (1, 0) and stage.view.head == [1, 0]
    assert stage.request(explorer.selection) == asked and stage.view.map != before
    assert said(stage.view.title).startswith("Head 0 of blocks.1")
    say(stage.view, event="head", row=0, column=2)
    assert explorer.selection.head == (0, None) and stage.view.head == [0, 2]


def test_code_may_choose_a_head_and_is_told_which_there_are(explorer: Explorer, stage: AttentionStage) -> None:
    explorer.selection.head = (0, 1)
    assert stage.view.head == [0, 1]
    for head, words in (((3, 0), "it has 0 to 2"), ((0, 2), "it has 0 to 1"), ((0, -1), "not"), (("a", 0), "not")):
        with pytest.raises(NbvizError, match=words):
            explorer.selection.head = head
    assert explorer.selection.head == (0, 1)


def test_a_head_that_is_not_there_is_said_where_nobody_could_know() -> None:
    with opened(build("Fused"), stage="attention", head=(9, 0)) as explorer:
        view = explorer.panels["attention"].view
        assert view.head == [2, 2] and "Attention 9 is not in this network" in view.note  # type: ignore[attr-defined]


def test_a_patch_clicked_is_who_looks_here_and_on_the_canvas(explorer: Explorer, stage: AttentionStage) -> None:
    before = stage.view.sheet
    say(stage.view, event="place", place=list(PATCH))
    assert explorer.selection.pinned_place == explorer.selection.place == PATCH
    canvas = explorer.panels["canvas"]
    assert canvas.pointer.place == list(PATCH)  # type: ignore[attr-defined]
    assert stage.view.sheet != before and stage.view.query == "place" and stage.view.place == list(PATCH)
    assert said(stage.view.caption).startswith("each map: what the patch in row 1, column 2 looks at")
    say(canvas.pointer, event="point", place=[0.9, 0.1], pin=True)  # type: ignore[attr-defined]
    assert "row 3, column 0" in said(stage.view.title)
    say(stage.view, event="query", name="mean")
    assert explorer.selection.pinned_place is None and canvas.pointer.place is None  # type: ignore[attr-defined]
    assert "the mean of all patches looks at" in said(stage.view.caption)
    for wrong in ((2, 0), (0.1,), ("a", "b")):
        with pytest.raises(NbvizError, match="fractions of the picture"):
            explorer.selection.pinned_place = wrong


def test_pointing_without_pinning_asks_for_nothing(explorer: Explorer, stage: AttentionStage) -> None:
    asked = stage.request(explorer.selection)
    say(explorer.panels["canvas"].pointer, event="point", place=[0.9, 0.1], pin=None)  # type: ignore[attr-defined]
    assert explorer.selection.place == (0.9, 0.1) and stage.request(explorer.selection) == asked


def test_for_the_class_it_follows_the_class(explorer: Explorer, stage: AttentionStage) -> None:
    raw = stage.view.sheet
    say(stage.view, event="attention", name="gradient")
    predicted = stage.view.sheet
    assert predicted != raw and "that speaks for" in said(stage.view.caption)
    explorer.selection.target = "bee"
    assert "that speaks for bee" in said(stage.view.caption)
    explorer.selection.target = "cat"
    third = stage.view.sheet
    explorer.selection.attention = "raw"
    assert stage.view.sheet == raw != third
    explorer.selection.target = "ant"
    assert stage.view.sheet == raw


def test_a_row_selects_its_layer_and_the_chosen_layer_is_marked(explorer: Explorer, stage: AttentionStage) -> None:
    say(stage.view, event="layer", name="blocks.1")
    assert explorer.selection.layer == "blocks.1"
    assert [row[2] for row in stage.view.rows] == [False, True, False]
    explorer.selection.layer = "blocks.2.out"
    assert [row[2] for row in stage.view.rows] == [False, False, True]


def test_the_large_map_is_that_of_the_chosen_layer_until_a_head_is_chosen(
    explorer: Explorer, stage: AttentionStage
) -> None:
    title = lambda: said(stage.view.title)  # noqa: E731
    for layer, row in (("blocks.0", 0), ("blocks.1.out", 1), ("head", 2), ("blocks", 2)):
        explorer.selection.layer = layer
        assert stage.view.head == [row, 2] and title().startswith(f"Mean of 2 heads of blocks.{row}"), layer
    explorer.selection.change(head=(1, 0), layer="blocks.0")
    assert stage.view.head == [1, 0]
    with opened(build("Fused"), stage="attention", layer="blocks.0") as other:
        assert other.panels["attention"].view.head[0] == 0  # type: ignore[attr-defined]


def test_rollout_and_scale_are_looks_at_the_same_answer(explorer: Explorer, stage: AttentionStage) -> None:
    head, asked = stage.view.map, stage.request(explorer.selection)
    say(stage.view, event="look", rollout=True)
    assert stage.view.rollout and stage.view.map != head and said(stage.view.title).startswith("Rollout to blocks.2")
    assert stage.view.figures[0][:2] == ["through", "layers 0 to 2"]
    say(stage.view, event="look", rollout=False)
    assert stage.view.map == head
    own = stage.view.sheet
    say(stage.view, event="look", shared=True)
    assert stage.view.sheet != own and "the peak of all" in said(stage.view.caption)
    assert stage.request(explorer.selection) == asked


def test_uniform_attention_is_shown_uniform_and_said_to_be() -> None:
    net = build("Fused")
    for block in net.blocks:
        block.into.weight.data[: 2 * WIDTH] = 0  # queries and keys
        block.into.bias.data[: 2 * WIDTH] = 0
    with opened(net, stage="attention") as explorer:
        view = explorer.panels["attention"].view
        assert len(np.unique(indices(view.map))) == 1  # type: ignore[attr-defined]
        assert "nearly uniform" in dict(row[:2] for row in view.figures)["entropy"]  # type: ignore[attr-defined]
        assert all("nearly uniform" in words for row in view.words for words in row)  # type: ignore[attr-defined]


def test_windows_lie_where_they_are_and_a_rollout_is_refused_in_words() -> None:
    with opened(swin([2, 1]), size=32, stage="attention", pinned_place=(0.9, 0.1)) as explorer:
        view = explorer.panels["attention"].view
        assert view.state == "ready", view.message  # type: ignore[attr-defined]
        assert "stays within windows of 16" in view.no_rollout  # type: ignore[attr-defined]
        assert "8 × 8 to 4 × 4 patches in windows" in view.about  # type: ignore[attr-defined]
        assert "gray: outside its window" in said(view.caption)  # type: ignore[attr-defined]
        assert said(view.caption).startswith("each map: what the place pinned looks at")  # type: ignore[attr-defined]
        explorer.selection.head = (0, 1)
        assert (indices(view.map) == GAP).sum() == 64 - 16  # type: ignore[attr-defined]


def test_torchvisions_transformer_has_its_layers_by_number() -> None:
    from torchvision.models import VisionTransformer

    torch.manual_seed(0)
    net = VisionTransformer(image_size=32, patch_size=8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=16)
    with opened(net, size=32, stage="attention") as explorer:
        view = explorer.panels["attention"].view
        assert [row[0] for row in view.rows] == ["0", "1"]  # type: ignore[attr-defined]
        say(view, event="layer", name=view.rows[1][1])  # type: ignore[attr-defined]
        assert explorer.selection.layer == "encoder.layers.encoder_layer_1.self_attention"
        explorer.selection.attention = "gradient"  # its head starts at zero: nothing speaks for any class
        assert view.state == "ready" and view.figures[0][1] == "nothing above zero"  # type: ignore[attr-defined]


def test_a_network_without_attention_refuses_where_it_is_asked_before_anyone_knows() -> None:
    with opened(plain("inplace"), stage="attention") as explorer:
        assert explorer.panels["stages"].tabs.chosen == "channels"  # type: ignore[attr-defined]


def test_the_still_picture_has_the_heads_while_they_are_on_show(explorer: Explorer, stage: AttentionStage) -> None:
    on_show = np.asarray(explorer.snapshot())
    explorer.selection.stage = "channels"
    assert not np.array_equal(on_show[:200, 300:700], np.asarray(explorer.snapshot())[:200, 300:700])


def test_a_network_in_training_is_shown_as_it_was_at_one_step(explorer: Explorer, stage: AttentionStage) -> None:
    before = stage.view.sheet
    with torch.no_grad():
        explorer.model.net.blocks[0].into.weight.mul_(3)
    explorer.refresh()
    assert stage.view.sheet != before and stage.view.state == "ready"


def _block(maps: np.ndarray, layer: str = "a", number: int = 0) -> BlockSeen:
    figures = np.zeros(len(maps))
    return BlockSeen(number, layer, len(maps) - 1, 1, 0, maps.astype(np.float32), figures, figures, 4.0, figures)


def test_tiles_of_a_coarser_grid_are_enlarged_and_missing_heads_left_clear() -> None:
    fine, coarse = np.random.default_rng(0).random((4, 4, 4)), np.random.default_rng(1).random((2, 2, 2))
    drawn = sheet([_block(fine), _block(coarse)], shared=False)
    pixels = indices(drawn.png)
    assert drawn.columns == 4 and drawn.tile == (4, 4) and pixels.shape == (9, 19)
    assert len(np.unique(pixels[5:7, 0:2])) == 1 and (pixels[5:, 5:14] == GAP).all()
    assert drawn.words[1][1:3] == ["", ""] and drawn.words[1][3].startswith("a · mean of 1")
    assert drawn.peak == pytest.approx(max(fine[:3].max(), coarse[:1].max()))


def test_outside_a_window_tiles_are_gray_also_when_averaged_down() -> None:
    maps = np.full((2, 112, 112), np.nan)
    maps[:, :50, :50] = 1
    pixels = indices(sheet([_block(maps)], shared=False).png)
    assert (pixels[-1] == BAD).any() and pixels[0, 0] not in (BAD, GAP)


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["encoder.layers.layer_0.self_attention", "encoder.layers.layer_10.self_attention"], ["0", "10"]),
        (["features.1.0.attn", "features.1.1.attn", "features.3.0.attn"], ["1.0", "1.1", "3.0"]),
        (["blocks.0.attn", "blocks.1.attn", "pool"], ["blocks.0.attn", "blocks.1.attn", "pool"]),
        (["attention", "attention"], ["attention", "attention"]),
    ],
)
def test_rows_are_named_by_what_tells_them_apart(names: list[str], short: list[str]) -> None:
    assert labels([_block(np.zeros((2, 2, 2)), name, i) for i, name in enumerate(names)]) == short


def test_the_small_transformer_of_the_zoo_shows_its_sixteen_heads() -> None:
    shown = {"shown": nbviz.zoo.fashion()[0][0]}
    net = nbviz.zoo.load("fashion_vit")
    with Explorer(net, shown, runner=InlineRunner, method="saliency", stage="attention") as explorer:
        view = explorer.panels["attention"].view
        assert view.about == "4 layers · 4 heads · 7 × 7 patches"  # type: ignore[attr-defined]
        assert len(view.sheet) < 5_000 and len(view.map) < 2_000  # type: ignore[attr-defined]
