"""Pins: frozen records of requested maps, kept to compare others with them.

A pin says what was asked, not what came out: its map is computed like any other, comes from the cache, and is made
again when the network's weights have changed. Another network has its own context, entered under a name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nbviz.attribution import METHODS
from nbviz.errors import NbvizError, unknown
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.pictures.load import Picture
from nbviz.session.context import LiveContext
from nbviz.session.requests.base import ChannelRequest, ExplainRequest, Request
from nbviz.session.requests.frozen import FrozenOptions, freeze

MOST = 12
"""Pins at most: more can't be looked at together, and each holds its map."""


@dataclass(frozen=True)
class Pin:
    """Request of a pinned map: an explanation, or with ``channel`` a channel's map."""

    picture: str
    """The picture's name."""
    target: Target
    method: str
    """Key of ``nbviz.METHODS``."""
    layer: str | None = None
    """None for methods that use none."""
    options: FrozenOptions = ()
    """(name, value) of the method's options that differ from its defaults, by name."""
    channel: int | None = None
    """Index of the channel of ``layer`` whose map it is; None for an explanation."""
    network: str = ""
    """Name of the other network it was asked of; empty for the Explorer's own."""

    def __post_init__(self) -> None:
        # in one order, and hashable: two pins of the same map are one
        object.__setattr__(self, "options", freeze(dict(self.options)))

    def request(self, picture: Picture) -> Request:
        """Request that computes the map on its own network."""
        if self.channel is not None and self.layer is not None:
            return ChannelRequest(picture, self.layer, self.target, self.channel)
        return ExplainRequest(picture, self.target, self.method, self.layer, self.options)

    def title(self, model: InstrumentedModel) -> str:
        """Method, class, layer and settings in a phrase: "Grad-CAM · tabby · blocks.8"."""
        if self.channel is not None:
            return f"Channel {self.channel} · {self.layer}"
        options = (f"{name.replace('_', ' ')} {_short(value)}" for name, value in self.options)
        layer = [self.layer] if self.layer else []
        method = METHODS[self.method]
        target = [self.target.words(model)] if method.uses_target else []
        return " · ".join([method.title, *target, *layer, *options])


def checked(
    pins: Sequence[object], model: InstrumentedModel, pictures: Sequence[str], networks: Mapping[str, LiveContext]
) -> tuple[Pin, ...]:
    """Check pins, and return each once; :class:`NbvizError` for one that can't be answered, and for too many."""
    given = dict[Pin, None]()  # none twice, in the order of the cards
    for pin in pins:
        if not isinstance(pin, Pin):
            raise NbvizError(f"A pin is what Explorer.pin() gives, not {pin!r:.80}.")
        given[pin] = None
    if len(given) > MOST:
        raise NbvizError(f"At most {MOST} maps are pinned, not {len(given)}: unpin some first.")
    for pin in given:
        if pin.picture not in pictures:
            raise unknown("Picture", pin.picture, pictures, "this Explorer")
        if pin.network and pin.network not in networks:
            raise unknown("Network", pin.network, list(networks), "this Explorer")
        if pin.channel is None and pin.method not in METHODS:
            raise unknown("Method", pin.method, METHODS, "nbviz")
        if pin.layer is not None:
            (networks[pin.network].model if pin.network else model).layer(pin.layer)
    return tuple(given)


def _short(value: object) -> str:
    return str(value) if isinstance(value, (str, int, float, bool)) else "given"
