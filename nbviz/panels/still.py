"""Still picture of the panels as they stand: each gives its own part."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator

from PIL import Image

from nbviz.panels.base.close_tree import reach
from nbviz.panels.base.front import Front
from nbviz.panels.base.panel import Panel
from nbviz.panels.base.stage import Stage
from nbviz.panels.snapshot.parts import SnapshotParts, StillParts
from nbviz.session.selection import Selection


def still_parts(panels: Iterable[Panel], selection: Selection) -> SnapshotParts:
    """Return the parts of all panels now; the stage on show takes the place of the channels."""
    # a dict: a network that can't run fails in many panels with one sentence, which is written once
    parts, problems = StillParts(), dict[str, None]()
    # stages last: the one on show takes the place of the channels
    for panel in sorted(panels, key=lambda panel: isinstance(panel, Stage)):
        if isinstance(panel, Stage) and not panel.on_show(selection):
            continue
        problems |= dict.fromkeys(_problems(panel))
        try:
            parts |= panel.still()
        # what one panel can't draw must not cost the others' picture
        except Exception as error:
            problems[f"{panel.slot} could not be drawn: {error}"] = None
    return SnapshotParts(**parts, problems=tuple(problems))


def _problems(panel: Panel) -> Iterator[str]:
    """Yield the sentences of a panel's strips that say what was refused or has failed."""
    for widget in reach(panel.view):
        if isinstance(widget, Front) and widget.state in ("refused", "failed") and widget.message:
            yield widget.message


def saved(picture: Image.Image) -> bytes:
    """Return a picture as PNG bytes."""
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()
