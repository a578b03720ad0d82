"""Means over the index's data set, for the switch below the card: asked for by its button."""

from __future__ import annotations

from collections.abc import Callable

from nbviz.dataset import ChannelMeans
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import Panel
from nbviz.panels.base.strip import ready
from nbviz.panels.switch.switch_front import SwitchFront
from nbviz.session.requests.base import Request
from nbviz.session.requests.edits.means import MeanOverPictures
from nbviz.session.selection import Selection


class DataMeans(Panel):
    """Panel of a layer's means; draws into the view of the switch.

    An answer never writes the selection. Where channels wait to be put to it, the view's script hears that it is there,
    and says so as the person's own event.
    """

    slot = "switch means"
    edits = False
    reads = frozenset(("layer",))

    def __init__(self, links: Links, view: SwitchFront, changed: Callable[[], None]) -> None:
        """changed: called when an answer has come."""
        super().__init__(links)
        self.view, self._changed = view, changed
        self._wanted: MeanOverPictures | None = None

    def known(self, layer: str) -> tuple[float, ...] | None:
        """Return the means of a layer of the network as it is; None where they are not computed yet."""
        request = self._of(layer)
        # asked of the cache, which keeps it by the network's version: a copy here would be a second one
        answer: ChannelMeans | None = None if request is None else self.links.context.known(request)
        return None if answer is None else answer.values

    def want(self, layer: str) -> None:
        """Compute the means of a layer."""
        self._wanted = self._of(layer)

    def drop(self) -> None:
        """Compute nothing further."""
        self._wanted, self.view.averaged = None, ""

    def request(self, selection: Selection) -> Request | None:
        wanted = self._wanted
        return wanted if wanted is not None and wanted == self._of(selection.layer) else None

    def sync(self, selection: Selection) -> None:
        request = self._of(selection.layer)
        self.view.pictures = 0 if request is None or request.index.items is None else len(request.index.items)
        # wanted of another layer, or of weights that are gone: nobody waits for it any more
        if self.request(selection) is None:
            self.drop()

    def show(self, answer: ChannelMeans) -> None:
        ready(self.view)
        self.view.averaged = "" if answer.done == 1 else f"mean over {answer.seen:,} of {answer.total:,} pictures"
        if answer.values is not None and self._wanted is not None and self._wanted.layer == answer.layer:
            self._wanted = None
            self._changed()

    def wait(self, progress: str = "") -> None:
        self.view.averaged = "mean over the pictures"

    def fail(self, error: BaseException) -> None:
        self.drop()
        super().fail(error)

    def _of(self, layer: str) -> MeanOverPictures | None:
        index = self.links.library.knowing(layer)
        return None if index is None or index.items is None else MeanOverPictures(index, layer)
