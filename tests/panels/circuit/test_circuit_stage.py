"""The stage Circuit: each step is that of a script, and its checks are brute force."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import nbviz
from nbviz.circuits import Node, step
from nbviz.drawing.numbers import three_digits
from nbviz.edits import Channels, Heads
from nbviz.explorer import Explorer
from nbviz.panels.circuit.circuit_words import effect_share, rows, share_words
from nbviz.session.inline import InlineRunner
from nbviz.session.requests.edits.circuit import CircuitAnswer
from tests.panels.rig import say
from tests.test_explorer import network, pictures


@pytest.fixture()
def explorer() -> Iterator[Explorer]:
    names = ["ant", "bee", "cat", "dog"]
    with Explorer(
        network(), pictures(), classes=names, runner=InlineRunner, method="saliency", target=1, stage="circuit"
    ) as made:
        yield made


def answer(explorer: Explorer) -> CircuitAnswer:
    made = explorer.panels["circuit"].answer
    assert isinstance(made, CircuitAnswer) and made.step is not None
    return made


def test_a_step_is_measured_as_brute_force_measures_it(explorer: Explorer) -> None:
    made, picture = answer(explorer), explorer.pictures["one"]
    assert made.node == Node("", 1) and made.source == "3" and made.step is not None
    score = explorer.model.logits(picture)[1]
    for channel in range(6):
        off = explorer.model.edited(Channels("3", off=[channel])).logits(picture)[1]
        assert made.step.effects[channel] == pytest.approx(score - off, abs=1e-5)
    top = list(made.step.top)
    assert made.step.alone == pytest.approx(
        float(explorer.model.edited(Channels("3", only=top)).logits(picture)[1]), abs=1e-5
    )
    assert made.step.without == pytest.approx(
        float(explorer.model.edited(Channels("3", off=top)).logits(picture)[1]), abs=1e-5
    )


def test_a_click_goes_there_and_breadcrumbs_come_back(explorer: Explorer) -> None:
    view = explorer.panels["circuit"].view
    channel = view.rows[0][0]
    effect = view.rows[0][1]
    say(view, event="into", channel=channel)
    made = answer(explorer)
    assert made.node.layer == "3" and made.node.channel == channel and made.source == "1"
    assert [crumb[0] for crumb in view.path] == ["score of bee", f"3 · {channel}"] and view.path[1][1] == effect
    x = explorer.model.input(explorer.pictures["one"])
    np.testing.assert_allclose(step(explorer.model, x, made.node, "1").effects, made.step.effects, rtol=1e-6)  # type: ignore[union-attr]
    assert view.here and any("before its non-linearity" in str(line) for line in view.node)
    table = eval(view.code, {"nbviz": nbviz, "model": explorer.model, "picture": explorer.pictures["one"]})
    assert set(table.edges["layer"]) == {"3", "1"}
    say(view, event="go", place=0)
    assert answer(explorer).node == Node("", 1) and len(view.path) == 1


def test_the_block_before_is_called_so_whatever_layer_is_chosen(explorer: Explorer) -> None:
    view = explorer.panels["circuit"].view

    def called() -> list[str]:
        return [name for name, words in view.sources if words.endswith("one block earlier")]

    before, first = view.source, view.sources[0][0]
    assert called() == [before] != [first]
    say(view, event="source", layer=first)
    assert view.source == first and called() == [before]


def test_another_class_begins_another_walk(explorer: Explorer) -> None:
    view = explorer.panels["circuit"].view
    say(view, event="into", channel=view.rows[0][0])
    explorer.selection.target = 2
    assert answer(explorer).node == Node("", 2) and [crumb[0] for crumb in view.path] == ["score of cat"]
    explorer.selection.target = (1, 2)
    assert view.state == "refused" and "one class" in view.message
    assert (view.sources, view.code) == ([], "")  # there is nothing to choose from, and nothing that code would make


def test_edits_are_on_while_it_is_walked(explorer: Explorer) -> None:
    off = answer(explorer).step.top[0]  # type: ignore[union-attr]
    explorer.selection.edits = (Channels("3", off=[off]),)
    assert answer(explorer).step.effects[off] == 0  # type: ignore[union-attr]


def test_the_first_order_is_shown_without_measuring_again(explorer: Explorer) -> None:
    view, made = explorer.panels["circuit"].view, answer(explorer)
    say(view, event="order", first=True)
    assert answer(explorer) is made and view.first
    assert view.rows == rows(made.step, made.step.first_order)[0]  # type: ignore[union-attr, arg-type]


def test_the_rest_is_what_the_rows_leave(explorer: Explorer) -> None:
    taken = answer(explorer).step
    assert taken is not None
    shown, rest = rows(taken, taken.effects)
    assert len(shown) == 6 and rest == []  # the layer has no more
    assert max(abs(row[3]) for row in shown) == 1


def test_the_overview_holds_all_that_was_walked(explorer: Explorer) -> None:
    view = explorer.panels["circuit"].view
    first, second = (row[0] for row in view.rows[:2])
    step_ = answer(explorer).step
    assert step_ is not None
    graph = view.overview
    assert graph["nodes"][0][2:] == ["score of bee", True, True] and len(graph["nodes"]) == len(graph["edges"]) + 1 == 7
    say(view, event="into", channel=first)
    say(view, event="go", place=0)
    say(view, event="into", channel=second)
    graph = view.overview
    walked = [node[2] for node in graph["nodes"] if node[4]]
    assert walked == ["score of bee", f"3 · {first}", f"3 · {second}"]
    most = np.abs(step_.effects).max()
    for channel, edge in zip((first, second), graph["edges"][:2], strict=True):
        assert edge[2] == pytest.approx(abs(step_.effects[channel]) / most, abs=1e-3)
        assert edge[0] == 0 and edge[3] == (step_.effects[channel] < 0)
    assert [node[3] for node in graph["nodes"] if node[4]] == [True, False, True]
    say(view, event="visit", node=1)
    assert answer(explorer).node.channel == first and len(view.path) == 2


def test_a_pinned_place_is_the_nodes_until_it_is_released(explorer: Explorer) -> None:
    view = explorer.panels["circuit"].view
    say(view, event="into", channel=(channel := view.rows[0][0]))
    model, strongest = explorer.model, answer(explorer)
    explorer.selection.pinned_place = (0.99, 0.0)
    made = answer(explorer)
    assert strongest.here is not None and made.node == Node("3", channel, (len(strongest.here) - 1, 0))
    wanted = step(model, model.input(explorer.pictures["one"]), made.node, "1")
    np.testing.assert_allclose(wanted.effects, made.step.effects, rtol=1e-6)  # type: ignore[union-attr]
    again = eval(view.code, {"nbviz": nbviz, "model": model, "picture": explorer.pictures["one"]})
    np.testing.assert_allclose(again, made.step.effects, rtol=1e-6)  # type: ignore[union-attr]
    assert [crumb[0] for crumb in view.path] == ["score of bee", f"3 · {channel}, pinned"]
    left, top, width, height = view.spot
    assert (left, top + height) == (0, pytest.approx(1)) and width == 1 / strongest.here.shape[1]
    # a channel that is walked to from here is read there, too, and then the old place stays in the overview
    say(view, event="into", channel=view.rows[0][0])
    assert view.path[2][0].endswith(", pinned")
    # no block comes before it: it has its value all the same, and a layer can be chosen
    assert "which is pinned" in str(view.node[0]) and "choose an earlier layer" in view.checked[0]
    assert (view.source, view.sources[0][0]) == ("", "")
    say(view, event="go", place=1)
    explorer.selection.pinned_place = None
    assert answer(explorer).node == strongest.node
    walked = [node[2] for node in view.overview["nodes"] if node[4]]
    assert len(walked) == 4 and {f"3 · {channel}", f"3 · {channel}, pinned"} < set(walked)
    assert sum(node[2] == f"3 · {channel}" for node in view.overview["nodes"]) == 1


def test_a_path_that_is_kept_is_walked_again(explorer: Explorer) -> None:
    view = explorer.panels["circuit"].view
    channel = view.rows[0][0]
    say(view, event="into", channel=channel)
    say(view, event="keep")
    say(view, event="keep")
    assert view.kept == [[f"one: score of bee ‹ 3 · {channel}", True]]
    explorer.selection.change(image="two", target=2)
    assert len(view.path) == 1 and view.kept[0][1] is False
    say(view, event="open", place=0)
    assert (explorer.selection.image, explorer.selection.target) == ("one", 1)
    assert answer(explorer).node.channel == channel and view.kept[0][1] is True
    say(view, event="drop", place=0)
    assert view.kept == []


def test_more_than_all_is_no_share() -> None:
    assert effect_share(1.0, 4.0) == "25.0 %" and effect_share(-5.0, 4.0) == "> 100 %"
    assert share_words(1.004) == [["100 %", "strong"], " of it"]  # as it is written
    assert share_words(0.5)[1] == " of it" and "1.20 × its value" in str(share_words(1.2))
    assert "−0.300 × its value" in str(share_words(-0.3)) and "%" not in str(share_words(-0.3))


def test_pictures_are_made_for_the_node_as_well(explorer: Explorer) -> None:
    view = explorer.panels["circuit"].view
    say(view, event="into", channel=view.rows[0][0])
    assert not view.node_made
    say(view, event="make")
    assert view.node_made and view.made and view.making == ""
    say(view, event="go", place=0)
    assert not view.node_made and view.made


def test_attention_heads_are_rows_that_end_the_walk() -> None:
    model, photo = nbviz.zoo.load("fashion_vit"), nbviz.zoo.fashion()[0][0]
    with Explorer(model, [photo], runner=InlineRunner, method="saliency", target=9, stage="circuit") as explorer:
        view = explorer.panels["circuit"].view
        names = [name for name, _ in view.sources]
        assert "heads of blocks.3.attention" in names
        say(view, event="source", layer="heads of blocks.3.attention")
        before = explorer.model.logits(photo)[9]
        made = answer(explorer).step
        assert made is not None and view.kind == "head" and len(view.rows) == 4 and view.rest == []
        for head in range(4):
            off = explorer.model.edited(Heads("blocks.3.attention", off=[head], of=4)).logits(photo)[9]
            assert made.effects[head] == pytest.approx(before - off, abs=1e-5)
        none = explorer.model.edited(Heads("blocks.3.attention", off=range(4), of=4)).logits(photo)[9]
        assert f" all 4 heads are shown; without any of them {three_digits(float(none))} of" in view.checked[1]
        again = eval(view.code, {"nbviz": nbviz, "model": explorer.model, "picture": photo})
        np.testing.assert_allclose(again, made.effects, rtol=1e-6)
        say(view, event="into", channel=view.rows[0][0])
        assert len(view.path) == 1  # a head is many numbers: nothing to walk back from
        # nothing that a head puts out can be read alone, so that its bars are never those of a first order
        say(view, event="source", layer="heads of blocks.3.attention")
        say(view, event="order", first=True)
        assert not view.first and view.rows == rows(made, made.effects)[0] and view.maps
        say(view, event="look", head=made.top[0])
        assert (explorer.selection.stage, explorer.selection.head) == ("attention", (3, made.top[0]))
        shown = explorer.panels["attention"].drawn.values
        looks = answer(explorer).looks
        assert looks is not None
        np.testing.assert_array_equal(looks.maps[made.top[0]], shown)
        explorer.selection.stage = "circuit"
        say(view, event="order", first=False)
        say(view, event="source", layer="blocks.3")
        say(view, event="into", channel=view.rows[0][0])
        names = [name for name, _ in view.sources]
        assert "heads of blocks.2.attention" in names
