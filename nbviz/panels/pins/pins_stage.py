"""Stage of pins: maps side by side, the live one beside them, and the difference of any two.

What is pinned is ``selection.pins`` alone; this stage keeps a card for each, and every card asks in a slot of its own:
maps come one after another, sharpen, and are dropped with their pin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import Any

import ipywidgets

from nbviz.panels.base.close_tree import close_tree
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import LOCK, Content, Panel
from nbviz.panels.base.stage import Stage, register
from nbviz.panels.base.strip import ready
from nbviz.panels.pins.pin_bar import PinBar
from nbviz.panels.pins.pin_card import MapCard, PinCard
from nbviz.panels.pins.pin_group import PinGroup, together
from nbviz.panels.pins.pin_scene import PinScene, difference_scene, pin_scene, scale_words, shared_highs
from nbviz.panels.snapshot.parts import PinsPart, StillParts
from nbviz.session.code import Script
from nbviz.session.pins.pin import Pin
from nbviz.session.pins.pinning import STAGE, Pinning
from nbviz.session.pins.presets import show
from nbviz.session.requests.base import Answer, Request
from nbviz.session.selection import Selection

SETS = [
    ["methods", "Four methods", "Saliency, integrated gradients, Grad-CAM and occlusion, for the class on show"],
    ["classes", "Top five classes", "The method on show, for each of the five likeliest classes"],
    ["layers", "Layers, first to last", "Grad-CAM at a few layers down the network, for the class on show"],
]
LIVE = "live"


@register
class PinsStage(Stage):
    """Stage of cards, their scale, and one difference; writes ``pins`` and, for *show*, what was pinned."""

    slot, title, order = STAGE, "Side by side", 40
    sentence = "Maps you pinned, beside the one on show"
    reads, tab_reads = frozenset(("pins", "image", "stage")), frozenset(("pins",))
    hears = ("canvas",)
    edits = False  # a pin stands beside what is edited

    def __init__(self, links: Links) -> None:
        super().__init__(links)
        self.pinning = Pinning(links.context, self.pictures, self.selection)
        self.bar = PinBar()
        self.live, self.minus = MapCard("live"), MapCard("difference", ["unpin"])
        self.minus.front.shown = False
        self.cards: dict[Pin, PinCard] = {}
        self.pair: tuple[Pin, Pin | None] | None = None
        """Operands of the difference; None stands for the live map."""
        self.box = ipywidgets.Box([self.minus.front, self.live.front], _dom_classes=["nbviz-pins"])
        self.view = ipywidgets.Box([self.bar, self.box], _dom_classes=["nbviz-beside"])
        self._numbers = count()
        self._groups: list[PinGroup] = []
        self._last: tuple[Request, Any] | None = None
        self.listen(self.bar, self._act)
        self.listen(self.minus.front, self._differ_otherwise)

    # -- the panel ------------------------------------------------------------------------------------

    def awake(self, selection: Selection) -> bool:
        return True  # a card goes with its pin, on show or not

    def badge(self, selection: Selection) -> str:
        return str(len(selection.pins)) if selection.pins else ""

    def parts(self) -> Mapping[str, Panel]:
        # a group asks for its cards together, once; after that each asks alone, and so follows a change of weights
        groups = [group for group in self._groups if not group.finished]
        grouped = {card.slot for group in groups for card in group.cards}
        alone = [card for card in self.cards.values() if card.slot not in grouped]
        return {panel.slot: panel for panel in (*alone, *groups)}

    def code(self, script: Script) -> str:
        drawn = []
        for pin, card in self.cards.items():
            model = f"{script.explorer}.selection.networks[{pin.network!r}].model" if pin.network else "model"
            drawn.append(script.request(card.own_request, model))
        return f"[{', '.join(drawn)}]" if drawn else ""

    def sync(self, selection: Selection) -> None:
        with LOCK:
            self._keep(selection.pins)
            for card in self.cards.values():
                card.sync(selection)
            self.bar.count = len(selection.pins)
            self.bar.sets = [*SETS, *([name, f"The same on {name}", "The map on show, asked of another network"]
                                      for name in selection.networks)]  # fmt: skip
            if self.on_show(selection):
                self._take_live()
            self._settle()

    def hear(self, slot: str, request: Request | None, answer: Answer) -> None:
        self._last = None if request is None else (request, answer)
        with LOCK:
            if self.on_show(self.selection):
                self._take_live()
                self._settle()

    # -- cards ----------------------------------------------------------------------------------------

    def _keep(self, pins: tuple[Pin, ...]) -> None:
        """Keep a card for every pin, in the order of the pins; cards of pins that are gone are closed."""
        before, gone = self.cards, [card for pin, card in self.cards.items() if pin not in pins]
        self.cards = {pin: before[pin] if pin in before else self._new(pin) for pin in pins}
        if self.pair and not {pin for pin in self.pair if pin} <= set(pins):
            self.pair = None
        # only then: new children make the page draw every card anew
        if gone or len(self.cards) > len(before) or list(before) != list(self.cards):
            self._place()
        for card in gone:
            close_tree(card.view)
        self._group(list(self.cards.values()))

    def _group(self, there: list[PinCard]) -> None:
        """Let cards that share forwards be asked together until each has its map."""
        self._groups = [g for g in self._groups if not g.finished and all(card in there for card in g.cards)]
        taken = [card for group in self._groups for card in group.cards]
        fresh = [card for card in there if card not in taken and not card.begun]
        # what is cached is shown at once, and would only wait in a group
        unknown = [card for card in fresh if self.links.context.known(card.own_request) is None]
        self._groups += [PinGroup(self.links, cards) for cards in together(unknown)]

    def _new(self, pin: Pin) -> PinCard:
        return PinCard(self.links, f"{self.slot}/{next(self._numbers)}", pin, self._settle, self._act_on)

    def _place(self) -> None:
        self.box.children = (self.minus.front, self.live.front, *(card.view for card in self.cards.values()))

    def _take_live(self) -> None:
        if self._last is None:
            self.live.wait("no map on show yet")
            return
        request, answer = self._last
        scene = pin_scene(request, answer, self.selection.image)
        self.live.front.title = f"On show: {scene.caption.split(' over the picture')[0]}"
        # partial answers come ten times a second, and each would set the common scale anew
        if scene.done >= 1 or self.live.scene is None:
            self.live.paint(scene)

    def still(self) -> StillParts:
        if not self.selection.pins:
            return {}
        cards = [*([self.minus] if self.pair else []), *(card.card for card in self.cards.values())]
        return {"pins": PinsPart([card.still(self.links.heat.opacity) for card in cards], self.bar.words)}

    # -- scale and difference -------------------------------------------------------------------------

    def _scenes(self) -> list[PinScene]:
        scenes = [self.live.scene if self._last else None, *(card.scene for card in self.cards.values())]
        return [scene for scene in scenes if scene is not None]

    def _settle(self) -> None:
        """Draw all on the scale that was asked for, and the difference again."""
        scenes = self._scenes()
        highs = shared_highs(scenes) if self.bar.shared else {}
        for card in (self.live, *(card.card for card in self.cards.values())):
            card.rescale(highs.get(card.scene.unit) if card.scene else None)
        live = self.live.scene
        on = self.on_show(self.selection)
        # the canvas joins the common scale only while the cards stand beside it
        self.links.heat.high = highs.get(live.unit) if on and live else None
        self.bar.words = scale_words(scenes, self.bar.shared) if self.cards else ""
        self._subtract()

    def _subtract(self) -> None:
        for pin, card in self.cards.items():
            card.view.different = self.pair is not None and self.pair[0] == pin
        self.minus.front.shown = self.pair is not None
        if self.pair is None:
            return
        first, second = self.pair
        one, other = self.cards[first].scene, self._scene(second)
        names = self.cards[first].view.title, self.cards[second].view.title if second else "the map on show"
        with self.minus.front.hold_sync():
            self.minus.front.title = f"{names[0]} − {names[1]}"
            self.minus.front.others = self._others(first)
            self.minus.front.other = self.cards[second].slot if second else LIVE
        if one is None or other is None:
            self.minus.wait("waiting for both maps")
        else:
            self.minus.paint(difference_scene(one, other, names))

    def _scene(self, pin: Pin | None) -> PinScene | None:
        return self.cards[pin].scene if pin else self.live.scene if self._last else None

    def _others(self, first: Pin) -> list[list[str]]:
        pins = [[card.slot, card.view.title] for pin, card in self.cards.items() if pin != first]
        return [[LIVE, "the map on show"], *pins]

    # -- a person's own events ------------------------------------------------------------------------

    def _act(self, content: Content) -> None:
        event = content.get("event")
        if event == "scale":
            self.bar.shared = bool(content["shared"])
            self._settle()
        elif event == "clear":
            self.selection.pins = ()
        elif event == "add":
            ready(self.bar)
            self.pinning.add(content["name"])

    def _act_on(self, card: PinCard, content: Content) -> None:
        event = content.get("event")
        if event == "unpin":
            self.selection.pins = tuple(pin for pin in self.selection.pins if pin != card.pin)
        elif event == "show":
            layer = card.scene.layer if card.scene else None
            # the layer that its map was made at: "the last" may be another by now
            show(replace(card.pin, layer=layer or card.pin.layer), self.selection)
        elif event == "difference":
            self._differ(None if self.pair and self.pair[0] == card.pin else (card.pin, None))
        elif event == "cancel":
            # cards that are asked together are one request, and stop together
            group = next((group for group in self._groups if card in group.cards), None)
            self.links.cancel(group.slot if group else card.slot)
            for stopped in group.cards if group else [card]:
                stopped.cancelled()

    def _differ_otherwise(self, content: Content) -> None:
        if content.get("event") == "unpin":
            self._differ(None)
        elif content.get("event") == "against" and self.pair:
            slots = {card.slot: pin for pin, card in self.cards.items()}
            self._differ((self.pair[0], slots.get(content["name"])))

    def _differ(self, pair: tuple[Pin, Pin | None] | None) -> None:
        with LOCK:
            self.pair = pair
            self._settle()
