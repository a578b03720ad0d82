"""Desk of attacks: the smallest change that a person would not see and the network does, with its control."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import traitlets

from nbviz.attribution import METHODS
from nbviz.edits import Attack, Attacked
from nbviz.model.edit import Edit
from nbviz.model.target import Target
from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import LOCK, Content, Panel
from nbviz.panels.base.strip import fail, ready
from nbviz.panels.whatif.attack_map import AttackMap
from nbviz.panels.whatif.attack_parts import AttackBeside, SmallestAttack
from nbviz.panels.whatif.attack_words import cells, lines
from nbviz.panels.whatif.desk import MAP_READS, Desk
from nbviz.session.requests.base import ExplainRequest, Request, ScoresAnswer, ScoresRequest
from nbviz.session.requests.edits.attack import AttackAnswer, MeasureAttack, unit_of
from nbviz.session.requests.edits.edited_request import with_edits
from nbviz.session.requests.on_show import explanation
from nbviz.session.selection import Selection
from nbviz.session.state import class_data

KINDS = {"fgsm": ("fgsm", 1), "pgd": ("pgd", 10), "pgd20": ("pgd", 20), "noise": ("noise", 1)}
TITLES = [
    ["fgsm", "FGSM, one step"],
    ["pgd", "PGD, 10 steps"],
    ["pgd20", "PGD, 20 steps"],
    ["noise", "noise, the control"],
]
OFFERED = 8
"""Classes to lead into that are offered: the likeliest."""
LARGEST = 16.0


class AttackFront(Front):
    """Widget of controls, four pictures and the measured figures.

    Sends ``{"event": …}``: set (kind, norm, start, size, into), find, map (like), close.
    """

    scripts = ("desk", "attack_map")

    kind = traitlets.Unicode("pgd").tag(sync=True)
    kinds: traitlets.List[Any] = traitlets.List(TITLES).tag(sync=True)
    size = traitlets.Float(0.0).tag(sync=True)
    """Grey levels of 255."""
    largest = traitlets.Float(LARGEST).tag(sync=True)
    norm = traitlets.Enum(["linf", "l2"], "linf").tag(sync=True)
    start = traitlets.Bool(False).tag(sync=True)
    """True if PGD begins at a random place."""
    unit = traitlets.Unicode().tag(sync=True)
    """What the size counts, after the figure."""
    into = traitlets.Int(-1).tag(sync=True)
    """The class it is led into; −1 for away."""
    classes: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[[index, words], …]"""
    pictures: traitlets.List[Any] = traitlets.List(traitlets.Bytes()).tag(sync=True)
    """PNGs: attacked, what was added, the maps before, after, with noise, for the new class; empty for some."""
    captions: traitlets.List[Any] = traitlets.List(traitlets.Unicode()).tag(sync=True)
    notes: traitlets.List[Any] = traitlets.List(traitlets.Unicode()).tag(sync=True)
    """Below each picture."""
    lines: traitlets.List[Any] = traitlets.List().tag(sync=True)
    smallest = traitlets.Unicode().tag(sync=True)
    """Result of the search for the smallest, in a sentence."""
    others: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[[name, words], …]: pictures whose map can be wanted."""
    map_pictures: traitlets.List[Any] = traitlets.List(traitlets.Bytes()).tag(sync=True)
    """PNGs of the attack on the map: picture, map before, map after, the wanted one over its picture."""
    map_captions: traitlets.List[Any] = traitlets.List(traitlets.Unicode()).tag(sync=True)
    map_words: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """Runs: whether the answer stays, and whose map it is now."""
    beside: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """Lines of runs: what the networks beside this one say of the same picture."""


class AttackDesk(Desk):
    """Desk that writes ``edits``: the last one is the attack it makes, if that is an :class:`Attack`."""

    slot = tool = "attack"
    reads = MAP_READS | {"pins"}

    def __init__(self, links: Links) -> None:
        super().__init__(links)
        self.view = AttackFront()
        self.listen(self.view, self._act)
        self.search = SmallestAttack(links, self)
        self.lie = AttackMap(links, self)
        self._made = Attack("pgd", 0.0)
        self.attacked: Attacked | None = None
        """The attack on show."""
        self._shown: AttackAnswer | None = None
        """The answer on show."""
        self._held = False
        """True if the original is on show."""
        self._beside: dict[str, AttackBeside] = {}
        """Network beside this one → what it says of the attack."""

    def parts(self) -> dict[str, Panel]:
        others = {name: AttackBeside(self.links, self, name) for name in self.selection.networks}
        # those that are there stay: they hold what their network said of this attack
        self._beside = {name: self._beside.get(name, made) for name, made in others.items()}
        own = {"smallest attack": self.search, "map attack": self.lie}
        return {**own, **{f"attack on {name}": made for name, made in self._beside.items()}}

    def say_beside(self) -> None:
        """Show what the networks beside this one say."""
        known = self.selection.networks
        self.view.beside = [runs for name, part in self._beside.items() if name in known and (runs := part.runs)]

    def others(self) -> tuple[Edit, ...]:
        """Edits before the attack."""
        edits = self.selection.edits
        return edits[:-1] if edits and isinstance(edits[-1], Attack) else edits

    def edit(self) -> Attack:
        """Attack that is on; where none is, as after an undo, the one of the controls at size 0."""
        edits = self.selection.edits
        return edits[-1] if edits and isinstance(edits[-1], Attack) else replace(self._made, size=0.0)

    def explanation(self) -> ExplainRequest | None:
        """Request of the map on show for the class before the attack; None until that is known."""
        asked = explanation(self.selection, self.model, self.pictures)
        known = self.links.context.known(with_edits(ScoresRequest(asked.picture), self.others()))
        if not isinstance(known, ScoresAnswer):
            return None
        target = Target.ensure(self.selection.target, self.model)
        # "the predicted class" is another one after an attack that works: the maps must be of one class
        index = known.prediction.class_of(target) if target.predicted else None
        return asked if index is None else _of_class(asked, index)

    def request(self, selection: Selection) -> Request | None:
        asked = self.explanation()
        if asked is None:
            return with_edits(ScoresRequest(self.pictures[selection.image]), self.others())
        return MeasureAttack(self.others(), self.edit(), asked)

    def sync(self, selection: Selection) -> None:
        attack = self.edit()
        with LOCK, self.view.hold_sync():
            self.view.kind = "pgd20" if attack.method == "pgd" and attack.steps == 20 else attack.method
            self.view.norm, self.view.start = attack.norm, attack.random_start
            unit = self._unit(attack.norm)
            self.view.largest, self.view.size = LARGEST * unit, attack.size
            self.view.unit = "of 255 grey levels" if unit == 1 else "grey levels, root of squares over the picture"
            self._offer(selection, attack)
            self.say_beside()  # a network may have been unpinned
            self.lie.sync(selection)
            if not self.search.wanted:
                self.view.smallest = ""
            if self._shown is not None and selection.original != self._held:
                self._show_cells(self._shown)

    def _unit(self, norm: str) -> float:
        x = self.model.input(self.pictures[self.selection.image])
        return unit_of(norm, x.numel())

    def _offer(self, selection: Selection, made: Attack) -> None:
        known = self.links.context.known(with_edits(ScoresRequest(self.pictures[selection.image]), self.others()))
        into = -1 if made.into is None else Target.ensure(made.into, self.model).index
        if isinstance(known, ScoresAnswer):
            # without the first: it is that class already
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
            # maps come one by one for the same attack: the other networks are asked once
            fresh = answer.attacked is not self.attacked
            self.attacked = answer.attacked
            self._show_cells(answer)
            self.view.lines = lines(answer)
            self.say_beside()
        if fresh and self._beside:  # they are asked about the picture that is there now
            self.links.ask()

    def _show_cells(self, answer: AttackAnswer) -> None:
        """Show the grid, while the original is held with that in the attacked one's place."""
        self._shown, self._held = answer, self.selection.original
        shown = cells(answer, METHODS[self.selection.method].title, self._held)
        self.view.pictures, self.view.captions, self.view.notes = shown

    def wait(self, progress: str = "") -> None:
        self.view.state = "computing"

    def fail(self, error: BaseException) -> None:
        with self.view.hold_sync():
            self.view.lines, self.view.pictures, self._shown = [], [], None
            fail(self.view, error)

    def _act(self, content: Content) -> None:
        event = content.get("event")
        if event == "set":
            self._set(content)
        elif event == "find":
            self.search.wanted = True
            self.links.ask()
        elif event == "map":
            self.lie.ask(str(content["like"]))
            self.links.ask()
        elif event == "close":
            self.close(content)

    def _set(self, content: Content) -> None:
        method, steps = KINDS.get(str(content.get("kind")), KINDS["pgd"])
        into, size = int(content.get("into", -1)), float(content.get("size", 0.0))
        # by name, so that the chip says it, where it is the name of this class alone
        goal = None if into < 0 or method == "noise" else class_data(into, self.model)
        norm, start = str(content.get("norm", "linf")), bool(content.get("start"))
        if norm != self.edit().norm:  # the same for each value of the picture, in the other unit
            size = round(size / self._unit(self.edit().norm) * self._unit(norm), 2)
        size = min(size, LARGEST * self._unit(norm))  # a slider may still stand where the other unit's did
        self._made = Attack(method, size, goal, norm, steps, start and method == "pgd")
        self.search.wanted = False
        self.selection.edits = (*self.others(), self._made) if size else self.others()
        self.sync(self.selection)
        self.links.ask()


def _of_class(asked: ExplainRequest, index: int) -> ExplainRequest:
    return ExplainRequest(asked.picture, Target(index=index), asked.method, asked.layer, asked.options)
