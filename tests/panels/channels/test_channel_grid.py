"""The channel grid draws the right channels in the right order, says their figures, and computes nothing."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from nbviz.drawing.numbers import three_digits
from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.panels.channels.channel_grid import ChannelsPanel
from nbviz.panels.scenes.channel_page import ChannelLook, columns, make_page, page_of, strongest, tile_words
from nbviz.passes.feature_maps import FeatureMaps
from nbviz.pictures.load import load_pictures
from nbviz.session.requests.base import ChannelsAnswer
from nbviz.session.selection import Selection
from tests.panels.rig import Rig


def answer(values: np.ndarray, layer: str = "0", contributions: np.ndarray | None = None) -> ChannelsAnswer:
    """An answer for maps (C, h, w), or numbers (C,)."""
    maps = FeatureMaps(layer, values if values.ndim == 3 else values[:, None, None], values.ndim == 3)
    flat = maps.values.reshape(len(values), -1)
    peaks = flat[np.arange(len(flat)), np.nan_to_num(np.abs(flat)).argmax(1)]
    given = -np.arange(len(values), dtype=np.float32) if contributions is None else contributions
    return ChannelsAnswer(layer, maps, peaks, given, "cat")


def noise(*shape: int, signed: bool = False) -> np.ndarray:
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    return values if signed else np.abs(values)


@pytest.fixture()
def panel() -> ChannelsPanel:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 150, 3, padding=1), nn.ReLU(), nn.Conv2d(150, 8, 3), nn.Flatten(), nn.LazyLinear(4)
    )
    net(torch.zeros(1, 3, 8, 8))
    pictures = load_pictures({"noise": torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(1))})
    model = InstrumentedModel(net)
    model.trace(model.input(pictures["noise"]))
    return ChannelsPanel(Rig(model, pictures, Selection(model, pictures, image="noise", layer="0", target=1)).links)


def say(panel: ChannelsPanel, **content: Any) -> None:
    panel.view._handle_custom_msg(content, [])


@pytest.mark.parametrize(("sort", "first"), [("index", 0), ("activation", 7), ("class", 3)])
def test_pages_follow_the_order_asked_for(sort: str, first: int) -> None:
    values = np.ones((100, 4, 4), np.float32)
    values[7] = -9
    contributions = np.zeros(100, np.float32)
    contributions[3] = 1
    found = answer(values, contributions=contributions)
    pages = [make_page(found, ChannelLook(sort=sort, page=page), None) for page in range(2)]
    assert pages[0].channels[0] == first
    assert sorted(pages[0].channels + pages[1].channels) == list(range(100))
    assert (pages[1].first, len(pages[1].channels)) == (72, 28)


def test_a_channel_that_surgery_took_away_stands_on_no_page() -> None:
    found = answer(np.ones((100, 4, 4), np.float32))
    assert [page_of(found, ChannelLook(sort="index"), None, channel) for channel in (71, 72, 100)] == [0, 1, 0]


def test_tile_i_shows_channel_i() -> None:
    values = np.zeros((12, 5, 5), np.float32)
    for channel in range(12):
        values[channel].flat[channel] = 1
    page = make_page(answer(values), ChannelLook(sort="index"), None)
    drawn = page.mosaic
    sheet = np.asarray(Image.open(io.BytesIO(drawn.data)).convert("RGB")).astype(int).sum(2)
    for tile, channel in enumerate(page.channels):
        row, column = divmod(tile, drawn.columns)
        top, left = row * (drawn.tile_height + drawn.gap), column * (drawn.tile_width + drawn.gap)
        cut = sheet[top : top + drawn.tile_height, left : left + drawn.tile_width]
        assert int(cut.argmax()) == channel


@pytest.mark.parametrize(
    "shape", [(300, 28, 28), (300, 112, 112), (100, 56, 20), (40, 7, 90), (24, 112, 112), (3, 224, 224)]
)
def test_a_page_is_small_and_no_taller_than_half_its_width(shape: tuple[int, int, int]) -> None:
    page = make_page(answer(noise(*shape)), ChannelLook(), None)
    assert len(page.mosaic.data) <= 110_000
    assert page.mosaic.rows / page.aspect / page.mosaic.columns <= 0.5 + 1e-9


@pytest.mark.parametrize(("count", "across"), [(72, 12), (24, 8), (32, 8), (3, 3), (1, 2)])
def test_few_channels_get_large_tiles(count: int, across: int) -> None:
    assert columns(count, 1.0) == across


def test_filters_are_small_too() -> None:
    found = answer(noise(300, 4, 4))
    for inputs, side in ((3, 11), (1, 7), (64, 7), (512, 5), (512, 1)):
        filters = noise(300, inputs, side, side, signed=True)
        page = make_page(found, ChannelLook(mode="filters"), filters)
        assert len(page.mosaic.data) <= 130_000
        assert bool(page.note) == (inputs != 3)


def test_captions_say_what_the_colours_mean() -> None:
    plain, signed = answer(noise(4, 3, 3)), answer(noise(4, 3, 3, signed=True))
    peak = three_digits(float(plain.maps.values.max()))
    assert make_page(plain, ChannelLook(), None).caption == "brightest: each map's own peak"
    assert make_page(plain, ChannelLook(shared=True), None).caption == f"brightest: {peak}, the layer's peak"
    assert make_page(signed, ChannelLook(), None).caption == "red above zero, blue below; each to its own largest"
    assert "±" in make_page(signed, ChannelLook(shared=True), None).caption


def test_a_shared_scale_is_the_layers_on_every_page() -> None:
    values = np.ones((80, 3, 3), np.float32)
    values[79] = 50
    found = answer(values)
    first = make_page(found, ChannelLook(sort="index", shared=True), None)
    assert first.mosaic.limits is not None and first.mosaic.limits.high == 50


def test_values_that_are_not_finite_are_counted() -> None:
    values = noise(4, 3, 3)
    values[1, 0, 0] = np.nan
    assert "1 values that are not finite" in make_page(answer(values), ChannelLook(), None).caption


def test_figures_of_a_tile() -> None:
    found = answer(
        np.stack([np.full((2, 2), -4.3), np.zeros((2, 2))]).astype(np.float32),
        contributions=np.array([0.147, 0]),
    )
    assert tile_words(found, 0) == "channel 0 · peak −4.30 · for cat +0.147"
    assert tile_words(found, 1) == "channel 1 (no activation)"
    unreached = answer(noise(2, 2, 2), contributions=np.full(2, np.nan))
    assert "for cat" not in tile_words(unreached, 0)


@pytest.mark.parametrize(
    ("value", "text"),
    [(4.3, "4.30"), (123.4, "123"), (-0.0456, "−0.0456"), (0, "0.00"), (1000.0, "1.00e+03")],
)
def test_a_figure_has_three_digits(value: float, text: str) -> None:
    assert three_digits(value) == text


def test_numbers_become_bars() -> None:
    page = make_page(answer(np.array([2, -4, 0, np.nan], np.float32)), ChannelLook(sort="index"), None)
    assert page.heights == [0.5, -1.0, 0.0, 0.0]
    assert make_page(answer(noise(2000)), ChannelLook(page=13), None).channels == list(range(1872, 2000))


def test_the_strongest_at_a_place() -> None:
    values = np.zeros((6, 4, 8), np.float32)
    values[[2, 4, 5], 3, 7] = [1, 3, -2]
    found = answer(values)
    assert strongest(found, (1.0, 1.0)) == [4, 5, 2]
    assert strongest(found, (0.99, 0.9)) == [4, 5, 2]
    assert strongest(found, (0.0, 0.0)) == []
    assert strongest(answer(noise(5)), (0.5, 0.5)) == []


def test_it_opens_at_the_chosen_channel_and_choosing_never_reorders(panel: ChannelsPanel) -> None:
    panel.selection.channel = 100
    panel.show(answer(noise(150, 8, 8)))
    assert (panel.view.channel, panel.view.page, panel.view.pages, panel.view.total) == (100, 1, 3, 150)
    before = (list(panel.view.channels), panel.view.mosaic)
    say(panel, event="choose", channel=panel.view.channels[5])
    panel.sync(panel.selection)
    assert panel.selection.channel == panel.view.channel == before[0][5]
    assert (panel.view.channels, panel.view.mosaic) == before


def test_without_a_choice_the_first_by_contribution_is_chosen(panel: ChannelsPanel) -> None:
    panel.show(answer(noise(150, 8, 8)))
    assert panel.view.channel == 0 and panel.selection.channel is None


def test_a_channel_chosen_elsewhere_opens_its_page(panel: ChannelsPanel) -> None:
    panel.show(answer(noise(150, 8, 8)))
    panel.selection.channel = 149
    panel.sync(panel.selection)
    assert 149 in panel.view.channels and panel.view.channel == 149


def test_pages_end(panel: ChannelsPanel) -> None:
    panel.show(answer(noise(150, 8, 8)))
    for asked, page in ((1, 1), (99, 2), (-5, 0)):
        say(panel, event="page", page=asked)
        assert panel.view.page == page
    assert panel.view.first == 0 and panel.selection.channel is None


def test_a_new_order_starts_at_the_first_page_and_a_new_scale_stays(panel: ChannelsPanel) -> None:
    panel.show(answer(noise(150, 8, 8)))
    say(panel, event="page", page=1)
    say(panel, event="look", look={"shared": True})
    assert (panel.view.page, panel.view.look["shared"]) == (1, True)
    say(panel, event="look", look={"sort": "index"})
    assert (panel.view.page, panel.view.channels[:3]) == (0, [0, 1, 2])


def test_filters_are_offered_where_there_are_weights(panel: ChannelsPanel) -> None:
    panel.show(answer(noise(150, 8, 8), "0"))
    assert [mode[3] for mode in panel.view.modes] == [True, True, True, True]
    say(panel, event="look", look={"mode": "filters"})
    assert panel.view.look["mode"] == "filters" and not panel.view.look["scalable"]
    panel.selection.layer = "1"
    panel.show(answer(noise(150, 8, 8), "1"))
    assert [mode[3] for mode in panel.view.modes] == [True, False, True, True] and panel.view.look["mode"] == "maps"
    panel.selection.layer = "2"
    panel.show(answer(noise(8, 6, 6), "2"))
    assert panel.view.look["mode"] == "filters" and "64 largest of 150 kernels" in panel.view.note


def test_a_second_click_and_escape_move_the_canvas(panel: ChannelsPanel) -> None:
    say(panel, event="canvas")
    assert panel.selection.canvas == "channel"
    panel.sync(panel.selection)
    assert panel.view.on_canvas
    say(panel, event="explanation")
    assert panel.selection.canvas == "explanation"


def test_pointing_marks_and_releases(panel: ChannelsPanel) -> None:
    found = answer(noise(150, 8, 8))
    panel.point((0.5, 0.5))
    assert panel.view.marked == []
    panel.show(found)
    panel.point((0.5, 0.5))
    assert panel.view.marked == strongest(found, (0.5, 0.5)) == panel.strongest((0.5, 0.5))
    panel.point(None)
    assert panel.view.marked == []


def test_a_failure_leaves_no_old_picture(panel: ChannelsPanel) -> None:
    panel.show(answer(noise(150, 8, 8)))
    panel.fail(NbvizError("Its channels can't be shown."))
    assert (panel.view.channels, bytes(panel.view.mosaic), panel.view.state) == ([], b"", "failed")
    say(panel, event="page", page=1)
    say(panel, event="look", look={"sort": "index"})
    panel.show(answer(noise(150, 8, 8)))
    assert (panel.view.state, panel.view.message, panel.view.look["sort"]) == ("ready", "", "index")
