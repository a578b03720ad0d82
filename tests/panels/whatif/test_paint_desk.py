"""The paint desk: strokes become drafts, then an edit; what is measured is what a script measures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from nbviz.edits import Mask, Paint, Transform
from nbviz.explorer import Explorer
from nbviz.panels.whatif.paint_desk import PaintDesk
from nbviz.session.inline import InlineRunner
from nbviz.session.requests.edits.paint import MeasurePaint, scattered, top_share
from tests.panels.rig import say
from tests.test_explorer import network, pictures

SIDE = 32


@pytest.fixture()
def explorer() -> Iterator[Explorer]:
    names = ["ant", "bee", "cat", "dog"]
    with Explorer(
        network(), pictures(), classes=names, runner=InlineRunner, method="input_x_gradient", target=1
    ) as made:
        made.selection.tool = "paint"
        yield made


def bits(top: int, left: int, bottom: int, right: int) -> tuple[np.ndarray, bytes]:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[top:bottom, left:right] = True
    return mask, np.packbits(mask).tobytes()


def desk(explorer: Explorer) -> PaintDesk:
    made = explorer.panels["paint"]
    assert isinstance(made, PaintDesk)
    return made


def test_bars_follow_a_stroke_and_only_its_end_is_an_edit(explorer: Explorer) -> None:
    mask, sent = bits(4, 4, 12, 20)
    view, scores, maps = desk(explorer).view, explorer.panels["scores"], explorer.panels["channels"]
    held, picture = maps._answer, view.picture
    say(view, sent, event="stroke", end=False)
    assert explorer.selection.draft == (Paint(Mask.of(mask)),) and explorer.selection.edits == ()
    expected = explorer.model.edited(Paint(mask)).logits(explorer.pictures["one"])
    np.testing.assert_array_equal(scores._answer.logits, expected)
    assert view.picture != picture and maps._answer is held
    assert view.answered == 1  # the browser may send the next mask
    say(view, sent, event="stroke", end=True)
    assert explorer.selection.draft is None and explorer.selection.edits == (Paint(Mask.of(mask)),)
    assert maps._answer is not held
    more, again = bits(4, 4, 20, 20)
    say(view, again, event="stroke", end=True)
    assert explorer.selection.edits == (Paint(Mask.of(more)),)  # the same edit, painted further
    explorer.selection.undo()
    assert view.mask == sent
    say(view, bytes(len(sent)), event="stroke", end=True)
    assert explorer.selection.edits == ()


def test_what_is_said_is_what_a_script_measures(explorer: Explorer) -> None:
    mask, sent = bits(0, 0, 16, SIDE)
    explorer.selection.edits = (Transform("brightness", 0.8),)
    say(desk(explorer).view, sent, event="stroke", end=True)
    paint, picture = Paint(mask), explorer.pictures["one"]
    before, after = (
        explorer.model.logits(picture)[1],
        explorer.model.edited(*explorer.selection.edits).logits(picture)[1],
    )
    said = desk(explorer).view.lines
    assert said[0][1] == ["bee", "strong"] and said[0][3][0] == f"{after - before:+.2f}".replace("-", "−")
    assert "50 %" in said[0][4]
    asked = desk(explorer).request(explorer.selection)
    assert isinstance(asked, MeasurePaint)
    answer = explorer._context.answer(asked)
    assert answer.score == ("bee", float(before), float(after))
    values = explorer._context.answer(asked.explanation).attribution.values.double()
    assert answer.foretold == pytest.approx(-float(values.reshape(-1, SIDE, SIDE).sum(0)[mask].sum()))
    changes = [explorer.model.edited(one).logits(picture)[1] - before for one in scattered(paint, 20)]
    np.testing.assert_allclose(answer.patches, changes, rtol=1e-6)


def test_the_map_decides_what_is_hidden_or_stays(explorer: Explorer) -> None:
    view = desk(explorer).view
    say(view, event="marks", share=0.1)
    (paint,) = explorer.selection.edits
    assert isinstance(paint, Paint) and not paint.keep and paint.mask.share == pytest.approx(0.1, abs=1e-3)
    heat = explorer._context.answer(desk(explorer).request(explorer.selection).explanation).attribution.heat().abs()
    assert float(heat[torch.from_numpy(paint.mask.pixels)].min()) >= float(
        heat[torch.from_numpy(~paint.mask.pixels)].max()
    )
    say(view, event="rest", share=0.1)
    assert explorer.selection.edits == (Paint(paint.mask, keep=True),) and view.keep
    say(view, event="settings", keep=False, fill="mean")
    assert explorer.selection.edits == (Paint(paint.mask, "mean"),)
    say(view, event="settings", keep=False, fill="plaid")
    assert view.state == "refused" and "plaid" in view.message and explorer.selection.edits[0].fill == "mean"  # type: ignore[attr-defined]


def test_a_mask_of_another_size_is_refused(explorer: Explorer) -> None:
    view = desk(explorer).view
    say(view, b"\xff" * 10, event="stroke", end=True)
    assert view.state == "refused" and "10 bytes" in view.message and explorer.selection.edits == ()


def test_escape_closes_and_leaves_the_edit_on(explorer: Explorer) -> None:
    say(desk(explorer).view, bits(0, 0, 8, 8)[1], event="stroke", end=True)
    say(desk(explorer).view, event="close")
    assert explorer.selection.tool == "" and len(explorer.selection.edits) == 1


def test_the_top_share_of_a_map_has_that_many_pixels() -> None:
    heat = np.arange(20.0).reshape(4, 5)
    mask = top_share(heat, 0.25)
    assert mask.sum() == 5 and mask[3].all()
    assert top_share(np.zeros((4, 5)), 0.25).sum() == 5
