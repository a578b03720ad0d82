"""What the person has chosen: the only mutable truth of an Explorer.

Panels write here and nowhere else; code may write it too. Every write is checked at the door, so a
Selection never names a layer, a picture, a class or a method that does not exist.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Any

import traitlets

from nbviz.attribution import METHODS
from nbviz.errors import NbvizError, unknown
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.session.context import LiveContext
from nbviz.session.pins.pin import Pin, checked

LOCK = threading.RLock()
"""Held while widgets are painted and while a selection changes: what is shown is always that of the selection."""
CHANNELS = "channels"
"""The stage that is always there."""


class Selection(traitlets.HasTraits):
    """Picture, layer, channel, target, method and options, observable one by one.

    Writing an unknown name raises :class:`~nbviz.errors.UnknownName` with the nearest match and
    leaves the selection as it was.
    """

    image = traitlets.Unicode()
    """Name of the picture on show."""

    layer = traitlets.Unicode()
    """Name of the layer whose channels are shown, e.g. ``"layer4.1.conv2"``."""

    channel = traitlets.Int(None, allow_none=True)
    """Index of the chosen channel; None is the first by contribution to the target."""

    target = traitlets.Any("predicted")
    """What is explained: class index or name, ``"predicted"``, a pair (contrast), a callable, or a ``Target``: a class
    over a region, a box, a channel.
    """

    method = traitlets.Unicode("integrated_gradients")
    """Name of the attribution method on the canvas, a key of ``nbviz.METHODS``."""

    options = traitlets.Dict()
    """Options of the method that differ from its defaults."""

    canvas = traitlets.Enum(["explanation", "channel"], "explanation")
    """What lies over the picture: the explanation, or the chosen channel's map."""

    stage = traitlets.Unicode(CHANNELS)
    """What the middle column shows: the channels, or one of the other stages."""

    pins = traitlets.Tuple()
    """Maps kept to look at others beside them, each a :class:`~nbviz.session.pins.pin.Pin`, none twice."""

    place = traitlets.Tuple(default_value=None, allow_none=True)
    """(row, column) pointed at, as fractions of the picture in 0…1; None when nowhere."""

    pinned_place = traitlets.Tuple(default_value=None, allow_none=True)
    """(row, column) of the pinned place, as fractions of the picture in 0…1: heads show what it looks at; or None."""

    query = traitlets.Enum(["reads", "mean"], "reads")
    """Who looks while no place is pinned: the tokens that the score reads (the class token …), or all patches alike."""

    head = traitlets.Tuple(default_value=None, allow_none=True)
    """(attention, head) shown large, both from 0; (attention, None) is the mean over its heads; None is the last's."""

    attention = traitlets.Enum(["raw", "gradient"], "raw")
    """Attention as it is, or times its gradient for the target, what is above zero."""

    def __init__(self, model: InstrumentedModel, pictures: Iterable[str], **start: Any) -> None:
        self._model = model
        self.pictures = pictures
        self.stages: tuple[str, ...] = (CHANNELS,)
        """What ``stage`` may be."""
        self.networks: dict[str, LiveContext] = {}
        """Other networks that pins may ask, by name."""
        self.heads: tuple[int, ...] = ()
        """Heads of each attention, once known: what ``head`` may be."""
        super().__init__(**start)

    def __setattr__(self, name: str, value: Any) -> None:
        # a write waits for what is being painted, and its followers run before anything else is: else an answer of
        # the selection before could be shown between the two
        with LOCK:
            super().__setattr__(name, value)

    def set_trait(self, name: str, value: Any) -> None:
        """Write a trait by name."""
        with LOCK:
            super().set_trait(name, value)

    @traitlets.validate("image")
    def _check_image(self, proposal: dict[str, Any]) -> str:
        names = list(self.pictures)
        if proposal["value"] not in names:
            raise unknown("Picture", proposal["value"], names, "this Explorer")
        return proposal["value"]

    @traitlets.validate("layer")
    def _check_layer(self, proposal: dict[str, Any]) -> str:
        return self._model.layer(proposal["value"]).name

    @traitlets.validate("channel")
    def _check_channel(self, proposal: dict[str, Any]) -> int | None:
        value = proposal["value"]
        channels = self._model.layer(self.layer).channels if self.layer else None
        if value is not None and channels is not None and not 0 <= value < channels:
            raise NbvizError(f"Channel {value} is not in layer '{self.layer}': it has {channels}, from 0 on.")
        return value

    @traitlets.validate("target")
    def _check_target(self, proposal: dict[str, Any]) -> Any:
        Target.ensure(proposal["value"], self._model)
        return proposal["value"]

    @traitlets.validate("method")
    def _check_method(self, proposal: dict[str, Any]) -> str:
        if proposal["value"] not in METHODS:
            raise unknown("Method", proposal["value"], METHODS, "nbviz")
        return proposal["value"]

    @traitlets.validate("stage")
    def _check_stage(self, proposal: dict[str, Any]) -> str:
        if proposal["value"] not in self.stages:
            raise unknown("Stage", proposal["value"], self.stages, "this Explorer")
        return proposal["value"]

    @traitlets.validate("pins")
    def _check_pins(self, proposal: dict[str, Any]) -> tuple[Pin, ...]:
        return checked(proposal["value"], self._model, list(self.pictures), self.networks)

    @traitlets.validate("pinned_place")
    def _check_pinned(self, proposal: dict[str, Any]) -> tuple[float, float] | None:
        value = proposal["value"]
        if value is None:
            return None
        if len(value) != 2 or not all(isinstance(part, (int, float)) and 0 <= part <= 1 for part in value):
            raise NbvizError(f"A pinned place is (row, column) as fractions of the picture in 0…1, not {value!r}.")
        return float(value[0]), float(value[1])

    @traitlets.validate("head")
    def _check_head(self, proposal: dict[str, Any]) -> tuple[int, int | None] | None:
        value = proposal["value"]
        if value is not None:
            check_head(value, self.heads)
        return value

    @traitlets.observe("pinned_place")
    def _point_there(self, change: dict[str, Any]) -> None:
        self.place = self.pinned_place

    @traitlets.observe("image")
    def _forget_box(self, change: dict[str, Any]) -> None:
        # the boxes of another picture are others
        if isinstance(self.target, Target) and (self.target.number is not None or self.target.part is not None):
            self.target = "predicted"

    @traitlets.observe("layer")
    def _forget_channel(self, change: dict[str, Any]) -> None:
        self.channel = None

    @traitlets.observe("method")
    def _forget_options(self, change: dict[str, Any]) -> None:
        self.options = {}


def check_head(value: Sequence[Any], heads: Sequence[int]) -> None:
    """Raise :class:`NbvizError` unless value is (attention, head or None); heads: how many each attention has."""
    whole = all(isinstance(part, int) and part >= 0 for part in value if part is not None)
    if len(value) != 2 or value[0] is None or not whole:
        raise NbvizError(f"A head is (attention, head), both from 0, or (attention, None) for the mean, not {value!r}.")
    number, head = value
    if heads and number >= len(heads):
        raise NbvizError(f"Attention {number} is not in this network: it has 0 to {len(heads) - 1}.")
    if heads and head is not None and head >= heads[number]:
        raise NbvizError(f"Head {head} is not in attention {number}: it has 0 to {heads[number] - 1}.")
