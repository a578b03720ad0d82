"""Demonstration that a map can lie while the answer stays: the map of another picture, by a change that no one sees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nbviz.attribution import METHODS
from nbviz.drawing.numbers import signed
from nbviz.drawing.overlay import png
from nbviz.edits import map_attack
from nbviz.edits.map_attack import MapAttacked
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import LOCK, Panel
from nbviz.panels.base.strip import fail
from nbviz.panels.whatif.attack_parts import AttackHost
from nbviz.panels.whatif.attack_words import ALIKE, drawn
from nbviz.panels.whatif.desk import part_ready
from nbviz.panels.whatif.map_over import heat_over
from nbviz.pictures.picture import name_words
from nbviz.session.requests.base import Request
from nbviz.session.requests.edits.map_attack import MeasureMapAttack
from nbviz.session.selection import Selection

SIZE, STEPS = 4.0, 40
MOVED = 0.1
"""Gain in correlation, over noise of the same size, from which a map is said to have moved."""


class AttackMap(Panel):
    """Panel that leads the map to that of another picture when asked to; its desk has the view."""

    slot = "map attack"
    edits = False

    def __init__(self, links: Links, desk: AttackHost) -> None:
        super().__init__(links)
        self.desk, self.view = desk, desk.view
        self.wanted: MeasureMapAttack | None = None
        """The attack that was asked for; another picture, or other edits before it, ask another question."""

    def ask(self, name: str) -> None:
        """Ask for the map of another picture. Raises KeyError for one that isn't there."""
        # maps that are no function of one gradient can't be led by gradient steps
        method = self.selection.method if self.selection.method in map_attack.METHODS else map_attack.METHODS[0]
        picture = self.pictures[self.selection.image]
        self.wanted = MeasureMapAttack(self.desk.others(), picture, self.pictures[name], method, SIZE, STEPS)

    def request(self, selection: Selection) -> Request | None:
        asked = self.wanted
        if asked is None or selection.tool != "attack" or selection.image not in self.pictures:
            return None
        same = asked.picture == self.pictures[selection.image] and asked.edits == self.desk.others()
        return asked if same else None

    def sync(self, selection: Selection) -> None:
        others = [[name, f"the map of {name_words(name)}"] for name in self.pictures if name != selection.image]
        with LOCK, self.view.hold_sync():
            self.view.set_trait("others", others)
            if self.request(selection) is None:
                self._put([], [], [])

    def show(self, answer: MapAttacked) -> None:
        assert self.wanted is not None
        title = METHODS[answer.method].title
        with LOCK, self.view.hold_sync():
            part_ready(self.view)
            pictures = [
                png(np.asarray(answer.picture)),
                drawn(answer.maps["before"], answer.original),
                drawn(answer.maps["after"], answer.picture),
                _goal_png(answer),
            ]
            captions = [
                "changed picture",
                f"{title}, before",
                f"{title}, after",
                f"wanted: the map of {name_words(self.wanted.like.name)}",
            ]
            self._put(pictures, captions, self._words(answer))

    def _words(self, answer: MapAttacked) -> list[Any]:
        assert self.wanted is not None
        alike, (name, _, share, _), (now, _, then, _) = answer.likeness, answer.before[0], answer.after[0]
        stays = "The answer stays" if answer.stays else "The answer changes too"
        changed = [f"{signed(alike['before'])} → {signed(alike['after'])}", "strong"]
        runs: list[Any] = [f"{stays}: {name} {share:.2f} → {now} {then:.2f}. {led(alike)} the map of "]
        runs += [[name_words(self.wanted.like.name), "em"], ": correlation r ", changed]
        runs.append(
            f", with noise of the same size {signed(alike['noisy'])}. With its own map before: {signed(alike['own'])}, "
            f"under that noise {signed(alike['own noisy'])}. Pixels moved by at most {answer.largest:.0f} of 255 grey "
            "levels."
        )
        return runs if answer.done == 1 else [*runs, f" So far: {100 * answer.done:.0f} % of the steps."]

    def _put(self, pictures: list[bytes], captions: list[str], words: list[Any]) -> None:
        self.view.set_trait("map_pictures", pictures)
        self.view.set_trait("map_captions", captions)
        self.view.set_trait("map_words", words)

    def wait(self, progress: str = "") -> None:
        self.view.set_trait(
            "map_words", ["looking for a change that moves the map alone; the first look takes a moment"]
        )

    def fail(self, error: BaseException) -> None:
        with self.view.hold_sync():
            self._put([], [], [])
            fail(self.view, error)


def led(alike: Mapping[str, float]) -> str:
    """Say how far the map was led, from its correlations with the wanted one."""
    # over what the maps had in common anyway, and over what noise alone does
    gained = alike["after"] - max(alike["before"], alike["noisy"])
    if alike["after"] > ALIKE and gained > MOVED:
        return "The map is now nearly"
    return "The map has moved towards" if gained > MOVED else "The map was hardly led towards"


def _goal_png(answer: MapAttacked) -> bytes:
    """Return a PNG of the wanted map over its own picture."""
    assert answer.like is not None
    made = answer.maps["before"]
    heat = answer.wanted.double().cpu().numpy()
    return png(heat_over(heat, np.asarray(answer.like), False, made.interpolated, enlarged=True))
