"""The attack desk and the desk for changing the picture: what they show is what a script computes."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

import nbviz
from nbviz.attribution.limits import evidence_limits
from nbviz.drawing.overlay import gray, heat_rgba, overlay
from nbviz.edits import PRESETS, TRANSFORMS, Attack, Channels, Draw, Transform
from nbviz.explorer import Explorer
from nbviz.model.target import Target
from nbviz.panels.whatif.attack_words import magnified
from nbviz.panels.whatif.map_over import map_over
from nbviz.panels.whatif.transform_draws import likeness_line
from nbviz.pictures.load import as_picture
from nbviz.session.context import LiveContext
from nbviz.session.inline import InlineRunner
from nbviz.session.requests.base import ExplainRequest
from nbviz.session.requests.edits.attack import SIZES
from nbviz.session.requests.edits.likeness import Likeness, likeness
from nbviz.session.requests.edits.transform import POINTS, MeasureCurve, amounts_of, map_amounts
from tests.panels.rig import say
from tests.test_explorer import network, pictures


def turned(image: Image.Image) -> Image.Image:
    return image.rotate(random.uniform(-180, 180))


@pytest.fixture()
def explorer() -> Iterator[Explorer]:
    names = ["ant", "bee", "cat", "dog"]
    with Explorer(network(), pictures(), classes=names, runner=InlineRunner, method="saliency") as made:
        yield made


def test_an_attack_is_that_of_a_script(explorer: Explorer) -> None:
    explorer.selection.tool = "attack"
    view = explorer.panels["attack"].view
    assert explorer.selection.edits == () and view.pictures and view.size == 0
    into = int(view.classes[-1][0])
    name = explorer.model.class_name(into)
    say(view, event="set", kind="pgd20", into=into, size=8.0)
    assert explorer.selection.edits == (Attack("pgd", 8.0, name, steps=20),)
    made = nbviz.attack(explorer.model, explorer.pictures["one"], "pgd", 8.0, name, steps=20)
    label, share = made.before[0][0], made.before[0][2]
    after = next(row[2] for row in made.after if row[0] == label)
    assert view.lines[0][0] == [f"{label} {share:.2f} → {after:.2f}", "strong"]
    assert view.into == into and view.kind == "pgd20" and view.size == 8.0
    assert all(view.pictures) and view.notes[1] == f"at most {made.largest:.0f} of 255 grey levels"
    say(view, event="set", kind="pgd20", into=into, size=0.0)
    assert explorer.selection.edits == ()


def test_an_attack_goes_on_top_of_other_edits(explorer: Explorer) -> None:
    off = Channels("1", off=[0])
    explorer.selection.change(edits=(off,), tool="attack")
    say(explorer.panels["attack"].view, event="set", kind="fgsm", into=-1, size=4.0)
    assert explorer.selection.edits == (off, Attack("fgsm", 4.0, None, steps=1))
    say(explorer.panels["attack"].view, event="close")
    assert explorer.selection.tool == "" and len(explorer.selection.edits) == 2


@pytest.mark.parametrize("nearness", [0.0, 0.155, 0.16])
def test_the_smallest_that_is_found_flips_and_one_step_less_does_not(explorer: Explorer, nearness: float) -> None:
    with torch.no_grad():  # the second class lies .161 behind the first
        explorer.model.net[-1].bias[3] += nearness
    explorer.selection.tool = "attack"
    view, picture = explorer.panels["attack"].view, explorer.pictures["one"]
    say(view, event="set", kind="fgsm", into=-1, size=1.0)
    say(view, event="find")
    label = explorer.model.predict(picture, 1)[0][1]

    def flips(size: float) -> bool:
        return explorer.model.edited(Attack("fgsm", size, steps=1)).predict(picture, 1)[0][1] != label

    found = [size for size in SIZES if flips(size)]
    assert bool(found) is (nearness > 0)
    if not found:
        assert view.smallest == "no FGSM up to 16 grey levels flips it"
        return
    said = float(view.smallest.split(": ")[1].split(" ")[0])
    place = SIZES.index(found[0])
    below = SIZES[place - 1] if place else 0.0
    assert "FGSM" in view.smallest and flips(said) and below < said <= found[0]
    assert not (place and flips(below))


def test_what_was_added_is_magnified_to_be_seen() -> None:
    assert magnified(np.zeros((2, 2, 3), np.int16)) == 1
    assert magnified(np.full((2, 2, 3), -3, np.int16)) == 32
    assert magnified(np.full((2, 2, 3), 200, np.int16)) == 1


def test_a_transformation_has_its_whole_curve(explorer: Explorer) -> None:
    explorer.selection.tool = "transform"
    view, picture = explorer.panels["transform"].view, explorer.pictures["one"]
    say(view, event="set", kind="brightness")
    assert explorer.selection.edits == () and view.kind == "brightness"
    amounts = amounts_of("brightness", 32)
    assert view.curve["amounts"] == list(amounts) and TRANSFORMS["brightness"].neutral in amounts
    order = [index for _, index, _, _ in explorer.model.predict(picture, 3)]
    assert [name for name, _ in view.curve["lines"]] == [explorer.model.class_name(index) for index in order]
    for at in (0, len(amounts) - 1):
        shares = explorer.model.edited(Transform("brightness", amounts[at])).prediction(picture).shares
        np.testing.assert_allclose([curve[at] for _, curve in view.curve["lines"]], shares[order], rtol=1e-6)
    say(view, event="set", kind="brightness", amount=0.5)
    assert explorer.selection.edits == (Transform("brightness", 0.5),) and view.amount == 0.5
    say(view, event="another")
    say(view, event="set", kind="rotate", amount=0.0)
    say(view, event="set", kind="rotate", amount=20.0)
    assert explorer.selection.edits == (Transform("brightness", 0.5), Transform("rotate", 20.0))
    assert any("cosine" in str(run) for run in view.lines[1])
    beneath = Transform("brightness", 0.5)
    say(view, event="set", kind="contrast")  # in place of the turn, not of what lies beneath it
    assert explorer.selection.edits == (beneath,) and (view.kind, view.amount) == ("contrast", 1.0)
    say(view, event="set", kind="contrast", amount=2.0)
    assert explorer.selection.edits == (beneath, Transform("contrast", 2.0))
    say(view, event="set", kind="contrast", amount=1.0)
    say(view, event="set", kind="contrast", amount=1.5)
    assert explorer.selection.edits == (beneath, Transform("contrast", 1.5))


def test_what_can_change_nothing_is_said_to_and_a_mirror_has_no_range() -> None:
    gray = {"gray": torch.rand(1, 32, 32).expand(3, -1, -1).contiguous()}
    with Explorer(network(), gray, runner=InlineRunner, method="saliency", tool="transform") as explorer:
        view = explorer.panels["transform"].view
        say(view, event="set", kind="saturation")
        assert "changes next to nothing" in str(view.lines)
        say(view, event="set", kind="flip")
        assert view.lines[0][0] == "mirrored, the answer " and "range" not in str(view.lines[0])
        say(view, event="set", kind="shift_right")
        assert view.range[:2] == [-64 / 7, 64 / 7]
        explorer.selection.edits = (Transform("shift_right", 30.0),)
        assert view.range[:2] == [-64 / 7, 30.0]


def test_what_is_tried_along_a_slider_is_what_it_can_stand_at() -> None:
    for kind, known in TRANSFORMS.items():
        amounts = amounts_of(kind, 224)
        assert amounts[0] == known.low and amounts[-1] == known.high and known.neutral in amounts
        assert len(amounts) <= POINTS + 1
        assert known.step is None or all((amount - known.low) % known.step == 0 for amount in amounts)
    assert amounts_of("flip", 28) == (0, 1) and len(amounts_of("jpeg", 28)) == POINTS
    assert amounts_of("shift_right", 28)[-1] == 8 and amounts_of("blur", 28)[-1] == 2.5
    assert amounts_of("shift_down", 448) == amounts_of("shift_down", 224) and amounts_of("rotate", 28)[0] == -180
    assert TRANSFORMS["jpeg"].figure(85.0) == "quality 85" and TRANSFORMS["crop"].figure(0.9654) == "0.965 of its sides"


def test_the_map_is_compared_over_the_whole_range_beside_itself_laid_elsewhere(explorer: Explorer) -> None:
    explorer.selection.tool = "transform"
    view, picture, net = explorer.panels["transform"].view, explorer.pictures["one"], explorer.model
    say(view, event="set", kind="scale")
    label = net.predict(picture, 1)[0][1]

    def heat(*edits: Transform) -> torch.Tensor:
        return nbviz.attribute(net.edited(*edits), picture, label, "saliency").heat().double()

    cosines, elsewhere = [], []
    for amount in map_amounts("scale", 32):
        moved = TRANSFORMS["scale"].act(heat()[None, None], amount)[0, 0]
        shown = heat(Transform("scale", amount))
        cosines.append(float(functional.cosine_similarity(moved.flatten(), shown.flatten(), dim=0)))
        draw = np.random.default_rng(0)
        places = [(int(draw.integers(1, 32)), int(draw.integers(1, 32))) for _ in range(20)]
        laid = [functional.cosine_similarity(moved.roll(p, (0, 1)).flatten(), shown.flatten(), dim=0) for p in places]
        elsewhere.append(float(np.mean([float(one) for one in laid])))
    assert len(cosines) >= 5 and 1 not in map_amounts("scale", 32)
    assert view.lines[1][1] == [f"{np.mean(cosines):.2f}", "strong"]
    assert f"{np.mean(elsewhere):.2f}" in view.lines[1][2]


def test_a_map_that_moves_exactly_has_cosine_one_and_one_that_stays_put_has_not() -> None:
    heat = torch.zeros(16, 16).double()
    heat[3:6, 2:5] = 1.0
    exact, still = likeness(heat.roll(4, 1), heat.roll(4, 1)), likeness(heat, heat.roll(4, 1))
    assert exact is not None and exact.cosine == pytest.approx(1) and exact.elsewhere < 0.3
    assert still is not None and still.cosine == 0 and likeness(heat * 0, heat) is None
    assert likeness_line(exact, True)[0].startswith("the map moves with the picture")
    assert likeness_line(Likeness(0.4, 0.35), True)[0].startswith("the map does not move with it")
    assert likeness_line(Likeness(0.6, 0.4), False)[0].startswith("the map does not always stay as it is")


def test_draws_of_a_transform_of_ones_own_have_answers_maps_and_become_edits() -> None:
    names = ["ant", "bee", "cat", "dog"]
    with Explorer(
        network(), pictures(), classes=names, runner=InlineRunner, method="saliency", transforms={"turned": turned}
    ) as explorer:
        explorer.selection.change(edits=(Transform("brightness", 0.8),), tool="transform")
        view, picture, net = explorer.panels["transform"].view, explorer.pictures["one"], explorer.model
        assert view.kinds[len(TRANSFORMS)][:2] == ["own turned", "12 draws: turned"]
        say(view, event="set", kind="own turned")
        assert view.source == "own turned" and len(view.draws) == 12 and all(view.sheets)
        label = net.edited(*explorer.selection.edits).predict(picture, 1)[0][0]
        for seed, (answer, share, same, what) in enumerate(view.draws):
            row = net.edited(*explorer.selection.edits, Draw(turned, seed)).predict(picture, 1)[0]
            assert (answer, share) == (row[0], f"{100 * row[2]:.0f} %") and same == (row[0] == label)
            assert what == f"draw {seed + 1} of turned"
        stays = sum(same for _, _, same, _ in view.draws)
        assert [f"{stays} of 12", "strong"] in view.lines[0]
        drawn = explorer.panels["transform"].draws.answer.draws[2]
        expected = nbviz.attribute(net.edited(*explorer.selection.edits, Draw(turned, 2)), picture, method="saliency")
        np.testing.assert_array_equal(drawn.attribution.heat(), expected.heat())
        heat = expected.heat(drawn.seen.shape[:2]).numpy()  # its few highest pixels don't leave the rest black
        rgba = heat_rgba(heat, evidence_limits(heat, expected.signed, expected.interpolated), expected.signed)
        shown = overlay(gray(drawn.seen), rgba, 0.55)
        np.testing.assert_allclose(map_over(expected, drawn.seen).astype(int), shown.astype(int), atol=2)
        assert np.abs(shown.astype(int) - overlay(gray(drawn.seen), heat_rgba(heat, None, False), 0.55)).max() > 20
        for place in (3, 2):  # the second in place of the first
            say(view, event="draw", place=place)
            assert explorer.selection.edits == (Transform("brightness", 0.8), Draw(turned, place))
            assert view.chosen == place
        assert "explorer.transforms['turned']" in explorer.code()
        say(view, event="draw", place=2)
        assert explorer.selection.edits == (Transform("brightness", 0.8),) and view.chosen == -1


def test_a_presets_draw_is_a_stack_that_the_slider_goes_on_top_of(explorer: Explorer) -> None:
    explorer.selection.tool = "transform"
    view = explorer.panels["transform"].view
    say(view, event="set", kind="two_at_random")
    assert len(view.draws) == 12 and "cosine" in str(view.lines[1])
    say(view, event="draw", place=1)
    stack = PRESETS["two_at_random"].draw(1, 32)
    assert explorer.selection.edits == stack
    say(view, event="set", kind="brightness")
    say(view, event="set", kind="brightness", amount=0.5)
    assert explorer.selection.edits == (*stack, Transform("brightness", 0.5)) and view.source == ""


def test_a_transform_that_raises_is_said_and_the_desk_goes_on() -> None:
    with Explorer(
        network(), pictures(), runner=InlineRunner, method="saliency", transforms=lambda image: 1 / 0
    ) as made:
        made.selection.tool = "transform"
        view = made.panels["transform"].view
        say(view, event="set", kind="own <lambda>")
        assert view.state == "refused" and "ZeroDivisionError" in view.message and view.draws == []
        say(view, event="set", kind="rotate")
        assert view.state == "ready" and view.lines


def test_a_map_that_moves_with_the_picture_is_said_to(explorer: Explorer) -> None:
    explorer.selection.tool = "transform"
    view = explorer.panels["transform"].view
    kind = next(name for name in TRANSFORMS if "flip" in name)
    say(view, event="set", kind=kind)
    say(view, event="set", kind=kind, amount=TRANSFORMS[kind].high)
    said = view.lines[1]
    one = explorer.panels["canvas"].scene.values
    assert one is not None and -1 <= float(said[1][0].replace("−", "-")) <= 1


def test_the_answer_of_one_score_turns_where_it_changes_sides() -> None:
    net = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(3, 1))
    with torch.no_grad():
        net[2].weight.fill_(1 / 3)
        net[2].bias.fill_(-0.4)
    model = nbviz.InstrumentedModel(net.eval(), lambda image: torch.from_numpy(np.array(image)).movedim(2, 0) / 255)
    picture = as_picture(Image.fromarray(np.full((8, 8, 3), 128, np.uint8)))
    request = MeasureCurve((), "brightness", ExplainRequest(picture, Target(), "saliency", None))
    curve = LiveContext(model).answer(request)
    darker = [amount for amount in curve.amounts if 128 / 255 * amount < 0.4]
    assert darker and list(curve.flips) == darker and curve.stays == 1 - len(darker) / len(curve.amounts)
