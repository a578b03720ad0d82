"""Side by side without a browser: what is pinned is shown, on which scale, minus what, and freed again."""

from __future__ import annotations

import copy
import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from nbviz.explorer import Explorer
from nbviz.panels.explanation_scene import evidence_limits, explanation_scene
from nbviz.panels.pin_card import PinCard
from nbviz.panels.pin_scene import BAD, STEPS, codes, difference_scene, pin_scene, scale_words, shared_highs
from nbviz.panels.pins import PinsStage
from nbviz.panels.saliency_canvas import SaliencyCanvas
from nbviz.session.pins import MOST, Pin
from nbviz.session.scheduler import InlineRunner, Scheduler
from nbviz.tensors.drawing import gray
from nbviz.tensors.errors import NbvizError, Refused
from nbviz.tensors.target import Target
from tests.panels.rig import say
from tests.test_explorer import WIDGETS, network, pictures

CLASSES = ["ant", "bee", "cat", "dog"]


@pytest.fixture
def explorer() -> Iterator[Explorer]:
    with Explorer(network(), pictures(), classes=CLASSES, runner=InlineRunner, method="saliency", target="cat") as made:
        yield made


@pytest.fixture
def live() -> Iterator[Explorer]:
    with Explorer(network(), pictures(), classes=CLASSES, method="saliency") as made:
        assert made.wait(30)
        yield made


def stage(explorer: Explorer) -> PinsStage:
    panel = explorer.panels["pins"]
    assert isinstance(panel, PinsStage)
    return panel


def cards(explorer: Explorer) -> list[PinCard]:
    return list(stage(explorer).cards.values())


def canvas(explorer: Explorer) -> SaliencyCanvas:
    panel = explorer.panels["canvas"]
    assert isinstance(panel, SaliencyCanvas)
    return panel


def decoded(card: PinCard) -> np.ndarray:
    """What the browser reads out of a card."""
    numbers = np.frombuffer(card.view.values, "<i2").reshape(card.view.grid)
    return numbers * (card.view.peak / STEPS)


# -- pinning ----------------------------------------------------------------------------------------------


def test_the_button_pins_what_is_on_show_and_takes_it_away(explorer: Explorer) -> None:
    bar = canvas(explorer).bar
    assert bar.pin == "pin"
    say(bar, event="pin")
    assert explorer.selection.pins == (Pin("one", Target(2), "saliency"),) and explorer.selection.stage == "pins"
    assert bar.pin == "pinned"
    card = cards(explorer)[0]
    assert card.view.title == "Saliency · cat" and card.view.state == "ready"
    assert explorer.attribution is not None
    assert np.allclose(decoded(card), explorer.attribution.heat().numpy(), atol=card.view.peak / STEPS)
    assert "Saliency for cat over the picture one" in card.view.caption
    assert card.view.lines == canvas(explorer).foot.lines
    say(canvas(explorer).pointer, event="pin")
    assert explorer.selection.pins == () and bar.pin == "pin" and cards(explorer) == []


def test_a_pin_stays_while_the_live_map_moves_on(explorer: Explorer) -> None:
    explorer.pin()
    before = decoded(cards(explorer)[0])
    explorer.selection.target, explorer.selection.image = "ant", "two"
    card = cards(explorer)[0]
    assert np.array_equal(decoded(card), before) and card.view.note == "one"
    assert canvas(explorer).bar.pin == "pin"
    say(card.view, event="show")
    assert (explorer.selection.image, explorer.selection.target) == ("one", 2) and card.view.note == ""
    assert canvas(explorer).bar.pin == "pinned"


def test_code_pins_with_other_values_and_is_told_what_it_pinned(explorer: Explorer) -> None:
    pin = explorer.pin(target="bee", method="grad_cam", layer="3")
    assert pin == Pin("one", Target(1), "grad_cam", "3") and explorer.selection.pins == (pin,)
    assert explorer.pin(target="bee", method="grad_cam", layer="3") == pin and len(explorer.selection.pins) == 1
    with pytest.raises(TypeError, match="did you mean 'target'"):
        explorer.pin(targt="bee")
    with pytest.raises(NbvizError, match="Nearest: 'bee'"):
        explorer.pin(target="beee")


def test_the_map_on_show_is_not_computed_again_when_it_is_pinned(explorer: Explorer, monkeypatch: Any) -> None:
    explorer.selection.target = "predicted"
    monkeypatch.setattr(explorer._desk, "answers", lambda request: pytest.fail(f"computed again: {request}"))
    say(canvas(explorer).bar, event="pin")
    assert cards(explorer)[0].view.state == "ready"


def test_a_channels_map_is_pinned_with_its_pixels(explorer: Explorer) -> None:
    explorer.selection.channel, explorer.selection.canvas = 3, "channel"
    say(canvas(explorer).bar, event="pin")
    card = cards(explorer)[0]
    assert card.view.title == "Channel 3 · 1" and not card.view.smooth
    with explorer.model.capture("1") as outputs:
        explorer.model(explorer.model.input(explorer.pictures["one"]))
    assert np.allclose(decoded(card), outputs["1"][0, 3].numpy(), atol=card.view.peak / STEPS)


def test_nothing_is_asked_while_the_channels_are_on_show(live: Explorer) -> None:
    live.pin()
    live.selection.stage = "channels"
    live.selection.pins = (*live.selection.pins, Pin("two", Target(1), "occlusion"))
    assert live.wait(30)
    assert [card.request(live.selection) for card in cards(live)] == [None, None]
    assert cards(live)[1].scene is None
    live.selection.stage = "pins"
    assert live.wait(30)
    assert cards(live)[1].view.state == "ready"


def test_when_all_places_are_taken_the_button_says_so(explorer: Explorer) -> None:
    full = [Pin("one", Target(1), "occlusion", None, (("window", i + 1),)) for i in range(MOST)]
    explorer.selection.pins = tuple(full)
    assert canvas(explorer).bar.pin == "full"
    say(stage(explorer).bar, event="add", name="methods")
    assert stage(explorer).bar.state == "refused" and f"At most {MOST}" in stage(explorer).bar.message
    assert explorer.selection.pins == tuple(full)


def test_a_refused_card_says_why_and_the_others_carry_on(explorer: Explorer) -> None:
    explorer.selection.pins = (Pin("one", Target(1), "rollout"), Pin("one", Target(1), "saliency"))
    explorer.selection.stage = "pins"
    first, second = cards(explorer)
    assert first.view.state == "refused" and first.view.message and first.view.values == b""
    assert second.view.state == "ready"


def test_widgets_of_a_pin_go_with_it_and_all_with_the_explorer() -> None:
    before = set(WIDGETS)
    made = Explorer(network(), pictures(), runner=InlineRunner, method="saliency")
    count = len(WIDGETS)
    made.pin()
    made.pin(method="occlusion")
    assert len(WIDGETS) > count
    opened = len(WIDGETS)
    made.selection.pins = made.selection.pins[:1]
    assert len(WIDGETS) < opened
    made.close()
    assert {type(WIDGETS[key]).__name__ for key in set(WIDGETS) - before} <= {"_CanvasManager"}


def test_cancelling_a_card_stops_its_slot_alone(explorer: Explorer) -> None:
    explorer.pin()
    panel, cancelled = stage(explorer), list[str]()
    panel.on_cancel = cancelled.append
    card = cards(explorer)[0]
    card.wait()
    say(card.view, event="cancel")
    assert cancelled == [card.slot] and card.view.state == "failed" and card.view.message == "Cancelled."


# -- sets -------------------------------------------------------------------------------------------------


def test_a_card_that_waits_shows_the_picture(explorer: Explorer) -> None:
    card = PinCard("pins/9", Pin("two", Target(1), "saliency"), *canvas_parts(explorer))
    card.wait()
    assert card.view.state == "computing" and card.view.values == b""
    image = Image.open(io.BytesIO(card.view.picture))
    seen = explorer.model.seen(explorer.pictures["two"])
    assert np.abs(np.asarray(image).astype(int) - gray(seen)[..., 0]).mean() < 8


def canvas_parts(explorer: Explorer) -> Any:
    return explorer.model, explorer.pictures, explorer.selection


def test_sets_are_put_beside_at_once(live: Explorer) -> None:
    say(stage(live).bar, event="add", name="methods")
    live.selection.stage = "pins"
    assert live.wait(60)
    titles = [card.view.title.split(" · ")[0] for card in cards(live)]
    assert titles == ["Saliency", "Integrated gradients", "Grad-CAM", "Occlusion"]
    assert {card.view.state for card in cards(live)} <= {"ready", "nothing"}
    live.selection.pins = ()
    say(stage(live).bar, event="add", name="classes")
    order = [name for name, *_ in live.model.predict(live.pictures["one"])]
    assert [card.view.title for card in cards(live)] == [f"Saliency · {name}" for name in order]
    say(stage(live).bar, event="clear")
    say(stage(live).bar, event="add", name="layers")
    assert [pin.method for pin in live.selection.pins] == ["grad_cam"] * len(live.selection.pins)
    assert live.wait(60)


def test_unpinning_while_it_computes_drops_the_work(live: Explorer) -> None:
    live.selection.stage = "pins"
    live.selection.pins = tuple(Pin("two", Target(i), "integrated_gradients") for i in range(4))
    live.selection.pins = live.selection.pins[3:]
    assert live.wait(60)
    assert len(cards(live)) == 1 and cards(live)[0].view.state == "ready"
    assert isinstance(live._scheduler, Scheduler)
    assert [slot for slot in live._scheduler._wanted if slot.startswith("pins/")] == [cards(live)[0].slot]


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
    assert canvas(explorer)._high == first.view.high
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
    assert canvas(explorer)._high is not None
    explorer.selection.stage = "channels"
    assert canvas(explorer)._high is None


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
    answer = explorer._answers["canvas"]
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
    explorer.idle()
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
    answer = explorer._answers["canvas"]
    request = canvas(explorer).request(explorer.selection)
    scene = pin_scene(request, answer, "one")
    assert scale_words([scene], True) == "" and scene.high == pytest.approx(explorer_high_of(answer))


def explorer_high_of(answer: Any) -> float:
    heat = answer.attribution.heat().numpy()
    return evidence_limits(heat, False, False).high


def test_a_failure_of_the_live_map_leaves_the_pins(explorer: Explorer) -> None:
    explorer.pin(target="ant")
    explorer.failed("canvas", canvas(explorer).request(explorer.selection), Refused("no"))
    assert canvas(explorer).bar.pin == "off"
    assert cards(explorer)[0].view.state == "ready" and stage(explorer).live.front.state == "computing"
