"""The original while it is held, on every desk: its picture is on show, and what stands around it does not jump."""

from __future__ import annotations

import numpy as np
import pytest

from nbviz.drawing.overlay import png
from nbviz.edits import Attack, Mask, Paint, Transform
from nbviz.explorer import Explorer
from nbviz.model.edit import Edit
from nbviz.session.inline import InlineRunner
from tests.test_explorer import network, pictures

PAINTED = Mask.of(np.eye(32, dtype=bool))


@pytest.mark.parametrize(
    ("tool", "edit"),
    [("paint", Paint(PAINTED)), ("transform", Transform("rotate", 30.0)), ("attack", Attack("pgd", 8.0))],
)
def test_each_desk_shows_the_original_while_it_is_held(tool: str, edit: Edit) -> None:
    with Explorer(network(), pictures(), runner=InlineRunner, method="saliency", target=1, tool=tool) as explorer:
        view, original = explorer.panels[tool].view, png(explorer.model.seen(explorer.pictures["one"]))
        shown = (lambda: view.pictures[0]) if tool == "attack" else (lambda: view.picture)
        explorer.selection.edits = (edit,)
        edited, lines = shown(), list(view.lines)
        assert edited != original and lines
        explorer.selection.original = True
        assert shown() == original and view.lines == lines
        explorer.selection.original = False
        assert shown() == edited and view.lines == lines
