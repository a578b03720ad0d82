"""Switch below the channel's card: channels off, at their mean, scaled, clamped, all but these; and what each does."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from nbviz.edits import Channels
from nbviz.model.edit import Edit
from nbviz.model.target import Target
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import LOCK, Content, Panel
from nbviz.panels.base.strip import fail, ready
from nbviz.panels.switch.channel_edits import all_but, put, state_of
from nbviz.panels.switch.data_means import DataMeans
from nbviz.panels.switch.effect_words import class_rows, largest_words, measured_words
from nbviz.panels.switch.switch_front import SwitchFront
from nbviz.session.requests.base import ChannelsAnswer, Request
from nbviz.session.requests.edits.effects import EffectsAnswer, MeasureEffects
from nbviz.session.selection import Selection

LOWEST, HIGHEST = -2.0, 3.0
"""Factors at the ends of the slider, as in ``switch_front.js``."""
SHORT = 5
"""Classes named until all are asked for."""
Subject = tuple[str, int]


class ChannelSwitch(Panel):
    """Panel that writes ``edits`` and, from the list of the largest effects, ``channel``.

    subject: gives layer and channel of the card.
    """

    slot = "switch"
    reads = frozenset(("image", "layer", "target", "channel", "group", "edits"))
    asks = frozenset(("image", "layer", "target"))
    # the card's channel comes with an answer, and an index with those of found pictures
    after = ("channel", "found", "found_ahead")
    hears = ("channels",)

    def __init__(self, links: Links, subject: Callable[[Selection], Subject | None]) -> None:
        super().__init__(links)
        self.view, self._subject = SwitchFront(), subject
        self._wanted: set[tuple[str, str]] = set()
        """(picture, layer) whose effects were asked for: they stay asked for."""
        self._answer: EffectsAnswer | None = None
        self._peaks: tuple[str, np.ndarray] = "", np.zeros(0)
        """Layer on show, and its channels' peaks."""
        self.means = DataMeans(links, self.view, self._mean_there)
        self._due: tuple[str, list[int]] | None = None
        """Layer and channels that wait to be put to their mean over the data set."""
        self.listen(self.view, self._act)

    def parts(self) -> Mapping[str, Panel]:
        return {self.means.slot: self.means}

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
            # a mean that comes now would be put to channels that were chosen since
            if self._due != self._chosen():
                self._due, self.view.due = None, False
            if subject is not None:
                self._sync_group(selection, *subject)
            self.means.sync(selection)  # an index may have been made
            self._say()

    def _sync_group(self, selection: Selection, layer: str, channel: int) -> None:
        view, group = self.view, sorted({channel, *selection.group})
        states = [state_of(selection.edits, layer, one) for one in group]
        how, value = states[0]
        how = how if states.count(states[0]) == len(states) else "mixed"
        view.group, view.how, view.averages = group, how, self.model.layer(layer).places is not None
        view.factor = value if how == "scale" else 1.0
        view.limits = [end if np.isfinite(end) else None for end in value] if how == "clamp" else []
        view.only = Channels(layer, only=group) in selection.edits

    def hear(self, slot: str, request: Request | None, answer: ChannelsAnswer | None) -> None:
        """Note the peaks of the layer on show: half of one is where a clamp begins."""
        if answer is not None:
            self._peaks = answer.layer, answer.peaks

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
            self.view.measured, self.view.largest, self.view.classes, self.view.progress = [], [], [], ""
            fail(self.view, error)

    def _say(self) -> None:
        answer, view, channel = self._answer, self.view, self.view.channel
        if answer is None or answer.effects.layer != self.selection.layer or not view.asked:
            view.measured, view.largest, view.classes = [], [], []
            view.progress = "measuring" if view.asked and view.state == "ready" else ""
            return
        view.progress = "" if answer.done == 1 else f"{100 * answer.done:.0f} % measured"
        view.measured = measured_words(answer, channel)
        view.largest = largest_words(answer) if answer.done == 1 else []
        rows = class_rows(answer, channel, self.model.class_name)
        view.count, view.classes = len(rows), rows if view.all else rows[:SHORT]

    def _act(self, content: Content) -> None:
        event = content.get("event")
        chosen = self._chosen()
        if event == "measure":
            self._wanted.add((self.selection.image, self.selection.layer))
            self.sync(self.selection)
            self.links.ask()
        elif event == "choose":
            self.selection.channel = int(content["channel"])
        elif event == "all":
            self.view.all = not self.view.all
            self._say()
        elif event == "averaged":
            self._put_to_mean()
        elif chosen is not None:
            if content.get("how") != "data":
                self._drop_due()  # a mean that comes later must not take the place of what is chosen now
            if event != "cancel":
                self._edit(*chosen, content)

    def _chosen(self) -> tuple[str, list[int]] | None:
        subject = self._subject(self.selection)
        return None if subject is None else (subject[0], sorted({subject[1], *self.selection.group}))

    def _drop_due(self) -> None:
        if self._due is not None:
            self._due, self.view.due = None, False
            self.means.drop()
            self.links.ask()

    def _mean_there(self) -> None:
        self.view.due = self._due is not None

    def _put_to_mean(self) -> None:
        """Put the channels that wait to their mean over the data set, or have it computed first."""
        if self._due is None:
            return  # another view of this widget was first
        layer, group = self._due
        means = self.means.known(layer)
        if means is None:
            self.means.want(layer)
            self.links.ask()
            return
        self._due, self.view.due = None, False
        self._change(put(self.selection.edits, layer, group, "data", means))

    def _edit(self, layer: str, group: list[int], content: Content) -> None:
        event, edits = content.get("event"), self.selection.edits
        if event == "put" and content["how"] == "data":
            self._due = layer, group
            self._put_to_mean()
        elif event == "put":
            how = str(content["how"])
            value = (0.0, self._half_peak(layer, group)) if how == "clamp" else None
            self._change(put(edits, layer, group, how, value))
        elif event == "scale":
            factor = min(max(float(content["factor"]), LOWEST), HIGHEST)
            # a factor of 1 changes nothing, and would be an edit all the same
            how = "on" if factor == 1.0 else "scale"
            self._change(put(edits, layer, group, how, factor))
        elif event == "clamp":
            low, high = (content[end] for end in ("low", "high"))
            limits = -np.inf if low is None else float(low), np.inf if high is None else float(high)
            self._change(put(edits, layer, group, "clamp", limits))
        elif event == "only":
            self._change(all_but(edits, layer, group))

    def _change(self, edits: tuple[Edit, ...]) -> None:
        """Write the edits, and hold the card's channel: one that follows the strongest turns away as that goes off."""
        subject = self._subject(self.selection)
        self.selection.change(edits=edits, channel=None if subject is None else subject[1])

    def _half_peak(self, layer: str, group: list[int]) -> float:
        known, peaks = self._peaks
        half = float(np.abs(peaks[group]).max()) / 2 if known == layer and max(group) < len(peaks) else 0.0
        # two digits: it is where a slider begins, and 0 would leave it no room
        return float(f"{half:.2g}") or 1.0
