"""The longest stretch of every work between two looks at whether it is still wanted: what Cancel waits for, at most.

python -m tests.bench cancel
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from nbviz import Atlas, Index, review, zoo
from nbviz.errors import NbvizError
from nbviz.model.target import Target
from nbviz.pictures.load import load_pictures
from nbviz.pictures.samples import Items
from nbviz.replica.interruption import Unwanted, pause, unless
from nbviz.session.context import LiveContext
from nbviz.session.requests.base import Request
from tests.works import World, works

LIMIT = 0.5
NETWORK, LAYER = "efficientnet_lite0", "blocks.5"
PATIENCE = 12.0
"""Seconds after which a work is left: its first steps are like its last."""


def world(name: str = NETWORK, layer: str = LAYER) -> World:
    """The embedded network over its photographs, each with a label."""
    model = zoo.load(name)
    pictures = tuple(dict(load_pictures(zoo.photographs())).values())
    labelled = [(picture.open(), place % 3) for place, picture in enumerate(pictures)] * 2
    items = Items.ensure(labelled)
    return World(
        model, pictures, layer, items,
        Index.build(model, labelled, layers=[layer]), Atlas.build(model, labelled, layer, layout="pca"),
        review(model, labelled), Target.ensure("predicted", model),
    )  # fmt: skip


@dataclass
class Stretches:
    """Seconds of this thread between two looks."""

    longest: float = 0.0
    whole: float = 0.0
    _at: float = field(default_factory=time.thread_time)
    until: float = field(default_factory=lambda: time.monotonic() + PATIENCE)

    def look(self) -> bool:
        """Note a look; true once the work has been measured for long enough."""
        now = time.thread_time()
        self.longest, self.whole, self._at = max(self.longest, now - self._at), self.whole + now - self._at, now
        return time.monotonic() > self.until


def measured(request: Request, context: LiveContext) -> tuple[Stretches, str]:
    """Longest stretch of a work and all of it, and how it ended."""
    stretches = Stretches()
    try:
        with unless(stretches.look):
            for _ in context.answers(request):
                pause()
        ended = "whole"
    except Unwanted:
        ended = "cut short"
    except NbvizError as refused:
        ended = f"refused: {str(refused)[:60]}"
    stretches.look()
    return stretches, ended


def rows() -> Iterator[str]:
    """A line a work, the slowest first; ``NBVIZ_WORKS`` chooses by a part of the name."""
    here = world(os.environ.get("NBVIZ_NETWORK", NETWORK), os.environ.get("NBVIZ_LAYER", LAYER))
    chosen = os.environ.get("NBVIZ_WORKS", "")
    found = [
        (*measured(one, LiveContext(here.owner(one))), name) for name, one in works(here).items() if chosen in name
    ]
    for spent, ended, name in sorted(found, key=lambda row: -row[0].longest):
        late = "  !" if spent.longest > LIMIT else ""
        yield f"{name:<42} longest {spent.longest:6.2f} s of {spent.whole:6.2f} {ended}{late}"
