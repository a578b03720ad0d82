"""A small network with maps side by side, and what its cards show, for tests without a browser."""

from __future__ import annotations

import numpy as np

from nbviz.explorer import Explorer
from nbviz.panels.explanation.saliency_canvas import SaliencyCanvas
from nbviz.panels.pins.pin_card import PinCard
from nbviz.panels.pins.pin_scene import STEPS
from nbviz.panels.pins.pins_stage import PinsStage
from nbviz.session.inline import InlineRunner
from tests.test_explorer import network, pictures

CLASSES = ["ant", "bee", "cat", "dog"]


def opened() -> Explorer:
    """An Explorer that answers at once."""
    return Explorer(network(), pictures(), classes=CLASSES, runner=InlineRunner, method="saliency", target="cat")


def stage(explorer: Explorer) -> PinsStage:
    panel = explorer.panels["pins"]
    assert isinstance(panel, PinsStage)
    return panel


def cards(explorer: Explorer) -> list[PinCard]:
    return list(stage(explorer).cards.values())


def canvas(explorer: Explorer) -> SaliencyCanvas:
    panel = explorer.panels["canvas"]
    assert isinstance(panel, SaliencyCanvas)
    return panel


def decoded(card: PinCard) -> np.ndarray:
    """What the browser reads out of a card."""
    numbers = np.frombuffer(card.view.values, "<i2").reshape(card.view.grid)
    return numbers * (card.view.peak / STEPS)
