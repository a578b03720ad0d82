"""Channels in the live Explorer: pages of made and found pictures follow what is chosen."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import nbviz
from nbviz.dataset import LiveIndex
from nbviz.explorer import Explorer
from nbviz.panels.channels.channel_grid import ChannelsPanel
from nbviz.panels.channels.grid_words import settings
from nbviz.panels.still import still_parts
from nbviz.session.requests.found import NoIndex
from nbviz.session.requests.made import MakeChannels
from tests.panels.rig import say
from tests.test_explorer import network, pictures


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Explorer]:
    monkeypatch.setenv("NBVIZ_CACHE", str(tmp_path))
    with Explorer(network(), pictures(), classes=["ant", "bee", "cat", "dog"]) as made:
        assert made.wait(60)
        yield made


def grid_of(explorer: Explorer) -> ChannelsPanel:
    grid = explorer.panels["channels"]
    assert isinstance(grid, ChannelsPanel)
    return grid


def look(explorer: Explorer, **look: Any) -> None:
    say(grid_of(explorer).view, event="look", look=look)


def requested(explorer: Explorer) -> Any:
    return explorer.panels["made"].request(explorer.selection)


def answered(explorer: Explorer) -> Any:
    """The final answer to what the page of made pictures asks for."""
    return explorer._context.known(requested(explorer))


def test_made_pictures_come_when_they_are_looked_at(live: Explorer) -> None:
    assert requested(live) is None and "made" not in live._events.scheduler._requests
    look(live, mode="made", recipe="preview")
    assert live.wait(60)
    grid, answer = grid_of(live), answered(live)
    assert answer.done == 1 and answer.channels == tuple(grid.view.channels)
    assert f"{answer.made.recipe.steps} steps" in grid.view.caption and grid.view.sheet["photos"]


def test_another_layer_gets_its_own_page_and_the_first_is_kept(live: Explorer) -> None:
    look(live, mode="made", recipe="preview")
    assert live.wait(60)
    first = answered(live)
    live.selection.layer = "3"
    assert live.wait(60)
    assert answered(live).layer == "3" and requested(live).layer == "3"
    live.selection.layer = "1"
    assert live.wait(60)
    assert answered(live) is first


def test_another_class_reorders_the_page_without_making_again(live: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    look(live, mode="made", recipe="preview", sort="index")
    assert live.wait(60)
    before = answered(live)
    live.selection.target, live.selection.image = "dog", "two"
    assert live.wait(60)
    assert answered(live) is before  # by number, the page is the same whatever is explained


def test_only_the_last_page_wanted_is_shown(live: Explorer) -> None:
    shown: list[Any] = []
    panel = live.panels["made"]
    show = panel.show

    def watched(answer: Any) -> None:
        shown.append((answer.layer, answer.channels) == (requested(live).layer, requested(live).channels))
        show(answer)

    panel.show = watched  # type: ignore[method-assign]
    look(live, mode="made", recipe="default")
    for layer in ("3", "1", "2", "3", "0"):
        live.selection.layer = layer
    assert live.wait(60) and shown and all(shown)
    assert answered(live).layer == "0"


def test_a_network_of_five_channels_says_why_nothing_is_made(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(5, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    with Explorer(net, {"one": torch.rand(5, 16, 16)}) as explorer:
        assert explorer.wait(60)
        look(explorer, mode="made")
        assert explorer.wait(60)
        view = grid_of(explorer).view
        assert view.state in ("failed", "refused") and "5 channels" in view.message
        look(explorer, mode="maps")
        assert view.state == "ready" and len(view.channels) == 4


def test_the_network_is_as_it_was(live: Explorer) -> None:
    net = live.model.net
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    look(live, mode="made", recipe="preview")
    assert live.wait(60)
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())
    assert all(not module._forward_hooks for module in net.modules())
    assert all(weight.grad is None for weight in net.parameters())


def test_the_still_picture_shows_the_page(live: Explorer) -> None:
    maps = np.asarray(live.snapshot())
    look(live, mode="made", recipe="preview")
    assert live.wait(60)
    assert settings(grid_of(live).look) == ["Made", "For the class", "Preview"]
    assert not np.array_equal(maps[: len(maps) // 2], np.asarray(live.snapshot())[: len(maps) // 2])


def test_the_request_of_a_page_holds_only_what_it_depends_on() -> None:
    one, other = (MakeChannels("1", (2, 3), preset) for preset in ("default", "default"))
    assert one == other and hash(one) == hash(other)


def test_found_says_how_to_get_it_and_then_has_it(live: Explorer) -> None:
    grid = grid_of(live)
    look(live, mode="found")
    assert live.wait(60)
    assert grid.view.begin == "Look through these 3 pictures" and "Nobody has looked" in grid.view.offer
    assert list(grid.view.channels) == []
    say(grid.view, event="begin")
    assert live.wait(60)
    assert grid.view.offer == "" and grid.view.caption == "strongest part of 3 pictures"
    assert live.library.index is not None and len(grid.view.channels) == 8
    live.selection.layer = "3"  # every layer was looked at
    assert live.wait(60)
    assert grid.view.sheet["photos"] and len(grid.view.channels) == 6 and "found: " in grid.view.words[0]


def test_looking_can_be_cancelled(live: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    look(live, mode="found")
    assert live.wait(60)
    found = live.panels["found"]
    begun = threading.Event()
    monkeypatch.setattr("nbviz.session.requests.found.indexing", lambda model, items, batch: _slow(begun))
    say(grid_of(live).view, event="begin")
    assert begun.wait(30)
    say(grid_of(live).view, event="cancel")
    assert live.wait(30) and live.library.index is None
    assert isinstance(found.request(live.selection), NoIndex)
    assert grid_of(live).view.begin == "Look through these 3 pictures"


def _slow(begun: threading.Event) -> Iterator[LiveIndex]:
    for seen in range(10_000):
        begun.set()
        time.sleep(0.005)
        yield LiveIndex(seen, 10_000)


def test_a_given_index_is_shown_and_another_networks_refused(tmp_path: Path) -> None:
    index = nbviz.Index.build(network(), pictures(), progress=False)
    with Explorer(network(), pictures(), index=index) as explorer:
        look(explorer, mode="found")
        assert explorer.wait(60)
        assert "strongest part of 3 pictures" in grid_of(explorer).view.caption
    with pytest.raises(nbviz.NbvizError, match="of another network"):
        Explorer(network(classes=3), pictures(), index=index)


def test_a_layer_the_index_lacks_is_offered(tmp_path: Path) -> None:
    index = nbviz.Index.build(network(), pictures(), layers=["3"], progress=False)
    with Explorer(network(), pictures(), index=index, layer="1") as explorer:
        look(explorer, mode="found")
        assert explorer.wait(60)
        assert "the channels of 1." in grid_of(explorer).view.offer
        explorer.selection.layer = "3"
        assert explorer.wait(60)
        assert grid_of(explorer).view.offer == ""


def test_training_on_makes_the_index_old(live: Explorer) -> None:
    look(live, mode="found")
    assert live.wait(60)
    say(grid_of(live).view, event="begin")
    assert live.wait(60)
    with torch.no_grad():
        next(live.model.net.parameters()).mul_(1.5)
    live.refresh()
    assert live.wait(60)
    assert "Nobody has looked" in grid_of(live).view.offer


def test_the_card_and_the_still_picture_show_what_was_made_and_found(live: Explorer) -> None:
    view = live.panels["channel"].view
    assert view.made["state"] == view.found["state"] == "absent"
    say(view, event="make")
    say(view, event="look")
    assert live.wait(60)
    assert view.made["state"] == view.found["state"] == "there"
    parts = still_parts(live.panels.values(), live.selection)
    assert parts.card is not None
    assert [name for name, _ in parts.card.others] == ["made", "found, of 3 pictures"]
    before = view.made_picture
    live.selection.channel = next(c for c in range(8) if c != view.channel)
    assert live.wait(60)
    assert view.made_picture != before and view.made["state"] == "there"
    live.selection.layer = "3"  # another layer's card is of its own first channel
    assert live.wait(60)
    assert f"channel {view.channel} of 3" in view.made["words"]


def test_going_back_to_a_card_computes_nothing(live: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    view = live.panels["channel"].view
    say(view, event="make")
    say(view, event="look")
    for channel in (1, 2):
        live.selection.channel = channel
        assert live.wait(60)
    monkeypatch.setattr(live._context, "answers", lambda request: pytest.fail(f"computed again: {request}"))
    live.selection.channel = 1
    assert live.wait(60) and "channel 1 of 1" in view.made["words"]


def test_this_picture_made_again_follows_the_slider(live: Explorer) -> None:
    look(live, mode="made", recipe="preview")
    front = live.panels["remade"].view
    say(front, event="open", opened=True)
    assert live.wait(90)
    assert len(front.tiles) == 4 and front.progress == ""
    say(front, event="layer", at=front.stops.index("3"))
    assert live.wait(90)
    assert live.selection.layer == "3" and "3 says" in front.tiles[1][1]
