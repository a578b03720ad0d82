"""The switch below the card: channels off, at their mean, scaled; effects measured as brute force does."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from nbviz.drawing.numbers import score_change
from nbviz.edits import Channels, Transform
from nbviz.errors import NbvizError
from nbviz.explorer import Explorer
from nbviz.panels.switch.channel_edits import put, state_of
from nbviz.passes.feature_maps import feature_maps
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
    say(view, event="put", how="off")
    say(view, event="only")  # off as well, nothing would be left
    assert explorer.selection.edits == (Channels("1", only=[3]),) and view.how == "on"
    explorer.selection.edits = (Channels("1", off=[2, 3], scale={4: 2.0}), Channels("3", off=[3]))
    say(view, event="only")
    assert explorer.selection.edits == (
        Channels("1", off=[2], scale={4: 2.0}),
        Channels("3", off=[3]),
        Channels("1", only=[3]),
    )
    explorer.selection.edits = ()


def test_the_card_stays_with_the_channel_that_is_switched() -> None:
    with Explorer(network(), pictures(), runner=InlineRunner, method="saliency", target=1, layer="1") as explorer:
        view = explorer.panels["switch"].view
        strongest = view.channel
        assert strongest is not None and explorer.selection.channel is None
        say(view, event="put", how="off")  # by its contribution it is the last now
        assert view.channel == strongest and view.how == "off"
        assert explorer.selection.edits == (Channels("1", off=[strongest]),)
        say(view, event="put", how="on")
        assert view.channel == strongest and explorer.selection.edits == ()


def test_channels_are_put_to_their_mean_over_the_pictures_of_an_index(explorer: Explorer) -> None:
    view = explorer.panels["switch"].view
    assert view.pictures == 0  # nobody has looked through them
    explorer.panels["found"].begin()
    assert view.pictures == len(explorer.pictures)
    say(explorer.panels["channels"].view, event="gather", channels=[5], on=True)
    say(view, event="put", how="data")
    assert view.due and explorer.selection.edits == ()  # an answer never edits: the script says that it has come
    say(view, event="averaged")
    index = explorer.library.index
    assert index is not None
    means = index.means("1")
    assert explorer.selection.edits == (Channels("1", off=[3, 5], fill=means),)
    assert view.how == "data" and not view.due
    say(view, event="averaged")
    assert len(explorer.selection.edits) == 1
    say(view, event="put", how="on")
    say(view, event="put", how="data")  # known by now
    assert explorer.selection.edits == (Channels("1", off=[3, 5], fill=means),)
    say(view, event="put", how="on")
    explorer.selection.layer = "0"
    say(view, event="put", how="data")
    assert view.due
    explorer.selection.channel = 1
    assert not view.due  # they are chosen no more
    say(view, event="averaged")
    assert explorer.selection.edits == ()


def test_a_mean_of_weights_that_are_gone_is_put_nowhere(explorer: Explorer) -> None:
    view = explorer.panels["switch"].view
    explorer.panels["found"].begin()
    say(view, event="put", how="data")
    say(view, event="averaged")
    assert len(explorer.selection.edits) == 1
    say(view, event="put", how="on")
    with torch.no_grad():
        explorer.model.net[0].weight.mul_(2.0)
    say(view, event="put", how="data")
    say(view, event="averaged")
    assert explorer.selection.edits == ()


def test_a_mean_that_comes_after_another_choice_changes_nothing(explorer: Explorer) -> None:
    view = explorer.panels["switch"].view
    explorer.panels["found"].begin()
    say(view, event="put", how="data")
    assert view.due
    say(view, event="put", how="off")
    say(view, event="averaged")
    assert not view.due and explorer.selection.edits == (Channels("1", off=[3]),)
    explorer.selection.change(edits=(), layer="0", channel=1)
    say(view, event="put", how="data")
    assert view.due
    say(view, event="cancel")
    say(view, event="averaged")
    assert not view.due and view.averaged == "" and explorer.selection.edits == ()


def test_channels_put_alike_are_one_edit_and_others_keep_their_place() -> None:
    turned, edits = Transform("rotate", 5.0), ()
    edits = put(edits, "1", [3], "off")
    edits = put((*edits, turned), "1", [5], "off")
    assert edits == (Channels("1", off=[3, 5]), turned)
    edits = put(edits, "1", [3], "scale", 2.0)
    assert edits == (Channels("1", off=[5], scale={3: 2.0}), turned)
    assert state_of(edits, "1", 3) == ("scale", 2.0) and state_of(edits, "1", 5) == ("off", 1.0)
    assert state_of(put(edits, "1", [5], "data", (0.5,) * 8), "1", 5) == ("data", 1.0)
    edits = put(put(edits, "1", [5], "mean"), "1", [3], "on")
    assert edits == (turned, Channels("1", off=[5], fill="mean"))
    assert put(edits, "2", [5], "on") == edits


def test_what_is_measured_is_what_switching_each_off_does(explorer: Explorer) -> None:
    view, picture = explorer.panels["switch"].view, explorer.pictures["one"]
    assert not view.asked and view.measured == []
    say(view, event="measure")
    score = explorer.model.logits(picture)[1]
    losses = [explorer.model.edited(Channels("1", off=[c])).logits(picture)[1] - score for c in range(8)]
    answer = explorer.panels["switch"]._answer
    np.testing.assert_allclose(answer.effects.measured[:, 1], losses, atol=1e-5)
    figure = next(run[0] for run in view.measured if isinstance(run, list))
    assert float(figure.replace("−", "-")) == pytest.approx(losses[3], rel=0.05, abs=1e-6) and view.asked
    best = int(np.argmax(np.abs(losses)))
    assert view.largest[0][0] == best
    say(view, event="choose", channel=best)
    assert explorer.selection.channel == best
    agreement = answer.effects.agreement(1)
    assert agreement is not None and any(f"{agreement:.2f}".replace("-", "−") in str(run) for run in view.measured)


def test_several_are_chosen_together_and_switched_as_one(explorer: Explorer) -> None:
    view, grid = explorer.panels["switch"].view, explorer.panels["channels"].view
    say(grid, event="gather", channels=[5, 6], on=True)
    assert explorer.selection.channel == 3 and explorer.selection.group == (5, 6)
    assert grid.group == [5, 6] and view.group == [3, 5, 6]
    say(view, event="put", how="off")
    assert explorer.selection.edits == (Channels("1", off=[3, 5, 6]),) and view.how == "off"
    assert all(
        word.endswith("switched off") == (c in (3, 5, 6)) for c, word in zip(grid.channels, grid.words, strict=True)
    )
    say(grid, event="gather", channels=[5], on=False)
    say(view, event="put", how="on")
    assert explorer.selection.edits == (Channels("1", off=[5]),) and view.group == [3, 6]
    say(view, event="clamp", low=0.0, high=0.25)
    assert explorer.selection.edits == (Channels("1", off=[5], clamp={3: (0, 0.25), 6: (0, 0.25)}),)
    assert view.how == "clamp" and view.limits == [0.0, 0.25]
    assert explorer.panels["channels"]._answer.maps.values[6].max() <= 0.25
    say(view, event="only")
    assert explorer.selection.edits[-1] == Channels("1", only=[3, 6]) and view.only
    say(grid, event="gather", channels=[3], on=False)
    assert (explorer.selection.channel, explorer.selection.group) == (6, ())
    say(grid, event="gather", channels=[6], on=False)
    assert explorer.selection.channel == 6  # one stays chosen


def test_layers_behind_a_changed_channel_show_their_changed_maps(explorer: Explorer) -> None:
    say(explorer.panels["switch"].view, event="put", how="off")
    explorer.selection.layer = "3"
    shown = explorer.panels["channels"]._answer.maps.values
    model, picture = explorer.model, explorer.pictures["one"]
    np.testing.assert_array_equal(shown, feature_maps(model.edited(*explorer.selection.edits), picture, "3").values)
    assert not np.array_equal(shown, feature_maps(model, picture, "3").values)
    assert explorer.selection.group == () and explorer.panels["channels"].view.edited == []


def test_a_layer_of_single_values_offers_no_mean_over_places(explorer: Explorer) -> None:
    view = explorer.panels["switch"].view
    assert view.averages
    explorer.selection.change(layer=list(explorer.model.trace().layers)[-1], channel=1)
    assert view.channel == 1 and not view.averages


def test_a_clamp_begins_at_half_the_peak(explorer: Explorer) -> None:
    peak = float(explorer.panels["channels"]._answer.peaks[3])
    say(explorer.panels["switch"].view, event="put", how="clamp")
    ((channel, (low, high)),) = explorer.selection.edits[0].clamp
    assert channel == 3 and low == 0 and high == pytest.approx(peak / 2, rel=0.06)


def test_a_clamp_may_have_one_limit(explorer: Explorer) -> None:
    view, grid = explorer.panels["switch"].view, explorer.panels["channels"].view
    explorer.selection.edits = (Channels("1", clamp={3: (None, 0.25)}),)
    assert view.how == "clamp" and view.limits == [None, 0.25]  # JSON has no infinity
    assert grid.words[grid.channels.index(3)].endswith("clamped, at most 0.25")
    say(view, event="clamp", low=-0.5, high=None)
    assert explorer.selection.edits == (Channels("1", clamp={3: (-0.5, None)}),) and view.limits == [-0.5, None]
    assert explorer.panels["what_if"].view.chips == ["1 · channel 3 at least −0.5"]


def test_a_tile_says_which_value_its_channel_is_put_to(explorer: Explorer) -> None:
    grid = explorer.panels["channels"].view
    explorer.selection.edits = (Channels("1", off=[3], fill=[-0.125] * 8), Channels("1", scale={2: -2.0}))
    assert explorer.panels["switch"].view.how == "data"
    assert grid.words[grid.channels.index(3)].endswith("at −0.125")
    assert grid.words[grid.channels.index(2)].endswith("scaled × −2")
    assert explorer.panels["what_if"].view.chips == ["1 · channel 3 at −0.125", "1 · channel 2 × −2"]


def test_measured_effects_sort_the_grid_and_every_class_is_listed(explorer: Explorer) -> None:
    view, grid, picture = explorer.panels["switch"].view, explorer.panels["channels"].view, explorer.pictures["one"]
    assert not grid.look["measured"] and view.classes == []
    say(view, event="measure")
    before = explorer.model.logits(picture)
    losses = [explorer.model.edited(Channels("1", off=[c])).logits(picture)[1] - before[1] for c in range(8)]
    assert grid.look["sort"] == "effect" and grid.channels == np.argsort(losses, kind="stable").tolist()
    assert all("without it" in words or "no activation" in words for words in grid.words)
    changes = explorer.model.edited(Channels("1", off=[3])).logits(picture) - before
    order = np.argsort(-np.abs(changes), kind="stable")
    assert [row[0] for row in view.classes] == [explorer.model.class_name(int(i)) for i in order]
    assert [row[1] for row in view.classes] == [score_change(float(changes[i])) for i in order]
    assert [row[3] for row in view.classes] == [i == 1 for i in order]
    explorer.selection.target = 2  # of another class nothing is measured yet by this order
    say(grid, event="look", look={"sort": "class"})
    assert explorer.panels["switch"]._answer.index == 2 and grid.look["measured"]
    explorer.selection.layer = "3"
    assert not grid.look["measured"] and grid.look["sort"] == "class"


def test_a_group_is_of_one_layer_and_reset_with_its_channel(explorer: Explorer) -> None:
    selection = explorer.selection
    selection.group = (6, 4, 3)
    assert selection.group == (4, 6) and selection.state()["group"] == [4, 6]
    with pytest.raises(NbvizError, match="no channel 8"):
        selection.group = (8,)
    selection.channel = 2
    assert selection.group == ()
    selection.change(channel=1, group=(2, 5))
    selection.layer = "3"
    assert selection.channel is None and selection.group == ()
    with pytest.raises(NbvizError, match="together with a channel"):
        selection.group = (1,)


def test_a_channel_that_is_off_already_has_no_effect_to_list(explorer: Explorer) -> None:
    view = explorer.panels["switch"].view
    say(view, event="measure")
    say(view, event="put", how="off")
    assert view.classes == [] and "off already" in view.measured[0]
    say(view, event="put", how="on")
    assert len(view.classes) == 4
