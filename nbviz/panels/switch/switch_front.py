"""Widget of the switch below the channel's card."""

from __future__ import annotations

from typing import Any

import traitlets

from nbviz.panels.base.front import Front


class SwitchFront(Front):
    """Widget of a segment, a slider and the measured figures.

    Sends ``{"event": …}``: put (how), scale (factor), clamp (low, high; null for no limit), only, measure, all, choose
    (channel), averaged once the mean that was asked for is there, cancel to have none.
    """

    channel = traitlets.Int(None, allow_none=True).tag(sync=True)
    group: traitlets.List[int] = traitlets.List(traitlets.Int()).tag(sync=True)
    """All channels that are switched, ascending; one or more."""
    how = traitlets.Enum(["on", "off", "mean", "data", "scale", "clamp", "mixed"], "on").tag(sync=True)
    """What they are put to; ``"mixed"`` where it is not the same for all."""
    factor = traitlets.Float(1.0).tag(sync=True)
    limits: traitlets.List[Any] = traitlets.List(traitlets.Float(None, allow_none=True)).tag(sync=True)
    """[low, high] of a clamped channel; None for no limit."""
    pictures = traitlets.Int(0).tag(sync=True)
    """Pictures of the index's data set, over which a mean can be had; 0 where there is none."""
    averaged = traitlets.Unicode().tag(sync=True)
    """How far that mean is; empty while none is computed."""
    due = traitlets.Bool(False).tag(sync=True)
    """True if it is there, and channels wait to be put to it."""
    averages = traitlets.Bool(True).tag(sync=True)
    """True if the layer's channels have places, over which a mean is another value."""
    only = traitlets.Bool(False).tag(sync=True)
    """True if all other channels of the layer are off."""
    measured: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """Runs: foretold beside measured, and how well the first order foretells for this layer."""
    largest: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[[channel, words], …]"""
    classes: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[[class, change, bar −1…1, whether it is the explained one], …], largest change first."""
    count = traitlets.Int(0).tag(sync=True)
    """Classes in all."""
    all = traitlets.Bool(False).tag(sync=True)
    """True if all of them are listed."""
    progress = traitlets.Unicode().tag(sync=True)
    asked = traitlets.Bool(False).tag(sync=True)
    """True if the layer's effects are, or are being, measured."""
