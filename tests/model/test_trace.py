"""The layer tree of one traced forward."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
import torch
from torch import nn

import nbviz
from nbviz.errors import NbvizError, Refused
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.scoring.autograd_graph import MOST
from tests.counting import counted
from tests.networks import build, picture


def traced(name: str) -> InstrumentedModel:
    model = InstrumentedModel(build(name))
    model.predict(picture())
    return model


def test_names_kinds_shapes_and_parameters() -> None:
    root = traced("inplace").layers()
    assert [(layer.name, layer.kind, layer.shape, layer.parameters) for layer in root.children] == [
        ("0", "Conv2d", (6, 16, 16), 168),
        ("1", "BatchNorm2d", (6, 16, 16), 12),
        ("2", "ReLU", (6, 16, 16), 0),
        ("3", "Conv2d", (8, 8, 8), 440),
        ("4", "ReLU", (8, 8, 8), 0),
        ("5", "AdaptiveAvgPool2d", (8, 1, 1), 0),
        ("6", "Flatten", (8,), 0),
        ("7", "Linear", (5,), 45),
    ]
    assert root.name == "" and root.shape == (5,) and root.parameters == 665
    assert [layer.label for layer in root.children[:3]] == ["conv 3×3", "norm", "ReLU"]


def test_layers_stand_in_call_order_and_those_never_called_last() -> None:
    class Backwards(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.never = nn.Linear(3, 3)
            self.head = nn.Linear(4, 2)
            self.stem = nn.Conv2d(3, 4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.stem(x).mean((2, 3)))

    model = InstrumentedModel(Backwards())
    model.predict(picture())
    root = model.layers()
    assert [layer.name for layer in root.children] == ["stem", "head", "never"]
    never = model.layer("never")
    assert never.shape is None and never.calls == 0 and never.channels is None and never.places is None


def test_a_module_called_twice_has_a_layer_a_call() -> None:
    model = traced("functional")
    relu = model.layer("relu")
    assert relu.calls == 2 and [call.name for call in relu.children] == ["relu#1", "relu#2"]
    assert model.layer("relu#1").places == (16, 16) and model.layer("relu#1").calls == 1


def test_calls_of_other_shapes_have_their_own_layout() -> None:
    class Shrinks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, stride=2, padding=1)
            self.head = nn.Linear(3, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.conv(self.conv(x)).mean((2, 3)))

    model = InstrumentedModel(Shrinks())
    model.predict(picture())
    assert model.layer("conv#1").places == (8, 8) and model.layer("conv").places == (4, 4)


def test_outputs_that_are_overwritten_are_known() -> None:
    # nn.ReLU(inplace=True) writes to the norm's and the convolution's outputs
    assert traced("inplace").trace().overwritten == {("1", 1), ("3", 1)}
    assert traced("plain").trace().overwritten == frozenset()


def test_shapes_follow_the_picture() -> None:
    model = traced("inplace")
    model.predict(picture(size=32))
    assert model.layer("0").shape == (6, 32, 32)
    model.predict(picture())
    assert model.layer("0").shape == (6, 16, 16)


def test_tokens_have_places_and_channels() -> None:
    model = traced("tokens")
    block = model.layer("block")
    assert (block.shape, block.places, block.channels) == ((17, 12), (4, 4), 12)
    assert model.layer("patch").places == (4, 4)
    assert model.layer("head").places is None and model.layer("head").channels == 5


class Counting(nn.Identity):
    """A layer whose calls are counted."""


def test_the_layer_tree_is_made_when_first_asked_for() -> None:
    with counted(Counting) as batches:
        _ask_for_layers(batches)


def _ask_for_layers(batches: list[int]) -> None:
    net, x = nn.Sequential(Counting(), *build("plain")), picture()
    model = InstrumentedModel(net)
    nbviz.attribute(model, x, 1, "saliency")
    with model.capture("0") as outputs, torch.no_grad():
        model(x)
    assert outputs["0"].shape[0] == 1 and set(batches) == {1}
    assert [layer.kind for layer in model.layers().children] == [type(module).__name__ for module in net]
    assert 6 in batches
    count = len(batches)
    model.layers(), model.layer("0")
    assert len(batches) == count


def test_a_network_is_freed_with_what_holds_it() -> None:
    gc.collect()
    gc.disable()
    try:
        for use in (
            lambda net: nbviz.attribute(net, picture(), 1, "grad_cam"),
            lambda net: InstrumentedModel(net).layers(),
            lambda net: InstrumentedModel(net).predict(picture()),
        ):
            net = build("plain")
            weight = weakref.ref(net[0].weight)
            use(net)
            del net
            assert weight() is None
    finally:
        gc.enable()


class NamedLikeCalls(nn.Module):
    """A module named as a call of another is, and one that is called twice itself."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 3, 3, padding=1), nn.Linear(3, 5)
        self.add_module("conv#2", nn.Conv2d(3, 3, 3, stride=2, padding=1))
        self.add_module("conv#2#", nn.Sequential(nn.ReLU()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.get_submodule("conv#2")(self.conv(self.conv(x)))
        return self.head(self.get_submodule("conv#2#")(x).mean((2, 3)))


def test_a_module_named_as_a_call_is_a_layer_beside_the_call() -> None:
    net, x = NamedLikeCalls().eval(), picture()
    model = InstrumentedModel(net)
    layers = model.trace(x).layers
    assert list(layers) == ["", "conv", "conv#1", "conv#2", "conv#2#", "conv#2##", "conv#2#.0", "head"]
    assert layers["conv#2"].places == (16, 16) and layers["conv#2#"].places == (8, 8)
    with model.capture("conv#2", "conv#2#") as outputs, torch.no_grad():
        model(x)
        second = net.conv(net.conv(x))
        assert torch.equal(outputs["conv#2"], second)
        assert torch.equal(outputs["conv#2#"], net.get_submodule("conv#2")(second))
    assert nbviz.attribute(model, x, 1, "grad_cam", "conv#2#").values.shape[-2:] == (8, 8)


class Steps(nn.Module):
    """One operation after the other, as a recurrent layer has."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count, self.head = count, nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        state = x.mean((2, 3))
        for _ in range(self.count):
            state = state * 0.999
        return self.head(state)


def test_a_graph_too_deep_to_be_looked_into_is_refused_and_not_the_end_of_the_process() -> None:
    with pytest.raises(Refused, match=r"More than 25,000 operations lead to the scores"):
        InstrumentedModel(Steps(MOST)).predict(picture())
    assert InstrumentedModel(Steps(1000)).predict(picture())


def test_no_graph_outlives_a_call() -> None:
    model = InstrumentedModel(build("plain"))
    before = _with_graphs()
    for _ in range(2):  # the first of which traces, and nobody asks for the layer tree
        nbviz.attribute(model, picture(), 0, "saliency")
        assert _with_graphs() <= before


def _with_graphs() -> set[int]:
    gc.collect()
    return {id(item) for item in gc.get_objects() if issubclass(type(item), torch.Tensor) and item.grad_fn is not None}


@pytest.mark.parametrize("name", [None, 3, b"0", ["0"], torch.tensor(3)])
def test_a_layer_to_record_is_given_by_its_name(name: Any) -> None:
    model = InstrumentedModel(build("eval"))
    with pytest.raises(NbvizError, match="A layer is given by its name, a string, not by"), model.capture(name):
        pass
