"""The map on show as a file of its own: with colour bar, facts and trust line, as numbers, or as boxes and masks."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from nbviz.attribution.figure import Figure
from nbviz.attribution.words import Run
from nbviz.errors import NbvizError
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import Content, Panel
from nbviz.panels.explanation.saliency_canvas import SaliencyCanvas
from nbviz.panels.explanation.trust_line import TrustPanel
from nbviz.panels.scenes.explanation import Scene
from nbviz.panels.scenes.file_names import file_words
from nbviz.session.requests.base import ChannelAnswer, ExplainAnswer
from nbviz.session.selection import Selection

KINDS = (
    ("png", "as PNG", "The map over the picture, with its colour bar, its facts and what the tests said."),
    ("svg", "as SVG", "The same for print: text stays text."),
    ("pdf", "as PDF", "The same as a page."),
    ("npy", "as numbers (.npy)", "The map's own values, float32 rows × columns: numpy.load opens it."),
    (
        "json",
        "as boxes and masks (COCO)",
        "Where the map counts at least half as much as at its strongest place, as a COCO data set.",
    ),
)
NO_BOXES = "Boxes and masks are those of an explanation; this is a channel's map."


class MapFile(Panel):
    """Panel behind *Save* of the explanation; it has no view of its own."""

    slot, reads = "map_file", frozenset(("canvas",))

    def __init__(self, links: Links, canvas: SaliencyCanvas, trust: TrustPanel) -> None:
        super().__init__(links)
        self.canvas, self.trust, self.view = canvas, trust, canvas.bar
        self.listen(canvas.bar, self._act)

    def sync(self, selection: Selection) -> None:
        whole = selection.canvas == "explanation"
        self.view.files = [
            [kind, words, sentence, True] if whole or kind != "json" else [kind, words, NO_BOXES, False]
            for kind, words, sentence in KINDS
        ]

    def _act(self, content: Content) -> None:
        if content.get("event") != "save":
            return
        kind, chosen = str(content.get("kind")), self.selection
        what = f"channel-{chosen.layer}" if chosen.canvas == "channel" else chosen.method
        name = file_words("-".join(["nbviz", str(self.model.name), chosen.image, what]))
        self.view.send({"event": "saved", "name": f"{name}.{kind}"}, [self.encoded(kind)])

    def encoded(self, kind: str) -> bytes:
        """Return the file of a kind, one of :data:`KINDS`. NbvizError while there is no map."""
        answer, scene = self.canvas.answer, self.canvas.scene
        if isinstance(answer, ExplainAnswer):
            made = replace(answer.attribution, picture=answer.seen)
            if kind == "json":
                return json.dumps(made.coco(largest=False, file_name=self.selection.image)).encode()
            # as they stand: a file does not wait for tests that still judge
            trust = [(name, state) for name, state, _ in self.trust.view.dots]
            sentences = list(self.trust.view.sentences)
            return made.encoded(f".{kind}", opacity=self.canvas.foot.opacity, trust=trust, sentences=sentences)
        if isinstance(answer, ChannelAnswer) and scene is not None and scene.values is not None:
            return self._channel(kind, answer, scene)
        raise NbvizError("There is no map to save yet.")

    def _channel(self, kind: str, answer: ChannelAnswer, scene: Scene) -> bytes:
        maps = answer.channels.maps
        if kind == "json":
            raise NbvizError(NO_BOXES)
        heading: list[Run] = [(scene.title, "strong"), f" of {answer.channels.layer}"]
        values = np.asarray(maps.values[answer.channel], np.float32)
        drawn = Figure(values, maps.signed, False, heading, scene.lines, answer.seen, self.canvas.foot.opacity)
        return drawn.encoded(f".{kind}")
