"""Desk of attacks: the smallest change that a person would not see and the network does, with its control."""

from __future__ import annotations

from typing import Any

import numpy as np
import traitlets
from PIL import Image

from nbviz.attribution import METHODS, Attribution
from nbviz.drawing.numbers import signed
from nbviz.drawing.overlay import gray, heat_rgba, overlay, png
from nbviz.edits import Attack
from nbviz.errors import NbvizError
from nbviz.model.edit import Edit
from nbviz.model.target import Target
from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import LOCK, Content, Panel
from nbviz.panels.base.strip import fail, ready
from nbviz.panels.whatif.desk import Desk
from nbviz.session.requests.base import ExplainRequest, Request, ScoresAnswer, ScoresRequest
from nbviz.session.requests.edits.attack import AttackAnswer, FindSmallest, MeasureAttack, Smallest
from nbviz.session.requests.edits.edited_request import with_edits
from nbviz.session.requests.on_show import explanation
from nbviz.session.selection import Selection

KINDS = {"fgsm": ("fgsm", 1), "pgd": ("pgd", 10), "pgd20": ("pgd", 20)}
TITLES = [["fgsm", "FGSM, one step"], ["pgd", "PGD, 10 steps"], ["pgd20", "PGD, 20 steps"]]
OFFERED = 8
"""Classes to lead into that are offered: the likeliest."""
LARGEST = 16.0
OPACITY = 0.55


class AttackFront(Front):
    """Widget of controls, four pictures and the measured figures.

    Sends ``{"event": …}``: set (kind, size, into), find, close.
    """

    scripts = ("desk",)

    kind = traitlets.Unicode("pgd").tag(sync=True)
    kinds: traitlets.List[Any] = traitlets.List(TITLES).tag(sync=True)
    size = traitlets.Float(0.0).tag(sync=True)
    """Grey levels of 255."""
    largest = traitlets.Float(LARGEST).tag(sync=True)
    into = traitlets.Int(-1).tag(sync=True)
    """The class it is led into; −1 for away."""
    classes: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[[index, words], …]"""
    pictures: traitlets.List[Any] = traitlets.List(traitlets.Bytes()).tag(sync=True)
    """PNGs: attacked, what was added, map before, map after; empty bytes for those still to come."""
    captions: traitlets.List[Any] = traitlets.List(traitlets.Unicode(), ["", "", "", ""]).tag(sync=True)
    notes: traitlets.List[Any] = traitlets.List(traitlets.Unicode(), ["", "", "", ""]).tag(sync=True)
    """Below each picture."""
    lines: traitlets.List[Any] = traitlets.List().tag(sync=True)
    smallest = traitlets.Unicode().tag(sync=True)
    """Result of the search for the smallest, in a sentence."""


class AttackDesk(Desk):
    """Desk that writes ``edits``: the last one is the attack it makes, if that is an :class:`Attack`."""

    slot = tool = "attack"
    reads = frozenset(("tool", "image", "target", "method", "options", "layer", "at", "edits", "original"))

    def __init__(self, links: Links) -> None:
        super().__init__(links)
        self.view = AttackFront()
        self.listen(self.view, self._act)
        self.search = SmallestAttack(links, self)
        self._made = Attack("pgd", 0.0)

    def parts(self) -> dict[str, Panel]:
        return {"smallest attack": self.search}

    def others(self) -> tuple[Edit, ...]:
        """Edits before the attack."""
        edits = self.selection.edits
        return edits[:-1] if edits and isinstance(edits[-1], Attack) else edits

    def made(self) -> Attack:
        """Attack that is on, or that the controls would make."""
        edits = self.selection.edits
        return edits[-1] if edits and isinstance(edits[-1], Attack) else self._made

    def explanation(self) -> ExplainRequest | None:
        """Request of the map on show for the class before the attack; None until that is known."""
        asked = explanation(self.selection, self.model, self.pictures)
        known = self.links.context.known(with_edits(ScoresRequest(asked.picture), self.others()))
        if not isinstance(known, ScoresAnswer):
            return None
        target = Target.ensure(self.selection.target, self.model)
        index = known.said.class_of(target) if target.predicted else None
        return asked if index is None else _of_class(asked, index)

    def request(self, selection: Selection) -> Request | None:
        asked = self.explanation()
        if asked is None:
            return with_edits(ScoresRequest(self.pictures[selection.image]), self.others())
        return MeasureAttack(self.others(), self.made(), asked)

    def sync(self, selection: Selection) -> None:
        attack = self.made()
        with LOCK, self.view.hold_sync():
            self.view.kind = "fgsm" if attack.method == "fgsm" else "pgd20" if attack.steps == 20 else "pgd"
            self.view.size = attack.size
            self._offer(selection, attack)
            if not self.search.wanted:
                self.view.smallest = ""

    def _offer(self, selection: Selection, made: Attack) -> None:
        known = self.links.context.known(with_edits(ScoresRequest(self.pictures[selection.image]), self.others()))
        into = -1 if made.into is None else Target.ensure(made.into, self.model).index
        if isinstance(known, ScoresAnswer):
            offered = [int(index) for index in known.order[1 : OFFERED + 1]]
            if into is not None and into >= 0 and into not in offered:
                offered.insert(0, into)
            self.view.classes = [[index, f"into {self.model.class_name(index)}"] for index in offered]
        self.view.into = -1 if into is None else into

    def show(self, answer: AttackAnswer | ScoresAnswer) -> None:
        if isinstance(answer, ScoresAnswer):  # now the class is known: ask for the attack
            self.sync(self.selection)
            self.links.ask()
            return
        with LOCK, self.view.hold_sync():
            ready(self.view)
            title = METHODS[self.selection.method].title
            factor = magnified(answer.added)
            label = answer.attacked.before[0][0] if answer.before is None else answer.before.facts["target"]
            self.view.pictures = [
                png(np.asarray(answer.attacked.picture)),
                png(np.clip(128 + factor * answer.added.astype(np.int32), 0, 255).astype(np.uint8)),
                drawn(answer.before, answer.attacked.original), drawn(answer.after, answer.attacked.picture),
            ]  # fmt: skip
            self.view.captions = [
                "attacked picture, as a file would hold it", f"what was added, × {factor}",
                f"{title} for {label}, before", f"{title} for {label}, after",
            ]  # fmt: skip
            likeness = answer.likeness
            same = "" if likeness is None else f"the same map, r {signed(likeness)}"
            self.view.notes = ["", f"at most {answer.attacked.largest:.0f} of 255 grey levels", "", same]
            self.view.lines = lines(answer)

    def wait(self, progress: str = "") -> None:
        self.view.state = "computing"

    def fail(self, error: BaseException) -> None:
        with self.view.hold_sync():
            self.view.lines, self.view.pictures = [], []
            fail(self.view, error)

    def _act(self, content: Content) -> None:
        event = content.get("event")
        if event == "set":
            self._set(content)
        elif event == "find":
            self.search.wanted = True
            self.links.ask()
        elif event == "close":
            self.close(content)

    def _set(self, content: Content) -> None:
        method, steps = KINDS.get(str(content.get("kind")), KINDS["pgd"])
        into, size = int(content.get("into", -1)), float(content.get("size", 0.0))
        # by name, so that the chip says it
        goal = None if into < 0 else self.model.class_name(into) if self.model.classes else into
        self._made, self.search.wanted = Attack(method, size, goal, steps=steps), False
        self.selection.edits = (*self.others(), self._made) if size else self.others()
        self.sync(self.selection)
        self.links.ask()


class SmallestAttack(Panel):
    """Panel that searches for the smallest attack that changes the prediction; draws into the desk."""

    slot = "smallest attack"
    edits = False

    def __init__(self, links: Links, desk: AttackDesk) -> None:
        super().__init__(links)
        self.desk, self.view, self.wanted = desk, desk.view, False

    def request(self, selection: Selection) -> Request | None:
        asked = self.desk.explanation() if self.wanted else None
        return None if asked is None else FindSmallest(self.desk.others(), self.desk.made(), asked)

    def show(self, answer: Smallest) -> None:
        name = self.desk.made().method.upper()
        if answer.size is not None:
            self.view.smallest = f"smallest {name} that flips, found: {answer.size:g} grey levels"
        elif answer.done < 1:
            self.view.smallest = f"{answer.tried[-1]:g} grey levels don't flip it; looking on"
        else:
            self.view.smallest = f"no {name} up to {LARGEST:g} grey levels flips it"

    def wait(self, progress: str = "") -> None:
        self.view.smallest = "looking for the smallest that flips"

    def fail(self, error: BaseException) -> None:
        self.view.smallest = str(error) if isinstance(error, NbvizError) else f"the search failed: {error}"


def lines(answer: AttackAnswer) -> list[list[Any]]:
    """Describe the attack, a line of runs each."""
    attacked = answer.attacked
    label, index, share = attacked.before[0][0], attacked.before[0][1], attacked.before[0][2]
    now, noisy = _share(attacked.after, index), _share(attacked.noise, index)
    first = [f"{label} {share:.2f} → {_share_words(now)}", "strong"]
    line: list[Any] = [first]
    if attacked.flipped:
        line += [", now ", [f"{attacked.after[0][0]} {attacked.after[0][2]:.2f}", "strong"]]
    line.append(f"; noise of the same size: {label} {_share_words(noisy)}.")
    lines_said: list[list[Any]] = [line]
    if attacked.unrounded[0][1] != attacked.after[0][1]:
        lines_said.append([f"Before rounding to whole grey levels it says {attacked.unrounded[0][0]}."])
    if answer.likeness is not None and attacked.flipped and answer.likeness > 0.7:
        lines_said.append(["The map is nearly the same: it does not tell that the answer changed."])
    return lines_said


def _share(said: list[tuple[str, int, float, float]], index: int) -> float | None:
    return next((share for _, other, share, _ in said if other == index), None)


def _share_words(share: float | None) -> str:
    return "below the first five" if share is None else f"{share:.2f}"


def magnified(added: np.ndarray) -> int:
    """Return the power of two that makes the largest change about half of the range."""
    most = int(np.abs(added).max(initial=0))
    return 1 if not most else max(1, 2 ** int(np.log2(96 / most)))


def drawn(made: Attribution | None, picture: Image.Image) -> bytes:
    """Return a PNG of a map over the picture in gray; empty where there is none yet."""
    if made is None:
        return b""
    backdrop = gray(np.asarray(picture))
    return png(overlay(backdrop, heat_rgba(made.heat().double().numpy(), None, made.signed), OPACITY))


def _of_class(asked: ExplainRequest, index: int) -> ExplainRequest:
    return ExplainRequest(asked.picture, Target(index=index), asked.method, asked.layer, asked.options)
