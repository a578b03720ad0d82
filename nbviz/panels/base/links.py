"""Links of a panel to all others: given to its constructor, typed, the same for every panel of an Explorer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field

import traitlets

from nbviz.edits import Augmentation
from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.load import Picture
from nbviz.session.context import LiveContext
from nbviz.session.library import Library
from nbviz.session.selection import Selection


class Activity(traitlets.HasTraits):
    """Activity of the Explorer, for panels to observe; only the Explorer writes it."""

    word = traitlets.Enum(["ready", "computing", "weights changed"], "ready")
    moved = traitlets.Bool(False)
    """True if the weights are no longer those of what is on show."""
    resting = traitlets.Bool(False)
    """True if nothing at all is being computed, and nothing has been for a moment."""
    rounds = traitlets.Int(0)
    """Acts followed, and answers all there, so far."""


class HeatStyle(traitlets.HasTraits):
    """Style of the live map's heat, for the canvas and for the cards of maps side by side."""

    opacity = traitlets.Float(0.55)
    """Of heat over a picture, 0…1; the canvas's slider writes it."""
    high = traitlets.Float(None, allow_none=True)
    """Value of the brightest colour on a scale that maps share; None for each map's own. The pins write it."""


def _nothing(*_: object) -> None:
    """Do nothing: panels of a script have no Explorer."""


@dataclass(frozen=True)
class Links:
    """Objects that a panel is made of, and calls it can make of its Explorer."""

    model: InstrumentedModel
    pictures: MutableMapping[str, Picture]
    selection: Selection
    context: LiveContext
    """Where requests are answered, and what is known already."""
    library: Library
    activity: Activity = field(default_factory=Activity)
    heat: HeatStyle = field(default_factory=HeatStyle)
    refresh: Callable[[], None] = _nothing
    """Compute all that is on show again."""
    ask: Callable[[], None] = _nothing
    """Ask every panel on show for its request again, after something of a panel's own has changed."""
    cancel: Callable[[str], None] = _nothing
    """Stop a slot's work."""
    save: Callable[[], bytes] = bytes
    """Return the panels as PNG bytes."""
    code: Callable[[str], str] = str
    """Return the Python that makes what the panel of a slot shows."""
    transforms: Mapping[str, Augmentation] = field(default_factory=dict)
    """Random transforms of the reader's own, by name."""
    problems: tuple[str, ...] = ()
    """Sentences on pictures that could not be opened."""
