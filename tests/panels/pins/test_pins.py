"""Pinning without a browser: what is pinned is shown as it was asked, comes in turn, and is freed again."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import nbviz
from nbviz.attribution.words import card_lines
from nbviz.drawing.overlay import gray
from nbviz.errors import NbvizError
from nbviz.explorer import Explorer
from nbviz.model.target import Target
from nbviz.panels.pins.pin_card import PinCard
from nbviz.panels.pins.pin_scene import STEPS
from nbviz.session.inline import InlineRunner
from nbviz.session.pins.pin import MOST, Pin
from nbviz.session.scheduler import Scheduler
from tests.panels.pins.rig import CLASSES, canvas, cards, decoded, opened, stage
from tests.panels.rig import say
from tests.test_explorer import WIDGETS, network, pictures


@pytest.fixture
def explorer() -> Iterator[Explorer]:
    with opened() as made:
        yield made


@pytest.fixture
def live() -> Iterator[Explorer]:
    with Explorer(network(), pictures(), classes=CLASSES, method="saliency") as made:
        assert made.wait(30)
        yield made


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
    assert card.view.lines == card_lines(explorer.attribution.facts)
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
    monkeypatch.setattr(explorer._context, "answers", lambda request: pytest.fail(f"computed again: {request}"))
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
    panel.links = replace(panel.links, cancel=cancelled.append)
    card = cards(explorer)[0]
    card.wait()
    say(card.view, event="cancel")
    assert cancelled == [card.slot] and card.view.state == "failed" and card.view.message == "Cancelled."


# -- sets -------------------------------------------------------------------------------------------------


def test_a_card_that_waits_shows_the_picture(explorer: Explorer) -> None:
    card = PinCard(stage(explorer).links, "pins/9", Pin("two", Target(1), "saliency"), list, lambda card, content: None)
    card.wait()
    assert card.view.state == "computing" and card.view.values == b""
    image = Image.open(io.BytesIO(card.view.picture))
    seen = explorer.model.seen(explorer.pictures["two"])
    assert np.abs(np.asarray(image).astype(int) - gray(seen)[..., 0]).mean() < 8


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


def test_several_classes_share_their_forward_and_are_known_one_by_one(live: Explorer) -> None:
    alone = Pin("two", Target(3), "occlusion")
    live.selection.pins = (alone, *(Pin("two", Target(i), "occlusion") for i in range(3)))
    live.selection.stage = "pins"
    assert live.wait(60)
    assert [card.view.state for card in cards(live)] == ["ready"] * 4
    for i, card in enumerate(cards(live)):
        expected = nbviz.attribute(live.model, live.pictures["two"], card.pin.target, "occlusion")
        assert np.allclose(decoded(card), expected.heat().numpy(), atol=card.view.peak / STEPS), i
        assert live._context.known(card.pin.request(live.pictures["two"])) is not None
    live.selection.layer = "3"
    assert live.wait(60) and sorted(stage(live).parts()) == [card.slot for card in cards(live)]


def test_a_group_loses_a_card_and_goes_on(live: Explorer) -> None:
    live.selection.stage = "pins"
    live.selection.pins = tuple(Pin("two", Target(i), "integrated_gradients") for i in range(4))
    assert [slot[-1] for slot in stage(live).parts()] == ["+"]
    live.selection.pins = live.selection.pins[1:]
    assert live.wait(60) and [card.view.state for card in cards(live)] == ["ready"] * 3


def test_unpinning_while_it_computes_drops_the_work(live: Explorer) -> None:
    live.selection.stage = "pins"
    live.selection.pins = tuple(Pin("two", Target(i), "integrated_gradients") for i in range(4))
    live.selection.pins = live.selection.pins[3:]
    assert live.wait(60)
    assert len(cards(live)) == 1 and cards(live)[0].view.state == "ready"
    assert isinstance(live._events.scheduler, Scheduler)
    assert [slot for slot in live._events.scheduler._requests if slot.startswith("pins/")] == [cards(live)[0].slot]
