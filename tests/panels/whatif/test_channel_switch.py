"""The switch below the card: channels off, at their mean, scaled; effects measured as brute force does."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from nbviz.edits import Channels, Transform
from nbviz.explorer import Explorer
from nbviz.panels.whatif.channel_switch import put, state_of
from nbviz.session.inline import InlineRunner
from tests.panels.rig import say
from tests.test_explorer import network, pictures


@pytest.fixture()
def explorer() -> Iterator[Explorer]:
    with Explorer(
        network(), pictures(), classes=["ant", "bee", "cat", "dog"], runner=InlineRunner, method="saliency", target=1,
        layer="1", channel=3,
    ) as made:  # fmt: skip
        yield made


def test_a_channel_is_switched_off_and_on_again(explorer: Explorer) -> None:
    view, grid, tree = (explorer.panels[slot].view for slot in ("switch", "channels", "layers"))
    say(view, event="put", how="off")
    assert explorer.selection.edits == (Channels("1", off=[3]),) and view.how == "off"
    assert grid.edited == [3] and tree.edited == ["1"]
    assert not explorer.panels["channels"]._answer.maps.values[3].any()
    say(view, event="put", how="mean")
    assert explorer.selection.edits == (Channels("1", off=[3], fill="mean"),) and view.how == "mean"
    say(view, event="scale", factor=9.0)
    assert explorer.selection.edits == (Channels("1", scale={3: 3.0}),) and view.how == "scale" and view.factor == 3.0
    say(view, event="put", how="on")
    assert explorer.selection.edits == () and grid.edited == [] and tree.edited == []
    say(view, event="only")
    assert explorer.selection.edits == (Channels("1", only=[3]),) and view.only
    assert 3 not in grid.edited and len(grid.edited) == len(grid.channels) - 1
    say(view, event="only")
    assert explorer.selection.edits == ()


def test_channels_put_alike_are_one_edit_and_others_keep_their_place() -> None:
    turned, edits = Transform("rotate", 5.0), ()
    edits = put(edits, "1", 3, "off")
    edits = put((*edits, turned), "1", 5, "off")
    assert edits == (Channels("1", off=[3, 5]), turned)
    edits = put(edits, "1", 3, "scale", 2.0)
    assert edits == (Channels("1", off=[5], scale={3: 2.0}), turned)
    assert state_of(edits, "1", 3) == ("scale", 2.0) and state_of(edits, "1", 5) == ("off", 1.0)
    edits = put(put(edits, "1", 5, "mean"), "1", 3, "on")
    assert edits == (turned, Channels("1", off=[5], fill="mean"))
    assert put(edits, "2", 5, "on") == edits


def test_what_is_measured_is_what_switching_each_off_does(explorer: Explorer) -> None:
    view, picture = explorer.panels["switch"].view, explorer.pictures["one"]
    assert not view.asked and view.measured == []
    say(view, event="measure")
    score = explorer.model.logits(picture)[1]
    losses = [explorer.model.edited(Channels("1", off=[c])).logits(picture)[1] - score for c in range(8)]
    answer = explorer.panels["switch"]._answer
    np.testing.assert_allclose(answer.effects.measured[:, 1], losses, atol=1e-5)
    figure = f"{losses[3]:+.2f}".replace("-", "−")
    assert [figure, "strong"] in view.measured and view.asked
    best = int(np.argmax(np.abs(losses)))
    assert view.largest[0][0] == best
    say(view, event="choose", channel=best)
    assert explorer.selection.channel == best
    agreement = answer.effects.agreement(1)
    assert agreement is None or any(f"{agreement:.2f}".replace("-", "−") in str(run) for run in view.measured)
