"""Stand-in for a stage whose own code raised while it was made: the others work, and its tab says what went wrong."""

from __future__ import annotations

from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.stage import Stage
from nbviz.panels.base.strip import fail


class FailedFront(Front):
    """A strip alone."""


class FailedStage(Stage):
    """Stage that asks for nothing and shows an error."""

    reads = frozenset(())

    def __init__(self, links: Links, stage: type[Stage], error: Exception) -> None:
        super().__init__(links)
        self.slot, self.title, self.sentence = stage.slot, stage.title, stage.sentence
        self.view = FailedFront()
        fail(self.view, error)
        self.view.state = "failed"
        self.view.message = f"The stage {stage.title} could not be opened. {self.view.message}"


def opened(stage: type[Stage], links: Links) -> Stage:
    """Make a stage of an Explorer, or the stand-in that says why it can't be made."""
    try:
        panel = stage(links)
        # laid_out() reads every panel's view: one that is missing would keep the Explorer itself from opening
        if not hasattr(panel, "view"):
            raise TypeError(f"{stage.__name__} has no view: set self.view to a widget in its __init__.")
        return panel
    except Exception as error:  # a cell's own class can raise anything
        return FailedStage(links, stage, error)
