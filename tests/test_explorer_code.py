"""Every stage says the Python that makes what it shows: the code is run, and its result is what is shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import nbviz
from nbviz import edits
from nbviz.errors import NbvizError
from nbviz.panels.assembly import stages
from nbviz.session.inline import InlineRunner
from nbviz.session.pins.pin import Pin
from tests.panels.rig import rig, say


@pytest.fixture(scope="module")
def explorer() -> Iterator[nbviz.Explorer]:
    small = rig()
    pictures = list(small.pictures.values())
    index, review = nbviz.Index.build(small.model, pictures), nbviz.review(small.model, pictures, progress=False)
    made = {"index": index, "review": review}
    with nbviz.Explorer(small.model, small.pictures, **made, layer="3", runner=InlineRunner) as opened:
        yield opened


@pytest.fixture(autouse=True)
def unedited(explorer: nbviz.Explorer) -> None:
    """No test begins with the edits of another."""
    explorer.selection.edits = ()


def run(explorer: nbviz.Explorer, panel: str = "canvas") -> Any:
    """The result of the code that a panel gives."""
    scope: dict[str, Any] = {"explorer": explorer}
    exec(explorer.code(panel), scope)
    return scope["shown"]


@pytest.mark.parametrize(
    "chosen",
    [
        {"method": "saliency", "target": "predicted"},
        {"method": "integrated_gradients", "target": (1, 4), "options": {"tolerance": 0.2, "baseline": "blur"}},
        {"method": "grad_cam", "target": nbviz.Target.channel("3", 5, (2, 7)), "layer": "1"},
        {"method": "smoothgrad", "target": "lynx", "options": {"samples": 3}, "image": "coffee"},
        {
            "method": "integrated_gradients",
            "options": {"tolerance": 0.3, "baseline": torch.ones(1, 3, 32, 40)},
        },
    ],
)
@pytest.mark.parametrize("edited", [(), (edits.Channels("1", off=[0, 3]), edits.Transform("brightness", 1.2))])
def test_the_code_of_an_explanation_draws_that_map(
    explorer: nbviz.Explorer, chosen: dict[str, Any], edited: tuple[Any, ...]
) -> None:
    explorer.selection.change(canvas="explanation", target=0, layer="3", image="cat", edits=edited)
    explorer.selection.change(**chosen)
    assert explorer.attribution is not None
    made = run(explorer)
    if edited:
        grid = explorer.panels["channels"]
        assert np.array_equal(run(explorer, "channels"), grid._answer.maps.values[grid.view.channels])
    assert torch.equal(made.values, explorer.attribution.values)
    assert made.facts["target"] == explorer.attribution.facts["target"]


def test_the_code_of_a_channels_map_and_of_the_grid_gives_their_numbers(explorer: nbviz.Explorer) -> None:
    explorer.selection.change(canvas="channel", layer="3", image="coffee", target=1, channel=None)
    card, grid = explorer.panels["channel"].view, explorer.panels["channels"]
    maps = run(explorer, "channels")
    assert list(maps.shape) == [len(grid.view.channels), 16, 20]
    assert np.array_equal(run(explorer), maps[grid.view.channels.index(card.channel)])
    explorer.selection.layer = "0"
    say(grid.view, event="look", look={"mode": "filters"})
    assert np.array_equal(run(explorer, "channels"), explorer.model.filters("0")[grid.view.channels])
    say(grid.view, event="look", look={"mode": "found"})
    found = run(explorer, "channels")
    crops = explorer.panels["found"].grid._photos["found"]
    assert [examples[0].item for examples in found] and len(found) == len(grid.view.channels) and crops
    say(grid.view, event="look", look={"mode": "maps"})


def test_the_code_of_pins_draws_each(explorer: nbviz.Explorer) -> None:
    explorer.selection.pins = (Pin("cat", nbviz.Target(2), "saliency"), Pin("coffee", nbviz.Target(0), "", "1", (), 4))
    explorer.selection.stage = "pins"
    gradient, channel = run(explorer, "pins")
    assert torch.equal(gradient.values, nbviz.attribute(explorer.model, explorer.pictures["cat"], 2, "saliency").values)
    assert channel.shape == (32, 40)
    explorer.selection.change(pins=(), stage="channels")


def alike(one: Any, other: Any) -> bool:
    """Compare answers by all the numbers that they hold."""
    if isinstance(one, (np.ndarray, torch.Tensor)):
        return bool(np.array_equal(np.asarray(one), np.asarray(other), equal_nan=np.asarray(one).dtype.kind == "f"))
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, nbviz.Atlas):
        return len(one.cells) > 0 and alike(one.cells, other.cells)
    if hasattr(one, "__dataclass_fields__"):
        return all(
            alike(getattr(one, n), getattr(other, n))
            for n in one.__dataclass_fields__
            if n not in ("facts", "progress")
        )
    return bool(one == other)


@pytest.mark.parametrize(
    "slot", [stage.slot for stage in stages() if stage.slot not in ("pins", "attention", "circuit")]
)
def test_the_code_of_every_other_stage_answers_what_it_shows(explorer: nbviz.Explorer, slot: str) -> None:
    explorer.selection.change(layer="3", image="cat", target=0, stage=slot, canvas="explanation")
    panel = explorer.panels[slot]
    if slot == "atlas":
        say(panel.view, event="map")
    request = panel.request(explorer.selection)
    assert request is not None
    assert alike(run(explorer, slot), explorer.panels[slot].links.context.answer(request))
    explorer.selection.stage = "channels"


def test_the_code_of_the_circuit_makes_the_table_of_its_step(explorer: nbviz.Explorer) -> None:
    explorer.selection.change(layer="3", image="cat", target=0, stage="circuit", canvas="explanation")
    panel, table = explorer.panels["circuit"], run(explorer, "circuit").edges
    step = panel.links.context.answer(panel.request(explorer.selection)).step
    assert set(table["layer"]) == {step.source} and table["channel"].tolist() == list(step.top)
    np.testing.assert_array_equal(table["effect"], step.effects[list(step.top)])
    explorer.selection.stage = "channels"


def test_what_can_not_be_written_says_so(explorer: nbviz.Explorer) -> None:
    explorer.selection.change(layer="3", image="cat", canvas="explanation", target=lambda scores: scores[:, 0])
    with pytest.raises(NbvizError, match="can't be written as code"):
        explorer.code()
    explorer.selection.target = 0
    with pytest.raises(NbvizError, match="shows nothing that Python makes"):
        explorer.code("title")
    with pytest.raises(NbvizError, match="Nearest: 'channels'"):
        explorer.code("chanels")


def test_the_embedded_network_needs_no_explorer() -> None:
    with nbviz.Explorer(method="saliency", runner=InlineRunner) as embedded:
        scope: dict[str, Any] = {}
        exec(embedded.code(), scope)
        assert embedded.attribution is not None
        assert torch.equal(scope["shown"].values, embedded.attribution.values)
        assert isinstance(scope["model"].net, nn.Module)
