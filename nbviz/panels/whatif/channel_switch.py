"""Switch below the channel's card: off, at its mean, scaled, all but it; and each channel's measured effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import traitlets

from nbviz.drawing.numbers import signed
from nbviz.edits import Channels
from nbviz.model.edit import Edit
from nbviz.model.target import Target
from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import LOCK, Content, Panel
from nbviz.panels.base.strip import fail, ready
from nbviz.session.requests.base import Request
from nbviz.session.requests.edits.effects import EffectsAnswer, MeasureEffects
from nbviz.session.selection import Selection

LOWEST, HIGHEST = -2.0, 3.0
LARGEST = 5
"""Channels named as those with the largest effects."""
Subject = tuple[str, int]


class SwitchFront(Front):
    """Widget of a segment, a slider and the measured figures.

    Sends ``{"event": …}``: put (how), scale (factor), only, measure, choose (channel).
    """

    channel = traitlets.Int(None, allow_none=True).tag(sync=True)
    how = traitlets.Enum(["on", "off", "mean", "scale"], "on").tag(sync=True)
    factor = traitlets.Float(1.0).tag(sync=True)
    only = traitlets.Bool(False).tag(sync=True)
    """True if all other channels of the layer are off."""
    measured: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """Runs: foretold beside measured, and how well the first order foretells for this layer."""
    largest: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[[channel, words], …]"""
    progress = traitlets.Unicode().tag(sync=True)
    asked = traitlets.Bool(False).tag(sync=True)
    """True if the layer's effects are, or are being, measured."""


class ChannelSwitch(Panel):
    """Panel that writes ``edits`` and, from the list of the largest effects, ``channel``.

    subject: gives layer and channel of the card.
    """

    slot = "switch"
    reads = frozenset(("image", "layer", "target", "channel", "edits"))
    asks = frozenset(("image", "layer", "target"))
    after = ("channel",)

    def __init__(self, links: Links, subject: Callable[[Selection], Subject | None]) -> None:
        super().__init__(links)
        self.view, self._subject = SwitchFront(), subject
        self._wanted: set[tuple[str, str]] = set()
        """(picture, layer) whose effects were asked for: they stay asked for."""
        self._answer: EffectsAnswer | None = None
        self.listen(self.view, self._act)

    def request(self, selection: Selection) -> Request | None:
        if (selection.image, selection.layer) not in self._wanted:
            return None
        target = Target.ensure(selection.target, self.model)
        return MeasureEffects(self.pictures[selection.image], selection.layer, target)

    def sync(self, selection: Selection) -> None:
        subject = self._subject(selection)
        with LOCK, self.view.hold_sync():
            self.view.channel = None if subject is None else subject[1]
            self.view.asked = (selection.image, selection.layer) in self._wanted
            if subject is not None:
                self.view.how, self.view.factor = state_of(selection.edits, *subject)
                self.view.only = _only(*subject) in selection.edits
            self._say()

    def show(self, answer: EffectsAnswer) -> None:
        self._answer = answer
        with LOCK, self.view.hold_sync():
            ready(self.view)
            self._say()

    def wait(self, progress: str = "") -> None:
        self.view.progress = "measuring"

    def fail(self, error: BaseException) -> None:
        self._answer = None
        with self.view.hold_sync():
            self.view.measured, self.view.largest, self.view.progress = [], [], ""
            fail(self.view, error)

    def _say(self) -> None:
        answer, view, channel = self._answer, self.view, self.view.channel
        if answer is None or answer.effects.layer != self.selection.layer or not view.asked:
            view.measured, view.largest = [], []
            view.progress = "measuring" if view.asked and view.state == "ready" else ""
            return
        view.progress = "" if answer.done == 1 else f"{100 * answer.done:.0f} % measured"
        view.measured = measured_words(answer, channel)
        view.largest = largest_words(answer) if answer.done == 1 else []

    def _act(self, content: Content) -> None:
        event = content.get("event")
        subject = self._subject(self.selection)
        if event == "measure":
            self._wanted.add((self.selection.image, self.selection.layer))
            self.sync(self.selection)
            self.links.ask()
        elif event == "choose":
            self.selection.channel = int(content["channel"])
        elif subject is not None and event == "put":
            self.selection.edits = put(self.selection.edits, *subject, str(content["how"]))
        elif subject is not None and event == "scale":
            factor = min(max(float(content["factor"]), LOWEST), HIGHEST)
            self.selection.edits = put(self.selection.edits, *subject, "scale", factor)
        elif subject is not None and event == "only":
            one, edits = _only(*subject), self.selection.edits
            self.selection.edits = tuple(e for e in edits if e != one) if one in edits else (*edits, one)


def _only(layer: str, channel: int) -> Channels:
    return Channels(layer, only=[channel])


def state_of(edits: tuple[Edit, ...], layer: str, channel: int) -> tuple[str, float]:
    """Return the edits' effect on a channel: ("on" | "off" | "mean" | "scale", factor)."""
    for edit in reversed(edits):
        if isinstance(edit, Channels) and edit.layer == layer:
            if channel in edit.off:
                return ("mean" if edit.fill == "mean" else "off"), 1.0
            if channel in dict(edit.scale):
                return "scale", dict(edit.scale)[channel]
    return "on", 1.0


def put(edits: tuple[Edit, ...], layer: str, channel: int, how: str, factor: float = 1.0) -> tuple[Edit, ...]:
    """Return the edits with a channel on, off, at its mean or scaled; channels put alike are one edit."""
    others = [_without(edit, channel) if isinstance(edit, Channels) and edit.layer == layer else edit for edit in edits]
    others = [edit for edit in others if edit != Channels(layer) and edit != Channels(layer, fill="mean")]
    if how == "on" or (how == "scale" and factor == 1.0):
        return tuple(others)
    fill = "mean" if how == "mean" else "zero"
    place = next((at for at, edit in enumerate(others) if _takes(edit, layer, fill)), None)
    edit = Channels(layer, fill=fill) if place is None else others[place]
    assert isinstance(edit, Channels)
    if how == "scale":
        edit = replace(edit, scale={**dict(edit.scale), channel: factor})
    else:
        edit = replace(edit, off=[*edit.off, channel])
    return (*others, edit) if place is None else (*others[:place], edit, *others[place + 1 :])


def _takes(edit: Edit, layer: str, fill: str) -> bool:
    return isinstance(edit, Channels) and edit.layer == layer and edit.fill == fill and edit.only is None


def _without(edit: Channels, channel: int) -> Channels:
    scale = {other: factor for other, factor in edit.scale if other != channel}
    return replace(edit, off=[other for other in edit.off if other != channel], scale=scale)


def measured_words(answer: EffectsAnswer, channel: int | None) -> list[Any]:
    """Describe an effect: ``"foretold −0.66, measured −0.41"``, and how well the first order predicts effects."""
    effects, runs = answer.effects, list[Any]()
    if channel is not None and channel < len(effects.measured) and np.isfinite(effects.measured[channel, answer.index]):
        foretold = effects.foretold[answer.index][channel]
        measured = [signed(float(effects.measured[channel, answer.index]), True), "strong"]
        runs += [f"without it the score moves: foretold {signed(float(foretold), True)}, measured ", measured, "."]
    agreement = effects.agreement(answer.index) if answer.done == 1 else None
    if agreement is not None:
        runs += [
            " For this layer the first order ranks channels as measured with r ",
            [signed(agreement), "strong"],
            ".",
        ]
    return runs


def largest_words(answer: EffectsAnswer) -> list[list[Any]]:
    """Return the channels with the largest measured effects on the class, of either sign."""
    column = answer.effects.measured[:, answer.index]
    order = np.argsort(-np.abs(column), kind="stable")[:LARGEST]
    return [[int(channel), signed(float(column[channel]), True)] for channel in order]
