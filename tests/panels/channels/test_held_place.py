"""A chosen channel's tile stays where it is while the order around it changes; the page follows when asked to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

from nbviz.explorer import Explorer
from nbviz.session.inline import InlineRunner
from tests.panels.rig import say

CHANNELS, PAGE = 160, 72


@pytest.fixture
def explorer() -> Iterator[Explorer]:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, CHANNELS, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(CHANNELS, 6)
    ).eval()
    pictures = {"a": torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(0))}
    pictures["b"] = pictures["a"] * torch.tensor([2.0, -1.0, 0.0])[:, None, None]
    with Explorer(net, pictures, layer="1", target=0, method="saliency", runner=InlineRunner) as made:
        yield made


def order(explorer: Explorer) -> list[int]:
    """All channels of the layer by what they contribute to the class on show."""
    grid: Any = explorer.panels["channels"]
    return list(grid._answer.order(grid.look.sort))


def every_page(explorer: Explorer) -> list[int]:
    view: Any = explorer.panels["channels"].view
    shown: list[int] = []
    for page in range(view.pages):
        say(view, event="page", page=page)
        shown += view.channels
    return shown


@pytest.mark.parametrize("act", ["class", "order", "picture"])
def test_the_tile_stays_and_the_others_are_sorted_around_it(explorer: Explorer, act: str) -> None:
    view: Any = explorer.panels["channels"].view
    say(view, event="page", page=1)
    chosen, tile = view.channels[30], 30
    say(view, event="choose", channel=chosen)
    assert view.held == ""
    if act == "class":
        explorer.selection.target = 3
    elif act == "picture":
        explorer.selection.image = "b"
    else:
        say(view, event="look", look={"sort": "index"})
    page = 0 if act == "order" else 1  # a new order is read from its start
    assert view.page == page and view.channels[tile] == chosen == view.channel
    ranks, others = order(explorer), [channel for channel in order(explorer) if channel != chosen]
    assert others[page * PAGE : page * PAGE + tile] == view.channels[:tile]
    rank = ranks.index(chosen)
    assert f"channel {chosen} is now {rank + 1}" in view.held and view.held.endswith(f"of {CHANNELS}")
    assert sorted(every_page(explorer)) == list(range(CHANNELS)), "each channel stands once"
    say(view, event="follow")
    assert view.held == "" and view.page == rank // PAGE and view.channels[rank % PAGE] == chosen
    assert every_page(explorer) == ranks


def test_a_page_that_was_turned_to_stays_though_the_chosen_channel_is_elsewhere(explorer: Explorer) -> None:
    view: Any = explorer.panels["channels"].view
    say(view, event="choose", channel=view.channels[5])
    say(view, event="page", page=1)
    explorer.selection.target = 2
    assert view.page == 1 and view.held == ""
    assert view.channels == order(explorer)[PAGE : 2 * PAGE]


def test_another_layer_opens_where_its_channel_belongs(explorer: Explorer) -> None:
    view: Any = explorer.panels["channels"].view
    say(view, event="choose", channel=view.channels[9])
    explorer.selection.target = 4
    explorer.selection.layer = "0"
    assert view.page == 0 and view.channel == view.channels[0] == order(explorer)[0] and view.held == ""


def test_nothing_chosen_shows_the_first_for_the_class(explorer: Explorer) -> None:
    view: Any = explorer.panels["channels"].view
    explorer.selection.channel = None
    for target in (1, 5):
        explorer.selection.target = target
        assert view.channel == view.channels[0] == order(explorer)[0]
