"""The panels of an Explorer: which there are, what links them, and how they are laid out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ipywidgets

from nbviz.model.instrumented import InstrumentedModel
from nbviz.panels.atlas.atlas_stage import AtlasStage
from nbviz.panels.attention.attention_stage import AttentionStage
from nbviz.panels.base.frame import frame
from nbviz.panels.base.panel import Panel
from nbviz.panels.base.stage import Stage, StageTabs
from nbviz.panels.channels.card_found import CardFound
from nbviz.panels.channels.card_made import CardMade
from nbviz.panels.channels.channel_card import ChannelPanel
from nbviz.panels.channels.channel_grid import ChannelsPanel
from nbviz.panels.channels.found_page import FoundPage
from nbviz.panels.channels.health_marks import HealthMarks
from nbviz.panels.channels.made_page import MadePage
from nbviz.panels.channels.picture_made import PictureMade
from nbviz.panels.explanation.saliency_canvas import SaliencyCanvas
from nbviz.panels.explanation.trust_line import TrustFigures, TrustPanel
from nbviz.panels.layers.layer_tree import LayersPanel
from nbviz.panels.parts.parts_stage import PartsStage
from nbviz.panels.pins.pins_stage import PinsStage
from nbviz.panels.question.class_dropdown import ClassDropdown
from nbviz.panels.question.picture_chooser import PictureChooser
from nbviz.panels.question.scores import ScoreBars
from nbviz.panels.question.title_bar import TitleBar
from nbviz.pictures.load import Picture
from nbviz.session.context import LiveContext
from nbviz.session.library import Library
from nbviz.session.selection import Selection

STAGES: tuple[type[Stage], ...] = (PartsStage, AttentionStage, AtlasStage, PinsStage)
"""What takes turns with the channels in the middle column, in the order of the tabs."""
BACKGROUND = ("trust", "curves", "health")
"""Slots that nobody waits for: judged when everything asked for is there."""
Parts = tuple[InstrumentedModel, dict[str, Picture], Selection]
"""What every panel is made of."""


@dataclass(frozen=True)
class Links:
    """What panels can ask of their Explorer."""

    refresh: Callable[[], None]
    """Compute all that is on show again."""
    renew: Callable[[], None]
    """Ask every panel for its request again."""
    cancel: Callable[[str], None]
    """Stop a slot's work."""
    save: Callable[[], bytes]
    """The panels as PNG bytes."""


def assemble(
    parts: Parts, library: Library, context: LiveContext, links: Links, problems: Sequence[str]
) -> dict[str, Panel]:
    """All panels by slot, linked, in the order in which they are answered. problems: what the chooser says."""
    title, canvas, trust = TitleBar(*parts), SaliencyCanvas(*parts), TrustPanel(*parts)
    tree, stages = LayersPanel(*parts), [stage(*parts) for stage in STAGES]
    grid, card, pages = _channels(parts, library, tree)
    classes = ClassDropdown(*parts)
    classes.channel = lambda: card.view.channel
    question = [title, PictureChooser(*parts, problems), classes, ScoreBars(*parts)]
    middle = [StageTabs([grid, pages[0], card], stages), grid, card]
    panels = [*question, *middle, tree, canvas, *pages, trust, TrustFigures(trust), *stages]
    title.on_save, title.on_refresh, trust.on_open = links.save, links.refresh, links.renew
    canvas.on_cancel, canvas.strongest = lambda: links.cancel(canvas.slot), grid.strongest
    for panel in panels:
        panel.on_retry, panel.on_ask = links.refresh, links.renew
        if isinstance(panel, PinsStage):
            panel.context, panel.on_cancel, panel.on_scale = context, links.cancel, canvas.end_scale
            panel.opacity = lambda: canvas.foot.opacity
            canvas.on_pin, canvas.pin_state = panel.toggle, panel.pinning.state
        if isinstance(panel, AtlasStage):
            panel.whole = lambda: library.whole
    return {panel.slot: panel for panel in panels}


def _channels(parts: Parts, library: Library, tree: LayersPanel) -> tuple[ChannelsPanel, ChannelPanel, list[Panel]]:
    """Grid, card, and what draws into these and into the layer tree; the first of these has a view of its own.

    What is made and found may take long: it is answered after the explanation.
    """
    grid, card = ChannelsPanel(*parts), ChannelPanel(*parts)
    made, found = MadePage(grid), FoundPage(grid, library)
    pages = [PictureMade(grid), made, found, CardMade(card, made), CardFound(card, found, library)]
    return grid, card, [*pages, HealthMarks(card, [grid, card, tree], library)]


def laid_out(panels: Mapping[str, Panel], label: str) -> ipywidgets.Box:
    """The panels' views in their frame; ``label`` is what a screen reader calls it."""
    views: dict[str, Any] = {slot: panel.view for slot, panel in panels.items()}
    question = [views["pictures"], views["classes"], views["scores"]]
    columns = views["layers"], views["stages"], views["canvas"]
    return frame(views["title"], question, *columns, trust=views["trust"], label=label)
