"""Widget of the stage Circuit: what its front end shows, and what it sends."""

from __future__ import annotations

from typing import Any

import traitlets

from nbviz.panels.base.front import Front


class CircuitFront(Front):
    """Widget of breadcrumbs, the node, the line that checks it, and its channels as rows.

    Sends ``{"event": …}``: go (place in the path), visit (node of the overview), into (channel), source (layer), order
    (first), look (head), make, keep, open (place of a kept path), drop (place).
    """

    scripts = ("base/as_code", "circuit_rows")

    path: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[[words, effect of the step to it], …], the node on show last."""
    overview: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)
    """nodes [[depth, place, words, on the path, walked to], …] and edges [[from, to, width, inhibits], …]."""
    kept: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[[words, whether it is the one on show], …]"""
    here = traitlets.Bytes().tag(sync=True)
    """PNG of the node's map; empty for a score."""
    spot: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[left, top, width, height] of the node's place on its map, 0…1; empty for none."""
    node: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """Lines of runs on the node."""
    source = traitlets.Unicode().tag(sync=True)
    sources: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[[layer, words], …] that the step may lead to."""
    first = traitlets.Bool(False).tag(sync=True)
    """True if bars are the first order instead of what was measured."""
    checked: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """Runs: what the channels shown give alone, and what is left without them."""
    rows: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """Channels as [number, effect as text, share as text, bar −1…1]."""
    kind = traitlets.Unicode("channel").tag(sync=True)
    """What the rows are: ``"channel"`` or ``"head"``; only channels can be walked back from."""
    rest: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[words, effect as text, bar]; empty for none."""
    maps = traitlets.Bytes().tag(sync=True)
    """PNG: the channels' maps, or where the heads look, one under the other."""
    made = traitlets.Bytes().tag(sync=True)
    """JPEG: pictures made for the channels, one under the other; empty where none are."""
    node_made = traitlets.Bytes().tag(sync=True)
    """JPEG of the picture made for the node; empty where none is."""
    making = traitlets.Unicode().tag(sync=True)
    """How far the pictures are; empty when nothing is being made."""
    code = traitlets.Unicode().tag(sync=True)
    """The Python that makes the walk."""
