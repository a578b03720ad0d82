"""The channels' half of an Explorer: grid and card, and the panels that draw into them."""

from __future__ import annotations

from typing import Any

from nbviz.panels.card_found import CardFound
from nbviz.panels.card_made import CardMade
from nbviz.panels.channel_card import ChannelPanel
from nbviz.panels.channel_grid import ChannelsPanel
from nbviz.panels.found_page import FoundPage
from nbviz.panels.health_marks import HealthMarks
from nbviz.panels.made_page import MadePage
from nbviz.panels.panel import Panel
from nbviz.session.library import Library


def channel_parts(parts: Any, library: Library, tree: Any) -> tuple[ChannelsPanel, ChannelPanel, list[Panel]]:
    """Grid, card, and what draws into them (and into the layer tree), in the order in which they are answered.

    parts: model, pictures and selection.
    """
    grid, card = ChannelsPanel(*parts), ChannelPanel(*parts)
    made, found = MadePage(grid), FoundPage(grid, library)
    rest = [made, found, CardMade(card, made), CardFound(card, found, library)]
    return grid, card, [*rest, HealthMarks(card, [grid, card, tree], library)]
