"""Health in the panels: a planted dead channel is marked on tile, card and layer; a few pictures judge nobody."""

from __future__ import annotations

import torch
from torch import nn

from nbviz.model.instrumented import InstrumentedModel
from nbviz.panels.channels.channel_card import ChannelPanel
from nbviz.panels.channels.channel_grid import ChannelsPanel
from nbviz.panels.channels.health_marks import HealthMarks
from nbviz.panels.layers.layer_tree import LayersPanel
from nbviz.pictures.load import load_pictures
from nbviz.session.context import LiveContext
from nbviz.session.requests.health import HealthAnswer
from nbviz.session.selection import Selection
from tests.panels.rig import Rig

DEAD, TWIN = 3, 5


class Block(nn.Module):
    """A convolution with a dead channel, and one that repeats its neighbour."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.relu = nn.Conv2d(3, 6, 3, padding=1), nn.ReLU()
        with torch.no_grad():
            self.conv.bias[DEAD] = -100
            self.conv.weight[TWIN], self.conv.bias[TWIN] = self.conv.weight[0], self.conv.bias[0]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.relu(self.conv(x))


class Panels:
    def __init__(self, count: int) -> None:
        torch.manual_seed(0)
        net = nn.Sequential(Block(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 2))
        made = torch.Generator().manual_seed(1)
        pictures = dict(load_pictures({f"p{i}": torch.rand(3, 12, 12, generator=made) for i in range(count)}))
        self.model = InstrumentedModel(net.eval())
        self.model.trace(self.model.input(pictures["p0"]))
        self.selection = Selection(self.model, pictures, image="p0", layer="0.relu", target=1)
        links = Rig(self.model, pictures, self.selection).links
        self.grid, self.card, self.tree = ChannelsPanel(links), ChannelPanel(links), LayersPanel(links)
        self.marks = HealthMarks(links, self.card.view, [self.grid, self.card, self.tree])
        self.context = LiveContext(self.model)

    def show(self, *panels: object) -> None:
        for panel in panels:
            request = panel.request(self.selection)  # type: ignore[attr-defined]
            panel.show(self.context.answer(request))  # type: ignore[attr-defined]


def test_a_few_pictures_judge_nobody() -> None:
    panels = Panels(5)
    assert panels.marks.request(panels.selection) is None
    panels.show(panels.grid, panels.card)
    assert panels.card.view.health == [] and panels.grid.view.ill == []


def test_findings_are_marked_wherever_the_channel_is_shown() -> None:
    panels = Panels(70)
    panels.show(panels.grid, panels.card, panels.marks)
    assert sorted(panels.grid.view.ill) == [DEAD, TWIN]
    said = dict(zip(panels.grid.view.channels, panels.grid.view.words, strict=True))
    assert "dead: 0 in every place of 70 pictures" in said[DEAD] and "follows channel 0" in said[TWIN]
    assert "dead" not in said[1]
    assert panels.tree.view.ill["0.relu"] == "health: 1 dead, 1 duplicate"
    assert panels.tree.view.ill["0"] == "health: findings in layers inside" and "3" not in panels.tree.view.ill
    panels.selection.channel = DEAD
    panels.show(panels.card)
    assert panels.card.view.health[0] == "dead"
    panels.selection.channel = 1
    panels.show(panels.card)
    assert panels.card.view.health[0] == "healthy" and "70 pictures" in panels.card.view.health[1]


def test_what_is_judged_anew_is_not_marked_meanwhile() -> None:
    panels = Panels(70)
    panels.show(panels.grid, panels.card, panels.marks)
    panels.marks.wait()
    assert panels.grid.view.ill == [] and panels.card.view.health == [] and panels.tree.view.ill == {}
    assert not any("dead" in words for words in panels.grid.view.words)


def test_the_data_set_is_judged_once_and_in_steps() -> None:
    panels = Panels(70)
    request = panels.marks.request(panels.selection)
    panels.selection.layer = "0.conv"
    assert panels.marks.request(panels.selection) == request and request is not None
    steps = list(panels.context.answers(request))
    assert [step.pictures for step in steps] == [*range(2, 71, 2), 70]
    assert all(not step.findings for step in steps[:-1])


def test_a_layer_that_was_not_judged_has_no_word() -> None:
    assert HealthAnswer(70, {"1": {}}).of("2", 0) is None and HealthAnswer(70, {"1": {}}).words("2") == ""
