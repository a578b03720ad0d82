"""Layer tree: every module of the network, and where the class's evidence lies in each.

Rows are made once a model; a change of picture or class sends one strip of miniatures and their captions,
nothing else. What is unfolded belongs to the view, not to Python.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import traitlets

from nbviz.drawing.overlay import Miniature, sprite
from nbviz.edits import Channels
from nbviz.model.layers import Layer
from nbviz.model.target import Target
from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import Content, Panel
from nbviz.panels.base.strip import fail, ready
from nbviz.panels.snapshot.parts import LayerRow, LayersPart, StillParts
from nbviz.passes.evidence import EvidenceMaps
from nbviz.session.requests.base import EvidenceRequest, Request
from nbviz.session.requests.health import HealthAnswer
from nbviz.session.selection import Selection


class LayerTree(Front):
    """Widget of an accessible tree with a filter; sends ``{"event": "choose", "layer": name}``."""

    scripts = ("tree_rows",)

    rows = traitlets.List(traitlets.Dict()).tag(sync=True)
    """Preorder; each with name, text, kind, shape, depth, kids, called, tip."""
    selected = traitlets.Unicode().tag(sync=True)
    target = traitlets.Unicode().tag(sync=True)
    """The class as text."""
    sprite = traitlets.Bytes().tag(sync=True)
    """PNG strip, a 22-pixel square a row of ``rows``."""
    captions = traitlets.List(traitlets.Unicode()).tag(sync=True)
    """Description of each miniature."""
    edited = traitlets.List(traitlets.Unicode()).tag(sync=True)
    """Layers whose channels are edited."""
    ill = traitlets.Dict().tag(sync=True)
    """Layer → what was found of its channels or of those inside it, as text; none for healthy ones."""


class LayersPanel(Panel):
    """Panel that chooses ``selection.layer``; its miniatures follow picture and class."""

    slot = "layers"
    reads = frozenset(("image", "target", "layer", "edits", "original"))
    asks = frozenset(("image", "target"))

    def __init__(self, links: Links) -> None:
        super().__init__(links)
        self.strip: list[Miniature] = []
        """The miniature of each row on show."""
        self.view = LayerTree()
        self.listen(self.view, self._act)
        self._list(self.model.layers())

    def _list(self, root: Layer) -> None:
        self._root, self._layers = root, list(_shown(root))
        # weak: a class's drawing goes with its answer when the cache drops that
        self._drawn: WeakKeyDictionary[EvidenceMaps, Drawn] = WeakKeyDictionary()
        self.view.rows = rows(root)

    def request(self, selection: Selection) -> Request | None:
        target = Target.ensure(selection.target, self.model)
        return EvidenceRequest(self.pictures[selection.image], target)

    def sync(self, selection: Selection) -> None:
        self.view.selected = selection.layer
        edits = () if selection.original else selection.edits
        self.view.edited = sorted({edit.layer for edit in edits if isinstance(edit, Channels)})

    def show(self, answer: EvidenceMaps) -> None:
        # a picture of another size, or a layer that was replaced, gives other rows
        root = self.model.trace(self.model.input(self.pictures[self.selection.image])).root
        if root is not self._root:
            self._list(root)
        # a class seen before is painted from what was drawn then, as long as its answer is kept
        if answer not in self._drawn:
            self._drawn[answer] = draw(self._layers, answer)
        with self.view.hold_sync():
            self.strip, self.view.sprite, self.view.captions = self._drawn[answer]
            self.view.target = answer.target
            ready(self.view)

    def judge(self, found: HealthAnswer | None) -> None:
        """Mark the layers whose channels do nothing of their own, and those around them."""
        layers = found.findings if found is not None else {}
        marks = {name: f"health: {found.words(name)}" for name, ill in layers.items() if found is not None and ill}
        # around it, too: in a folded tree the finding would be out of sight
        for name in [name for name, ill in layers.items() if ill]:
            while "." in name:
                name = name.rpartition(".")[0]
                marks.setdefault(name, "health: findings in layers inside")
        self.view.ill = marks

    def wait(self, progress: str = "") -> None:
        self.view.state, self.view.message = "computing", progress

    def fail(self, error: BaseException) -> None:
        self.strip = []
        fail(self.view, error)

    def still(self) -> StillParts:
        if not self.strip:
            return {}
        chosen = self.selection.layer
        drawn = [
            LayerRow(
                row["text"], row["kind"], row["shape"], row["depth"], row["kids"], row["name"] == chosen, miniature
            )
            for row, miniature in zip(self.view.rows, self.strip, strict=True)
        ]
        return {"layers": LayersPart(drawn, self.view.target)}

    def _act(self, content: Content) -> None:
        if content.get("event") == "choose":
            self.selection.layer = content["layer"]


def _shown(root: Layer) -> Iterator[Layer]:
    """Return the layers that have a row; the network itself only where it is its own only layer."""
    # without the root: its row would say of the whole what the last layer's says
    below = [layer for child in root.children for layer in child.walk()]
    return iter(below or [root])


def rows(root: Layer) -> list[dict[str, Any]]:
    """Return the tree as plain data, parents before their children."""
    if not root.children:
        return [_row(root, "", 0)]
    return list(_below(root, 0))


def _below(parent: Layer, depth: int) -> Iterator[dict[str, Any]]:
    for child in parent.children:
        yield _row(child, parent.name, depth)
        yield from _below(child, depth + 1)


def _row(layer: Layer, parent: str, depth: int) -> dict[str, Any]:
    # a network that is its own only layer has no name
    text = short_name(layer.name, parent) or layer.kind
    return {
        "name": layer.name,
        "text": text,
        "kind": "" if kind(layer) == text else kind(layer),
        "shape": "×".join(map(str, layer.shape or ())),
        "depth": depth,
        "kids": len(layer.children),
        "called": layer.shape is not None,
        "tip": tip(layer),
    }


def short_name(name: str, parent: str) -> str:
    """Return the part of a layer's name that its parent does not say; a call of a shared module is "call 2"."""
    rest = name[len(parent) :].lstrip(".") if name.startswith(parent) else name
    return f"call {rest[1:]}" if rest.startswith("#") else rest


def kind(layer: Layer) -> str:
    """Return the gray word beside a name: its label, or how many blocks a plain container holds."""
    blocks = sum(1 for child in layer.children if child.children)
    if layer.label or blocks < 2 or blocks < len(layer.children):
        return layer.label
    return f"{blocks} blocks"


def tip(layer: Layer) -> str:
    """Describe a layer in full: name, kind, shape, parameters, calls."""
    shape = " × ".join(map(str, layer.shape or ()))
    first = " · ".join(part for part in (layer.name, layer.kind, shape) if part)
    return f"{first}\n{_count(layer.parameters, 'parameter')} · {_calls(layer.calls)}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}" if number else f"no {noun}s"


def _calls(calls: int) -> str:
    words = {0: "not called: it has no output", 1: "called once", 2: "called twice"}
    return words.get(calls, f"called {calls} times")


Drawn = tuple[list[Miniature], bytes, list[str]]


def draw(layers: Sequence[Layer], found: EvidenceMaps) -> Drawn:
    """Draw the rows' miniatures, as arrays and as one PNG strip, with their captions."""
    strip = [miniature(layer, found) for layer in layers]
    pairs = zip(layers, strip, strict=True)
    return strip, sprite(strip), [caption(layer, drawn, found.target) for layer, drawn in pairs]


def miniature(layer: Layer, found: EvidenceMaps) -> Miniature:
    """Return the end of a layer's row: a map, nothing, or the hatching of a layer without places."""
    if layer.shape is None:
        return None
    values = found.maps.get(layer.name)
    return "no places" if values is None and layer.places is None else values


def caption(layer: Layer, drawn: Miniature, target: str) -> str:
    """Describe a miniature."""
    if isinstance(drawn, str):
        return "hatched: this layer has no places, only one number per channel"
    if layer.shape is None:
        return ""
    if drawn is not None and not np.isfinite(drawn).all():
        return "gray: the evidence here is not finite"
    if drawn is None or not np.max(drawn, initial=0) > 0:
        return f"blank: no evidence for {target} here"
    return f"evidence for {target}: most {where(drawn)}"


def where(values: np.ndarray) -> str:
    """Describe the place of a map's (h, w) peak: "at the upper left", "in the middle"."""
    row, column = np.unravel_index(int(values.argmax()), values.shape)
    vertical = ("upper", "", "lower")[int(3 * (row + 0.5) / values.shape[0])]
    across = ("left", "", "right")[int(3 * (column + 0.5) / values.shape[1])]
    if not vertical and not across:
        return "in the middle"
    edge = {"upper": "top", "lower": "bottom"}.get(vertical, vertical)
    return "at the " + (f"{vertical} {across}" if vertical and across else edge or across)
