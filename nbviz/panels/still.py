"""The panels as they stand, as a still picture: each gives its own part."""

from __future__ import annotations

import io
from collections.abc import Iterable

from PIL import Image

from nbviz.panels.base.panel import Panel
from nbviz.panels.base.stage import Stage
from nbviz.panels.snapshot.parts import SnapshotParts, StillParts
from nbviz.session.selection import Selection


def still_parts(panels: Iterable[Panel], selection: Selection) -> SnapshotParts:
    """Return what the panels show now; the stage on show takes the place of the channels."""
    parts, middle = StillParts(), StillParts()
    for panel in panels:
        if not isinstance(panel, Stage):
            parts |= panel.still()
        elif panel.on_show(selection):
            middle = panel.still()
    parts |= middle
    return SnapshotParts(**parts)


def saved(picture: Image.Image) -> bytes:
    """Return a picture as PNG bytes."""
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()
