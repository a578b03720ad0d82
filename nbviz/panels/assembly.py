"""Assembly of an Explorer's panels: which there are, and how they are laid out."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

import ipywidgets

import nbviz.panels
from nbviz.panels.base.failed_stage import opened
from nbviz.panels.base.frame import frame
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import Panel
from nbviz.panels.base.stage import STAGES, Stage, StageTabs
from nbviz.panels.channels.card_found import CardFound
from nbviz.panels.channels.card_made import CardMade
from nbviz.panels.channels.channel_card import ChannelPanel
from nbviz.panels.channels.channel_grid import ChannelsPanel
from nbviz.panels.channels.class_need import ClassNeed
from nbviz.panels.channels.found_page import FoundAhead, FoundPage
from nbviz.panels.channels.health_marks import HealthMarks
from nbviz.panels.channels.made_page import MadePage
from nbviz.panels.channels.picture_made import PictureMade
from nbviz.panels.explanation.map_file import MapFile
from nbviz.panels.explanation.method_marks import MethodMarks
from nbviz.panels.explanation.saliency_canvas import SaliencyCanvas
from nbviz.panels.explanation.trust_line import TrustFigures, TrustPanel
from nbviz.panels.layers.layer_tree import LayersPanel
from nbviz.panels.question.class_dropdown import ClassDropdown
from nbviz.panels.question.picture_chooser import PictureAnswers, PictureChooser
from nbviz.panels.question.scores import ScoreBars
from nbviz.panels.question.title_bar import TitleBar
from nbviz.panels.switch.channel_switch import ChannelSwitch
from nbviz.panels.whatif.attack_desk import AttackDesk
from nbviz.panels.whatif.desk import Desks
from nbviz.panels.whatif.paint_desk import PaintDesk
from nbviz.panels.whatif.transform_desk import TransformDesk
from nbviz.panels.whatif.what_if import WhatIf


def stages() -> list[type[Stage]]:
    """Return the registered stages, those of this package and those of a notebook's cells, as their tabs stand."""
    # by the file's name: a list of stages would be one more file to change for each of them
    for room in iter_modules(nbviz.panels.__path__, f"{nbviz.panels.__name__}."):
        if room.ispkg:
            for module in iter_modules(import_module(room.name).__path__, f"{room.name}."):
                if module.name.endswith("_stage"):
                    import_module(module.name)
    return sorted(STAGES.values(), key=lambda stage: stage.order)


def assemble(links: Links) -> dict[str, Panel]:
    """Return all panels by slot, in the order in which they are answered.

    The photograph is there at once; then come the scores, the map, miniatures and grid, and last what tells how far
    to trust the map.
    """
    tree, grid, card = LayersPanel(links), ChannelsPanel(links), ChannelPanel(links)
    chooser = PictureChooser(links)
    canvas, trust = SaliencyCanvas(links, grid.strongest), TrustPanel(links)
    # asked when it is needed: until a channel is chosen, the card follows the strongest, which any answer may change
    classes = ClassDropdown(links, lambda: card.view.channel)
    pages = _pages(links, grid, card, tree)
    middle = [opened(stage, links) for stage in stages()]
    switch, need = ChannelSwitch(links, card.subject), ClassNeed(links, card.subject)
    desks = [PaintDesk(links), TransformDesk(links), AttackDesk(links)]
    # the map before tree and grid: a map of a fifth of a second was painted after one and a half, behind their answers
    panels = [
        TitleBar(links), chooser, classes, ScoreBars(links), *desks, canvas, tree,
        StageTabs(links, [grid, pages[0], card, switch, need], middle), grid, card, switch, need, WhatIf(links),
        Desks(links, canvas, desks), *pages, trust, TrustFigures(links, trust),
        MapFile(links, canvas, trust), MethodMarks(links, canvas), *middle, PictureAnswers(links, chooser),
    ]  # fmt: skip
    return {panel.slot: panel for panel in panels}


def _pages(links: Links, grid: ChannelsPanel, card: ChannelPanel, tree: LayersPanel) -> list[Panel]:
    """Return the panels that draw into grid, card and layer tree; the first of these has a view of its own.

    What is made and found may take long: it is answered after the explanation.
    """
    made_page, found_page = MadePage(links, grid), FoundPage(links, grid)
    cards = [CardMade(links, card, made_page), CardFound(links, card, found_page)]
    return [
        PictureMade(links, grid),
        made_page,
        found_page,
        *cards,
        FoundAhead(links, found_page),
        HealthMarks(links, card.view, [grid, card, tree]),
    ]


def laid_out(panels: Mapping[str, Panel], label: str) -> ipywidgets.Box:
    """Return the panels' views in their frame; ``label`` is what a screen reader calls it."""
    views = {slot: panel.view for slot, panel in panels.items()}
    question = [views["pictures"], views["classes"], views["scores"]]
    columns = views["layers"], views["stages"], views["desks"]
    return frame(
        views["title"],
        question,
        *columns,
        trust=views["trust"],
        strip=views["what_if"],
        label=label,
    )
