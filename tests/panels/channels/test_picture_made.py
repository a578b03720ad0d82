"""This picture, made again by the layer: asked for while it is open, partial, and a slider that chooses the layer."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from nbviz.errors import NbvizError
from nbviz.panels.channels.channel_grid import ChannelsPanel
from nbviz.panels.channels.picture_made import PictureMade, nearest_stop, stops
from nbviz.session.context import LiveContext
from nbviz.session.requests.made import Invert
from nbviz.session.requests.one_picture import Remake
from tests.panels.rig import Rig, rig, say


def opened() -> tuple[Rig, ChannelsPanel, PictureMade]:
    made = rig()
    grid = ChannelsPanel(made.links)
    panel = PictureMade(made.links, grid)
    panel.sync(made.selection)
    say(grid.view, event="look", look={"mode": "made"})
    say(panel.view, event="open", opened=True)
    return made, grid, panel


def test_it_asks_only_while_made_pictures_are_on_show_and_it_is_open() -> None:
    made, grid, panel = opened()
    assert panel.view.shown and panel.request(made.selection) == Remake(made.pictures["cat"], "1")
    say(grid.view, event="look", look={"mode": "maps"})
    assert not panel.view.shown and panel.request(made.selection) is None
    say(grid.view, event="look", look={"mode": "made"})
    say(panel.view, event="open", opened=False)
    assert panel.request(made.selection) is None


def test_three_pictures_come_one_after_the_other_and_are_each_remembered() -> None:
    made, _, panel = opened()
    context = LiveContext(made.model)
    request = panel.request(made.selection)
    assert request is not None
    answers = list(context.answers(request))
    assert answers[-1].done == 1 and list(answers[-1].made) == ["dream", "keeps", "more"]
    assert [answer.done for answer in answers] == sorted(answer.done for answer in answers)
    assert context.known(Invert(made.pictures["cat"], "1")) is answers[-1].made["keeps"]
    panel.show(answers[0])
    assert panel.view.progress and panel.view.tiles[1][1] == "Not begun"
    panel.show(answers[-1])
    assert panel.view.progress == "" and [label for label, _ in panel.view.tiles] == [
        "as seen", "what it keeps", "more of it", "dreamt further",
    ]  # fmt: skip
    assert "differs by" in panel.view.tiles[1][1]
    drawn = Image.open(io.BytesIO(panel.view.pictures))
    assert drawn.width == 4 * panel.view.sheet["side"] + 3 * panel.view.sheet["gap"]


def test_what_is_kept_is_what_the_layer_says_and_a_dream_stays_near_the_picture() -> None:
    made, _, panel = opened()
    *_, answer = LiveContext(made.model).answers(panel.request(made.selection))  # type: ignore[arg-type]
    rise = answer.made["keeps"].rise[0]
    assert rise[-1] > -0.1 > rise[0]  # minus the share by which it differs
    seen = made.model.seen(made.pictures["cat"]).astype(int)
    assert 0 < np.abs(answer.made["dream"].pixels[0] - seen).mean() < np.abs(127 - seen).mean()


def test_the_slider_goes_along_the_network_and_chooses_the_layer() -> None:
    made, _, panel = opened()
    made.show(panel)
    assert panel.view.stops == ["0", "1", "2", "3"] == stops(made.model)
    assert panel.view.at == 1
    say(panel.view, event="layer", at=3)
    assert made.selection.layer == "3"
    panel.sync(made.selection)
    assert (panel.view.at, panel.view.layer) == (3, "3")
    assert nearest_stop(made.model, ["0", "3"], "6") == 1 and nearest_stop(made.model, [], "6") == 0


@pytest.mark.parametrize("error", [NbvizError("The network takes 5 channels."), RuntimeError("odd")])
def test_a_failure_is_said(error: Exception) -> None:
    _, _, panel = opened()
    panel.fail(error)
    assert panel.view.state == "failed" and str(error) in panel.view.message and panel.view.tiles == []
