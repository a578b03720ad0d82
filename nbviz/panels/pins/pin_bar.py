"""Bar above maps side by side: their scale, and sets of maps to add at once."""

from __future__ import annotations

import traitlets

from nbviz.panels.base.front import Front


class PinBar(Front):
    """Widget of the bar; sends ``scale`` (shared: bool), ``add`` (name of a set) and ``clear``."""

    count = traitlets.Int(0).tag(sync=True)
    """Maps pinned."""
    shared = traitlets.Bool(False).tag(sync=True)
    """True if maps in the same unit share one scale."""
    words = traitlets.Unicode().tag(sync=True)
    """Meaning of equal colours."""
    sets: traitlets.List[list[str]] = traitlets.List().tag(sync=True)
    """[[name, title, sentence], …] of what can be put beside at once."""
