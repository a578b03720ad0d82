"""Edits of a selection: checked, undone, and asked of an Explorer as of a script."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import nbviz
from nbviz.edits import Attack, Channels, Draw, Edit, Paint, Transform
from nbviz.errors import NbvizError
from nbviz.explorer import Explorer
from nbviz.session.context import LiveContext
from nbviz.session.inline import InlineRunner
from nbviz.session.requests.base import ExplainRequest, MapsRequest, ScoresRequest
from nbviz.session.requests.edits.edited_request import Compare, Edited, with_edits
from nbviz.session.requests.found import NoIndex
from nbviz.session.requests.made import MakeChannels
from tests.networks import state_hash
from tests.panels.rig import rig
from tests.test_explorer import network, pictures


def left(height: int = 32, width: int = 32) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    mask[:, : width // 2] = True
    return mask


def turned(image: Image.Image) -> Image.Image:
    return image.rotate(random.uniform(20, 90))


SOME: list[Edit] = [
    Paint(left()),
    Transform("rotate", 20),
    Attack("fgsm", 4.0),
    Channels("1", off=[0, 2, 5]),
    Draw(turned, 3),
]


@pytest.fixture()
def explorer() -> Iterator[Explorer]:
    with Explorer(
        network(), pictures(), classes=["ant", "bee", "cat", "dog"], runner=InlineRunner, method="saliency", target=1
    ) as made:
        yield made


@pytest.mark.parametrize("edit", SOME, ids=lambda edit: type(edit).__name__)
def test_the_explorer_shows_what_a_script_computes(explorer: Explorer, edit: Edit) -> None:
    net, picture = explorer.model.net, explorer.pictures["one"]
    before = state_hash(net)
    explorer.selection.edits = (edit,)
    edited = nbviz.InstrumentedModel(net).edited(edit)
    expected = nbviz.attribute(edited, picture, 1, "saliency")
    assert explorer.attribution is not None
    np.testing.assert_array_equal(explorer.attribution.values, expected.values)
    shown = explorer.panels["scores"]._answer
    np.testing.assert_array_equal(shown.logits, edited.logits(picture))
    grid = explorer.panels["channels"]._answer
    np.testing.assert_array_equal(
        grid.maps.values, LiveContext(edited).answer(MapsRequest(picture, explorer.selection.layer)).values
    )
    assert state_hash(net) == before


@pytest.mark.parametrize("edit", SOME, ids=lambda edit: type(edit).__name__)
def test_undo_shows_the_same_pixels_again_and_redo_the_edited_ones(explorer: Explorer, edit: Edit) -> None:
    canvas = explorer.panels["canvas"]
    before = canvas.pixels()
    explorer.selection.edits = (edit,)
    after = canvas.pixels()
    assert not np.array_equal(before, after)
    explorer.selection.undo()
    assert explorer.selection.edits == ()
    np.testing.assert_array_equal(canvas.pixels(), before)
    explorer.selection.redo()
    np.testing.assert_array_equal(canvas.pixels(), after)


def test_the_original_is_shown_while_it_is_asked_for_without_computing(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    canvas = explorer.panels["canvas"]
    before = canvas.pixels()
    explorer.selection.edits = (SOME[0],)
    after = canvas.pixels()
    monkeypatch.setattr(LiveContext, "answers", _never)
    explorer.selection.original = True
    np.testing.assert_array_equal(canvas.pixels(), before)
    explorer.selection.original = False
    np.testing.assert_array_equal(canvas.pixels(), after)


def _never(self: LiveContext, request: Any) -> Iterator[Any]:
    raise AssertionError(f"{request} was computed again")


def test_undo_and_redo_go_over_every_change() -> None:
    selection = rig().selection
    steps = [(), (SOME[1],), (SOME[1], SOME[3]), (SOME[3],)]
    for edits in steps[1:]:
        selection.edits = edits
    for edits in reversed(steps[:-1]):
        selection.undo()
        assert selection.edits == edits
    selection.undo()
    assert selection.edits == () and not selection.can_undo and selection.can_redo
    for edits in steps[1:]:
        selection.redo()
        assert selection.edits == edits
    selection.undo()
    selection.edits = (SOME[1],)
    assert not selection.can_redo  # another way was taken


def test_another_picture_takes_over_all_but_what_was_painted() -> None:
    selection = rig().selection
    selection.edits = (Paint(left(32, 40)), SOME[1], SOME[3])
    selection.image = "coffee"
    assert selection.edits == (SOME[1], SOME[3])
    selection.change(image="cat", edits=(SOME[1],))
    assert selection.edits == (SOME[1],)


class _Unhashable(Transform):
    __hash__ = None  # type: ignore[assignment]


BAD: list[Any] = [
    "blur",
    Channels("conv9", off=[1]),
    Channels("1", off=[99]),
    Paint(np.ones((4, 4))),
    _Unhashable("rotate", 1.0),
]


@pytest.mark.parametrize("bad", BAD, ids=range(len(BAD)))
def test_what_the_network_lacks_is_refused_and_nothing_else_lost(bad: Any) -> None:
    selection = rig().selection
    selection.edits = (SOME[1],)
    with pytest.raises(NbvizError, match=r"\w+ \w+"):
        selection.edits = (SOME[1], bad)
    assert selection.edits == (SOME[1],)
    selection.undo()
    assert selection.edits == ()


def test_an_edit_that_a_new_network_lacks_is_dropped_with_a_note_and_nothing_else_is_lost() -> None:
    turned_a_bit, off, paint = Transform("rotate", 20), Channels("1", off=[2]), Paint(left())
    with Explorer(network(), pictures(), runner=InlineRunner, method="saliency") as one:
        one.selection.edits = (turned_a_bit, off, paint)
        state = {name: one.selection.state()[name] for name in ("edits", "image", "method")}
    narrow = torch.nn.Sequential(
        torch.nn.Conv2d(3, 2, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(2, 6, 3), torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(6, 4),
    )  # fmt: skip
    with Explorer(narrow, pictures(), runner=InlineRunner, state=state) as other:
        selection, strip = other.selection, other.panels["what_if"].view
        assert selection.edits == (turned_a_bit, paint) and selection.method == "saliency"
        (sentence,) = selection.dropped
        assert "channel 2 off" in sentence and "has 2 channels" in sentence and strip.dropped == sentence
        selection.edits = (paint,)
        assert selection.dropped == () and strip.dropped == ""
        with pytest.raises(NbvizError, match=r"state=explorer\.selection\.state\(\)"):
            other.model = narrow  # a plain attribute would be written, and nothing on show would follow


def test_surgery_that_takes_a_layer_away_drops_its_edit_at_the_next_refresh() -> None:
    net = network()
    with Explorer(net, pictures(), runner=InlineRunner, method="saliency") as explorer:
        explorer.selection.edits = (Transform("rotate", 20), Channels("1", off=[2]))
        net[0], net[2] = torch.nn.Conv2d(3, 2, 3, padding=1), torch.nn.Conv2d(2, 6, 3, stride=2, padding=1)
        explorer.refresh()
        assert explorer.selection.edits == (Transform("rotate", 20),)
        strip = explorer.panels["what_if"].view
        assert "there is no channel 2" in strip.dropped
        assert explorer.panels["channels"].view.state == "ready"
        explorer.selection.edits = ()
        assert strip.dropped == ""
        explorer.selection.undo()
        explorer.selection.undo()  # to both, of which the network has one
        assert explorer.selection.edits == (Transform("rotate", 20),) and "there is no channel 2" in strip.dropped
        assert explorer.selection.can_undo and explorer.selection.can_redo
        explorer.selection.undo()
        assert explorer.selection.edits == () and strip.dropped == ""


def test_surgery_drops_its_edit_at_the_next_act_and_no_panel_fails() -> None:
    net = network()
    with Explorer(net, pictures(), runner=InlineRunner, method="saliency") as explorer:
        explorer.selection.edits = (Transform("rotate", 20), Channels("1", off=[2]), Channels("3", scale={1: 2.0}))
        net[0], net[2] = torch.nn.Conv2d(3, 2, 3, padding=1), torch.nn.Conv2d(2, 6, 3, stride=2, padding=1)
        explorer.selection.target = 2
        assert explorer.selection.edits == (Transform("rotate", 20), Channels("3", scale={1: 2.0}))
        assert "there is no channel 2" in explorer.panels["what_if"].view.dropped
        explorer.selection.edits = (Paint(left()), Channels("1", off=[1]))
        net[0], net[2] = torch.nn.Conv2d(3, 1, 3, padding=1), torch.nn.Conv2d(1, 6, 3, stride=2, padding=1)
        explorer.selection.image = "two"  # which does not take the paint over, and must be choosable
        assert explorer.selection.edits == () and len(explorer.selection.dropped) == 1
        states = {getattr(panel.view, "state", "ready") for panel in explorer.panels.values()}
        assert states <= {"ready", "partial"}


def test_a_request_stays_itself_without_edits_that_matter_to_it() -> None:
    picture = rig().pictures["cat"]
    scores, found, made = ScoresRequest(picture), NoIndex("1", 2), MakeChannels("1", (0,))
    assert with_edits(scores, ()) is scores
    assert with_edits(found, SOME) is found
    assert with_edits(made, SOME) is made
    assert with_edits(scores, SOME[:1]) == Edited(scores, (SOME[0],)) == with_edits(scores, (SOME[0],))
    assert hash(with_edits(scores, SOME)) == hash(with_edits(scores, tuple(SOME)))


def test_answers_with_and_without_edits_are_kept_side_by_side() -> None:
    made = rig()
    context = LiveContext(made.model)
    plain = ScoresRequest(made.pictures["cat"])
    edited = with_edits(plain, (SOME[1],))
    one, other = context.answer(plain), context.answer(edited)
    assert context.known(plain) is one and context.known(edited) is other
    assert not np.array_equal(one.logits, other.logits)
    compared = context.answer(Compare(plain, (SOME[1],)))
    assert compared.before is one and compared.after is other
    with torch.no_grad():
        made.model.net[0].weight.neg_()
    assert context.known(plain) is None and context.known(edited) is None


def test_a_stale_answer_is_never_shown() -> None:
    with Explorer(network(), pictures(), classes=["ant", "bee", "cat", "dog"], method="smoothgrad") as live:
        live.wait(30)
        shown: list[Any] = []
        panel = live.panels["scores"]
        show = panel.show
        panel.show = lambda answer: (shown.append((live.selection.edits_on, answer)), show(answer))[-1]  # type: ignore[method-assign]
        for degrees in range(1, 12):
            live.selection.edits = (Transform("rotate", float(degrees)),)
        live.selection.undo()
        assert live.wait(30)
        assert shown
        for edits, answer in shown:
            after = answer.after if hasattr(answer, "after") else answer
            expected = nbviz.InstrumentedModel(live.model.net).edited(*edits).logits(live.pictures["one"])
            np.testing.assert_allclose(after.logits, expected, rtol=0, atol=0)
        assert live.selection.edits == (Transform("rotate", 10.0),)
        request = with_edits(live.panels["canvas"].request(live.selection), live.selection.edits)
        assert isinstance(request, Edited) and isinstance(request.request, ExplainRequest)
        assert live.attribution is live._context.answer(request).attribution


def test_the_predicted_class_is_that_of_the_unedited_picture() -> None:
    made = rig()
    context, picture = LiveContext(made.model), made.pictures["cat"]
    index = made.model.predict(picture, 1)[0][1]
    flips = (Channels("6", clamp={index: (None, -100.0)}), Paint(left(32, 40), "noise"))
    assert made.model.edited(*flips).predict(picture, 1)[0][1] != index
    asked = with_edits(ExplainRequest(picture, nbviz.Target(), "saliency", None), flips)
    assert context.known(asked) is None
    answer = context.answer(asked)
    expected = nbviz.attribute(made.model.edited(*flips), picture, index, "saliency")
    np.testing.assert_array_equal(answer.attribution.values, expected.values)
    assert context.known(asked) is answer
