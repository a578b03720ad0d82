"""What stands above maps side by side: their scale, and what to put beside at once."""

from __future__ import annotations

import traitlets

from nbviz.panels.base.front import Front


class PinBar(Front):
    """Sends ``scale`` (shared: bool), ``add`` (name of a set) and ``clear``."""

    count = traitlets.Int(0).tag(sync=True)
    """Maps pinned."""
    shared = traitlets.Bool(False).tag(sync=True)
    """Whether maps in the same unit share one scale."""
    words = traitlets.Unicode().tag(sync=True)
    """What equal colours mean."""
    sets: traitlets.List[list[str]] = traitlets.List().tag(sync=True)
    """[[name, title, sentence], …] of what can be put beside at once."""
