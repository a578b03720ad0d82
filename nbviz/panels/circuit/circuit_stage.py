"""Stage *Circuit*: a walk from the class back through the network, each step measured by switching channels off."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from nbviz.circuits import block_before
from nbviz.drawing.mosaic import mosaic
from nbviz.drawing.numbers import three_digits
from nbviz.drawing.overlay import heat_rgba, png, scale, table
from nbviz.errors import NbvizError
from nbviz.model.layers import Layer, grid_layers
from nbviz.model.target import Target
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import LOCK, Content, Panel
from nbviz.panels.base.stage import Stage, register
from nbviz.panels.base.strip import fail, ready
from nbviz.panels.circuit.circuit_front import CircuitFront
from nbviz.panels.circuit.circuit_words import checked, code, node_lines, rows
from nbviz.panels.circuit.made_tiles import MadeTiles, Named
from nbviz.panels.circuit.walk import KeptPath, Path, Walk, Walked, overview
from nbviz.panels.snapshot.parts import StagePart, StillParts
from nbviz.passes.feature_maps import FeatureMaps
from nbviz.pictures.picture import name_words
from nbviz.session.code import Script
from nbviz.session.requests.base import Request
from nbviz.session.requests.edits.circuit import HEADS, CircuitAnswer, WalkStep
from nbviz.session.selection import Selection
from nbviz.session.state import class_data

ATTENTION = "attention"
"""Stage in which a head can be looked at."""
TILE = 36
"""Pixels of a row's pictures on screen."""


@register
class CircuitStage(Stage):
    """Stage that walks; the path is its own, and begins again with another class or picture."""

    slot, title, order = "circuit", "Circuit", 15
    sentence = "What drives the score, and what drives that: channels switched off, one block back a step"
    reads = asks = frozenset(("image", "target", "pinned_place"))

    def __init__(self, links: Links) -> None:
        super().__init__(links)
        self.view = CircuitFront()
        self.listen(self.view, self._act)
        self.walk = Walk()
        self.kept: list[KeptPath] = []
        self._source, self._first = "", False
        self._of: tuple[str, Any] = "", None
        self._pinned: tuple[float, float] | None = None
        self._answer: CircuitAnswer | None = None
        make = partial(MadeTiles, links, front=self.view)
        self.pictures_made = [
            make("circuit pictures", trait="made", side=2 * TILE, channels=self._top),
            make("circuit node picture", trait="node_made", side=4 * TILE, channels=self._node),
        ]

    def parts(self) -> dict[str, Panel]:
        return {panel.slot: panel for panel in self.pictures_made}

    def _top(self) -> Named | None:
        step = None if self._answer is None else self._answer.step
        return None if step is None or step.kind != "channel" else (step.source, step.top)

    def _node(self) -> Named | None:
        at = self.path[-1]
        return (at.layer, (at.channel,)) if at.layer else None

    @property
    def path(self) -> Path:
        """From the class to the node on show."""
        return self.walk.path

    @property
    def answer(self) -> CircuitAnswer | None:
        """Step on show."""
        return self._answer

    def request(self, selection: Selection) -> Request:
        target, at = Target.ensure(selection.target, self.model), self.path[-1]
        return WalkStep(self.pictures[selection.image], target, at.layer, at.channel, self._source, at.place)

    def sync(self, selection: Selection) -> None:
        of = selection.image, selection.target
        if of != self._of:  # another walk
            self._of, self.walk, self._source = of, Walk(), ""
        # only when it changes: a path that is opened again brings the places along that were pinned for it
        if selection.pinned_place != self._pinned:
            self._pinned = selection.pinned_place
            at = self.path[-1].layer
            if at and self.model.layer(at).places:
                self.walk.pin(self._pinned)

    def show(self, answer: CircuitAnswer) -> None:
        self._answer = answer
        with LOCK, self.view.hold_sync():
            ready(self.view)
            self.view.path = [self._crumb(at, answer.index) for at in self.path]
            self.view.overview = overview(self.walk, answer.step, lambda at: self._crumb(at, answer.index)[0])
            self._show_kept()
            self.view.here = (
                b"" if answer.here is None else png(scale(answer.here, answer.signed), table(answer.signed))
            )
            self.view.spot = spot(answer)
            self.view.node = node_lines(answer, self.model.class_name, self.path[-1].place is not None)
            self.view.source, self.view.sources = answer.source, self._sources(answer)
            self._draw(answer)
            self.view.code = self._shown_code()
            self.view.state = "partial" if answer.done < 1 else "ready"
        # the pictures of its channels can be asked for now, by panels that know them from this answer
        if answer.done == 1:
            self.links.ask()

    def _draw(self, answer: CircuitAnswer) -> None:
        taken, view = answer.step, self.view
        view.first = self._first and (taken is None or taken.kind == "channel")
        if taken is None:
            view.rows, view.rest, view.maps = [], [], b""
            end = "" if answer.source else "No block comes before it: choose an earlier layer, or end here."
            end = end if view.sources else "No layer comes before it: the walk ends here."
            view.checked = [end] if answer.done == 1 else []
            return
        view.kind = taken.kind
        values = taken.first_order if view.first else taken.effects
        view.rows, view.rest = rows(taken, values)
        view.checked = checked(taken)
        view.maps = b""
        if answer.sources is not None and answer.sources.places:
            chosen = answer.sources.values[list(taken.top)]
            # each on its own scale: what a channel sees, not how much of it, is beside its bar
            view.maps = mosaic(chosen, 1, gap=0, signed=answer.sources.signed).data
        elif answer.looks is not None:
            view.maps = mosaic(answer.looks.maps[list(taken.top)], 1, gap=0, signed=False).data

    def code(self, script: Script) -> str:
        answer = self._answer
        if answer is None:
            return ""
        script.imports.add("import nbviz.circuits")
        network = script.network(self.with_edits(self.request(self.selection)))
        picture = script.value(self.pictures[self.selection.image])
        return code(self.path, answer, class_data(answer.index, self.model), picture, network)

    def _shown_code(self) -> str:
        """Return the code with the names that a person knows the picture by; why there is none, as a comment."""
        names = {id(picture): f"pictures[{name!r}]" for name, picture in self.pictures.items()}
        script = Script(self.model, {**names, id(self.pictures[self.selection.image]): "picture"})
        try:
            text = self.code(script)
        except NbvizError as error:  # an edit by a function of one's own
            return f"# {error}"
        imports = sorted(script.imports - {"import nbviz", "import nbviz.circuits"})
        return "\n".join((*imports, text))

    def wait(self, progress: str = "") -> None:
        self.view.state, self.view.message = "computing", progress

    def fail(self, error: BaseException) -> None:
        self._answer = None
        with self.view.hold_sync():
            self.view.rows, self.view.rest, self.view.checked, self.view.node = [], [], [], []
            self.view.maps, self.view.made, self.view.here, self.view.overview = b"", b"", b"", {}
            self.view.spot, self.view.sources, self.view.code = [], [], ""
            fail(self.view, error)

    def still(self) -> StillParts:
        answer = self._answer
        if answer is None or answer.step is None or answer.sources is None or not answer.sources.places:
            return {}
        shown = [" · ".join(f"channel {row[0]} {row[1]}" for row in self.view.rows)]
        words = answer.node.words(self.model)
        return {
            "stage": StagePart(
                self.title, [words], tiles(answer.sources, answer.step.top), [*self.view.node, self.view.checked, shown]
            )
        }

    def _crumb(self, at: Walked, index: int) -> list[str]:
        words = f"{at.layer} · {at.channel}" if at.layer else f"score of {self.model.class_name(index)}"
        words += "" if at.place is None else ", pinned"
        return [words, "" if at.effect is None else three_digits(at.effect, plus=True)]

    def _sources(self, answer: CircuitAnswer) -> list[list[str]]:
        # only what comes before the node can drive it
        later = None if answer.node.is_score else self.model.layer(answer.node.layer).order
        layers = [layer for layer in grid_layers(self.model.layers()) if _before(layer, later)]
        names = [layer.name for layer in sorted(layers, key=lambda layer: layer.order or 0)]
        earlier = block_before(self.model, answer.node.layer)
        known = [[name, f"{name} · one block earlier" if name == earlier else name] for name in names]
        known = known if answer.source or not known else [["", "choose an earlier layer"], *known]
        heads = [(name, count) for name, count in answer.heads if later is None or (self._order(name) < later)]
        return known + [[HEADS + name, f"{name} · its {count} heads"] for name, count in heads]

    def _order(self, name: str) -> int:
        return self.model.layer(name).order or 0

    def _act(self, content: Content) -> None:
        event = content.get("event")
        if event in ("go", "visit", "into"):
            self._go(event, content)
        elif event == "source":
            self._source = str(content["layer"])
        elif event == "order":
            self._first = bool(content["first"])
            if self._answer is not None:
                with self.view.hold_sync():
                    self._draw(self._answer)
            return
        elif event == "look":
            self._look(int(content["head"]))
            return
        elif event == "make":
            for panel in self.pictures_made:
                panel.wanted = True
        elif event in ("keep", "open", "drop"):
            self._keep(event, content)
        else:
            return
        self.links.ask()

    def _go(self, event: str, content: Content) -> None:
        walk, step = self.walk, None if self._answer is None else self._answer.step
        if event == "into" and step is not None and step.kind == "channel":
            walk.into(step, int(content["channel"]), self._pinned if self.model.layer(step.source).places else None)
        elif event == "go":
            walk.go(self.path[: max(int(content["place"]), 0) + 1])
        elif event == "visit" and 0 <= int(content["node"]) < len(walk.visited):
            walk.go(walk.visited[int(content["node"])])
        self._source = ""

    def _look(self, head: int) -> None:
        """Show a head large in the stage of attention, from the same place."""
        answer = self._answer
        if answer is None or answer.looks is None or ATTENTION not in self.selection.stages:
            return
        at, place = spot(answer), self.path[-1].place
        if at and place is None:  # the middle of the patch
            place = at[1] + at[3] / 2, at[0] + at[2] / 2
        place = place or self.selection.pinned_place
        self.selection.change(stage=ATTENTION, head=(answer.looks.number, head), pinned_place=place)

    def _keep(self, event: str, content: Content) -> None:
        image, target = self.selection.image, self.selection.target
        if event == "keep" and self._answer is not None:
            words = " ‹ ".join(self._crumb(at, self._answer.index)[0] for at in self.path)
            one = KeptPath(image, target, self.path, f"{name_words(image)}: {words}")
            self.kept += [one] if one not in self.kept else []
        elif event == "drop":
            del self.kept[int(content["place"])]
        elif event == "open":
            one = self.kept[int(content["place"])]
            if one.image not in self.pictures:
                raise NbvizError(f"The picture '{one.image}' of this path is gone.")
            # the walk first: sync, which the change calls, would else begin an empty one
            if (one.image, one.target) != self._of:
                self._of, self.walk = (one.image, one.target), Walk()
                self.selection.change(image=one.image, target=one.target)
            self._source = ""
            self.walk.go(one.path)
        self._show_kept()

    def _show_kept(self) -> None:
        now = self.selection.image, self.selection.target, self.path
        self.view.kept = [[one.words, (one.image, one.target, one.path) == now] for one in self.kept]


def spot(answer: CircuitAnswer) -> list[float]:
    """Return where the node's place lies on its map: left, top, width, height, 0…1; empty for none."""
    if answer.here is None or answer.node.place is None:
        return []
    (row, column), (height, width) = answer.node.place, answer.here.shape
    return [column / width, row / height, 1 / width, 1 / height]


def _before(layer: Layer, later: int | None) -> bool:
    return bool(layer.channels) and not layer.is_call and (later is None or (layer.order or 0) < later)


def tiles(maps: FeatureMaps, channels: Sequence[int]) -> np.ndarray:
    """Return maps of channels side by side, uint8 (h, channels × w, 3)."""
    return np.concatenate([heat_rgba(maps.values[channel], None, maps.signed)[..., :3] for channel in channels], axis=1)
