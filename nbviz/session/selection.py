"""Selection of an Explorer: picture, layer, channel, target, method, options …, its only mutable state.

Panels write here and nowhere else; code may write it too. Every write is checked at the door, so a
Selection never names a layer, a picture, a class or a method that does not exist.

One act of a person is one event: :meth:`Selection.change` writes several traits, all or none, and what they reset;
then observers of the type :data:`ACT` are notified once, with the names of all that changed, before those of single
traits. A plain write, ``selection.layer = "layer4"``, is an act of one trait.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import traitlets
from traitlets.utils.bunch import Bunch

from nbviz.arguments import at_least, channel_number, one_of
from nbviz.attribution import METHODS
from nbviz.attribution.options import checked_options
from nbviz.errors import NbvizError, nearest, unknown
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target, TargetLike
from nbviz.session.context import LiveContext
from nbviz.session.edit_traits import EditTraits
from nbviz.session.history import Choice
from nbviz.session.pins.pin import Pin, checked
from nbviz.session.pins.place_traits import PlaceTraits

LOCK = threading.RLock()
"""Held while widgets are painted and while a selection changes: what is shown is always that of the selection."""
CHANNELS = "channels"
"""The stage that is always there."""
ACT = "act"
"""Type of the one notification of an act; ``change["new"]`` is the frozenset of the names that changed."""
_ORDER = (
    "image",
    "layer",
    "at",
    "channel",
    "group",
    "target",
    "method",
    "options",
    "pinned_place",
    "place",
    "edits",
    "draft",
    "dropped",
)
"""Traits in the order in which an act writes them: what others are checked against, or reset by, comes first."""
_CAUSES = MappingProxyType(
    {
        "channel": "layer",
        "group": "channel",
        "target": "image",
        "options": "method",
        "place": "pinned_place",
        "edits": "image",
        "draft": "image",
        "dropped": "edits",
    }
)
"""Trait → the one whose change, or reset, resets it."""
_PLAIN = frozenset(("pictures", "stages", "networks"))
"""Attributes that are no traits."""


class _Something(traitlets.Any):
    """Trait of any value but None, which ``Any`` would take without asking the validator."""

    allow_none = False


class Selection(PlaceTraits, EditTraits):
    """Picture, layer, channel, target, method, options and edits, observable one by one.

    Writing an unknown name raises :class:`~nbviz.errors.UnknownName` with the nearest match and
    leaves the selection as it was.
    """

    image = traitlets.Unicode()
    """Name of the picture on show."""

    layer = traitlets.Unicode()
    """Name of the layer whose channels are shown, e.g. ``"layer4.1.conv2"``."""

    at = Choice(["layer", "last"], "layer")
    """Where a method that uses a layer explains: at ``layer``, or at the last that the score reads, where the evidence
    is gathered. An Explorer opens at the last, and the menu of methods stays there, until a layer is chosen.
    """

    channel = traitlets.Int(None, allow_none=True)
    """Index of the chosen channel; None is the first by contribution to the target."""

    group = traitlets.Tuple()
    """Further channels of the layer that are chosen together with ``channel``, ascending; empty for none."""

    target = _Something("predicted")
    """Target: class index or name, ``"predicted"``, a pair (contrast), a callable, or a ``Target``: a class over a
    region, a box, a channel.
    """

    method = traitlets.Unicode("integrated_gradients")
    """Name of the attribution method on the canvas, a key of ``nbviz.METHODS``."""

    options = traitlets.Dict()
    """Options of the method that differ from its defaults."""

    canvas = Choice(["explanation", "channel"], "explanation")
    """Map over the picture: the explanation, or the chosen channel's map."""

    stage = traitlets.Unicode(CHANNELS)
    """Stage of the middle column: the channels, or one of the other stages."""

    pins = traitlets.Tuple()
    """Maps kept to compare others with them, each a :class:`~nbviz.session.pins.pin.Pin`, none twice."""

    marked = traitlets.Tuple()
    """Items of a review that a person marked, by number, ascending."""

    def __init__(self, model: InstrumentedModel, pictures: Iterable[str], **start: object) -> None:
        self._model = model
        self.pictures = pictures
        self.stages: tuple[str, ...] = (CHANNELS,)
        """Names that ``stage`` may have."""
        self.networks: dict[str, LiveContext] = {}
        """Other networks that pins may ask, by name."""
        self._changes: dict[str, Any] | None = None
        """Changes of the act under way, by trait; None outside of one."""
        super().__init__()
        self.change(**start)
        self.clear_history()

    # -- writing --------------------------------------------------------------------------------------

    def change(self, **values: object) -> None:
        """Write several traits as one act: all of them or, where one is refused, none; observers hear of it once.

        What a value resets is reset with it unless it is given too: another layer the channel, another method its
        options, another picture a target that is a box or region of the one before. Who writes a layer or a method
        means ``at="layer"``, unless it is given. Raises TypeError for a name that is no trait, and
        :class:`NbvizError` or ``TraitError`` for a value that can't be.
        """
        if values.keys() & {"layer", "method"}:
            values.setdefault("at", "layer")
        for name in values:
            if not self.has_trait(name):
                raise TypeError(f"A selection has no '{name}'{_hint(name, self.trait_names())}.")
        moved, self._lost = set[str](), ()
        with self.hold_trait_notifications():
            for name in dict.fromkeys((*_ORDER, *values)):
                if name in values:
                    before = getattr(self, name)
                    super().__setattr__(name, values[name])
                    if name in _CAUSES.values() and getattr(self, name) != before:
                        moved.add(name)
                elif _CAUSES.get(name) in moved and (after := self._after_reset(name)) is not getattr(self, name):
                    super().__setattr__(name, after)
                    moved.add(name)

    def __setattr__(self, name: str, value: object) -> None:
        if self.has_trait(name):
            self.change(**{name: value})
        elif name.startswith("_") or name in _PLAIN or hasattr(self, name):
            super().__setattr__(name, value)
        else:
            raise AttributeError(f"A selection has no '{name}'{_hint(name, self.trait_names())}.")

    def set_trait(self, name: str, value: object) -> None:
        """Write a trait by name."""
        self.change(**{name: value})

    @contextmanager
    def hold_trait_notifications(self) -> Iterator[None]:
        """Make one act of all that is written within; an exception undoes it, and nobody hears of it."""
        # the lock: a write waits for what is being painted, and its observers run before anything else is, else an
        # answer of the selection before could be shown between the two
        with LOCK:
            if self._changes is not None:
                yield
                return
            before, self._changes = dict(self._trait_values), {}
            try:
                yield
                changes = self._changes
            except BaseException:
                self._trait_values.clear()
                self._trait_values.update(before)
                raise
            finally:
                self._changes = None
            self._announce(changes)

    def notify_change(self, change: Bunch) -> None:
        """Notify observers; while an act lasts, note the change for its end."""
        if self._changes is None:
            super().notify_change(change)
        else:
            self._changes.setdefault(change["name"], change)["new"] = change["new"]

    def _announce(self, changes: Mapping[str, Any]) -> None:
        if "pins" in changes:  # a network that no pin asks any more would be kept for nothing
            used = {pin.network for pin in self.pins}
            self.networks = {name: context for name, context in self.networks.items() if name in used}
        if "edits" in changes:
            self._edit_steps.note(changes["edits"]["old"])
        self._note_step({name: change["old"] for name, change in changes.items()})
        if changes:
            names = frozenset(changes)
            super().notify_change(Bunch(name=ACT, owner=self, type=ACT, old=frozenset(), new=names))
        for change in changes.values():
            super().notify_change(change)

    def _after_reset(self, name: str) -> object:
        """Return the value of a trait after the one that resets it has changed."""
        if name == "target":  # the boxes of another picture are others
            placed = isinstance(one := self.target, Target) and (one.number is not None or one.part is not None)
            return "predicted" if placed else one
        if name == "edits":
            return self._edits_after_reset()
        return {"group": (), "options": {}, "place": self.pinned_place, "dropped": self._lost}.get(name)

    # -- checking -------------------------------------------------------------------------------------

    @traitlets.validate("image")
    def _check_image(self, proposal: dict[str, Any]) -> str:
        name: str = proposal["value"]
        if name not in self.pictures:
            raise unknown("Picture", name, list(self.pictures), "this Explorer")
        return name

    @traitlets.validate("layer")
    def _check_layer(self, proposal: dict[str, Any]) -> str:
        return self._model.layer(proposal["value"]).name

    @traitlets.validate("channel")
    def _check_channel(self, proposal: dict[str, Any]) -> int | None:
        value: int | None = proposal["value"]
        channels = self._model.layer(self.layer).channels if self.layer else None
        known = value is None or channels is None or 0 <= value < channels
        if not known or isinstance(value, bool):  # a bool is a number to Python
            raise NbvizError(f"Channel {value} is not in layer '{self.layer}': it has {channels}, from 0 on.")
        return value

    @traitlets.validate("group")
    def _check_group(self, proposal: dict[str, Any]) -> tuple[int, ...]:
        group = {at_least("a channel of group", channel, 0) for channel in proposal["value"]} - {self.channel}
        if group and self.channel is None:
            raise NbvizError("A group is chosen together with a channel: write selection.channel as well.")
        for channel in group:
            channel_number(self.layer, channel, self._model.layer(self.layer).channels or 0)
        return tuple(sorted(group))

    @traitlets.validate("target")
    def _check_target(self, proposal: dict[str, Any]) -> TargetLike:
        value: TargetLike | None = proposal["value"]
        if value is None:
            raise NbvizError(
                "None is no target: choose a class by index or name, a pair of classes, a callable of the scores, "
                "or 'predicted' for the class that the network predicts."
            )
        Target.ensure(value, self._model)
        return value

    @traitlets.validate("method")
    def _check_method(self, proposal: dict[str, Any]) -> str:
        return one_of("Method", proposal["value"], METHODS)

    @traitlets.validate("options")
    def _check_options(self, proposal: dict[str, Any]) -> dict[str, Any]:
        method = METHODS[self.method]
        options: dict[str, Any] = proposal["value"]
        checked_options(method.title, method.options, options)
        return options

    @traitlets.validate("stage")
    def _check_stage(self, proposal: dict[str, Any]) -> str:
        name: str = proposal["value"]
        if name not in self.stages:
            raise unknown("Stage", name, self.stages, "this Explorer")
        return name

    @traitlets.validate("marked")
    def _check_marked(self, proposal: dict[str, Any]) -> tuple[int, ...]:
        return tuple(sorted({at_least("an item of marked", item, 0) for item in proposal["value"]}))

    @traitlets.validate("pins")
    def _check_pins(self, proposal: dict[str, Any]) -> tuple[Pin, ...]:
        return checked(proposal["value"], self._model, list(self.pictures), self.networks)


def _hint(name: str, names: Iterable[str]) -> str:
    close = nearest(name, list(names))
    return f"; did you mean '{close}'?" if close else ""
