"""Pins: what is recorded, what is refused at the door, what may be compared, and what a difference says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.stats
import torch
from torch import nn

from nbviz.errors import NbvizError, UnknownName
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.session.context import Elsewhere, LiveContext
from nbviz.session.pins.difference import difference
from nbviz.session.pins.pin import MOST, Pin
from nbviz.session.pins.presets import (
    down_the_network,
    likeliest_classes,
    on_network,
    pin_of,
    show,
    stations,
    usual_methods,
)
from nbviz.session.requests.base import ChannelRequest, ExplainRequest
from tests.panels.rig import NAMES, Rig, photo, rig


@pytest.fixture()
def small() -> Rig:
    return rig(target="predicted")


def pinned(small: Rig, **changes: Any) -> Pin:
    return pin_of(LiveContext(small.model), small.pictures, small.selection, changes)


# -- what is recorded -------------------------------------------------------------------------------------


def test_a_pin_records_the_class_that_is_predicted_now(small: Rig) -> None:
    best = small.model.predict(photo(), top=1)[0][1]
    pin = pinned(small)
    assert pin == Pin("cat", Target(best), "saliency")
    assert pin.request(small.pictures["cat"]) == ExplainRequest(
        small.pictures["cat"], Target(best), "saliency", None, ()
    )
    assert pin.title(small.model) == f"Saliency · {NAMES[best]}"


def test_layer_and_options_count_where_the_map_depends_on_them(small: Rig) -> None:
    assert pinned(small, layer="2") == pinned(small)
    cam = pinned(small, method="grad_cam", layer="2", target="cup")
    assert (cam.layer, cam.target) == ("2", Target(4)) and cam.title(small.model) == "Grad-CAM · cup · 2"
    gray = pinned(small, method="occlusion", options={"window": 8, "fill": "mean"}, target=("cup", "lynx"))
    assert gray.options == (("fill", "mean"), ("window", 8))
    assert gray.title(small.model) == "Occlusion · cup rather than lynx · fill mean · window 8"


def test_a_channels_pin_records_which_channel_stands_first_now(small: Rig) -> None:
    small.selection.canvas = "channel"
    pin = pinned(small)
    request = pin.request(small.pictures["cat"])
    assert isinstance(request, ChannelRequest) and request.channel is not None
    assert pin.title(small.model) == f"Channel {pin.channel} · 1"
    assert pinned(small, method="saliency").channel is None
    assert pinned(small, channel=3).channel == 3


def test_an_unknown_change_is_a_type_error_with_the_nearest(small: Rig) -> None:
    with pytest.raises(TypeError, match="'methd'; did you mean 'method'"):
        pinned(small, methd="saliency")
    with pytest.raises(NbvizError, match="Nearest: 'cup'"):
        pinned(small, target="cupp")


@pytest.mark.parametrize("changes", [
    {"image": "coffee", "method": "occlusion", "options": {"window": 8}, "target": 3},
    {"method": "grad_cam", "layer": "2", "target": (1, 2)},
    {"layer": "0", "channel": 4, "target": 2},
    {"target": "cup"},
])  # fmt: skip
def test_show_brings_back_what_was_pinned(small: Rig, changes: dict[str, Any]) -> None:
    pin = pinned(small, **changes)
    small.selection.method, small.selection.layer, small.selection.channel = "integrated_gradients", "3", 1
    show(pin, small.selection)
    assert pin_of(LiveContext(small.model), small.pictures, small.selection) == pin


# -- the door ---------------------------------------------------------------------------------------------


def test_pinning_the_same_twice_is_no_second_pin(small: Rig) -> None:
    small.selection.pins = (pinned(small), pinned(small, method="grad_cam"), pinned(small))
    assert small.selection.pins == (pinned(small), pinned(small, method="grad_cam"))


@pytest.mark.parametrize(("changes", "words"), [
    ({"picture": "catt"}, "Nearest: 'cat'"), ({"method": "salience"}, "Nearest: 'saliency'"),
    ({"layer": "11"}, "not in this model"), ({"network": "before"}, "Network 'before' is not in this Explorer"),
])  # fmt: skip
def test_a_pin_that_cannot_be_answered_is_refused_and_changes_nothing(
    small: Rig, changes: dict[str, Any], words: str
) -> None:
    kept = (pinned(small),)
    small.selection.pins = kept
    with pytest.raises(UnknownName, match=words):
        small.selection.pins = (*kept, replace(kept[0], **changes))
    with pytest.raises(NbvizError, match=r"what Explorer.pin\(\) gives"):
        small.selection.pins = ("saliency",)
    assert small.selection.pins == kept


def test_there_are_at_most_so_many(small: Rig) -> None:
    pin = pinned(small)
    many = tuple(replace(pin, method="occlusion", options=(("window", i),)) for i in range(MOST + 1))
    small.selection.pins = many[:MOST]
    with pytest.raises(NbvizError, match=f"At most {MOST}"):
        small.selection.pins = many
    assert len(small.selection.pins) == MOST


# -- sets -------------------------------------------------------------------------------------------------


def test_the_usual_methods_keep_picture_and_class(small: Rig) -> None:
    pins = usual_methods(pinned(small, target="cup", method="rise", options={"masks": 8}), small.model)
    assert [pin.method for pin in pins] == ["saliency", "integrated_gradients", "grad_cam", "occlusion"]
    assert {(pin.picture, pin.target, pin.options) for pin in pins} == {("cat", Target(4), ())}
    assert [pin.layer for pin in pins] == [None, None, "3", None]
    small.selection.pins = tuple(pins)


def test_the_likeliest_classes_keep_the_method(small: Rig) -> None:
    pins = likeliest_classes(pinned(small, method="grad_cam"), np.arange(7)[::-1])
    assert [pin.target.index for pin in pins] == [6, 5, 4, 3, 2] and {pin.method for pin in pins} == {"grad_cam"}


def test_stations_go_down_the_network_once_a_grid() -> None:
    halves = [nn.Conv2d(3, 3, 3, stride=2, padding=1) if i % 2 == 0 else nn.ReLU() for i in range(10)]
    net = nn.Sequential(*halves, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 3))
    model = InstrumentedModel(net)
    model.trace(torch.rand(1, 3, 64, 64))
    assert stations(model) == ["1", "3", "5", "7", "9"]
    pins = down_the_network(Pin("cat", Target(1), "saliency"), model)
    assert [(pin.method, pin.layer) for pin in pins] == [("grad_cam", name) for name in stations(model)]


def test_stations_of_one_grid_are_evenly_spaced_and_end_at_the_last() -> None:
    net = nn.Sequential(*[nn.Conv2d(3, 3, 3, padding=1) for _ in range(12)], nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model = InstrumentedModel(net)
    model.trace(torch.rand(1, 3, 16, 16))
    assert stations(model) == ["1", "4", "6", "9", "11"]


# -- another network --------------------------------------------------------------------------------------


def other_network(names: list[str] | None, classes: int = 7) -> LiveContext:
    small = rig(None)
    net = nn.Sequential(*list(small.model.net)[:-1], nn.Linear(8, classes))
    model = InstrumentedModel(net, transform=small.model.transform, classes=names, name="Other net")
    model.trace(model.input(photo()))
    return LiveContext(model)


def test_classes_are_matched_by_name(small: Rig) -> None:
    before = other_network(["lynx", "cup", "tabby"], 3)
    pin = on_network(pinned(small, target=("cup", "lynx")), small.model, "before", before)
    assert (pin.target, pin.network) == (Target(1, 0), "before")
    assert pin.title(before.model) == "Saliency · cup rather than lynx"
    with pytest.raises(NbvizError, match="before has no class 'tiger cat'"):
        on_network(pinned(small, target="tiger cat"), small.model, "before", before)


def test_without_names_the_same_number_of_classes_is_the_same_classes(small: Rig) -> None:
    pin = pinned(small, target=4)
    assert on_network(pin, small.model, "before", other_network(None)).target == Target(4)
    with pytest.raises(NbvizError, match="puts out 3 scores and this network 7"):
        on_network(pin, small.model, "before", other_network(None, 3))


def test_a_layer_the_other_network_lacks_becomes_its_last_with_places(small: Rig) -> None:
    other = other_network(NAMES)
    pin = Pin("cat", Target(0), "grad_cam", "blocks.8")
    assert on_network(pin, small.model, "before", other).layer == "3"
    assert on_network(replace(pin, layer="1"), small.model, "before", other).layer == "1"
    with pytest.raises(NbvizError, match="no layer 'blocks.8'"):
        on_network(replace(pin, channel=2), small.model, "before", other)


def test_another_network_answers_with_its_own_weights(small: Rig) -> None:
    other, picture = other_network(NAMES), small.pictures["cat"]
    request = ExplainRequest(picture, Target(1), "saliency", None, ())
    there = Elsewhere(other, other.version(), request)
    here = LiveContext(small.model)
    found = here.answer(there).attribution
    assert torch.equal(found.values, other.answer(request).attribution.values)
    assert not torch.equal(found.values, here.answer(request).attribution.values)
    with torch.no_grad():
        other.model.net[0].weight.mul_(2)
    again = Elsewhere(other, other.version(), request)
    assert again != there and not torch.equal(here.answer(again).attribution.values, found.values)


# -- differences ------------------------------------------------------------------------------------------


def test_values_of_one_unit_are_subtracted_as_they_are() -> None:
    one, other = np.random.default_rng(0).normal(size=(2, 9, 7))
    found = difference(one, other, True)
    assert found.raw and np.array_equal(found.values, one - other)
    assert found.correlation == pytest.approx(scipy.stats.spearmanr(one.ravel(), other.ravel()).statistic)


def test_other_units_are_compared_by_rank() -> None:
    one = np.array([[0.0, 0.0], [1.0, 900.0]])
    other = np.array([[4.0, 3.0], [2.0, 1.0]])
    found = difference(one, other, False)
    # ties share the mean of ranks 0 and 1 of three steps
    assert not found.raw and np.allclose(found.values, np.array([[50 / 3 - 100, 50 / 3 - 200 / 3], [100 / 3, 100]]))
    stretched = difference(np.exp(one / 100), other, False)
    assert np.allclose(stretched.values, found.values) and stretched.correlation == pytest.approx(found.correlation)


def test_the_finer_map_is_averaged_over_the_places_of_the_coarser() -> None:
    fine = np.arange(16.0).reshape(4, 4)
    coarse = np.array([[2.5, 4.5], [10.5, 12.5]])
    found = difference(fine, coarse, True)
    assert np.allclose(found.values, 0) and found.correlation == pytest.approx(1)


def test_a_flat_map_has_no_correlation() -> None:
    assert difference(np.zeros((3, 3)), np.arange(9.0).reshape(3, 3), True).correlation is None
