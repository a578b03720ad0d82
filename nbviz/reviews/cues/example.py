"""One transplant as pictures: where the window comes from, and a picture before and after."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.samples import Items
from nbviz.reviews.cues.transplant import answers, put
from nbviz.reviews.cues.window import Window

TRIES = 60
"""Pictures of other classes that are tried, at most, until one becomes the class."""
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Transplant:
    """Pictures (H, W, 3) as the network sees them."""

    donor: Pixels
    before: Pixels
    after: Pixels
    moved: bool
    """True if the picture becomes the class; False where none of those tried does."""


def transplant(
    model: InstrumentedModel, items: Items, item: int, window: Window, index: int, others: NDArray[np.int64]
) -> Transplant:
    """Return the first of other items that becomes a class with an item's window put in, else the first of all.

    index: the class. Raises NbvizError where no picture can be read.
    """
    donor = model.input(items.read(item))
    first = None
    for number in others[:TRIES].tolist():
        try:
            before = model.input(items.read(number))
        except NbvizError:  # what can't be read is no example
            continue
        after = put(before, donor, window)
        one, two, three = (model.transform.seen(x) for x in (donor, before, after))
        shown = Transplant(one, two, three, bool(answers(model, after, index)[0]))
        if shown.moved:
            return shown
        # that none of those tried is moved is shown as well, by the first of them
        first = first or shown
    if first is None:
        raise NbvizError("None of the pictures of other classes can be read.")
    return first
