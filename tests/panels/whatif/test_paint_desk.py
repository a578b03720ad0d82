"""The paint desk: strokes become drafts, then an edit; what is measured is what a script measures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

import nbviz
from nbviz.drawing.numbers import score_change
from nbviz.edits import Mask, Paint, Transform
from nbviz.evaluation.controls import edges, random_like
from nbviz.explorer import Explorer
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.panels.whatif.paint_desk import PaintDesk
from nbviz.panels.whatif.paint_flip import flip_words
from nbviz.pictures.load import load_pictures
from nbviz.session.inline import InlineRunner
from nbviz.session.requests.base import ExplainRequest
from nbviz.session.requests.edits.flip import SHARES, FlipAnswer, HidingCurve, middle
from nbviz.session.requests.edits.foretold import foretold, scattered
from nbviz.session.requests.edits.paint import MeasurePaint, top_share
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


def test_a_stroke_under_way_ends_with_its_picture_its_desk_and_the_edits_it_began_on(explorer: Explorer) -> None:
    view, strip, chosen = desk(explorer).view, explorer.panels["what_if"].view, explorer.selection
    acts = (
        lambda: chosen.change(image="two"),
        chosen.undo,
        lambda: say(strip, event="clear"),
        lambda: say(strip, event="remove", place=0),
        lambda: say(strip, event="tool", name="attack"),
        lambda: say(view, event="close"),
    )
    for act in acts:
        chosen.change(image="one", edits=(Transform("rotate", 5.0),), tool="paint")
        say(view, bits(4, 4, 12, 20)[1], event="stroke", end=False)
        assert chosen.draft is not None
        act()
        assert chosen.draft is None
        expected = explorer.model.edited(*chosen.edits).logits(explorer.pictures[chosen.image])
        np.testing.assert_array_equal(explorer.panels["scores"]._answer.logits, expected)


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
    assert said[0][1] == ["bee", "strong"] and said[0][3][0] == score_change(after - before)
    assert "50 %" in said[0][4]
    asked = desk(explorer).request(explorer.selection)
    assert isinstance(asked, MeasurePaint)
    answer = explorer._context.answer(asked)
    assert answer.score == ("bee", float(before), float(after))
    values = explorer._context.answer(asked.explanation).attribution.values.double()
    assert answer.foretold.way == "sum" and answer.foretold.change == pytest.approx(
        -float(values.reshape(-1, SIDE, SIDE).sum(0)[mask].sum())
    )
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


def test_another_picture_is_painted_with(explorer: Explorer) -> None:
    view, sent = desk(explorer).view, bits(0, 0, 16, SIDE)[1]
    assert ["picture two", "with two"] in view.fills and not any(key == "picture one" for key, _ in view.fills)
    say(view, event="settings", keep=False, fill="picture two")
    say(view, sent, event="stroke", end=True)
    (paint,) = explorer.selection.edits
    assert paint.fill == explorer.pictures["two"] and view.fill == "picture two"
    model, one, two = explorer.model, explorer.pictures["one"], explorer.pictures["two"]
    painted = model.edited(paint).input(one)
    assert torch.equal(painted[..., :16, :], model.input(two)[..., :16, :])
    assert torch.equal(painted[..., 16:, :], model.input(one)[..., 16:, :])
    assert "pictures['two']" in explorer.code()
    explorer.selection.change(image="two")  # no picture can be painted with itself
    assert view.fill == "blur" and view.fill in [key for key, _ in view.fills]
    say(view, sent, event="stroke", end=True)
    assert explorer.selection.edits == (Paint(paint.mask),) and view.state == "ready"


def until(explorer: Explorer) -> FlipAnswer:
    say(desk(explorer).view, event="flip")
    return explorer._context.answer(desk(explorer).until.wanted)


def test_the_share_that_flips_is_the_smallest_by_brute_force_and_stands_beside_random_and_edges() -> None:
    torch.manual_seed(0)
    weights = torch.randn(3, 3 * 8 * 8).double()
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, 3, bias=False).double())
    with torch.no_grad():
        net[1].weight.copy_(weights)
    image = torch.rand(3, 8, 8, dtype=torch.float64)
    with Explorer(net, {"x": image}, runner=InlineRunner, method="input_x_gradient") as made:
        made.selection.tool = "paint"
        answer, model, x = until(made), made.model, made.model.input(made.pictures["x"])
        label = int(model(x).argmax())
        order = made.attribution.heat().abs().double()
        rows = {"map": order, "edges": edges(x), **{f"random {k}": random_like(order, k) for k in range(20)}}
        curves = {"map": answer.map, "edges": answer.edges}
        curves |= {f"random {place}": curve for place, curve in enumerate(answer.random)}
        assert len(answer.random) == 20 and answer.index == label
        for name, curve in curves.items():
            said = [model.predict(model.edited(Paint(top_share(rows[name].numpy(), s))).input(x), 1)[0][1] != label
                    for s in curve.shares]  # fmt: skip
            assert list(curve.flips) == said
            assert curve.flip == next((s for s, flips in zip(curve.shares, said, strict=True) if flips), None)
        hidden = model.edited(Paint(top_share(order.numpy(), answer.map.shares[4]))).prediction(x).shares[label]
        assert answer.map.chances[4] == pytest.approx(float(hidden), rel=1e-6)
        view = desk(made).view
        assert len(view.flip["map"]) == 50 and len(view.flip["band"]) == 25
        assert view.flip_share == (answer.map.flip or 0.0)
        assert answer.map.flip is not None, "the weights are such that it flips"
        say(view, event="marks", share=view.flip_share)
        assert made.model.edited(*made.selection.edits).predict(made.pictures["x"], 1)[0][1] != label


def test_until_it_flips_is_said_with_random_beside_it_and_forgotten_with_another_question(explorer: Explorer) -> None:
    answer, view = until(explorer), desk(explorer).view
    said = "".join(run if isinstance(run, str) else run[0] for run in view.flip_words)
    assert "at random it takes" in said and "along plain edges" in said and "Input × gradient says" in said
    assert answer.done == 1.0
    explorer.selection.method = "saliency"
    assert view.flip == {} and view.flip_words == [] and view.flip_share == 0.0


def curve_of(flip: float | None) -> HidingCurve:
    shares = (0.12, 0.25, 0.41)
    return HidingCurve(shares, (0.5,) * 3, tuple(flip is not None and share >= flip for share in shares))


def test_the_sentence_of_the_flip() -> None:
    many = tuple(curve_of(flip) for flip in [0.41] * 15 + [0.25] * 5)
    map_ = HidingCurve(SHARES, (0.5,) * 50, tuple(share >= 0.12 for share in SHARES))
    words = flip_words(FlipAnswer(0, 0.9, map_, curve_of(0.25), many, 1.0), "tabby", "Grad-CAM")
    said = "".join(run if isinstance(run, str) else run[0] for run in words)
    assert said == (
        "hiding 12 % of the picture where Grad-CAM says flips tabby; at random it takes 41 % (the middle of 20 maps as "
        "smooth, 25 % to 41 %); along plain edges 25 %"
    )
    assert middle([None, 0.2, 0.3]) == 0.3 and middle([None, None, 0.3]) is None and middle([]) is None
    assert middle([0.1, None]) is None and middle([0.2, 0.4]) == pytest.approx(0.3)


@pytest.mark.parametrize(("method", "options", "way"), [
    ("saliency", {}, "gradient"),
    ("smoothgrad", {"samples": 4}, "gradient"),
    ("smoothgrad", {"samples": 4, "squared": True}, "rank"),
    ("integrated_gradients", {}, "sum"),
    ("integrated_gradients", {"baseline": "mean"}, "same baseline"),
    ("occlusion", {}, "rank"),
    ("grad_cam", {}, "rank"),
])  # fmt: skip
def test_what_a_map_foretells_depends_on_what_it_means(method: str, options: dict[str, object], way: str) -> None:
    model, picture = InstrumentedModel(network()), load_pictures(pictures())["one"]
    paint = Paint(bits(2, 2, 9, 12)[0], "mean")
    x, substrate = model.input(picture), paint.substrate(model.input(picture), model)
    layer = "1" if method == "grad_cam" else None
    made = nbviz.attribute(model, picture, 1, method, layer, **options)
    asked = ExplainRequest(picture, Target(index=1), method, layer, tuple(options.items()))
    told = foretold(asked, made, paint, x, substrate, scattered(paint, 20))
    assert told.way == way and (told.change is None) == (way == "rank")
    if way == "gradient" and method == "saliency":
        leaf = x.clone().requires_grad_()
        gradient = torch.autograd.grad(model(leaf)[0, 1], leaf)[0]
        inside = torch.from_numpy(paint.mask.pixels)
        expected = float((gradient * (substrate - x))[0, :, inside].sum())
        assert told.change == pytest.approx(expected, rel=1e-4)
    if way == "rank":
        heat = made.heat().abs().numpy()
        own = heat[paint.mask.pixels].mean()
        assert told.above == sum(heat[one.mask.pixels].mean() < own for one in scattered(paint, 20))


def test_on_a_linear_network_what_is_foretold_is_what_happens() -> None:
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 2).double())
    image = torch.rand(3, 4, 4, dtype=torch.float64)
    mask = np.zeros((4, 4), bool)
    mask[1:3, 1:4] = True
    with Explorer(net, {"x": image}, runner=InlineRunner, method="saliency", target=1) as made:
        made.selection.change(tool="paint", edits=(Paint(mask, "noise"),))
        view, context = desk(made).view, made._context
        answer = context.answer(desk(made).request(made.selection))
        assert answer.foretold.change == pytest.approx(answer.score[2] - answer.score[1], abs=1e-6)
        made.selection.method = "integrated_gradients"
        assert context.answer(desk(made).request(made.selection)).foretold.way == "sum"
        assert view.offer == "integrated gradients from this noise"
        say(view, event="from_fill")
        answer = context.answer(desk(made).request(made.selection))
        assert answer.foretold.way == "same baseline" and view.offer == ""
        assert answer.foretold.change == pytest.approx(answer.score[2] - answer.score[1], abs=1e-6)
        assert any("from the same noise" in str(run) for run in view.lines[1])


def test_patches_elsewhere_have_the_same_form_whole() -> None:
    paint = Paint(bits(2, 3, 9, 12)[0], "gray", keep=True)
    for patch in scattered(paint, 20):
        rows, columns = (np.flatnonzero(patch.mask.pixels.any(axis)) for axis in (1, 0))
        assert rows[-1] - rows[0] == 6 and columns[-1] - columns[0] == 8 and patch.mask.pixels.sum() == 63
        assert (patch.fill, patch.keep) == ("gray", True)
    assert len({patch.mask for patch in scattered(paint, 20)}) > 15


def test_paint_that_changes_nothing_is_said_to(explorer: Explorer) -> None:
    image = torch.full((3, SIDE, SIDE), 0.5)
    with Explorer(network(), {"flat": image}, runner=InlineRunner, method="saliency", target=1) as made:
        made.selection.change(tool="paint", edits=(Paint(bits(0, 0, 8, 8)[0], "mean"),))
        assert ["what was painted is what was there already: nothing changed"] in desk(made).view.lines


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
