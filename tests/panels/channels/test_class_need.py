"""The channels that a class needs, as the Explorer shows them: figures of the script, and their chance beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

import nbviz
from nbviz.circuits import class_effects, class_need
from nbviz.explorer import Explorer
from nbviz.panels.channels.need_words import curve_data, need_words
from nbviz.session.inline import InlineRunner
from tests.panels.rig import say
from tests.test_explorer import network, pictures

NAMES = ["ant", "bee", "cat", "dog"]


@pytest.fixture()
def explorer() -> Iterator[Explorer]:
    with Explorer(
        network(), pictures(), classes=NAMES, runner=InlineRunner, method="saliency", target=1, layer="1", channel=3
    ) as made:
        yield made


def test_the_curve_is_the_script_s_and_its_chance_stands_beside_it(explorer: Explorer) -> None:
    view = explorer.panels["need"].view
    assert view.shown and view.curve == {} and view.asked == [] and view.labelled == 0
    say(view, event="need")
    need = class_need(explorer.model, explorer.pictures["one"], "1", 1)
    assert (
        need.exact and view.curve == curve_data(need) and view.words == need_words(need, "bee") and view.progress == ""
    )
    assert len(need.random_without) == 20 and len(view.curve["go_band"][0]) == len(need.counts) == len(view.curve["at"])
    every = [
        *view.curve["go"],
        *view.curve["stay"],
        *np.ravel(view.curve["go_band"]),
        *np.ravel(view.curve["stay_band"]),
    ]
    assert min(every) == 0 and max(every) == 1
    assert need.half_gone(need.without) is not None and "in 20 orders" in str(view.words)
    explorer.selection.layer = "3"
    assert view.curve == {} and view.asked == []
    explorer.selection.layer = "1"
    assert view.curve and view.asked == ["need"]
    say(view, event="need")
    assert view.curve == {} and view.words == []


def test_two_classes_are_refused_in_a_sentence(explorer: Explorer) -> None:
    view = explorer.panels["need"].view
    say(view, event="need")
    explorer.selection.target = (1, 2)
    assert view.state == "refused" and "one class" in view.message and view.curve == {}


def test_a_layer_that_gives_nothing_is_said_to() -> None:
    flat = np.zeros(3)
    need = nbviz.circuits.Need(
        "1", 0, 1.0, np.arange(2), np.arange(3), flat + 1, flat + 1, flat[None] + 1, flat[None] + 1, True, 1
    )
    assert need.half_gone(need.without) is None and "nothing" in str(need_words(need, "ant"))
    against = replace(need, without=np.array([1.0, 2.0, 3.0]))
    assert against.half_there(against.alone) is None and "speaks against" in str(need_words(against, "ant"))


def test_over_labelled_pictures_each_class_has_its_interval() -> None:
    data = nbviz.zoo.fashion()
    with Explorer(
        nbviz.zoo.load("fashion_cnn"), data, runner=InlineRunner, method="saliency", layer="blocks.4", channel=5
    ) as explorer:
        view = explorer.panels["need"].view
        assert view.labelled == len(data)
        say(explorer.panels["channels"].view, event="gather", channels=[1], on=True)
        say(view, event="over")
        table = class_effects(explorer.model, data, "blocks.4", [1, 5])
        assert [row[0] for row in view.classes] == table["class"].tolist() and view.over.startswith("without these 2")
        assert [row[6] for row in view.classes] == ((table["low"] > 0) | (table["high"] < 0)).tolist()
        assert sum(row[5] for row in view.classes) == 200
        assert "no other edit" not in view.over
        explorer.selection.edits = (nbviz.edits.Channels("blocks.2", off=[0]),)
        assert "200 labelled pictures (and no other edit)" in view.over and view.classes
        explorer.selection.edits = ()
        assert "no other edit" not in view.over
        explorer.selection.channel = 2
        assert view.classes == [] and view.asked == []
