"""The page of made pictures: asked for only while it is on show, drawn as it sharpens, cancelled and gone on with."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.panels.channels.channel_grid import ChannelsPanel
from nbviz.panels.channels.made_page import MadePage, rise_words
from nbviz.pictures.load import load_pictures
from nbviz.session.context import LiveContext
from nbviz.session.requests.made import MadeAnswer, MakeChannels
from nbviz.session.selection import Selection
from tests.panels.rig import Rig, say

CHANNELS = 30


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[ChannelsPanel, MadePage, LiveContext]:
    monkeypatch.setenv("NBVIZ_CACHE", str(tmp_path))
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, CHANNELS, 5, padding=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                        nn.Linear(CHANNELS, 3))  # fmt: skip
    pictures = load_pictures({"noise": torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(1))})
    model = InstrumentedModel(net)
    model.trace(model.input(pictures["noise"]))
    links = Rig(model, pictures, Selection(model, pictures, image="noise", layer="1", target=1)).links
    grid = ChannelsPanel(links)
    page, context = MadePage(links, grid), LiveContext(model)
    request = grid.request(grid.selection)
    assert request is not None
    grid.show(context.answer(request))
    return grid, page, context


def tiles(grid: ChannelsPanel) -> list[np.ndarray]:
    """The page's tiles as a person sees them."""
    view = grid.view
    sheet, place = np.asarray(Image.open(io.BytesIO(view.mosaic)).convert("RGB")), view.sheet
    found = []
    for tile in range(len(view.channels)):
        row, column = divmod(tile, place["columns"])
        top, left = row * (place["tile_height"] + place["gap"]), column * (place["tile_width"] + place["gap"])
        found.append(sheet[top : top + place["tile_height"], left : left + place["tile_width"]])
    return found


def open_made(grid: ChannelsPanel, **look: Any) -> None:
    say(grid.view, event="look", look={"mode": "made", "recipe": "preview", **look})


def test_nothing_is_made_before_someone_looks(parts: Any) -> None:
    grid, page, _ = parts
    assert page.request(grid.selection) is None
    open_made(grid)
    request = page.request(grid.selection)
    assert isinstance(request, MakeChannels)
    assert (request.layer, request.channels, request.preset) == ("1", tuple(grid.view.channels), "preview")
    assert len(request.channels) == 24
    say(grid.view, event="look", look={"mode": "maps"})
    assert page.request(grid.selection) is None


def test_another_stage_or_layer_makes_nothing(parts: Any) -> None:
    grid, page, _ = parts
    open_made(grid)
    grid.selection.layer = "0"  # its channels have not come yet
    assert page.request(grid.selection) is None
    grid.selection.layer = "1"
    grid.selection.stages = ("channels", "heads")
    grid.selection.stage = "heads"
    assert page.request(grid.selection) is None


def test_the_page_shows_each_channels_own_picture(parts: Any) -> None:
    grid, page, context = parts
    open_made(grid, sort="index")
    answer = context.answer(page.request(grid.selection))
    page.show(answer)
    assert grid.view.sheet["kind"] == "image/jpeg" and grid.view.sheet["photos"] and len(grid.view.mosaic) < 150_000
    assert grid.view.caption == "made to drive each channel, 40 steps"
    side = grid.view.sheet["tile_width"]
    for channel, tile in zip(grid.view.channels, tiles(grid), strict=True):
        made = Image.fromarray(answer.pixels(channel)).resize((side, side), Image.Resampling.NEAREST)
        # small pictures in sharp blocks are the hardest a JPEG is given; another channel's would be far off
        assert np.abs(tile.astype(int) - np.asarray(made)).mean() < 25
    assert "made: mean activation" in grid.view.words[0] and "channel 0" in grid.view.words[0]


def test_a_partial_page_says_how_far_it_is(parts: Any) -> None:
    grid, page, context = parts
    open_made(grid)
    page.wait()
    assert grid.view.state == "computing"
    answers = list(context.answers(page.request(grid.selection)))
    half = MadeAnswer(answers[0].layer, answers[0].channels, _at(answers[0].made, 0.5, "step 8 of 16"))
    page.show(half)
    assert (grid.view.state, grid.view.progress, grid.view.share) == ("ready", "step 8 of 16", 0.5)
    page.show(answers[-1])
    assert (grid.view.progress, grid.view.share) == ("", 0.0)


def _at(made: Any, done: float, progress: str) -> Any:
    from dataclasses import replace

    return replace(made, done=done, progress=progress)


def test_cancel_holds_until_someone_goes_on(parts: Any) -> None:
    grid, page, context = parts
    asked = []
    page.links = replace(page.links, ask=lambda: asked.append(page.request(grid.selection)))
    open_made(grid)
    request = page.request(grid.selection)
    answer = context.answer(request)
    page.show(MadeAnswer(answer.layer, answer.channels, _at(answer.made, 0.3, "step 5 of 16")))
    say(grid.view, event="cancel")
    assert asked == [None] and page.request(grid.selection) is None
    assert (grid.view.caption, grid.view.begin, grid.view.progress) == ("stopped at step 5 of 16", "Go on", "")
    grid.selection.channel = grid.view.channels[3]  # another click doesn't start it again
    assert page.request(grid.selection) is None
    say(grid.view, event="begin")
    assert asked[-1] == request
    say(grid.view, event="cancel")
    say(grid.view, event="page", page=1)  # another page is another wish
    assert page.request(grid.selection) is not None


def test_a_refusal_leaves_the_other_views(parts: Any) -> None:
    grid, page, _ = parts
    open_made(grid)
    page.fail(NbvizError("The network takes 5 channels, which no picture has: none can be made for it."))
    assert (grid.view.state, grid.view.channels) == ("failed", []) and "5 channels" in grid.view.message
    say(grid.view, event="look", look={"mode": "maps"})
    assert grid.view.state == "ready" and len(grid.view.channels) == CHANNELS


def test_a_full_disk_is_said_and_the_pictures_are_there(parts: Any, tmp_path: Path, monkeypatch: Any) -> None:
    grid, page, context = parts
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("NBVIZ_CACHE", str(blocked))
    open_made(grid)
    page.show(context.answer(page.request(grid.selection)))
    assert "could not be kept" in grid.view.note and len(grid.view.channels) == 24


def test_layers_of_numbers_have_pictures_too(parts: Any) -> None:
    grid, page, context = parts
    grid.selection.layer = "4"
    grid.show(context.answer(grid.request(grid.selection)))
    open_made(grid)
    page.show(context.answer(page.request(grid.selection)))
    assert grid.view.bars == [] and len(tiles(grid)) == 3


def test_a_rise_in_words() -> None:
    assert rise_words(np.array([0.12, 1.5, np.nan])) == "made: mean activation 0.120 → 1.50"
    assert rise_words(np.array([np.nan])) == ""
