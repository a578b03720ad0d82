"""The names an Explorer gives to classes: the caller's, else those of the data set, where there is one per score."""

from __future__ import annotations

import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import TensorDataset

import nbviz
from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.load import load_pictures
from nbviz.session.inline import InlineRunner
from nbviz.session.start import name_classes, open_model, with_labels


class Named(TensorDataset):
    """Two tensors, and names of three classes."""

    classes = ["ant", "bee", "cat"]


def network(scores: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, scores)
    ).eval()


def test_a_data_set_names_the_classes_where_it_has_as_many() -> None:
    pictures = load_pictures(Named(torch.rand(2, 3, 8, 8), torch.tensor([0, 2])))
    model = InstrumentedModel(network(3))
    assert name_classes(model, pictures) == [] and model.classes == ("ant", "bee", "cat")
    given = InstrumentedModel(network(3), classes=["x", "y", "z"])
    assert name_classes(given, pictures) == [] and given.classes == ("x", "y", "z")
    other = InstrumentedModel(network(5))
    (note,) = name_classes(other, pictures)
    assert "names 3 classes, the network has 5 scores" in note and other.classes is None


def test_a_model_that_was_given_keeps_its_own_lack_of_names() -> None:
    data, own = Named(torch.rand(2, 3, 8, 8), torch.tensor([0, 2])), InstrumentedModel(network(3))
    with nbviz.Explorer(own, data, runner=InlineRunner) as explorer:
        assert explorer.model is own and own.classes is None
    with nbviz.Explorer(network(3), data, runner=InlineRunner, target="cat") as explorer:
        assert explorer.model.classes == ("ant", "bee", "cat")


def test_names_may_come_in_an_array() -> None:
    names = torch.tensor([1, 2, 3]).numpy().astype(str)
    assert open_model(network(3), classes=names, device="auto").classes == ("1", "2", "3")


class Functions(nn.Module):
    """A network of parameters and functions alone, without a module to choose as layer."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(8, 3, 3, 3))
        self.head = nn.Parameter(torch.randn(4, 8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.conv2d(x, self.kernel).relu().mean((2, 3)) @ self.head.T


def test_a_network_without_layers_opens_with_what_needs_none() -> None:
    net, x = Functions().eval(), torch.rand(3, 24, 24)
    leaf = x[None].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(net(leaf)[0, 1], leaf)
    with nbviz.Explorer(net, x, runner=InlineRunner, target=1, method="saliency") as explorer:
        assert explorer.selection.layer == "" and explorer.attribution is not None
        assert torch.equal(explorer.attribution.values, gradient)
        for method in ("occlusion", "guided_backprop", "integrated_gradients"):
            explorer.selection.method = method
            assert explorer.attribution is not None and explorer.attribution.facts["status"] == "ok"
        for stage in explorer.selection.stages:
            explorer.selection.stage = stage
        explorer.snapshot()


def stages(side: int) -> nn.Module:
    """A classifier with an early layer of 32 × 32 places and a last one of `side` × `side`."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(side), nn.Conv2d(4, 6, 1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3)
    ).eval()  # fmt: skip


def test_it_opens_with_grad_cam_at_the_last_layer_and_says_where_evidence_is_not_yet_gathered() -> None:
    shown = {"one": torch.rand(3, 32, 32)}
    with nbviz.Explorer(stages(8), shown, runner=InlineRunner) as explorer:
        chosen, bar = explorer.selection, explorer.panels["canvas"].bar
        assert (chosen.method, chosen.layer, chosen.at) == ("grad_cam", "1", "last")
        assert explorer.attribution.facts["layer"] == "4" and bar.early == ""
        chosen.layer = "0"
        assert explorer.attribution.facts["layer"] == bar.early == "0"
        bar._handle_custom_msg({"event": "last"}, [])
        assert (chosen.layer, chosen.at, bar.early) == ("0", "last", "")
        assert explorer.attribution.facts["layer"] == "4"
        opened = chosen.state()
    with nbviz.Explorer(stages(8), shown, runner=InlineRunner, state=opened) as explorer:
        assert explorer.attribution.facts["layer"] == "4" and explorer.selection.layer == "0"
    with nbviz.Explorer(stages(8), shown, runner=InlineRunner, layer="0") as explorer:
        assert explorer.attribution.facts["layer"] == "0", "a layer that was asked for is the map's too"


def test_it_opens_with_integrated_gradients_where_the_last_layer_shows_no_places() -> None:
    shown = {"one": torch.rand(3, 32, 32)}
    with nbviz.Explorer(stages(2), shown, runner=InlineRunner) as explorer:
        assert explorer.selection.method == "integrated_gradients"
    depth = nn.Sequential(nn.Conv2d(3, 1, 3), nn.ReLU())
    with nbviz.Explorer(depth, shown, runner=InlineRunner, target=lambda y: y.mean((1, 2, 3))) as explorer:
        assert explorer.selection.method == "integrated_gradients"
    with nbviz.Explorer(stages(8), shown, runner=InlineRunner, method="saliency") as explorer:
        assert explorer.selection.method == "saliency"


def test_our_own_photographs_are_looked_through_before_anybody_asks() -> None:
    with nbviz.Explorer(network(5), method="saliency") as explorer:
        assert explorer._events.scheduler.wait(60, background=True)
        index = explorer.library.index
        assert index is not None and index.seen == len(nbviz.zoo.photographs())
        assert explorer.panels["card_found"].finds.crops
    model = InstrumentedModel(network(5))
    review = nbviz.review(model, TensorDataset(torch.rand(4, 3, 32, 32), torch.tensor([0, 1, 2, 3])), progress=False)
    for own in ({"images": {"one": torch.rand(3, 32, 32)}}, {"review": review}):
        with nbviz.Explorer(model, **own, method="saliency") as explorer:
            assert explorer._events.scheduler.wait(60, background=True)
            assert explorer.library.index is None, "pictures of the reader's own are looked through when asked"


def test_a_network_without_maps_opens_on_a_method_that_explains_it() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 6), nn.ReLU(), nn.Linear(6, 3)).eval()
    with nbviz.Explorer(net, torch.rand(1, 1, 8, 8), runner=InlineRunner) as explorer:
        assert explorer.wait(30) and explorer.attribution is not None
        assert explorer.attribution.facts["status"] == "ok"


class ByColour(nn.Module):
    """Scores of red, green and blue, in this order: the mean of each channel."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1, bias=False)
        self.conv.weight.data = torch.eye(3)[:, :, None, None].clone()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x).mean((2, 3))


@pytest.mark.parametrize("given", [False, True])
def test_labels_are_the_network_s_classes_by_name(given: bool) -> None:
    colours = {"red": (200, 0, 0), "green": (0, 200, 0), "blue": (0, 0, 200)}
    # by the alphabet, as folders number them: blue, green, red
    data = {name: [Image.new("RGB", (8, 8), colours[name])] for name in sorted(colours)}
    net, names = ByColour().eval(), [*colours]
    model, options = (InstrumentedModel(net, classes=names), {}) if given else (net, {"classes": names})
    with nbviz.Explorer(model, data, runner=InlineRunner, **options) as explorer:
        explorer.wait(30)
        for picture in explorer.pictures.values():
            _, index, _, _ = explorer.model.predict(picture, top=1)[0]
            assert picture.label == index and explorer.model.class_name(index) in picture.name
        marks = explorer.panels["pictures"].view.marks if "pictures" in explorer.panels else {}
        assert all(state != "wrong" for state, _ in marks.values())


def test_labels_of_other_classes_are_left_out_with_a_note() -> None:
    pictures = load_pictures({"cat": [Image.new("RGB", (8, 8))], "dog": [Image.new("RGB", (8, 8))]})
    model = InstrumentedModel(ByColour().eval(), classes=["red", "green", "blue"])
    shown, notes = with_labels(model, pictures, pictures.classes)
    assert [picture.label for picture in shown.values()] == [None, None] and "Labels are left out" in notes[0]
    same = load_pictures({name: [Image.new("RGB", (8, 8))] for name in ("x", "y", "z")})
    shown, notes = with_labels(model, same, same.classes)
    assert [picture.label for picture in shown.values()] == [0, 1, 2] and "taken in order" in notes[0]
