"""Methods that this network can't have, greyed in the menu with the reason."""

from __future__ import annotations

from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import LOCK, Panel
from nbviz.panels.explanation.saliency_canvas import SaliencyCanvas
from nbviz.session.requests.base import Request
from nbviz.session.requests.refusals import AskRefusals, RefusalsAnswer
from nbviz.session.selection import Selection


class MethodMarks(Panel):
    """Panel that asks in the background, once a network, and draws into the menu of methods."""

    slot, background = "methods", True
    reads: frozenset[str] = frozenset()

    def __init__(self, links: Links, canvas: SaliencyCanvas) -> None:
        super().__init__(links)
        self.view = canvas.bar

    def request(self, selection: Selection) -> Request | None:
        # any picture tells: what is greyed is refused for the network, not for a picture
        first = next(iter(self.pictures.values()), None)
        return None if first is None else AskRefusals(first)

    def show(self, answer: RefusalsAnswer) -> None:
        if answer.done >= 1:
            with LOCK:
                self.view.refused = dict(answer.reasons)

    def wait(self, progress: str = "") -> None:
        with LOCK:
            self.view.refused = {}

    def fail(self, error: BaseException) -> None:
        self.wait()  # the canvas says what a method can't be had for when it is chosen
