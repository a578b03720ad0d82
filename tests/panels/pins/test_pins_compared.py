"""Maps side by side: on which scale, minus what, of which network, and what travels to the browser."""

from __future__ import annotations

import copy
import gc
import weakref
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from nbviz.attribution.limits import evidence_limits
from nbviz.drawing.overlay import Limits, heat_rgba
from nbviz.errors import NbvizError, Refused
from nbviz.explorer import Explorer
from nbviz.model.target import Target
from nbviz.panels.pins.pin_scene import BAD, STEPS, codes, difference_scene, pin_scene, scale_words, shared_highs
from nbviz.panels.scenes.explanation import explanation_scene
from nbviz.session.pins.pin import MOST, Pin
from tests.panels.pins.rig import canvas, cards, decoded, opened, stage
from tests.panels.rig import say
from tests.test_explorer import network


@pytest.fixture
def explorer() -> Iterator[Explorer]:
    with opened() as made:
        yield made


# -- scale ------------------------------------------------------------------------------------------------


def test_maps_in_one_unit_share_a_scale_the_live_one_too(explorer: Explorer) -> None:
    explorer.pin(target="ant")
    explorer.pin(method="occlusion")
    own = [card.view.high for card in cards(explorer)]
    live_own = canvas(explorer).foot.high
    say(stage(explorer).bar, event="scale", shared=True)
    first, other = cards(explorer)
    assert explorer.attribution is not None and first.scene is not None
    live_high = explorer_high(explorer)
    assert first.view.high == pytest.approx(max(own[0], live_high)) and other.view.high == own[1]
    assert canvas(explorer).links.heat.high == first.view.high
    assert stage(explorer).bar.words.startswith("2 maps end at ")
    assert "(gradient of the score, 32 × 32); 1 is alone in its unit" in stage(explorer).bar.words
    say(stage(explorer).bar, event="scale", shared=False)
    assert [card.view.high for card in cards(explorer)] == own and canvas(explorer).foot.high == live_own
    assert "equal colours are not equal values" in stage(explorer).bar.words


def explorer_high(explorer: Explorer) -> float:
    scene = stage(explorer).live.scene
    assert scene is not None
    return scene.high


def test_leaving_the_stage_gives_the_live_map_its_own_scale_back(explorer: Explorer) -> None:
    explorer.pin(target="ant")
    say(stage(explorer).bar, event="scale", shared=True)
    assert canvas(explorer).links.heat.high is not None
    explorer.selection.stage = "channels"
    assert canvas(explorer).links.heat.high is None


def test_a_scale_is_never_stretched_over_units(explorer: Explorer) -> None:
    explorer.pin(method="occlusion")
    explorer.pin(method="grad_cam", layer="3")
    explorer.selection.target = "ant"
    say(stage(explorer).bar, event="scale", shared=True)
    assert stage(explorer).bar.words == "No two of these maps measure the same, so each keeps its own scale."


def test_the_same_unit_on_another_grid_is_another_unit(explorer: Explorer) -> None:
    fine, coarse = explorer.pin(method="grad_cam", layer="1"), explorer.pin(method="grad_cam", layer="3")
    scenes = [stage(explorer).cards[pin].scene for pin in (fine, coarse)]
    assert all(scene is not None for scene in scenes)
    assert shared_highs([scene for scene in scenes if scene]) == {}


def test_drawing_on_another_scale_moves_the_words_and_the_pixels(explorer: Explorer) -> None:
    answer = stage(explorer)._last[1]
    own = explanation_scene(answer, "Saliency", "one")
    wide = explanation_scene(answer, "Saliency", "one", 100.0)
    assert wide.limits[1] == "100.00" and wide.heat is not None and own.heat is not None
    assert wide.heat[..., :3].max() < own.heat[..., :3].max()


# -- differences ------------------------------------------------------------------------------------------


def test_a_difference_from_the_live_map_is_raw_in_one_unit(explorer: Explorer) -> None:
    explorer.pin(target="ant")
    card, minus = cards(explorer)[0], stage(explorer).minus
    say(card.view, event="difference")
    assert minus.front.shown and card.view.different and minus.scene is not None
    live = stage(explorer).live.scene
    assert card.scene is not None and live is not None
    assert np.allclose(minus.scene.values, card.scene.values - live.values)
    assert minus.front.low == -minus.front.high < 0 and minus.front.ends[0].startswith("−")
    words = " ".join(run if isinstance(run, str) else run[0] for line in minus.front.lines for run in line)
    assert "subtracted as they are" in words and "rank correlation" in words
    say(minus.front, event="unpin")
    assert not minus.front.shown and not card.view.different


def test_a_difference_of_two_pins_by_rank_says_why(explorer: Explorer) -> None:
    explorer.pin()
    explorer.pin(method="grad_cam", layer="3")
    first, second = cards(explorer)
    say(second.view, event="difference")
    minus = stage(explorer).minus.front
    assert minus.others == [["live", "the map on show"], [first.slot, "Saliency · cat"]]
    say(minus, event="against", name=first.slot)
    assert minus.title == "Grad-CAM · cat · 3 − Saliency · cat" and minus.other == first.slot
    words = " ".join(run if isinstance(run, str) else run[0] for line in minus.lines for run in line)
    assert "ranks" in words and "the units differ" in words and "16 × 16 places" in words
    assert minus.ends[1].endswith(" %") and 0 < minus.high <= 100
    explorer.selection.pins = explorer.selection.pins[1:]
    assert not minus.shown


def test_two_pictures_have_no_difference_and_it_says_so(explorer: Explorer) -> None:
    explorer.pin()
    explorer.selection.image = "two"
    say(cards(explorer)[0].view, event="difference")
    minus = stage(explorer).minus.front
    assert minus.state == "nothing" and "two pictures, one and two" in minus.message and minus.values == b""


def test_equal_maps_have_nothing_to_show_between_them(explorer: Explorer) -> None:
    explorer.pin()
    say(cards(explorer)[0].view, event="difference")
    minus = stage(explorer).minus.front
    assert minus.state == "nothing" and minus.message == "The two maps are equal at every place."


def test_other_pixels_of_the_same_picture_are_not_subtracted(explorer: Explorer) -> None:
    explorer.pin()
    scene = cards(explorer)[0].scene
    assert scene is not None
    apart = difference_scene(scene, replace(scene, view="another crop", size=(48, 48)), ("a", "b"))
    assert "don't see the same of the picture (32 × 32 and 48 × 48)" in apart.nothing and apart.empty


# -- another network --------------------------------------------------------------------------------------


def test_weights_before_and_after_training_stand_side_by_side(explorer: Explorer) -> None:
    before = copy.deepcopy(explorer.model.net)
    with torch.no_grad():
        explorer.model.net[0].weight.mul_(-1)
    explorer.refresh()
    pin = explorer.beside(before, "before")
    assert pin == Pin("one", Target(2), "saliency", network="before")
    card = cards(explorer)[0]
    assert card.view.note == "before" and card.view.acts == ["difference", "unpin"] and card.view.state == "ready"
    assert explorer.attribution is not None
    assert not np.allclose(decoded(card), explorer.attribution.heat().numpy())
    say(card.view, event="difference")
    assert stage(explorer).minus.front.state == "ready"
    explorer.selection.target = "dog"
    say(stage(explorer).bar, event="add", name="before")
    assert [pin.target.index for pin in explorer.selection.pins] == [2, 3]


def test_another_networks_weights_are_followed(explorer: Explorer) -> None:
    other = network()
    explorer.beside(other, "other")
    before = decoded(cards(explorer)[0])
    with torch.no_grad():
        other[0].weight.mul_(3)
    explorer._events.idle()
    title: Any = explorer.panels["title"].view
    assert title.word == "weights changed"
    explorer.refresh()
    assert not np.allclose(decoded(cards(explorer)[0]), before)


def test_a_network_without_the_class_is_refused_and_leaves_nothing(explorer: Explorer) -> None:
    with pytest.raises(NbvizError, match="has no class 'cat'"):
        explorer.beside(network(), "other", classes=["ant", "bee", "cow", "dog"])
    assert explorer.selection.networks == {} and explorer.selection.pins == ()
    with pytest.raises(NbvizError, match="3"):
        explorer.beside(network(3), "other")
    again = explorer.beside(nn.Sequential(*network()))
    assert again.network == "Sequential (2)"  # the Explorer's own is called Sequential


def test_a_network_beside_goes_with_its_last_pin_and_is_not_kept_where_it_is_refused(explorer: Explorer) -> None:
    kept: list[weakref.ref[nn.Module]] = []

    def beside(name: str | None = None) -> None:
        net = copy.deepcopy(explorer.model.net)
        kept.append(weakref.ref(net))
        explorer.beside(net, name)

    for _ in range(3):
        beside()
        explorer.selection.pins = ()
    beside("one")
    beside("one")  # its place is taken by another network of the same name
    others = [Pin("two", Target(0), "occlusion", options=(("window", size),)) for size in range(2, MOST + 1)]
    explorer.selection.pins += tuple(others)
    with pytest.raises(NbvizError, match="At most"):
        beside("late")
    gc.collect()
    assert list(explorer.selection.networks) == ["one"]
    assert [net() is not None for net in kept] == [False, False, False, False, True, False]


# -- plain data -------------------------------------------------------------------------------------------


def test_values_travel_to_a_30000th_of_their_peak_and_gaps_stay_gaps() -> None:
    values = np.random.default_rng(0).normal(size=(9, 7)).astype(np.float32)
    values[0, 0], values[1, 1] = np.nan, np.inf
    data, peak = codes(values)
    numbers = np.frombuffer(data, "<i2").reshape(9, 7)
    assert numbers[0, 0] == numbers[1, 1] == BAD
    fine = np.isfinite(values)
    assert peak == np.abs(values[fine]).max()
    assert np.abs(numbers[fine] * (peak / STEPS) - values[fine]).max() <= peak / STEPS
    assert codes(np.zeros((2, 2)))[1] == 1.0


def test_one_map_alone_has_nothing_to_say_of_scales(explorer: Explorer) -> None:
    answer = stage(explorer)._last[1]
    request = canvas(explorer).request(explorer.selection)
    scene = pin_scene(request, answer, "one")
    assert scale_words([scene], True) == "" and scene.high == pytest.approx(explorer_high_of(answer))


def explorer_high_of(answer: Any) -> float:
    heat = answer.attribution.heat().numpy()
    return evidence_limits(heat, False, False).high


def test_a_failure_of_the_live_map_leaves_the_pins(explorer: Explorer) -> None:
    explorer.pin(target="ant")
    explorer._events.failed("canvas", canvas(explorer).request(explorer.selection), Refused("no"))
    assert canvas(explorer).bar.pin == "off"
    assert cards(explorer)[0].view.state == "ready" and stage(explorer).live.front.state == "computing"


def test_the_still_picture_shows_the_pins_while_they_are_on_show(explorer: Explorer) -> None:
    plain = explorer.snapshot()
    explorer.pin()
    explorer.pin(method="grad_cam", layer="3")
    with_pins = explorer.snapshot()
    assert with_pins.width == plain.width and with_pins.height > plain.height + 150
    heat = cards(explorer)[0].card.heat()
    assert heat is not None and explorer.attribution is not None
    high = cards(explorer)[0].view.high
    assert np.array_equal(heat, heat_rgba(explorer.attribution.heat().numpy(), Limits(0.0, high), False))
    explorer.selection.stage = "channels"
    assert explorer.snapshot().height == plain.height
