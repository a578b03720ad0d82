"""Frame: title bar, the question, and three columns that stack in a narrow notebook.

Layout is the stylesheet's alone (``frame.css``); Python says only what stands where. Widths are the frame's
own by container queries, so that a file browser opened beside the notebook is answered too.
"""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets
import traitlets

from nbviz.panels.base.front import Scripted


class Style(Scripted):
    """Widget that holds the stylesheet of the whole frame; shows nothing."""

    scripts = ("tokens", "layout", "gone", "wide")

    label = traitlets.Unicode("nbviz").tag(sync=True)
    """Name of the frame for a screen reader."""


def frame(
    title: ipywidgets.Widget,
    question: Sequence[ipywidgets.Widget],
    layers: ipywidgets.Widget,
    middle: ipywidgets.Widget,
    canvas: ipywidgets.Widget,
    trust: ipywidgets.Widget | None = None,
    strip: ipywidgets.Widget | None = None,
    label: str = "nbviz explorer",
) -> ipywidgets.Box:
    """Lay the panels' views out.

    question: picture chooser, class search and scores, in this order. middle: the middle column, made by
    :func:`column`. trust: what stands under the explanation. strip: between the
    question and the columns. label: what a screen reader calls the whole.
    """
    columns = box(
        "nbviz-columns",
        column("layers", layers),
        middle,
        column("explanation", canvas, *([trust] if trust is not None else [])),
    )
    between = [] if strip is None else [strip]
    inside = box("nbviz-frame", title, box("nbviz-question", *question), *between, columns)
    return box("nbviz", Style(label=label), inside)


def column(name: str, *sections: ipywidgets.Widget) -> ipywidgets.Box:
    """Lay out one column; every part of it is a section with its own line above."""
    return column_part(f"nbviz-column nbviz-column-{name}", *sections)


def column_part(classes: str, *sections: ipywidgets.Widget) -> ipywidgets.Box:
    """Make a box of sections."""
    # here, before they are drawn: views of our own widgets don't follow a class that comes later
    for section in sections:
        section.add_class("nbviz-section")
    return box(classes, *sections)


def box(classes: str, *children: ipywidgets.Widget) -> ipywidgets.Box:
    """Make a bare box with these classes."""
    return ipywidgets.Box(children=children, _dom_classes=classes.split())
