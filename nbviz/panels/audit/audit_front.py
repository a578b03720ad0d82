"""Widget of an audit: a picture, its map, one question and three answers."""

from __future__ import annotations

from typing import Any

import traitlets

from nbviz.panels.base.front import Front


class AuditFront(Front):
    """Widget of one picture of an audit after the other.

    Sends ``{"event": …}``: answer (answer: "yes", "no", "can't tell"), go (step: −1 or 1), sign.
    """

    question: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """Runs: the network's answer, and the question about its map."""
    answers: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[[answer, text, key, tip], …]"""
    place = traitlets.Int(0).tag(sync=True)
    """Number of the picture on show, from 0."""
    replies: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """Answer to each picture, in order; empty where there is none yet."""
    caption = traitlets.Unicode().tag(sync=True)
    """Text for those who can't see the pictures."""
    seen = traitlets.Bytes().tag(sync=True)
    """PNG of the picture as the network saw it."""
    map = traitlets.Bytes().tag(sync=True)
    """PNG of the map over it."""
    figures: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """Runs: what the answers come to so far; empty until all are there."""
    signed = traitlets.Unicode().tag(sync=True)
    """Sentence on the report that was signed."""
