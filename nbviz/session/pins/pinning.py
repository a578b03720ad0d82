"""Pinning: the map on show, or a variation of it, joins ``selection.pins``."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from nbviz.errors import NbvizError
from nbviz.model.brief import ModelLike
from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.load import Picture
from nbviz.session.context import Known, LiveContext
from nbviz.session.pins.pin import MOST, Pin
from nbviz.session.pins.presets import down_the_network, likeliest_classes, on_network, pin_of, usual_methods
from nbviz.session.requests.base import Request, ScoresRequest
from nbviz.session.selection import LOCK, Selection

STAGE = "pins"
"""Value of ``selection.stage`` while pinned maps are on show."""


class Pinning:
    """Writer of ``pins``, and of ``stage`` where somebody wants to see them. context: the Explorer's own."""

    def __init__(self, context: LiveContext, pictures: Mapping[str, Picture], selection: Selection) -> None:
        self.context, self.model, self.pictures, self.selection = context, context.model, pictures, selection

    def current(self) -> Pin | None:
        """Return the map on show as a pin; None until its class, or its channel, is known."""
        try:
            return pin_of(Known(self.context), self.pictures, self.selection)
        except NbvizError:
            return None

    def state(self) -> str:
        """Return whether the map on show can be pinned: "pin", "pinned", "full", or "off" while it isn't known."""
        pin, pins = self.current(), self.selection.pins
        if pin is None:
            return "off"
        return "pinned" if pin in pins else "full" if len(pins) >= MOST else "pin"

    def toggle(self, shown: tuple[Request, Any] | None) -> None:
        """Pin the map on show, and open the stage; or take its pin away. shown: what was asked, and the answer."""
        pin, pins = self.current(), self.selection.pins
        if pin in pins:
            self.selection.pins = tuple(other for other in pins if other != pin)
        elif pin is not None:
            if shown is not None:  # the same map was asked for, as "the predicted class" perhaps
                self.context.keep(*shown, {pin.request(self.pictures[pin.picture]): shown[1]})
            self._pin(pin)

    def keep(self, changes: Mapping[str, Any]) -> Pin:
        """Pin the map on show, or the one with other values, computing what it takes to know which it is."""
        return self._pin(pin_of(self.context, self.pictures, self.selection, changes))

    def pin_network(self, model: ModelLike, name: str | None, options: Mapping[str, Any]) -> Pin:
        """Pin the map on show as another network explains it."""
        # as this one unless said otherwise: two checkpoints differ in weights, and in nothing that was passed
        given = {"transform": self.model.transform, "classes": self.model.classes, **options}
        other = model if isinstance(model, InstrumentedModel) else InstrumentedModel(model, **given)
        pin = pin_of(self.context, self.pictures, self.selection)
        # a network that can't take this picture is refused before anything is pinned
        other.trace(other.input(self.pictures[pin.picture]))
        context, name = LiveContext(other), name or self._free(other.name)
        other_pin = on_network(pin, self.model, name, context)
        with LOCK:
            before = self.selection.networks
            others = tuple(one for one in self.selection.pins if one.network != name)
            # first: a pin is checked against the networks that it may ask
            self.selection.networks = {**before, name: context}
            try:
                self.selection.change(pins=(*others, other_pin), stage=STAGE)
            except BaseException:
                self.selection.networks = before
                raise
        return other_pin

    def add(self, name: str) -> None:
        """Pin a whole set: ``methods``, ``classes``, ``layers``, or the map on show on another network."""
        context, networks = Known(self.context), self.selection.networks
        pin = pin_of(context, self.pictures, self.selection, {"canvas": "explanation"} if name not in networks else {})
        if name in networks:
            pins = [on_network(pin, self.model, name, networks[name])]
        elif name == "classes":
            pins = likeliest_classes(pin, context.answer(ScoresRequest(self.pictures[pin.picture])).order)
        else:
            pins = (usual_methods if name == "methods" else down_the_network)(pin, self.model)
        self.selection.pins = (*self.selection.pins, *pins)

    def _free(self, name: str) -> str:
        """Return a name that no other network here has."""
        taken = {self.model.name, *self.selection.networks}
        names = (name if number == 1 else f"{name} ({number})" for number in count(1))
        return next(free for free in names if free not in taken)

    def _pin(self, pin: Pin) -> Pin:
        self.selection.change(pins=(*self.selection.pins, pin), stage=STAGE)
        return pin
