"""The attack desk and the desk for changing the picture: what they show is what a script computes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import nbviz
from nbviz.edits import TRANSFORMS, Attack, Channels, Transform
from nbviz.explorer import Explorer
from nbviz.panels.whatif.attack_desk import magnified
from nbviz.session.inline import InlineRunner
from nbviz.session.requests.edits.attack import SIZES
from nbviz.session.requests.edits.transform import amounts_of
from tests.panels.rig import say
from tests.test_explorer import network, pictures


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


def test_the_smallest_that_is_found_flips_and_one_step_less_does_not(explorer: Explorer) -> None:
    explorer.selection.tool = "attack"
    view, picture = explorer.panels["attack"].view, explorer.pictures["one"]
    say(view, event="set", kind="fgsm", into=-1, size=1.0)
    say(view, event="find")
    label = explorer.model.predict(picture, 1)[0][1]

    def flips(size: float) -> bool:
        return explorer.model.edited(Attack("fgsm", size, steps=1)).predict(picture, 1)[0][1] != label

    found = [size for size in SIZES if flips(size)]
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
    amounts = amounts_of("brightness")
    assert view.curve["amounts"] == list(amounts) and TRANSFORMS["brightness"].neutral in amounts
    order = [index for _, index, _, _ in explorer.model.predict(picture, 3)]
    assert [name for name, _ in view.curve["lines"]] == [explorer.model.class_name(index) for index in order]
    for at in (0, len(amounts) - 1):
        shares = explorer.model.edited(Transform("brightness", amounts[at])).said(picture).shares
        np.testing.assert_allclose([curve[at] for _, curve in view.curve["lines"]], shares[order], rtol=1e-6)
    say(view, event="set", kind="brightness", amount=0.5)
    assert explorer.selection.edits == (Transform("brightness", 0.5),) and view.amount == 0.5
    say(view, event="another")
    say(view, event="set", kind="rotate", amount=0.0)
    say(view, event="set", kind="rotate", amount=20.0)
    assert explorer.selection.edits == (Transform("brightness", 0.5), Transform("rotate", 20.0))
    assert any("cosine" in str(run) for run in view.lines[1])


def test_a_map_that_moves_with_the_picture_is_said_to(explorer: Explorer) -> None:
    explorer.selection.tool = "transform"
    view = explorer.panels["transform"].view
    kind = next(name for name in TRANSFORMS if "flip" in name)
    say(view, event="set", kind=kind)
    say(view, event="set", kind=kind, amount=TRANSFORMS[kind].high)
    said = view.lines[1]
    one = explorer.panels["canvas"].scene.values
    assert one is not None and -1 <= float(said[1][0].replace("−", "-")) <= 1
