"""The card says the chosen channel's own figures, and lays its map over the picture the network saw."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from nbviz.drawing.numbers import ordinal, percent
from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.panels.channels.channel_card import ChannelPanel, about, alt, figures, map_png
from nbviz.passes.feature_maps import FeatureMaps
from nbviz.pictures.load import load_pictures
from nbviz.session.context import LiveContext
from nbviz.session.requests.base import ChannelAnswer, ChannelsAnswer
from nbviz.session.selection import Selection
from tests.panels.rig import Rig


def answer(values: np.ndarray, contributions: list[float], channel: int = 1, places: bool = True) -> ChannelAnswer:
    maps = FeatureMaps("stem", values.astype(np.float32), places)
    peaks = np.array([v.flat[np.abs(v).argmax()] for v in maps.values])
    channels = ChannelsAnswer("stem", maps, peaks, np.array(contributions, np.float32), "cat")
    rank = int(np.flatnonzero(channels.order("class") == channel)[0]) + 1
    return ChannelAnswer(channel, rank, channels, np.zeros((6, 8, 3), np.uint8))


def table(found: ChannelAnswer) -> dict[str, str]:
    return {name: value for name, value, _ in figures(found)}


def test_its_figures_are_the_channels_own() -> None:
    values = np.zeros((3, 4, 5))
    values[1, 2, 3], values[1, 0, 0] = -4.3, 0.3
    found = answer(values, [0.3, 0.1, -0.1])
    assert about(found) == ["peak −4.30 · for ", ["cat", "em"], " +0.100 · 2nd of 3"]
    said = table(found)
    assert said["peak at"] == "row 2, column 3"
    assert said["mean"] == "−0.200" and said["active"] == "5.0 % of places"
    assert said["share"] == "20 % of all"
    assert "row 2, column 3 of 4 × 5" in alt(found)


def test_a_silent_channel_says_so() -> None:
    assert "no activation anywhere" in alt(answer(np.zeros((2, 3, 3)), [0, 0]))


def test_a_layer_the_score_does_not_come_through() -> None:
    found = answer(np.ones((2, 3, 3)), [np.nan, np.nan])
    assert about(found) == ["peak 1.00"] and "does not come through" in table(found)["share"]


def test_a_number_has_no_map() -> None:
    found = answer(np.array([1.0, -2.0])[:, None, None], [0.0, 1.0], places=False)
    assert alt(found) == "" and list(table(found)) == ["share"] and about(found)[0] == "−2.00 · for "


def test_the_map_is_drawn_at_its_own_resolution() -> None:
    values = np.arange(12.0).reshape(3, 4)
    drawn = Image.open(io.BytesIO(map_png(values, signed=False)))
    assert drawn.size == (4, 3)
    light = np.asarray(drawn.convert("L")).astype(int)
    assert (np.diff(light.ravel()) > 0).all()


@pytest.mark.parametrize(
    ("number", "words"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (112, "112th"), (121, "121st")],
)
def test_ordinals(number: int, words: str) -> None:
    assert ordinal(number) == words


@pytest.mark.parametrize(("share", "words"), [(0, "0 %"), (0.0386, "3.9 %"), (0.0996, "10 %"), (1, "100 %")])
def test_percent(share: float, words: str) -> None:
    assert percent(share) == words


@pytest.fixture()
def panel() -> ChannelPanel:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 2)
    )
    pictures = load_pictures({"noise": torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(1))})
    model = InstrumentedModel(net)
    model.trace(model.input(pictures["noise"]))
    return ChannelPanel(Rig(model, pictures, Selection(model, pictures, image="noise", layer="1", target=1)).links)


def test_it_shows_what_it_asked_for(panel: ChannelPanel) -> None:
    context = LiveContext(panel.model)
    panel.wait()
    request = panel.request(panel.selection)
    assert request is not None
    panel.show(context.answer(request))
    assert (panel.view.state, panel.view.about[-1].split(" · ")[-1]) == ("ready", "1st of 6")
    gray = panel.view.backdrop
    panel.selection.channel = 4
    request = panel.request(panel.selection)
    assert request is not None
    panel.show(context.answer(request))
    # the picture is not sent again for another channel of it
    assert panel.view.channel == 4 and panel.view.backdrop == gray and len(panel.view.map) < 2000


def test_its_button_moves_the_canvas(panel: ChannelPanel) -> None:
    panel.view._handle_custom_msg({"event": "canvas"}, [])
    assert panel.selection.canvas == "channel"
    panel.sync(panel.selection)
    assert panel.view.on_canvas
    panel.view._handle_custom_msg({"event": "explanation"}, [])
    assert panel.selection.canvas == "explanation"


def test_a_failure_clears_the_card(panel: ChannelPanel) -> None:
    panel.fail(RuntimeError("odd"))
    assert (panel.view.state, panel.view.channel, panel.view.figures) == ("failed", None, [])
    assert "RuntimeError: odd" in panel.view.message and "Traceback" not in panel.view.message
    panel.fail(NbvizError("The channels of 'x' can't be shown."))
    assert (panel.view.state, panel.view.details) == ("nothing", "")
