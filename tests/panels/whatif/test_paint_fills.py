"""What the desk of paint paints with: another picture, and which it can't be."""

from __future__ import annotations

import pytest
import torch

from nbviz.edits import Paint
from nbviz.errors import NbvizError
from nbviz.explorer import Explorer
from nbviz.session.inline import InlineRunner
from tests.panels.rig import say
from tests.panels.whatif.test_paint_desk import bits, desk
from tests.test_explorer import network


def test_a_picture_that_can_not_be_painted_with_is_refused_at_the_desk_alone() -> None:
    made = {name: torch.rand(3, side, side) for name, side in (("0", 32), ("1", 32), ("cat", 24))}
    with Explorer(network(), made, runner=InlineRunner, method="saliency", tool="paint") as explorer:
        view, whole = desk(explorer).view, explorer.pictures
        assert [words for key, words in view.fills if key.startswith("picture ")] == ["with picture 1", "with cat"]
        say(view, event="settings", keep=False, fill="picture cat")
        assert "only pictures of one size" in view.message and view.fill == "blur"
        say(view, bits(4, 4, 12, 20)[1], event="stroke", end=True)
        say(view, event="settings", keep=False, fill="picture 1")
        (on,) = explorer.selection.edits
        assert on.words == "painted 12 % with picture 1" and view.fill == "picture 1"
        say(view, event="settings", keep=True, fill="picture cat")
        assert "only pictures of one size" in view.message and (view.fill, view.keep) == ("picture 1", False)
        with pytest.raises(NbvizError, match="this very picture"):
            explorer.selection.edits = (Paint(on.mask, whole["0"]),)
        assert explorer.selection.edits == (on,) and explorer.panels["channels"].view.state == "ready"
